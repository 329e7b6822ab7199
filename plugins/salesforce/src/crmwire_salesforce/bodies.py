"""The JSON of a write: its fields, with references as ids or as graphs write them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from crmwire.types import Ref, Value, Write
from crmwire_salesforce.info import SalesforceMapping
from crmwire_salesforce.values import outgoing

RefTo = Callable[[str], str]
"""From the name of a write to what stands for its record: an id, or `@{node.id}`."""

_ASSIGNED = ("Lead", "Account", "Case")
"""Object types whose owner the org's assignment rules may set."""


def body_of(write: Write, ref_to: RefTo) -> dict[str, Any]:
    """The fields to send. Those that are only for a create are not known to upserts here."""
    fields = dict(write.fields)
    if write.match is not None:
        fields.pop(write.match.name, None)
    return {name: _outgoing(name, filled(value, ref_to)) for name, value in fields.items()}


def _outgoing(name: str, value: Value) -> Any:
    """The value as JSON. Lists are joined for picklists, but not where they list records."""
    if name.endswith("WhoIds") and isinstance(value, list):
        return value
    return outgoing(value)


def filled(value: Value, ref_to: RefTo) -> Value:
    """The value without references."""
    if isinstance(value, Ref):
        return ref_to(value.write)
    if isinstance(value, Mapping):
        return {name: filled(part, ref_to) for name, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [filled(part, ref_to) for part in value]
    return value


def looks_like_reference(value: Value) -> bool:
    """Whether a text holds `@{`, which a graph takes for a reference and cannot be escaped."""
    if isinstance(value, str):
        return "@{" in value
    if isinstance(value, Mapping):
        return any(looks_like_reference(part) for part in value.values())
    return isinstance(value, Sequence) and any(looks_like_reference(part) for part in value)


def saves_duplicates(write: Write) -> bool:
    """Whether the mapping lets a duplicate be saved where a rule only alerts."""
    settings = write.settings
    return isinstance(settings, SalesforceMapping) and settings.duplicate_rule == "allow_save"


def takes_rule_owner(writes: Sequence[Write]) -> bool:
    """Whether the org's assignment rules may name the owner: new records, none with an owner."""
    some = [write for write in writes if write.type in _ASSIGNED]
    return bool(some) and all(
        write.action != "update" and not write.fields.get("OwnerId") for write in some
    )


def has_no_owner_rule(writes: Sequence[Write]) -> bool:
    """Whether no assignment rule is concerned with any of these."""
    return all(write.type not in _ASSIGNED for write in writes)


def headers_for(*, allow_save: bool, rule_owner: bool = False) -> dict[str, str]:
    """The headers of a call that writes. They hold for everything in it.

    Without `rule_owner` assignment rules are left out: they would change the owner of what is
    updated too ("Duplicate Rule Header" and "Assignment Rule Header" in the REST API Developer
    Guide, read 2026-11).
    """
    allow = "true" if allow_save else "false"
    return {
        "Sforce-Duplicate-Rule-Header": f"allowSave={allow}; includeRecordDetails=true",
        "Sforce-Auto-Assign": "TRUE" if rule_owner else "FALSE",
    }

"""`list_fields`: what can be mapped, from the account's own property definitions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crmwire.errors import Failure, Rejected
from crmwire.types import FieldInfo, Json
from crmwire_hubspot import paths
from crmwire_hubspot.kinds import ASSOCIATED, FOUND, linkable
from crmwire_hubspot.results import inside, listed, objects
from crmwire_hubspot.scopes import naming_scope, scope

if TYPE_CHECKING:
    from crmwire.connections import Connection

HOUR = 3_600.0
LONGEST_TEXT = 65_536
"""Characters (developers.hubspot.com/docs, "Properties", read 2026-11)."""


def list_fields(conn: Connection, object_type: str) -> list[FieldInfo]:
    """The properties of a type, hidden ones left out; read once an hour.

    Raises: NotAllowed without a scope that reads them; Rejected for a type that is none.
    """
    known = conn.cache(_cache_key(object_type), HOUR, lambda: _read(conn, object_type))
    listed = [_field(object_type, item) for item in known] if isinstance(known, list) else []
    return [*listed, *_associations(object_type)]


def known_or_none(conn: Connection, object_type: str) -> list[FieldInfo]:
    """The same, with nothing for a type that HubSpot does not know."""
    try:
        return list_fields(conn, object_type)
    except Rejected:
        return []


def _associations(object_type: str) -> list[FieldInfo]:
    """What a record can be associated with by an id that the event itself names."""
    if object_type in FOUND:
        return []
    return [
        FieldInfo(
            name=f"{ASSOCIATED}{to}",
            label=f"Record id of {to} to associate with",
            group="associations",
            type="record_id",
        )
        for to in linkable(object_type)
    ]


def known_options(conn: Connection, object_type: str, name: str) -> tuple[str, ...]:
    """The options of a property if they were read within the hour; sends nothing."""
    try:
        known = conn.cache(_cache_key(object_type), HOUR, _not_read)
    except LookupError:
        return ()
    return next((tuple(item["options"]) for item in objects(known) if item["name"] == name), ())


def _not_read() -> Json:
    raise LookupError


def warm_up(conn: Connection, object_type: str) -> None:
    """Read the properties of a type anew. Raises: NotAllowed."""
    conn.forget_cached(_cache_key(object_type))
    list_fields(conn, object_type)


def _cache_key(object_type: str) -> str:
    return f"properties:{object_type}"


def _read(conn: Connection, object_type: str) -> Json:
    try:
        known = listed(conn.http.get(paths.properties(conn, object_type)), "name")
    except Failure as error:
        raise naming_scope(error, scope(object_type, "read")) from None
    return [_short(item) for item in known if not item.get("hidden")]


def _short(item: Mapping[str, Any]) -> dict[str, Json]:
    """What is kept of a definition: whole ones of an account are some hundred kilobytes."""
    read_only = inside(item, "modificationMetadata", "readOnlyValue")
    return {
        "name": item["name"],
        "label": item.get("label") or item["name"],
        "group": item.get("groupName") or "",
        "type": item.get("type") or "string",
        "writable": not (item.get("calculated") or read_only),
        "unique": bool(item.get("hasUniqueValue")),
        "options": [
            str(option["value"])
            for option in objects(item.get("options"))
            if "value" in option and not option.get("hidden")
        ],
    }


def _field(object_type: str, item: Any) -> FieldInfo:
    return FieldInfo(
        name=item["name"],
        label=item["label"],
        group=item["group"],
        type=item["type"],
        length=LONGEST_TEXT if item["type"] == "string" and not item["options"] else None,
        writable=item["writable"],
        # The address is the contacts' key although its definition does not say so (seen).
        unique=item["unique"] or (object_type, item["name"]) == ("contacts", "email"),
        options=tuple(item["options"]),
    )

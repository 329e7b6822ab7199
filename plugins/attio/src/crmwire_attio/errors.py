"""Attio's refusals: what each means for the next step, and what a person can do.

Body of every refusal: `status_code` (some endpoints spell it `statusCode`), `type`, `code`,
`message`, and `validation_errors` with `code` validation_type. Codes: the endpoint pages under
docs.attio.com/rest-api/endpoint-reference (read 2026-11). Codes are added often, so an unknown
one is judged by its status.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from crmwire.errors import (
    Failure,
    NeedsLogin,
    NeedsReview,
    NotAllowed,
    RecordGone,
    Rejected,
    RetryLater,
)

CONFLICT = "uniqueness_conflict"
SEVERAL = "multiple_match_results"
GONE = "not_found"
NO_OBJECT = "unknown_object"
"""Our own code: the vendor's is GONE for everything."""


@frozen(kw_only=True)
class Meaning:
    """What a refusal means. `pause` makes the whole lane wait."""

    kind: type[Failure]
    remedy: str = ""
    pause: bool = False


NAME = "NAME"
"""Stands in remedies for the connection's name."""
_MAPPING = "Compare the mapping with the workspace: `crmwire check NAME` names what does not fit."
_SETUP = "Run `crmwire setup NAME`, which makes what the mapping describes, or change the mapping."
_VALUE = "Correct the value in the source, or the field's row in the mapping; then retry."
LOGIN = (
    "Log in again with `crmwire connect attio --name NAME`, or make a new access token in Attio "
    "and give it to `crmwire connection add attio --name NAME`."
)
_SCOPES = (
    "Give the access token the scopes that `crmwire check NAME` names (Attio's workspace settings, "
    "Developers, Access tokens), or the permission for the object."
)
_PLAN = "The workspace's plan does not include it: change the mapping or the plan."
_GONE = "The record was deleted or merged in Attio; retry to find or create it anew."
_WHO = "Merge the duplicates in Attio, or say which one is meant: `crmwire retry ID --use RECORD`."
_FREE = "Free some in Attio, or ask for a larger plan; then retry."

BY_CODE: Mapping[str, Meaning] = {
    "validation_type": Meaning(kind=Rejected, remedy=_VALUE),
    "missing_value": Meaning(kind=Rejected, remedy=_VALUE),
    "filter_error": Meaning(kind=Rejected, remedy=_MAPPING),
    "immutable_value": Meaning(kind=Rejected, remedy=_VALUE),
    "duplicate_values": Meaning(kind=Rejected, remedy=_VALUE),
    "multiple_values_for_single_value_attribute": Meaning(kind=Rejected, remedy=_MAPPING),
    "particle_gate_violation": Meaning(
        kind=Rejected,
        remedy="A write rule of the workspace refused it: change the rule or the row.",
    ),
    "value_not_found": Meaning(kind=Rejected, remedy=_MAPPING),
    CONFLICT: Meaning(kind=Rejected, remedy="Another record holds that value: merge the two."),
    SEVERAL: Meaning(kind=NeedsReview, remedy=_WHO),
    "matching_attribute_definition_not_unique": Meaning(
        kind=Rejected, remedy="Match by an attribute that Attio keeps unique."
    ),
    "system_edit_unauthorized": Meaning(kind=Rejected, remedy=_MAPPING),
    "formula_edit_unauthorized": Meaning(kind=Rejected, remedy=_MAPPING),
    "standard_object_disabled": Meaning(
        kind=NotAllowed, remedy="Turn the object on in Attio's workspace settings, Objects."
    ),
    "quota_exceeded": Meaning(kind=NotAllowed, remedy=_PLAN),
    "billing_error": Meaning(kind=NotAllowed, remedy=_PLAN),
    "limit_reached": Meaning(kind=NotAllowed, remedy=_FREE),
    "merge_in_progress": Meaning(kind=RetryLater),
    GONE: Meaning(kind=RecordGone, remedy=_GONE),
    "slug_conflict": Meaning(kind=Rejected, remedy="Something with that name is there already."),
    "concurrent_write_conflict": Meaning(kind=RetryLater),
    "rate_limit_exceeded": Meaning(kind=RetryLater, pause=True),
}

BY_STATUS_AND_CODE: Mapping[tuple[int, str], Meaning] = {
    (401, "unauthorized"): Meaning(kind=NeedsLogin, remedy=LOGIN),
    (403, "unauthorized"): Meaning(kind=NotAllowed, remedy=_SCOPES),
    (413, "validation_type"): Meaning(kind=Rejected, remedy="Shorten the text."),
}
"""Codes that mean something else with this status."""

BY_STATUS: Mapping[int, Meaning] = {
    401: Meaning(kind=NeedsLogin, remedy=LOGIN),
    402: Meaning(kind=NotAllowed, remedy=_PLAN),
    403: Meaning(kind=NotAllowed, remedy=_SCOPES),
    408: Meaning(kind=RetryLater),
    423: Meaning(kind=RetryLater),
    425: Meaning(kind=RetryLater),
    429: Meaning(kind=RetryLater, pause=True),
    502: Meaning(kind=RetryLater, pause=True),
    503: Meaning(kind=RetryLater, pause=True),
    504: Meaning(kind=RetryLater, pause=True),
}

_ENDPOINT = re.compile(r"Could not find endpoint ")
_NO_OBJECT = re.compile(r"(Object|List) with ")
_NO_RECORD = re.compile(r"(Attribute|Workspace member) with |The referenced object ")
_SLUG = re.compile(r'attribute with slug(?:/ID)? "([^"]+)"')


def meaning(status: int, code: str) -> Meaning:
    """What a refusal with this status and code means."""
    found = BY_STATUS_AND_CODE.get((status, code)) or BY_CODE.get(code) or BY_STATUS.get(status)
    if found is not None:
        return found
    return Meaning(kind=RetryLater) if status >= 500 else Meaning(kind=Rejected, remedy=_VALUE)


def failure(status: int, body: str, name: str = NAME) -> Failure | None:
    """The failure that a refusing answer stands for; None if its body is not Attio's.

    `name` is the connection's, which remedies tell.
    """
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or not isinstance(told.get("message"), str):
        return None
    code, text = str(told.get("code") or ""), str(told["message"])
    means = meaning(status, code)
    message = f"Attio refused it: {text}" if text else f"Attio refused it ({code or status})."
    if means.kind is NeedsLogin:  # what it says is of keys, also where a login was ended
        message = f"Attio does not know the access token, or no longer. {text}".rstrip()
    if code == GONE and _ENDPOINT.match(text):
        means = Meaning(kind=Rejected, remedy="Update crmwire-attio: Attio has changed its API.")
        code = "unknown_endpoint"
    elif code == GONE and _NO_OBJECT.match(text):
        means, code = Meaning(kind=Rejected, remedy=_SETUP), NO_OBJECT
    elif code == GONE and _NO_RECORD.match(text):
        means = Meaning(kind=Rejected, remedy=_MAPPING)
    fields = named_fields(told)
    code = code or f"HTTP {status}"
    remedy = means.remedy.replace(NAME, name)
    if means.kind is RetryLater:
        return RetryLater(message, pause=means.pause, remedy=remedy, code=code, fields=fields)
    return means.kind(message, remedy=remedy, code=code, fields=fields)


def named_fields(told: Mapping[str, Any]) -> tuple[str, ...]:
    """The attributes that a refusal names, in its message or in the paths of its details.

    A path starts at the body's root; where the message names the attribute, the paths start at
    the value itself and name parts of it.
    """
    named = _SLUG.findall(str(told["message"]))
    if named:
        return tuple(dict.fromkeys(named))
    details = told.get("validation_errors")
    for detail in details if isinstance(details, list) else ():
        path = [str(part) for part in detail.get("path", ())] if isinstance(detail, dict) else []
        if path[:1] == ["data"]:
            rest = path[2:] if path[1:2] == ["values"] else path[1:]
            named += rest[:1]
    return tuple(dict.fromkeys(named))

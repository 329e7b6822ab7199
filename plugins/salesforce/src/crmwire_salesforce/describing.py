"""What an object type has, as the connected user sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from crmwire.errors import RetryLater
from crmwire.types import FieldInfo
from crmwire_salesforce import kept
from crmwire_salesforce.api import data_path
from crmwire_salesforce.soql import is_name

if TYPE_CHECKING:
    from crmwire.connections import Connection
    from crmwire.types import Json

KEPT_FOR = 3600.0
"""Seconds that a describe is used without asking. `check` reads it anew."""
COMPARED_FOR = 30 * 24 * 3600.0
"""Seconds that it is kept to be asked whether it changed, which is answered without the whole."""
REREAD_EVERY = 60.0
"""Seconds between two readings because of a field that was refused."""

_SHOWN = (
    *("name", "label", "group", "type", "length"),
    *("required", "writable", "unique"),
)
_TYPES = {"string": "text", "textarea": "text", "double": "number", "int": "number"}


def describe_path(conn: Connection, type_: str) -> str:
    return data_path(conn, f"/sobjects/{quote(type_, safe='')}/describe")


def described(conn: Connection, type_: str) -> Mapping[str, Any] | None:
    """What matters of an object's describe, None if the user cannot see the object.

    Raises: Failure.
    """
    known = conn.cache(_key(conn, type_), KEPT_FOR, lambda: _load(conn, type_))
    return known if isinstance(known, Mapping) else None


def remember(conn: Connection, type_: str, answer: Any, as_of: str = "") -> None:
    """Keep a describe that came with another call, answered at this (HTTP) date."""
    forget(conn, type_)
    known = _kept(answer)
    _compare_later(conn, type_, known, as_of)
    conn.cache(_key(conn, type_), KEPT_FOR, lambda: known)


def forget(conn: Connection, type_: str) -> None:
    """Read the whole describe anew when it is next asked for."""
    conn.forget_cached(_key(conn, type_))
    kept.forget(conn, _compared(conn, type_))


def forget_refused(conn: Connection, type_: str) -> None:
    """Read it anew since a field was refused, but not for each record of a batch."""
    name = f"reread:{type_}"
    if kept.peek(conn, name) is None:
        kept.keep(conn, name, REREAD_EVERY, True)
        forget(conn, type_)


def list_fields(conn: Connection, object_type: str) -> Sequence[FieldInfo] | None:
    """The fields of an object type, None if the user cannot see it. Raises: Failure."""
    known = described(conn, object_type) if is_name(object_type) else None
    if known is None:
        return None
    return [
        FieldInfo(**{**{name: field[name] for name in _SHOWN}, "options": tuple(field["options"])})
        for field in known["fields"]
    ]


def field_of(conn: Connection, type_: str, name: str) -> Mapping[str, Any] | None:
    """What is kept of one field, None if the user cannot see it. Raises: Failure."""
    known = described(conn, type_) or {"fields": ()}
    return next((one for one in known["fields"] if one["name"].lower() == name.lower()), None)


def record_types(conn: Connection, type_: str) -> Sequence[str]:
    """The ids of the record types that the connected user may give. Raises: Failure."""
    known = described(conn, type_)
    return tuple(known["record_types"]) if known else ()


def is_key(conn: Connection, type_: str, name: str) -> bool:
    """Whether records may be written by the value of this field. Raises: Failure."""
    field = field_of(conn, type_, name)
    return field is not None and bool(field["key"]) and bool(field["writable"])


def _key(conn: Connection, type_: str) -> str:
    return f"salesforce:describe:2:{conn.api_version}:{type_}"


def _compared(conn: Connection, type_: str) -> str:
    return f"compared:2:{conn.api_version}:{type_}"


def _load(conn: Connection, type_: str) -> Json:
    """Ask for it if it has changed: permissions count as changes too ("Describe Global" in the
    REST API Developer Guide, read 2026-11; of single objects nothing else is said).
    """
    before = kept.peek(conn, _compared(conn, type_))
    headers = {}
    if isinstance(before, Mapping):
        headers["If-Modified-Since"] = str(before["as_of"])
    path = describe_path(conn, type_)
    response = conn.http.get(path, accept=frozenset({304, 404}), headers=headers)
    if response.status == 304 and isinstance(before, Mapping):
        return before["known"]
    if response.status == 404:
        return None
    known = _kept(response.json())
    as_of = response.headers.get("last-modified") or response.headers.get("date", "")
    _compare_later(conn, type_, known, as_of)
    return known


def _compare_later(conn: Connection, type_: str, known: Json, as_of: str) -> None:
    if as_of:
        kept.keep(conn, _compared(conn, type_), COMPARED_FOR, {"as_of": as_of, "known": known})


def _kept(answer: Any) -> Json:
    """The part of a describe that is used; the whole of it is large."""
    try:
        return {
            "createable": answer["createable"],
            "updateable": answer["updateable"],
            "record_types": [
                str(one["recordTypeId"])
                for one in answer.get("recordTypeInfos") or ()
                if one.get("available") and one.get("active", True)
            ],
            "fields": [_field(field) for field in answer["fields"]],
        }
    except (KeyError, TypeError):
        raise RetryLater("Salesforce's description of an object cannot be read.") from None


def _field(field: Mapping[str, Any]) -> dict[str, Json]:
    """One field. Only a restricted picklist refuses other values, so only its are options."""
    required = field["createable"] and not field["nillable"] and not field["defaultedOnCreate"]
    values = field["picklistValues"] if field["restrictedPicklist"] else ()
    return {
        "name": field["name"],
        "label": field["label"],
        "group": "custom" if field["custom"] else "standard",
        "type": _TYPES.get(field["type"], field["type"]),
        "length": field["length"] or None,
        "required": required,
        "writable": field["createable"] or field["updateable"],
        "unique": field["unique"],
        "key": bool(field["externalId"]),
        "options": [one["value"] for one in values if one["active"]],
    }

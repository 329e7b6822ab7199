"""What an object type has, as the connected user sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from crmwire.errors import RetryLater
from crmwire.types import FieldInfo
from crmwire_salesforce.api import data_path
from crmwire_salesforce.soql import is_name

if TYPE_CHECKING:
    from crmwire.connections import Connection
    from crmwire.types import Json

KEPT_FOR = 3600.0
"""Seconds that a describe is kept. `check` reads it anew."""

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
    kept = conn.cache(_key(conn, type_), KEPT_FOR, lambda: _load(conn, type_))
    return kept if isinstance(kept, Mapping) else None


def remember(conn: Connection, type_: str, answer: Any) -> None:
    """Keep a describe that came with another call."""
    conn.forget_cached(_key(conn, type_))
    conn.cache(_key(conn, type_), KEPT_FOR, lambda: _kept(answer))


def forget(conn: Connection, type_: str) -> None:
    """Read the describe anew when it is next asked for."""
    conn.forget_cached(_key(conn, type_))


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


def _load(conn: Connection, type_: str) -> Json:
    response = conn.http.get(describe_path(conn, type_), accept=frozenset({404}))
    return None if response.status == 404 else _kept(response.json())


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

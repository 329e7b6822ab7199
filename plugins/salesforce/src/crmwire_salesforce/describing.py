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


def list_fields(conn: Connection, object_type: str) -> Sequence[FieldInfo] | None:
    """The fields of an object type, None if the user cannot see it. Raises: Failure."""
    known = described(conn, object_type) if is_name(object_type) else None
    if known is None:
        return None
    return [FieldInfo(**{**field, "options": tuple(field["options"])}) for field in known["fields"]]


def _key(conn: Connection, type_: str) -> str:
    return f"salesforce:describe:{conn.api_version}:{type_}"


def _load(conn: Connection, type_: str) -> Json:
    response = conn.http.get(describe_path(conn, type_), accept=frozenset({404}))
    return None if response.status == 404 else _kept(response.json())


def _kept(answer: Any) -> Json:
    """The part of a describe that is used; the whole of it is large."""
    try:
        return {
            "createable": answer["createable"],
            "updateable": answer["updateable"],
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
        "options": [one["value"] for one in values if one["active"]],
    }

"""Rows of an answer as records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

from crmwire.types import Record
from crmwire_salesforce.api import Row, record_url
from crmwire_salesforce.values import incoming, read_datetime

if TYPE_CHECKING:
    from crmwire.connections import Connection

_DATES = ("CreatedDate", "LastModifiedDate")
_PERSON = ("OwnerId", *_DATES, "LastActivityDate")
ALWAYS_READ: Mapping[str, tuple[str, ...]] = {
    "Contact": _PERSON,
    "Account": _PERSON,
    "Lead": (*_PERSON, "IsConverted", "ConvertedContactId"),
    "Event": ("OwnerId", *_DATES),
    "Task": ("OwnerId", *_DATES),
}
"""What is read of each type whatever was asked for, since decisions need it."""


def as_record(conn: Connection, type_: str, row: Row, fields: Iterable[str]) -> Record:
    """The record that a row is. A converted lead is an alias of its contact and not written."""
    id_ = str(row["Id"])
    converted = bool(row.get("IsConverted"))
    return Record(
        type=type_,
        id=id_,
        fields={name: incoming(_read(row, name)) for name in fields if name != "Id"},
        url=record_url(conn, id_),
        owner=row.get("OwnerId"),
        created_at=read_datetime(row.get("CreatedDate")),
        modified_at=read_datetime(row.get("LastModifiedDate")),
        last_activity_at=_day(row.get("LastActivityDate")),
        alias_of=row.get("ConvertedContactId") if converted else None,
        alias_type="Contact" if converted else None,
        writable=not converted,
    )


def _read(row: Row, name: str) -> Any:
    """A field of a row, of a parent if the name has dots."""
    value: Any = row
    for step in name.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value


def _day(value: Any) -> datetime | None:
    """The day of the last activity, which has no time."""
    try:
        return datetime.combine(date.fromisoformat(value), time(), UTC)
    except (TypeError, ValueError):
        return None

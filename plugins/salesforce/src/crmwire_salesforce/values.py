"""Values on their way to Salesforce and back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from crmwire.types import Value

_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)")
SHORT = 15
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_ID = re.compile(r"[0-9A-Za-z]{15}([0-9A-Za-z]{3})?")


def outgoing(value: Value) -> Any:
    """The value as JSON: datetimes in UTC, several values of a picklist joined by semicolons."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {name: outgoing(part) for name, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ";".join(str(outgoing(part)) for part in value)
    return value


def incoming(value: Any) -> Value:
    """A value of an answer: datetimes aware, the rest as it stands."""
    if isinstance(value, str) and _DATETIME.fullmatch(value):
        return datetime.fromisoformat(value)
    return value  # type: ignore[no-any-return]


def read_datetime(value: Any) -> datetime | None:
    """A datetime of an answer, such as `2026-06-24T17:00:00.000+0000`; None if it is none."""
    found = incoming(value)
    return found if isinstance(found, datetime) else None


def is_id(text: str) -> bool:
    """Whether this has the shape of a record id. Another shape would fail a whole query."""
    return _ID.fullmatch(text) is not None


def long_id(id_: str) -> str:
    """The id with its checksum: three characters that tell which of the 15 are capitals.

    Messages give ids of 15 characters, answers of 18 (Salesforce Help, "What are Salesforce IDs
    composed of", read 2026-11).
    """
    if len(id_) != SHORT:
        return id_
    check = ""
    for start in range(0, SHORT, 5):
        bits = sum(1 << place for place in range(5) if id_[start + place].isupper())
        check += _CHECK[bits]
    return id_ + check


def same_id(one: str, other: str) -> bool:
    """Ids have 15 characters, or 18 with a checksum; the first 15 decide."""
    return one[:15] == other[:15]


def folded(text: str) -> str:
    """The text as SOQL compares it: without regard to case or outer blanks."""
    return text.strip().casefold()

"""One field's value, from JSON to what is stored and back."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

from crmwire_salesforce.sandbox_app.ids import is_id, with_checksum
from crmwire_salesforce.sandbox_app.problems import Refused, not_parsed
from crmwire_salesforce.sandbox_app.schema import Field

_EMAIL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+"
)
_DATETIME = re.compile(
    r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)", re.IGNORECASE
)
_JSON_KINDS = {bool: "VALUE_TRUE", int: "VALUE_NUMBER_INT", float: "VALUE_NUMBER_FLOAT"}


def stored(field: Field, value: Any) -> Any:
    """The value as it is kept. Raises: Refused if it is not one of this field's.

    Texts are trimmed and an empty one becomes null (Guess: the documentation says so of some
    types only). Lengths count UTF-16 units (Guess). Numbers may come as text.
    """
    if value is None:
        return None
    match field.type:
        case "boolean":
            return _boolean(value)
        case "int":
            return _whole_number(value)
        case "datetime":
            return read_datetime(_text(value, "datetime"))
        case "date":
            return read_date(_text(value, "date"))
        case "reference":
            return _reference(field, _text(value, "string"))
    text = _text(value, "string").strip()
    if not text:
        return None
    _check_length(field, text)
    if field.type == "email" and not _EMAIL.fullmatch(text):
        raise Refused(
            "INVALID_EMAIL_ADDRESS",
            f"{field.label}: invalid email address: {text}",
            fields=[field.name],
        )
    if field.restricted and text not in field.options:
        raise Refused(
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            f"{field.label}: bad value for restricted picklist field: {text}",
            fields=[field.name],
        )
    return text


def _text(value: Any, kind: str) -> str:
    if isinstance(value, str):
        return value
    # Guess: which wrong types are coerced is not documented; the text is as recorded for dates.
    told = _JSON_KINDS.get(type(value), "START_OBJECT")
    raise not_parsed(f"Cannot deserialize instance of {kind} from {told} value {value}")


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise not_parsed(f"Cannot deserialize instance of boolean from VALUE_STRING value {value}")


def _whole_number(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise not_parsed(
            f"Cannot deserialize instance of int from VALUE_STRING value {value}"
        ) from None


def _reference(field: Field, text: str) -> str | None:
    if not text:
        return None
    if not is_id(text):
        raise Refused(
            "MALFORMED_ID",
            f"{field.label}: id value of incorrect type: {text}",
            fields=[field.name],
        )
    return with_checksum(text[:15])


def _check_length(field: Field, text: str) -> None:
    if field.length and len(text.encode("utf-16-le", "surrogatepass")) // 2 > field.length:
        raise Refused(
            "STRING_TOO_LONG",
            f"{field.label}: data value too large: {text} (max length={field.length})",
            fields=[field.name],
        )


def read_datetime(text: str) -> datetime:
    """A datetime with `Z` or an offset, to the second, in UTC. Raises: Refused."""
    found = _DATETIME.fullmatch(text)
    if found:
        day, time, _, zone = found.groups()
        try:
            return datetime.fromisoformat(f"{day}T{time}{zone.upper()}").astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise not_parsed(f"Cannot deserialize instance of datetime from VALUE_STRING value {text}")


def read_date(text: str) -> date:
    """A day. Raises: Refused."""
    try:
        if len(text) == 10:
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise not_parsed(f"Cannot deserialize instance of date from VALUE_STRING value {text}")


def shown(value: Any) -> Any:
    """The value as the API answers it: datetimes with an offset that has no colon."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    if isinstance(value, date):
        return value.isoformat()
    return value

"""Values in Attio's forms and in ours.

Ours, as `Record.fields` has them and mappings write them: text, number, bool, date and aware
datetime; a list for a multiselect attribute, in stored order; a personal name is its full name;
phone numbers are in E.164; a select or status is its title; a reference is the record's id; a
location is a dict. An empty attribute is None, or an empty list.
Attio's forms: docs.attio.com/docs/attribute-types (read 2026-11).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, cast

from crmwire.errors import Rejected
from crmwire.names import split_name
from crmwire.types import Value
from crmwire_attio import api
from crmwire_attio.schema import Attribute

E164 = re.compile(r"\+[1-9][0-9]{6,14}")
LOCATION = (
    *("line_1", "line_2", "line_3", "line_4", "locality", "region", "postcode"),
    *("country_code", "latitude", "longitude"),
)


# ---------------------------------------------------------------- what a write takes


def written(attribute: Attribute, value: Value) -> list[Any]:
    """The list of values that a write takes; empty to clear the attribute.

    Raises: Rejected, naming the attribute, if the value cannot be of its type.
    """
    if value is None:
        return []
    many = isinstance(value, Sequence) and not isinstance(value, str)
    given = list(cast("Sequence[Value]", value)) if many else [value]
    if len(given) > 1 and not attribute.multi:
        raise _refused(attribute, "holds one value, not a list")
    write = _WRITE.get(attribute.type)
    if write is None:
        raise _refused(attribute, f"is of the type {attribute.type}, which cannot be written")
    return [write(attribute, one) for one in given]


def _refused(attribute: Attribute, why: str) -> Rejected:
    return Rejected(
        f"{attribute.slug} {why}.",
        remedy="Correct the value in the source, or the field's row in the mapping; then retry.",
        code="unfit_value",
        fields=(attribute.slug,),
    )


def _text(attribute: Attribute, value: Value) -> str:
    if isinstance(value, datetime):
        return api.written_time(value)
    if isinstance(value, str | bool | int | float | date):
        return str(value).strip()
    raise _refused(attribute, "takes text")


def _number(attribute: Attribute, value: Value) -> int | float:
    try:
        if isinstance(value, str):
            return int(value) if re.fullmatch(r"\s*-?[0-9]+\s*", value) else float(value)
    except ValueError:
        pass
    else:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
    raise _refused(attribute, "takes a number")


def _rating(attribute: Attribute, value: Value) -> int | float:
    number = _number(attribute, value)
    if number not in range(6):
        raise _refused(attribute, "takes a whole number from 0 to 5")
    return number


def _currency(attribute: Attribute, value: Value) -> int | float:
    """Four decimals at most; more are refused."""
    return round(_number(attribute, value), 4)


def _timestamp(attribute: Attribute, value: Value) -> str:
    text = _text(attribute, value)
    if api.parsed_time(text) is None:
        raise _refused(attribute, "takes a time, as 2026-11-30T09:00:00Z")
    return text


def _checkbox(attribute: Attribute, value: Value) -> bool:
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    if isinstance(value, bool):
        return value
    raise _refused(attribute, "takes true or false")


def _date(attribute: Attribute, value: Value) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).date().isoformat()
    text = value.isoformat() if isinstance(value, date) else _text(attribute, value)
    if api.parsed_time(text) is None:
        raise _refused(attribute, "takes a date, as 2026-11-30")
    return text


def name_parts(value: str | Mapping[str, object]) -> dict[str, str]:
    """First, last and full name; a write that leaves one out is refused (measured 2025-07).

    A text is never sent as it is: Attio would take one without a comma for a first name.
    """
    if isinstance(value, str):
        full = " ".join(value.split())
        given, family = split_name(full)
        return {"first_name": given, "last_name": family, "full_name": full}
    first, last, full = (
        " ".join(str(value.get(part) or "").split())
        for part in ("first_name", "last_name", "full_name")
    )
    if full and not first and not last:
        return name_parts(full)
    return {
        "first_name": first,
        "last_name": last,
        "full_name": full or f"{first} {last}".strip(),
    }


def _name(attribute: Attribute, value: Value) -> dict[str, str]:
    if isinstance(value, str | Mapping):
        return name_parts(value)
    raise _refused(attribute, "takes a name: text, or first_name, last_name and full_name")


def _email(attribute: Attribute, value: Value) -> str:
    return _text(attribute, value).lower()


def _phone(attribute: Attribute, value: Value) -> str:
    text = _text(attribute, value)
    if not E164.fullmatch(text):
        raise _refused(attribute, "takes phone numbers with + and the country's code only")
    return text


def _location(attribute: Attribute, value: Value) -> Any:
    if isinstance(value, Mapping):
        return {key: value.get(key) for key in LOCATION}
    return _text(attribute, value)


def _actor(attribute: Attribute, value: Value) -> Any:
    if isinstance(value, Mapping):
        return value
    text = _text(attribute, value)
    if "@" in text:
        return {"workspace_member_email_address": text}
    return {"referenced_actor_type": "workspace-member", "referenced_actor_id": text}


def _reference(attribute: Attribute, value: Value) -> Any:
    """A record by its id, a person by address, a company by domain."""
    if isinstance(value, Mapping):
        return value
    text = _text(attribute, value)
    if "@" in text:
        return {"target_object": "people", "email_addresses": [{"email_address": text}]}
    if "." in text and not api.UUID.fullmatch(text) and attribute.target in ("companies", ""):
        return {"target_object": "companies", "domains": [{"domain": text}]}
    if not attribute.target:
        raise _refused(attribute, "may point to records of several objects; name target_object")
    return {"target_object": attribute.target, "target_record_id": text}


_WRITE: Mapping[str, Callable[[Attribute, Value], Any]] = {
    "text": _text,
    "number": _number,
    "rating": _rating,
    "checkbox": _checkbox,
    "currency": _currency,
    "date": _date,
    "timestamp": _timestamp,
    "select": _text,
    "status": _text,
    "personal-name": _name,
    "email-address": _email,
    "domain": _text,
    "phone-number": _phone,
    "location": _location,
    "actor-reference": _actor,
    "record-reference": _reference,
}


# ---------------------------------------------------------------- what a read gives


def simple(element: Mapping[str, Any]) -> Value:
    """One stored value, in our form."""
    kind = element.get("attribute_type")
    match kind:
        case "personal-name":
            full = element.get("full_name")
            parts = (element.get("first_name"), element.get("last_name"))
            return full or " ".join(part for part in parts if part) or None
        case "email-address":
            return _told(element, "email_address")
        case "domain":
            return _told(element, "domain")
        case "phone-number":
            return _told(element, "phone_number") or _told(element, "original_phone_number")
        case "currency":
            return _told(element, "currency_value")
        case "select" | "status":
            option = element.get(str(kind)) or element.get("option")
            return _told(option, "title") if isinstance(option, Mapping) else cast("Value", option)
        case "record-reference":
            return _told(element, "target_record_id")
        case "actor-reference":
            return _told(element, "referenced_actor_id")
        case "location":
            return {key: element.get(key) for key in LOCATION}
        case "interaction":
            return api.parsed_time(element.get("interacted_at"))
        case "timestamp":
            return api.parsed_time(element.get("value"))
        case "date":
            text = element.get("value")
            return date.fromisoformat(text[:10]) if isinstance(text, str) else None
    return _told(element, "value")


def _told(element: Mapping[str, Any], name: str) -> Value:
    return cast("Value", element.get(name))


def simplified(elements: object, *, multi: bool) -> Value:
    """An attribute's stored values, in our form."""
    values = [simple(one) for one in elements] if isinstance(elements, list) else []
    if multi:
        return values
    return values[0] if values else None


def comparable(slug: str, value: object) -> str:
    """A key's value as it is compared: trimmed, without case, a domain without its URL."""
    text = str(value).strip().casefold()
    if slug == "domains":
        text = text.partition("://")[2] or text
        text = text.partition("/")[0].partition("?")[0]
    return text

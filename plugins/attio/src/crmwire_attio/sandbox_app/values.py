"""Values as they are written, checked by type, and the members they are read with.

docs.attio.com/docs/attribute-types (read 2026-11).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import phonenumbers

from crmwire_attio.sandbox_app.answers import (
    Refusal,
    bad_value,
    exact,
    missing,
    not_found_value,
    wrong,
)
from crmwire_attio.sandbox_app.workspace import Attribute, Workspace

Parts = dict[str, Any]
"""The members of one value that its type gives it."""

LOCATION = (
    *("line_1", "line_2", "line_3", "line_4", "locality", "region", "postcode"),
    *("country_code", "latitude", "longitude"),
)
_EMAIL = re.compile(r"[^@\s]+@([^@\s.]+\.)+[^@\s.]+")
_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]{2,}")
# Guess: which endings count as one label; the vendor will use the public suffix list.
_SECOND_LEVEL = frozenset(["ac", "co", "com", "edu", "go", "gov", "ne", "net", "or", "org"])


def parsed(workspace: Workspace, attribute: Attribute, given: Any) -> list[Parts]:
    """The values of one attribute of a body. Raises: Refusal."""
    if given is None:
        # Guess: null empties as an empty list does.
        return []
    if not isinstance(given, list):
        if attribute.multi:
            raise bad_value(attribute.slug, wrong([], "array", given))
        given = [given]
    if len(given) > 1 and not attribute.multi:
        raise Refusal(
            400,
            "multiple_values_for_single_value_attribute",
            # Guess: the message; the code is declared for the attribute values endpoint.
            f'Attribute with slug "{attribute.slug}" takes one value.',
        )
    read = _PARSERS.get(attribute.type)
    if read is None or not attribute.writable:
        # Guess: the code for a record; it is declared for the attribute values endpoint.
        raise Refusal(400, "system_edit_unauthorized", "Cannot update a System attribute.")
    found: list[Parts] = []
    for one in given:
        parts = read(workspace, attribute, one)
        if identity(attribute, parts) not in [identity(attribute, other) for other in found]:
            found.append(parts)
    return found


def identity(attribute: Attribute, parts: Mapping[str, Any]) -> str:
    """What makes two values of an attribute the same."""
    match attribute.type:
        case "email-address":
            return str(parts["email_address"])
        case "domain":
            return str(parts["domain"])
        case "phone-number":
            return str(parts["phone_number"])
        case "select" | "status":
            return str(parts["option" if attribute.type == "select" else "status"]["title"])
        case "record-reference":
            return str(parts["target_record_id"])
    meta = ("active_from", "active_until", "created_by_actor", "attribute_type")
    return repr(sorted((key, value) for key, value in parts.items() if key not in meta))


def _member(attribute: Attribute, given: Any, name: str, expected: str) -> Any:
    """A bare value, or the one member of an object. Raises: Refusal for another type."""
    value = given
    if isinstance(given, dict):
        if name not in given:
            raise bad_value(attribute.slug, missing([name], expected))
        value = given[name]
    kinds: dict[str, type | tuple[type, ...]] = {"string": str, "number": (int, float)}
    is_bool = isinstance(value, bool)
    if not isinstance(value, kinds[expected]) or is_bool:
        raise bad_value(
            attribute.slug, wrong([name] if value is not given else [], expected, value)
        )
    return value


def _text(workspace: Workspace, attribute: Attribute, given: Any) -> Parts:
    return {"value": _member(attribute, given, "value", "string")}


def _number(workspace: Workspace, attribute: Attribute, given: Any) -> Parts:
    value = _member(attribute, given, "value", "number")
    if attribute.type == "rating" and value not in range(6):
        raise bad_value(attribute.slug, _invalid([], "Expected a whole number from 0 to 5"))
    return {"value": value}


def _checkbox(workspace: Workspace, attribute: Attribute, given: Any) -> Parts:
    value = given.get("value") if isinstance(given, dict) else given
    if value in ("true", "false"):
        value = value == "true"
    if not isinstance(value, bool):
        raise bad_value(attribute.slug, wrong([], "boolean", value))
    return {"value": value}


def _currency(workspace: Workspace, attribute: Attribute, given: Any) -> Parts:
    value = _member(attribute, given, "currency_value", "number")
    if round(value, 4) != value:
        raise bad_value(attribute.slug, _invalid([], "At most four decimals"))
    return {"currency_value": value, "currency_code": attribute.currency}


def _invalid(path: list[str], message: str) -> dict[str, Any]:
    return {"code": "custom", "path": path, "message": message}


def _date(workspace: Workspace, attribute: Attribute, given: Any) -> Parts:
    text = _member(attribute, given, "value", "string")
    try:
        if len(text) > 10:
            return {"value": _time(text).date().isoformat()}
        return {"value": date.fromisoformat(text).isoformat()}
    except ValueError:
        raise bad_value(attribute.slug, _invalid([], "Invalid date")) from None


def _timestamp(workspace: Workspace, attribute: Attribute, given: Any) -> Parts:
    text = _member(attribute, given, "value", "string")
    try:
        return {"value": exact(_time(text))}
    except ValueError:
        raise bad_value(attribute.slug, _invalid([], "Invalid timestamp")) from None


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)


def _choice(workspace: Workspace, attribute: Attribute, given: Any) -> Parts:
    name = "option" if attribute.type == "select" else "status"
    text = _member(attribute, given, name, "string")
    for option in attribute.options:
        if text in (option.title, option.id) and not option.archived:
            told: Parts = {"id": {"option_id" if name == "option" else "status_id": option.id}}
            told |= {"title": option.title, "is_archived": False}
            if name == "status":
                told |= {"celebration_enabled": False, "target_time_in_status": None}
            return {name: told}
    if name == "option":
        raise not_found_value(f'Cannot find select attribute with select option title "{text}".')
    raise not_found_value(f'Cannot find status attribute with status option title "{text}".')


def _name(workspace: Workspace, attribute: Attribute, given: Any) -> Parts:
    if isinstance(given, str):
        last, comma, first = (part.strip() for part in given.partition(","))
        first, last = (first, last) if comma else (last, "")
        return {"first_name": first, "last_name": last, "full_name": f"{first} {last}".strip()}
    if not isinstance(given, dict):
        raise bad_value(attribute.slug, wrong([], "object", given))
    keys = ("first_name", "last_name", "full_name")
    problems = [missing([key], "string") for key in keys if key not in given]
    problems += [
        wrong([key], "string", given[key])
        for key in keys
        if key in given and not isinstance(given[key], str)
    ]
    if problems:
        raise bad_value(attribute.slug, *problems)
    return {key: given[key] for key in keys}


def _email(workspace: Workspace, attribute: Attribute, given: Any) -> Parts:
    text = _member(attribute, given, "email_address", "string").strip()
    if not _EMAIL.fullmatch(text):
        raise bad_value(attribute.slug, _invalid(["email_address"], "Invalid email"))
    local, _, host = text.lower().rpartition("@")
    return {
        "original_email_address": text,
        "email_address": text.lower(),
        "email_domain": host,
        "email_root_domain": root_domain(host),
        "email_local_specifier": local,
    }


def _domain(workspace: Workspace, attribute: Attribute, given: Any) -> Parts:
    text = _member(attribute, given, "domain", "string").strip().lower()
    text = text.partition("://")[2] or text
    text = re.split(r"[/?#:]", text)[0]
    if not _DOMAIN.fullmatch(text):
        raise bad_value(attribute.slug, _invalid(["domain"], "Invalid domain"))
    return {"domain": text, "root_domain": root_domain(text)}


def root_domain(host: str) -> str:
    labels = host.split(".")
    is_long = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL
    return ".".join(labels[-3:] if is_long else labels[-2:])


def _phone(workspace: Workspace, attribute: Attribute, given: Any) -> Parts:
    """Guess: any number of a possible length passes; whether it is in use is not asked."""
    original = _member(attribute, given, "original_phone_number", "string")
    country = given.get("country_code") if isinstance(given, dict) else None
    try:
        number = phonenumbers.parse(original, country)
    except phonenumbers.NumberParseException:
        raise bad_value(
            attribute.slug, _invalid(["original_phone_number"], "Invalid phone number")
        ) from None
    region = phonenumbers.region_code_for_number(number)
    code = number.country_code or 0
    return {
        "phone_number": phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164),
        "original_phone_number": original,
        "country_code": country or region or phonenumbers.region_code_for_country_code(code),
    }


def _location(workspace: Workspace, attribute: Attribute, given: Any) -> Parts:
    if isinstance(given, str):
        # Guess: what becomes of one string; the vendor looks the place up.
        return dict.fromkeys(LOCATION) | {"locality": given}
    if not isinstance(given, dict):
        raise bad_value(attribute.slug, wrong([], "object", given))
    absent = [missing([key], "string") for key in LOCATION if key not in given]
    if absent:
        raise bad_value(attribute.slug, *absent)
    return {key: given[key] for key in LOCATION}


def _actor(workspace: Workspace, attribute: Attribute, given: Any) -> Parts:
    wanted = given
    if isinstance(given, dict):
        wanted = given.get("referenced_actor_id") or given.get("workspace_member_email_address")
    for member in workspace.members.values():
        if wanted in (member.id, member.email_address):
            return {"referenced_actor_type": "workspace-member", "referenced_actor_id": member.id}
    # Guess: the message.
    raise not_found_value(f'Workspace member "{wanted}" was not found.')


def _reference(workspace: Workspace, attribute: Attribute, given: Any) -> Parts:
    if isinstance(given, str):
        key = ("people", "email_addresses") if "@" in given else ("companies", "domains")
        given = {"target_object": key[0], key[1]: [given]}
    if not isinstance(given, dict) or "target_object" not in given:
        raise bad_value(attribute.slug, missing(["target_object"], "string"))
    target = workspace.object(str(given["target_object"]))
    if attribute.targets and target.slug not in attribute.targets:
        raise bad_value(attribute.slug, _invalid(["target_object"], "Object is not allowed"))
    if "target_record_id" in given:
        ids = [given["target_record_id"]] if given["target_record_id"] in target.records else []
    else:
        [(slug, wanted)] = [item for item in given.items() if item[0] != "target_object"]
        matched = target.attribute(slug)
        [parts] = parsed(workspace, matched, wanted)
        ids = sorted(target.holders.get((matched.slug, identity(matched, parts)), ()))
    if len(ids) != 1:
        # Guess: the message; one that is not found, or several, are a 400.
        raise not_found_value(
            f'Found {len(ids)} records for attribute with slug "{attribute.slug}".'
        )
    return {"target_object": target.slug, "target_record_id": ids[0]}


_PARSERS: Mapping[str, Callable[[Workspace, Attribute, Any], Parts]] = {
    "text": _text,
    "number": _number,
    "rating": _number,
    "checkbox": _checkbox,
    "currency": _currency,
    "date": _date,
    "timestamp": _timestamp,
    "select": _choice,
    "status": _choice,
    "personal-name": _name,
    "email-address": _email,
    "domain": _domain,
    "phone-number": _phone,
    "location": _location,
    "actor-reference": _actor,
    "record-reference": _reference,
}

"""What the expressions of a mapping see of an event."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from typing import TYPE_CHECKING, Any

from crmwire.expressions import plain
from crmwire.filters import phone
from crmwire.names import full_name, split_name

if TYPE_CHECKING:
    from crmwire.mapping.compiled import Mapping
    from crmwire.types import Event, Subject

Variables = Dict[str, object]


def variables_of(mapping: Mapping, event: Event, subject: Subject) -> dict[str, object]:
    """What expressions see: plain values, names split, phones in E.164 where they parse."""
    details = subject.details
    variables = plain(details)
    assert isinstance(variables, dict)
    for name in ("booking", "page", "ticket", "message", "payment"):
        variables[name] = variables.get(name) or _blank(name)
    people = [variables.get("guest"), variables.get("customer"), *variables["guests"]]
    for person in [*people, *variables["hosts"]]:
        if person:
            _complete(person, mapping.phone_region)
    blank = _blank("guest")
    variables["guest"] = variables.get("guest") or blank
    variables["customer"] = variables.get("customer") or blank
    variables["host"] = variables["hosts"][0] if variables["hosts"] else blank
    zones = [mapping.zone, variables["host"].get("timezone"), variables["guest"].get("timezone")]
    if details.booking is not None:
        zones.append(details.booking.timezone)
    variables |= {
        "event": {"type": event.type, "verb": event.type.rpartition(".")[2]},
        "source": {"title": mapping.source},
        "team": mapping.team,
        "options": dict(mapping.options),
        "zones": [zone for zone in zones if zone],
        "phone_region": mapping.phone_region,
        "draft": {},
    }
    return variables


def _complete(person: dict[str, Any], region: str | None) -> None:
    for name in ("full_name", "given_name", "family_name"):
        person[name] = (person.get(name) or "").strip() or None  # blanks alone are no name
    full = person.get("full_name") or full_name(person.get("given_name"), person.get("family_name"))
    person["full_name"] = full
    if full and not (person.get("given_name") and person.get("family_name")):
        # One name alone is the family name: CRMs ask for that one.
        given, family = split_name(full)
        person["given_name"], person["family_name"] = given or None, family or None
    person["phone_raw"] = person.get("phone")
    if person.get("phone"):
        person["phone"] = phone(person["phone"], region) or person["phone"]


_BLANKS = {
    "booking": "title start end previous_start previous_end timezone notes location join_url "
    "reason by url",
    "page": "id title",
    "ticket": "title status url inbox",
    "message": "id channel direction subject text html sent_at",
    "payment": "amount currency status",
    "guest": "email full_name given_name family_name given_kana family_kana phone phone_raw "
    "company title locale timezone id",
}


def _blank(name: str) -> dict[str, None]:
    return dict.fromkeys(_BLANKS[name].split())

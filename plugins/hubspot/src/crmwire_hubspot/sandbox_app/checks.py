"""Whether property values may be written, and how they are stored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crmwire_hubspot.sandbox_app.kinds import ACTIVITIES, CONTACTS, Kind
from crmwire_hubspot.sandbox_app.refusals import Problem, Refusal, invalid, malformed
from crmwire_hubspot.sandbox_app.times import date_text, datetime_text

if TYPE_CHECKING:
    from crmwire_hubspot.sandbox_app.definitions import Property
    from crmwire_hubspot.sandbox_app.portal import Portal

_EMAIL = re.compile(r"[^@\s,;<>()]+@[^@\s,;<>()]+\.[^@\s,;<>().]{2,}")
LONGEST = 65_536
ENFORCING = "2026-09"
"""The version that enforces the account's own required properties."""


def checked(portal: Portal, kind: Kind, given: object) -> dict[str, str]:
    """The values as they are stored; an empty one clears. Raises: Refusal with all problems."""
    if not isinstance(given, Mapping):
        raise malformed("`properties` must be an object")
    values: dict[str, str] = {}
    problems: list[Problem] = []
    for name, raw in given.items():
        known = portal.properties[kind.name].get(name)
        if known is None:
            problems.append(
                Problem(
                    name=name,
                    code="PROPERTY_DOESNT_EXIST",
                    message=f'Property "{name}" does not exist',
                )
            )
            continue
        text = _text(raw)
        stored = _stored(portal, kind, known, text)
        if isinstance(stored, Problem):
            problems.append(stored)
        else:
            values[name] = stored
    if problems:
        raise invalid(problems)
    return values


def check_complete(portal: Portal, kind: Kind, values: Mapping[str, str], version: str) -> None:
    """What a new record must have. Raises: Refusal."""
    if kind is CONTACTS and not any(values.get(n) for n in ("email", "firstname", "lastname")):
        # Guess: the wording; documented is that one of the three is needed.
        raise Refusal(400, "A contact needs at least one of email, firstname and lastname.")
    missing = set()
    if kind.name in ACTIVITIES and not values.get("hs_timestamp"):
        missing.add("hs_timestamp")
    if version == ENFORCING:
        missing |= {name for name in portal.required[kind.name] if not values.get(name)}
    if missing:
        # Guess: the body of an account's own rules; the form is that of deals without a stage.
        raise Refusal(
            400,
            f"Error creating {kind.upper}. Some required properties were not set.",
            context={"properties": sorted(missing)},
        )


def _text(raw: Any) -> str:
    if raw is None:
        return ""
    if isinstance(raw, bool):
        return "true" if raw else "false"
    return str(raw)


def _stored(portal: Portal, kind: Kind, known: Property, text: str) -> str | Problem:
    def problem(code: str, message: str) -> Problem:
        return Problem(name=known.name, code=code, message=message)

    if known.read_only or known.calculated:
        # Guess: the code; documented is that such a write is refused.
        return problem("READ_ONLY_VALUE", f'Property "{known.name}" is read only')
    if not text:
        return text
    if len(text) > LONGEST:
        # Guess: the code and wording.
        return problem("VALUE_TOO_LONG", f"The value has more than {LONGEST} characters")
    if kind is CONTACTS and known.name == "email":
        email = text.strip().lower()
        if not _EMAIL.fullmatch(email):
            return problem("INVALID_EMAIL", f"Email address {text} is invalid")
        return email
    if known.external:
        # Guess: the code of an owner that is not there.
        if text in portal.owners:
            return text
        return problem("INVALID_OWNER_ID", f"Owner {text} does not exist")
    match known.type:
        case "datetime":
            stored = datetime_text(text)
            return stored or problem(
                "INVALID_LONG",
                f"{text} was not a valid long. "
                f"Portal {portal.portal_id}, object type {kind.type_id}",
            )
        case "date":
            # Guess: the code.
            return date_text(text) or problem("INVALID_DATE", f"{text} was not a valid date.")
        case "number":
            # Guess: the code.
            number = re.fullmatch(r"-?\d+(\.\d+)?", text)
            return text if number else problem("INVALID_NUMBER", f"{text} was not a valid number.")
        case "enumeration":
            return _option(known, text) or problem(
                "INVALID_OPTION",
                f"{text} was not one of the allowed options: [{', '.join(known.options)}]",
            )
    return text


def _option(known: Property, text: str) -> str | None:
    return text if text in known.options else None

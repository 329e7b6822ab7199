"""The org's duplicate rules: which of them refuse new records, and which only alert.

"Get Duplicate Management Configuration for an Object" in the User Interface API Developer Guide
(read 2026-11) tells what each rule does. The object DuplicateRule tells names only, and only to
users with "View Setup and Configuration" (Object Reference, read 2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from crmwire.errors import Failure, NotAllowed, Rejected
from crmwire.http import Request
from crmwire.types import Finding
from crmwire_salesforce import soql
from crmwire_salesforce.api import data_path, run_queries

if TYPE_CHECKING:
    from crmwire.connections import Connection
    from crmwire_salesforce.info import SalesforceMapping

_TYPES = ("Account", "Contact", "Lead")
_USE = "set `duplicate_rule` in [crm] to use_match, which takes the record that was found"


def about_duplicates(
    conn: Connection, settings: SalesforceMapping, types: set[str]
) -> Iterator[Finding]:
    """What active rules do with new records of these types. Raises: Failure."""
    wanted = [type_ for type_ in _TYPES if type_ in types]
    if not wanted or settings.duplicate_rule == "use_match":
        return
    paths = [data_path(conn, f"/ui-api/duplicates/{type_}") for type_ in wanted]
    answers = conn.http.map([Request(method="GET", path=path) for path in paths])
    untold = []
    for type_, answer in zip(wanted, answers, strict=True):
        if isinstance(answer, Failure):
            if not isinstance(answer, Rejected | NotAllowed):
                raise answer
            untold.append(type_)
            continue
        rules = answer.json()
        for rule in rules.get("duplicateRules") or () if isinstance(rules, dict) else ():
            yield from _about_rule(settings, type_, rule)
    if untold:
        yield from _by_name(conn, untold, names=settings.check_duplicate_rules)


def _about_rule(settings: SalesforceMapping, type_: str, rule: Any) -> Iterator[Finding]:
    if not isinstance(rule, dict) or rule.get("active") is False:
        return
    name = f"duplicate rule {rule.get('name')}"
    alerts = "alert" in (str(one).lower() for one in rule.get("operationsOnInsert") or ())
    if str(rule.get("actionOnInsert")).lower() == "block":
        yield Finding(
            level="warning",
            subject=name,
            message=f"It blocks new records of {type_} that look like others: their bookings are "
            "held with the records that it found.",
            remedy=f"To carry them all the same, {_USE}, or let the rule only alert (Setup, "
            "Duplicate Rules).",
        )
    elif alerts and settings.duplicate_rule == "obey":
        yield Finding(
            level="warning",
            subject=name,
            message=f"It alerts, and so refuses new records of {type_} that look like others "
            "unless they are told to be saved: their bookings are held.",
            remedy=f"To carry them all the same, {_USE}, or to allow_save.",
        )
    else:
        yield Finding(level="ok", subject=name, message=f"It refuses no new {type_}.")


def _by_name(conn: Connection, types: Sequence[str], *, names: bool) -> Iterator[Finding]:
    """What can be said where the rules themselves cannot be read."""
    rows: Any = ()
    if names:
        statement = soql.select(
            ("Id", "MasterLabel", "SobjectType"),
            "DuplicateRule",
            soql.among("SobjectType", [soql.quoted(type_) for type_ in types]),
            "IsActive = true",
        )
        (rows,) = run_queries(conn, [statement])
    if not names or isinstance(rows, Failure):
        yield Finding(
            level="ok",
            subject="duplicate rules",
            message=f"The connected user cannot read those of {', '.join(types)}: whether one "
            "refuses a record shows only when it does, and the booking is held then.",
        )
        return
    for row in rows:
        yield Finding(
            level="warning",
            subject=f"duplicate rule {row['MasterLabel']}",
            message=f"It is active and may refuse new records of {row['SobjectType']} that look "
            "like others; whether it blocks or only alerts cannot be read by this user.",
            remedy=f"To carry them all the same, {_USE}, or to allow_save if the rule only alerts "
            "(Setup, Duplicate Rules).",
        )

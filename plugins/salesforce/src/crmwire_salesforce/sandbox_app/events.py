"""What Salesforce asks of an Event's times and links, and what it fills in itself.

Object Reference, Event (read 2026-11).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

from crmwire_salesforce.sandbox_app.org import Org, Row
from crmwire_salesforce.sandbox_app.problems import Refused

_DAY = 1440
_MOST_DAYS = 14


def complete_event(row: Row, sent: Mapping[str, Any], *, multiday: bool = False) -> None:
    """Fill in the times that follow from those sent. Raises: Refused if they do not agree.

    `multiday`: "Enable Multiday Events" is on, so that events may last up to 14 days.
    """
    if row.get("IsAllDayEvent"):
        _all_day(row, sent)
    else:
        _timed(row, sent)
    minutes = row["DurationInMinutes"]
    most = _DAY * _MOST_DAYS if multiday else _DAY
    if not 0 <= minutes <= most:
        named = "DurationInMinutes" if "DurationInMinutes" in sent else "EndDateTime"
        raise Refused(
            "FIELD_INTEGRITY_EXCEPTION",
            f"Duration must be between 0 and {most} minutes: Duration",
            fields=[named],
        )
    row["EndDate"] = row["EndDateTime"].date()
    row["ActivityDate"] = row["StartDateTime"].date()
    row["ActivityDateTime"] = row["StartDateTime"]


def _timed(row: Row, sent: Mapping[str, Any]) -> None:
    start = sent.get("StartDateTime") or sent.get("ActivityDateTime") or row.get("StartDateTime")
    if start is None:
        raise _missing("ActivityDateTime")
    end, minutes = sent.get("EndDateTime"), sent.get("DurationInMinutes")
    if end is None:
        # Guess: a changed start alone keeps the duration.
        minutes = row.get("DurationInMinutes") if minutes is None else minutes
        if minutes is None:
            raise _missing("DurationInMinutes")
        end = start + timedelta(minutes=minutes)
    elif minutes is not None and end - start != timedelta(minutes=minutes):
        raise _disagree("DurationInMinutes")
    if sent.get("ActivityDateTime") not in (None, start):
        raise _disagree("ActivityDateTime")
    if sent.get("ActivityDate") not in (None, start.date()):
        raise _disagree("ActivityDate")
    row["StartDateTime"], row["EndDateTime"] = start, end
    row["DurationInMinutes"] = round((end - start).total_seconds() / 60)


def _all_day(row: Row, sent: Mapping[str, Any]) -> None:
    """All-day events stand at midnight UTC and are not moved into any zone."""
    day = sent.get("ActivityDate")
    start = sent.get("StartDateTime") or row.get("StartDateTime")
    if day is not None:
        start = datetime.combine(day, time(), UTC)
    if start is None:
        raise _missing("ActivityDate")
    if start.time() != time():
        raise _disagree("StartDateTime")
    end, minutes = sent.get("EndDateTime"), sent.get("DurationInMinutes")
    if minutes is None:
        minutes = _DAY if end is None else round((end - start).total_seconds() / 60) + _DAY
    row["StartDateTime"] = start
    row["DurationInMinutes"] = minutes
    row["EndDateTime"] = start + timedelta(minutes=minutes - _DAY)


def check_links(org: Org, row: Row) -> None:
    """Refuse links that exclude each other; derive the account of a contact."""
    who = str(row.get("WhoId") or "")
    if who.startswith("00Q"):
        if row.get("WhatId"):
            raise Refused(
                "FIELD_INTEGRITY_EXCEPTION",
                "A lead cannot be associated with a related-to record: Related To ID",
                fields=["WhatId"],
            )
        lead = org.row("Lead", who)
        if lead is not None and lead.get("IsConverted"):
            raise converted()
    if row.get("IsPrivate") and (who or row.get("WhatId")):
        raise Refused(
            "FIELD_INTEGRITY_EXCEPTION",
            "Private events cannot be associated with other records: Private",
            fields=["IsPrivate"],
        )
    contact = org.row("Contact", who) if who.startswith("003") else None
    row["AccountId"] = contact.get("AccountId") if contact else row.get("AccountId")


def converted() -> Refused:
    return Refused("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", fields=[])


def _missing(field: str) -> Refused:
    return Refused(
        "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{field}]", fields=[field]
    )


def _disagree(field: str) -> Refused:
    # Guess: the wording; code and field are those of the Object Reference's rules.
    return Refused(
        "FIELD_INTEGRITY_EXCEPTION",
        f"The times of the event do not agree: {field}",
        fields=[field],
    )

"""What a person sees: contacts and leads, each with the activities on their timeline."""

from __future__ import annotations

from typing import Any

from crmwire.sandbox import TimelineEntry, TimelinePerson
from crmwire_salesforce.sandbox_app.org import Org, Row
from crmwire_salesforce.sandbox_app.values import shown

_SHOWN = ("FirstName", "LastName", "Email", "Phone", "Title", "Company", "LeadSource")


def people(org: Org) -> list[TimelinePerson]:
    """Everyone but converted leads, who live on as their contact."""
    entries: dict[str, list[TimelineEntry]] = {}
    for who, entry in _activities(org):
        entries.setdefault(who, []).append(entry)
    return [
        TimelinePerson(
            type=type_,
            id=row["Id"],
            name=row["Name"],
            email=row.get("Email") or "",
            fields=_fields(org, row),
            entries=tuple(entries.get(row["Id"], ())),
        )
        for type_ in ("Contact", "Lead")
        for row in org.rows(type_)
        if not row.get("IsConverted")
    ]


def unattached(org: Org) -> list[TimelineEntry]:
    """Activities that name nobody."""
    return [entry for who, entry in _activities(org) if not who]


def _activities(org: Org) -> list[tuple[str, TimelineEntry]]:
    return [
        (row.get("WhoId") or "", _entry(type_, row))
        for type_ in ("Event", "Task")
        for row in org.rows(type_)
    ]


def _entry(type_: str, row: Row) -> TimelineEntry:
    return TimelineEntry(
        type=type_,
        id=row["Id"],
        title=row.get("Subject") or "",
        start=shown(row.get("StartDateTime") or row.get("ActivityDate")) or "",
        end=shown(row.get("EndDateTime")) or "",
        status=row.get("Status") or "",
        text=row.get("Description") or "",
    )


def _fields(org: Org, row: Row) -> dict[str, Any]:
    owner = org.row("User", row["OwnerId"]) if row.get("OwnerId") else None
    fields = {name: row[name] for name in _SHOWN if row.get(name)}
    return {**fields, "Owner": owner["Name"]} if owner else fields

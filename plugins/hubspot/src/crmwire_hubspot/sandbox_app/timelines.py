"""What a person sees: contacts with the activities on their timeline."""

from __future__ import annotations

from collections.abc import Iterator

from crmwire.sandbox import TimelineEntry, TimelinePerson
from crmwire_hubspot.sandbox_app.kinds import ACTIVITIES, CONTACTS, KINDS
from crmwire_hubspot.sandbox_app.portal import Portal, Stored

_FIELDS = ("phone", "company", "jobtitle", "lifecyclestage", "hs_additional_emails")


def people(portal: Portal) -> list[TimelinePerson]:
    """Every contact of the portal, oldest first."""
    return [_person(portal, contact) for contact in portal.live(CONTACTS)]


def _person(portal: Portal, contact: Stored) -> TimelinePerson:
    given = contact.properties
    names = [given.get("firstname", ""), given.get("lastname", "")]
    return TimelinePerson(
        type="contact",
        id=contact.id,
        name=" ".join(filter(None, names)),
        email=given.get("email", ""),
        fields={name: given[name] for name in _FIELDS if given.get(name)},
        entries=tuple(_entries(portal, contact)),
    )


def _entries(portal: Portal, contact: Stored) -> Iterator[TimelineEntry]:
    for name in sorted(ACTIVITIES):
        kind = KINDS[name]
        for id_ in portal.linked(CONTACTS, contact.id, kind):
            record = portal.by_id(kind, id_)
            if record is not None:
                yield _entry(record)


def without_person(portal: Portal) -> list[TimelineEntry]:
    """Activities that no contact is associated with."""
    return [
        _entry(record)
        for name in sorted(ACTIVITIES)
        for record in portal.live(KINDS[name])
        if not portal.linked(KINDS[name], record.id, CONTACTS)
    ]


def _entry(record: Stored) -> TimelineEntry:
    given = record.properties
    return TimelineEntry(
        type=record.kind.singular,
        id=record.id,
        title=given.get("hs_meeting_title") or given.get("hs_task_subject") or "",
        start=given.get("hs_meeting_start_time") or given.get("hs_timestamp") or "",
        end=given.get("hs_meeting_end_time") or "",
        status=given.get("hs_meeting_outcome") or given.get("hs_task_status") or "",
        text=given.get("hs_meeting_body")
        or given.get("hs_note_body")
        or given.get("hs_task_body")
        or "",
    )

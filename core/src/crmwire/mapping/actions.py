"""What an event does to the record that follows its subject: write, update, delete or nothing."""

from __future__ import annotations

from typing import Literal

from crmwire.mapping_form import ActivityTable, Change
from crmwire.types import Link, Subject

CREATING = frozenset({"created", "rescheduled", "updated", "reassigned", "requested"})
"""Bookings' events that make a record where there is none."""
TICKET_CREATING = frozenset({"message_received", "message_sent", "note_added"})
MAKING = CREATING | TICKET_CREATING
ENDINGS = ("cancelled", "rejected")

AGAIN = -1
"""The version of a link whose record is to be written once more, since a person asked for it."""

Action = Literal["write", "update", "delete"]


def change_of(table: ActivityTable, verb: str) -> Change | None:
    """What the table says of this event; a rejected booking is a cancelled one, if not said."""
    return table.on.get(verb) or (table.on.get("cancelled") if verb == "rejected" else None)


def action_per_event(
    table: ActivityTable, verb: str, subject: Subject, link: Link | None
) -> Action | None:
    """What becomes of the one record of this event."""
    if link is not None:
        return "update" if link.version == AGAIN else None
    gone = subject.status in ENDINGS
    change = change_of(table, verb)
    if change is None:
        return "write" if verb in MAKING and not gone else None
    if change.do not in ("add", "update") or (gone and not subject.links):
        return None
    return "write"


def action_of(
    table: ActivityTable, verb: str, subject: Subject, link: Link | None
) -> Action | None:
    """What becomes of the one record of this subject: write (make it), update or delete it."""
    change = change_of(table, verb)
    if link is None:
        gone = subject.status in ENDINGS
        return "write" if verb in CREATING and not gone else None
    if link.version >= subject.version and not link.retired:
        return None
    if change is None:
        return "update" if verb in CREATING else None
    changes: dict[str, Action] = {"update": "update", "delete": "delete"}
    return changes.get(change.do)

"""What is known of a subject, told once more in the order in which it happened.

An event that comes late may be newer than what one field was told by and older than another: a
move that comes after "completed", which tells no times. So the subject's events are laid over
each other anew.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from sqlite_utils import Database

from crmwire import stored
from crmwire.types import Event
from crmwire.vocabulary import Booking, Details, merged

_BEGINNINGS = {"booking.requested": 0, "booking.created": 1}
"""Of the same moment, the beginning is older."""


def retold(db: Database, subject: int, more: Sequence[Event], known: Details) -> Details:
    """The subject's details, `more` events taken in where they belong.

    `known` stands under them: what events told that are kept no longer.
    """
    rows = db.execute(
        "SELECT event FROM events WHERE subject = ? AND ignored IS NULL AND snapshot IS NOT NULL"
        " ORDER BY id",
        (subject,),
    ).fetchall()
    events = [*(stored.loads(row[0], Event) for row in rows), *more]
    details = Details()
    for event in sorted(events, key=lambda one: (one.order, _BEGINNINGS.get(one.type, 2))):
        details = merged(details, with_previous(event, details))
    return merged(known, details)


def with_previous(event: Event, known: Details) -> Details:
    """The event's details, with the times it moved the booking from, if it did not say."""
    new, old = event.details.booking, known.booking
    if event.type != "booking.rescheduled" or new is None or new.previous_start or old is None:
        return event.details
    if old.start is None or old.start == new.start:
        return event.details
    booking: Booking = attrs.evolve(new, previous_start=old.start, previous_end=old.end)
    return attrs.evolve(event.details, booking=booking)

"""What an event amounts to, given what is known of its subject by now."""

from __future__ import annotations

import attrs

from crmwire.mapping import AGAIN, CREATING, ENDINGS
from crmwire.types import Delivery, Event, Subject
from crmwire.vocabulary import merged

SUPERSEDED = "superseded by a newer event"
UNKNOWN_PART = "it tells only a part of a booking that is not known"


def effective(delivery: Delivery) -> Event | None:
    """The event as it counts now, or None if a newer one has made it meaningless.

    A late event brings the records to the newest state: a cancelled booking stays cancelled, a
    late "created" of a booking that moved writes the newest times.
    """
    event, subject = delivery.event, delivery.subject
    kind, _, verb = event.type.partition(".")
    if kind != "booking":
        return event
    if is_part_of_unknown(delivery):
        return None
    if subject.status in ENDINGS:
        return attrs.evolve(event, type=f"booking.{subject.status}")
    if delivery.late:
        if verb not in CREATING:
            return None
        return attrs.evolve(event, type="booking.rescheduled") if subject.links else event
    return event


def is_part_of_unknown(delivery: Delivery) -> bool:
    """Whether the event tells a part only of a booking of which nothing else is known yet."""
    return delivery.event.partial and delivery.subject.status == "unknown"


def seen_by(delivery: Delivery) -> Subject:
    """The subject as the mapping shall see it; asked to write again, its links count as old."""
    subject = delivery.subject
    if delivery.again and subject.delivered <= subject.version:
        links = tuple(
            link if link.retired else attrs.evolve(link, version=AGAIN) for link in subject.links
        )
        return attrs.evolve(subject, links=links)
    return subject


def told_by(delivery: Delivery) -> Subject:
    """The subject as a late event itself told it: for the record that belongs to the event."""
    subject = delivery.subject
    return attrs.evolve(subject, details=merged(subject.details, delivery.event.details))

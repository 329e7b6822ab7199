"""Calendar messages and files: what METHOD, SEQUENCE and STATUS say (RFC 5546)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from crmwire.sources.ics.reading import Entry, calendars, entries, method
from crmwire.types import Event

if TYPE_CHECKING:
    from crmwire.sources.ics.settings import Settings
    from crmwire.types import WebhookRequest

ANSWERS = {
    "REPLY": "it is an answer to an invitation, and changes nothing",
    "REFRESH": "it only asks for the newest version",
    "COUNTER": "a proposal of another time changes nothing before it is taken",
    "DECLINECOUNTER": "a proposal of another time was declined",
    "ADD": "more dates of a series are not carried",
}
"""Methods that are left out, each with the reason that people see."""

NOBODY = "nobody is invited"
A_DAY = "an event of a whole day is no booking"


def events(settings: Settings, request: WebhookRequest) -> list[Event]:
    """The events of all entries, in the order of the file. Raises: UnreadableWebhook."""
    return [
        told(entry, method(calendar), settings, request.received_at)
        for calendar in calendars(request.body)
        for entry in entries(calendar, settings)
    ]


def told(entry: Entry, wanted: str, settings: Settings, received_at: datetime) -> Event:
    """What one entry amounts to.

    Versions are ordered by SEQUENCE and then by DTSTAMP (RFC 5546, 2.1.5), whatever came first.
    """
    stamp = entry.stamp or entry.modified
    occurred_at = entry.modified or stamp or received_at
    seconds = int((stamp or datetime(1970, 1, 1, tzinfo=UTC)).timestamp())
    reason = left_out(entry, wanted, settings)
    type_ = kind(entry, wanted)
    return Event(
        type=(wanted[:200] or "PUBLISH") if reason else type_,
        subject_id=entry.subject,
        occurred_at=occurred_at,
        version=(entry.sequence << 34) + max(0, seconds),
        ignored=reason,
        details=entry.details,
    )


def kind(entry: Entry, wanted: str) -> str:
    """Which event an entry is; a higher SEQUENCE says that something important changed."""
    if entry.cancelled or wanted == "CANCEL":
        return "booking.cancelled"
    return "booking.rescheduled" if entry.sequence else "booking.created"


def left_out(entry: Entry, wanted: str, settings: Settings) -> str | None:
    """Why an entry is not carried; None if it is."""
    if wanted in ANSWERS:
        return ANSWERS[wanted]
    if wanted not in ("REQUEST", "PUBLISH", "CANCEL"):
        return f"crmwire does not know the method {wanted[:80]}"
    if entry.all_day and not settings.all_day:
        return A_DAY
    if kind(entry, wanted) == "booking.cancelled":
        return None
    if entry.start is None:
        return "it has no start"
    return NOBODY if entry.details.guest is None else None

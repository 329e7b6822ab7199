"""What an event tells: the one vocabulary that every source speaks.

Every field is optional: `None` (or an empty tuple) means that the source did not say, so that a
partial event can be merged over what is already known of its subject.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs
from attrs import frozen

BOOKING_EVENTS = (
    "booking.requested",
    "booking.created",
    "booking.rescheduled",
    "booking.cancelled",
    "booking.rejected",
    "booking.reassigned",
    "booking.no_show",
    "booking.no_show_cleared",
    "booking.completed",
    "booking.updated",
)
TICKET_EVENTS = (
    "ticket.created",
    "ticket.message_received",
    "ticket.message_sent",
    "ticket.note_added",
    "ticket.assigned",
    "ticket.status_changed",
    "ticket.closed",
)
EVENT_TYPES = frozenset(BOOKING_EVENTS + TICKET_EVENTS)


@frozen(kw_only=True)
class Person:
    """A guest, a host or a customer. `phone` is as typed; filters make E.164 of it."""

    email: str | None = None
    full_name: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    given_kana: str | None = None
    family_kana: str | None = None
    phone: str | None = None
    company: str | None = None
    title: str | None = None
    locale: str | None = None
    timezone: str | None = None
    id: str | None = None


@frozen(kw_only=True)
class Page:
    """The unit that people configure inside a feed: booking page, event type, inbox."""

    id: str | None = None
    title: str | None = None


@frozen(kw_only=True)
class Answer:
    """One answer of the booking form. `values` holds one text for each chosen value."""

    key: str
    label: str | None = None
    type: str | None = None
    values: tuple[str, ...] = ()


@frozen(kw_only=True)
class Booking:
    """One booking. Times are aware and UTC; `timezone` is the guest's (IANA name)."""

    title: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    previous_start: datetime | None = None
    previous_end: datetime | None = None
    timezone: str | None = None
    notes: str | None = None
    location: str | None = None
    join_url: str | None = None
    reason: str | None = None
    by: str | None = None
    url: str | None = None


@frozen(kw_only=True)
class Ticket:
    """One ticket: a conversation with a customer."""

    title: str | None = None
    status: str | None = None
    url: str | None = None
    inbox: str | None = None


@frozen(kw_only=True)
class Message:
    """One message of a ticket; `direction` is `in` or `out`, times are aware and UTC."""

    id: str | None = None
    channel: str | None = None
    direction: str | None = None
    subject: str | None = None
    text: str | None = None
    html: str | None = None
    sent_at: datetime | None = None


@frozen(kw_only=True)
class Payment:
    """What was paid; `amount` in the currency's main unit, as text to keep its digits."""

    amount: str | None = None
    currency: str | None = None
    status: str | None = None


@frozen(kw_only=True)
class Details:
    """All that an event, or the merged state of a subject, tells."""

    booking: Booking | None = None
    guest: Person | None = None
    guests: tuple[Person, ...] = ()
    hosts: tuple[Person, ...] = ()
    page: Page | None = None
    answers: tuple[Answer, ...] = ()
    tracking: Mapping[str, str] = attrs.field(factory=dict)
    payment: Payment | None = None
    ticket: Ticket | None = None
    message: Message | None = None
    customer: Person | None = None


def merged(old: Details, new: Details) -> Details:
    """`old` with everything that `new` says laid over it; silence changes nothing."""
    if old == _NOTHING:
        return new
    result: Details = _overlaid(old, new)
    return result


_NOTHING = Details()


def _overlaid(old: Any, new: Any) -> Any:
    changes: dict[str, Any] = {}
    for name in attrs.fields_dict(type(new)):
        value, known = getattr(new, name), getattr(old, name)
        if value is None or value == () or value == {}:
            continue
        if attrs.has(type(value)) and known is not None:
            value = _overlaid(known, value)
        changes[name] = value
    return attrs.evolve(old, **changes)

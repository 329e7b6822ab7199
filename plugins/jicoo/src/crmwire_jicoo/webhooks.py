"""From a webhook's body to events: which kind it is, and what it amounts to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from crmwire.reading import (
    Object,
    a_text,
    a_time,
    an_object,
    json_object,
    required_object,
    required_text,
    required_time,
)
from crmwire.types import Event, Feed, Json, WebhookRequest
from crmwire_jicoo.booking import details

KINDS = {
    "guest_booked": "booking.created",
    "host_booked": "booking.created",
    "guest_rescheduled": "booking.rescheduled",
    "host_rescheduled": "booking.rescheduled",
    "guest_cancelled": "booking.cancelled",
    "host_cancelled": "booking.cancelled",
    "guest_canceled": "booking.cancelled",
    "host_canceled": "booking.cancelled",
}
"""Kinds by the documents; the cancelled ones, and their spelling, by public integrations."""

HOST = "hosts."

BY_SOMEBODY = ("booking.rescheduled", "booking.cancelled")

REQUESTED = "request"
"""The status of a booking that the host has yet to accept (API reference, Booking)."""


def events(feed: Feed, request: WebhookRequest) -> Sequence[Event]:
    """The event of a webhook. Raises: UnreadableWebhook, saying what is missing where."""
    envelope = json_object(request.body)
    kind = required_text(envelope, "event")
    if kind in KINDS:
        booking = required_object(envelope, "object")
        contact = an_object(booking.get("contact")) or an_object(envelope.get("contact"))
        sent = a_time(envelope.get("createdAt"))
        side = kind.partition("_")[0]
        return [event_of(KINDS[kind], booking, contact, sent, side, hosts_of(feed.settings))]
    return [
        Event(
            type=kind[:80],
            subject_id=a_text(an_object(envelope.get("object")).get("uid")) or "",
            occurred_at=a_time(envelope.get("createdAt")) or request.received_at,
            ignored=f"crmwire does not know Jicoo's event {kind[:80]}",
        )
    ]


def hosts_of(settings: Mapping[str, Json]) -> Mapping[str, Json]:
    """Who the hosts are, as the feed's setting `hosts` says, or settings `hosts.USERID`."""
    hosts = settings.get("hosts")
    dotted = {
        name.removeprefix(HOST): value for name, value in settings.items() if name.startswith(HOST)
    }
    return {**(hosts if isinstance(hosts, Mapping) else {}), **dotted}


def event_of(
    type_: str,
    booking: Object,
    contact: Object,
    occurred_at: datetime | None,
    by: str | None,
    hosts: Mapping[str, Json],
) -> Event:
    """A booking's event; `updatedAt` orders it among the others of the booking.

    Raises: UnreadableWebhook.
    """
    updated_at = a_time(booking.get("updatedAt"))
    if type_ == "booking.created" and a_text(booking.get("status")) == REQUESTED:
        type_ = "booking.requested"
    if type_ != "booking.cancelled":
        required_time(booking, "startedAt", "$.object")
    moment = occurred_at or updated_at or required_time(booking, "updatedAt", "$.object")
    return Event(
        type=type_,
        subject_id=required_text(booking, "uid", "$.object"),
        occurred_at=moment,
        version=int(updated_at.timestamp() * 1_000_000) if updated_at else None,
        # Who moved or cancelled it is worth telling, not who booked.
        details=details(booking, contact, by if type_ in BY_SOMEBODY else None, hosts),
    )

"""From a webhook's body to events: which kind it is, and what it amounts to."""

from __future__ import annotations

from collections.abc import Sequence
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
from crmwire.types import Event, WebhookRequest
from crmwire_linktime.booking import details

KINDS = ("booking.created", "booking.rescheduled", "booking.cancelled")
"""LinkTime's names are the vocabulary's own."""

IGNORED = {
    "payment.received": "crmwire does not carry payments",
    "contact.created": "crmwire does not carry LinkTime's own contacts",
}
"""Kinds that are known and left out, each with the reason that people see."""


def events(request: WebhookRequest) -> Sequence[Event]:
    """The event of a webhook. Raises: UnreadableWebhook, saying what is missing where."""
    envelope = json_object(request.body)
    kind = required_text(envelope, "event")
    if kind in KINDS:
        data = required_object(envelope, "data")
        return [event_of(kind, data, required_time(envelope, "timestamp"))]
    reason = IGNORED.get(kind, f"crmwire does not know LinkTime's event {kind[:80]}")
    return [
        Event(
            type=kind[:80],
            subject_id=a_text(an_object(envelope.get("data")).get("id")) or "",
            occurred_at=a_time(envelope.get("timestamp")) or request.received_at,
            ignored=reason,
        )
    ]


def event_of(type_: str, data: Object, occurred_at: datetime) -> Event:
    """A booking's event; it keeps its id when it is moved. Raises: UnreadableWebhook."""
    if type_ != "booking.cancelled":
        required_time(data, "startTime", "$.data")
    return Event(
        type=type_,
        subject_id=required_text(data, "id", "$.data"),
        occurred_at=occurred_at,
        details=details(data),
    )

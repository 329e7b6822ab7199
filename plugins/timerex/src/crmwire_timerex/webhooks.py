"""From a webhook's body to events: what was confirmed or cancelled, and what was moved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from crmwire.reading import (
    Object,
    a_text,
    a_time,
    an_id,
    an_object,
    json_object,
    required_object,
    required_text,
    required_time,
)
from crmwire.signatures import verify
from crmwire.types import Event, Feed, WebhookRequest
from crmwire.vocabulary import Booking, Details
from crmwire_timerex.booking import details
from crmwire_timerex.info import OLDER_TOKEN, TOKEN

CANCELLED = ("event_cancelled", "event_canceled")
"""The name by the documents, and as some write it."""


def verified(feed: Feed, request: WebhookRequest) -> bool:
    """Whether the security token came along, in today's header or the older one.

    Raises: WebhookRefused.
    """
    older = TOKEN.header not in request.headers and OLDER_TOKEN.header in request.headers
    verify(OLDER_TOKEN if older else TOKEN, feed, request)
    return True


def events(request: WebhookRequest) -> Sequence[Event]:
    """The event of a webhook. Raises: UnreadableWebhook, saying what is missing where."""
    body = json_object(request.body)
    kind = required_text(body, "webhook_type")
    if kind == "event_confirmed":
        return [confirmed(body, required_object(body, "event"), request.received_at)]
    if kind in CANCELLED:
        return [cancelled(body, required_object(body, "event"), request.received_at)]
    event = an_object(body.get("event"))
    return [
        Event(
            type=kind[:80],
            subject_id=an_id(event.get("id")) or "",
            occurred_at=request.received_at,
            ignored=f"crmwire does not know TimeRex's webhook {kind[:80]}",
        )
    ]


def confirmed(body: Object, event: Object, received_at: datetime) -> Event:
    """A booking that was made; where it names an old event, it is that one, moved.

    The documents know no such field: moved bookings look like a cancel and a confirm. But a
    public integration's notes of true webhooks name `is_changed`, `old_event_id`, `new_event_id`.
    Where they are missing, only a route that asks for it joins the two.
    """
    required_time(event, "start_datetime", "$.event")
    id_, old = required_text(event, "id", "$.event"), _other(event, "old_event_id")
    return Event(
        type="booking.rescheduled" if old else "booking.created",
        subject_id=id_,
        previous_ids=(old,) if old else (),
        occurred_at=a_time(event.get("created_at")) or received_at,
        webhook_id=id_,  # TimeRex confirms an event once
        details=details(body, event),
    )


def cancelled(body: Object, event: Object, received_at: datetime) -> Event:
    """A cancelled booking; or, where it names a new event, the first half of a move."""
    id_, new = required_text(event, "id", "$.event"), _other(event, "new_event_id")
    old = _other(event, "old_event_id")
    told = details(body, event)
    reason = Details(booking=Booking(reason=(told.booking or Booking()).reason))
    return Event(
        type="booking.updated" if new else "booking.cancelled",
        subject_id=new or id_,
        previous_ids=tuple(one for one in (id_ if new else None, old) if one and one != new),
        occurred_at=a_time(event.get("canceled_at")) or received_at,
        webhook_id=id_,
        partial=new is not None,
        details=reason if new else told,
    )


def _other(event: Object, name: str) -> str | None:
    """The id of another event than this."""
    other = a_text(event.get(name))
    return other if other != a_text(event.get("id")) else None

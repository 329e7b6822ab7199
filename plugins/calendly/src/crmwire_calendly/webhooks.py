"""From a webhook's body to events: which kind it is, and what it amounts to."""

from __future__ import annotations

from collections.abc import Sequence

from crmwire import UnreadableWebhook
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
from crmwire.vocabulary import Booking, Details
from crmwire_calendly.invitees import details

REMEDY = "Point only a webhook subscription of Calendly's API v2 at this address."

_EVENT_TYPE = "an event type was changed, not a booking"
_RECAP = "crmwire does not carry meeting recaps"
_CONTACT = "crmwire does not carry Calendly's own contacts"
IGNORED = {
    "routing_form_submission.created": "crmwire does not carry forms without a booking",
    "event_type.created": _EVENT_TYPE,
    "event_type.updated": _EVENT_TYPE,
    "event_type.deleted": _EVENT_TYPE,
    "meeting_recap.created": _RECAP,
    "meeting_recap.updated": _RECAP,
    "meeting_recap.deleted": _RECAP,
    "contact.created": _CONTACT,
    "contact.updated": _CONTACT,
    "contact.deleted": _CONTACT,
}
"""Kinds that are known and left out, each with the reason that people see."""


def events(request: WebhookRequest) -> Sequence[Event]:
    """The event of a webhook; Calendly sends one for each invitee.

    Raises: UnreadableWebhook, saying what is missing where.
    """
    envelope = json_object(request.body, REMEDY)
    kind = required_text(envelope, "event", remedy=REMEDY)
    if kind in ("invitee.created", "invitee.canceled"):
        invitee = required_object(envelope, "payload", remedy=REMEDY)
        if kind == "invitee.canceled":
            return [cancelled(invitee, an_object(invitee.get("scheduled_event")), envelope)]
        meeting = required_object(invitee, "scheduled_event", "$.payload")
        return [created(invitee, meeting, envelope)]
    if kind in ("invitee_no_show.created", "invitee_no_show.deleted"):
        return [no_show(envelope, cleared=kind.endswith(".deleted"))]
    reason = IGNORED.get(kind, f"crmwire does not know Calendly's event {kind[:80]}")
    return [_ignored(envelope, kind, reason, request)]


def created(invitee: Object, meeting: Object, envelope: Object) -> Event:
    """An invitee's booking; one that names an old invitee is that one's move.

    An invitee is created once, so the address counts as the webhook's id: one that comes again,
    or that the API lists, is the same.
    """
    required_time(meeting, "start_time", "$.payload.scheduled_event")
    uri = required_text(invitee, "uri", "$.payload")
    old = a_text(invitee.get("old_invitee"))
    return Event(
        type="booking.rescheduled" if old else "booking.created",
        subject_id=uri,
        previous_ids=(old,) if old and old != uri else (),
        # The webhook's own time where there is one: of a move, it is surely after the first half's.
        occurred_at=a_time(envelope.get("created_at"))
        or required_time(invitee, "created_at", "$.payload"),
        webhook_id=uri,
        details=details(invitee, meeting),
    )


def cancelled(invitee: Object, meeting: Object, envelope: Object) -> Event:
    """A cancelled invitee; or the first half of a move, which only tells the new one and why.

    The halves of a move come in either order, and either may name the other.
    """
    uri = required_text(invitee, "uri", "$.payload")
    old, new = a_text(invitee.get("old_invitee")), a_text(invitee.get("new_invitee"))
    cancellation = an_object(invitee.get("cancellation"))
    moved = invitee.get("rescheduled") is True or (new is not None and new != uri)
    told = details(invitee, meeting)
    told_by = told.booking or Booking()
    ids = [one for one in ((new if moved else None), uri, old) if one]
    return Event(
        type="booking.updated" if moved else "booking.cancelled",
        subject_id=ids[0],
        previous_ids=tuple(one for one in dict.fromkeys(ids[1:]) if one != ids[0]),
        occurred_at=a_time(cancellation.get("created_at"))
        or a_time(envelope.get("created_at"))
        or required_time(invitee, "updated_at", "$.payload"),
        webhook_id=uri,
        partial=moved,
        details=Details(booking=Booking(reason=told_by.reason, by=told_by.by)) if moved else told,
    )


def no_show(envelope: Object, *, cleared: bool) -> Event:
    """Who did not come, or came after all.

    The payload's shape was seen nowhere: taken as the invitee, or as the mark with the invitee's
    address in it.
    """
    payload = required_object(envelope, "payload", remedy=REMEDY)
    mark = an_object(payload.get("no_show")) or payload
    uri = a_text(payload.get("invitee")) or required_text(payload, "uri", "$.payload")
    if "/invitee_no_shows/" in uri:
        raise UnreadableWebhook("$.payload.invitee is missing, or no text.", remedy=REMEDY)
    marked_at = None if cleared else a_time(mark.get("created_at"))
    return Event(
        type="booking.no_show_cleared" if cleared else "booking.no_show",
        subject_id=uri,
        occurred_at=marked_at or required_time(envelope, "created_at"),
        partial=True,
    )


def _ignored(envelope: Object, kind: str, reason: str, request: WebhookRequest) -> Event:
    payload = an_object(envelope.get("payload"))
    return Event(
        type=kind[:80],
        subject_id=a_text(payload.get("uri")) or "",
        occurred_at=a_time(envelope.get("created_at")) or request.received_at,
        ignored=reason,
    )

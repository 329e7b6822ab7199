"""From a webhook's body to events: which trigger it is, and what it amounts to."""

from __future__ import annotations

import json
from collections.abc import Sequence

from crmwire import UnreadableWebhook
from crmwire.types import Event, WebhookRequest
from crmwire.vocabulary import Details, Page
from crmwire_calcom.booking import details
from crmwire_calcom.reading import (
    Object,
    a_list,
    a_text,
    a_time,
    an_id,
    an_object,
    required_text,
    required_time,
)

BOOKINGS = {
    "BOOKING_REQUESTED": "booking.requested",
    "BOOKING_CREATED": "booking.created",
    "BOOKING_RESCHEDULED": "booking.rescheduled",
    "BOOKING_CANCELLED": "booking.cancelled",
    "BOOKING_REJECTED": "booking.rejected",
}
"""Triggers whose payload is a whole booking."""

TEMPLATE = "Switch off the custom payload template of the webhook in Cal.com."

NEEDS_A_TIME = ("booking.requested", "booking.created", "booking.rescheduled")

_RECORDING = "crmwire does not carry recordings"
_PAYMENT = "crmwire does not carry payments"
_FORM = "crmwire does not carry forms without a booking"
IGNORED = {
    "AFTER_GUESTS_CAL_VIDEO_NO_SHOW": "who came late is no booking's end; mark the no-show",
    "AFTER_HOSTS_CAL_VIDEO_NO_SHOW": "a host's absence is not carried",
    "BOOKING_PAID": _PAYMENT,
    "BOOKING_PAYMENT_INITIATED": _PAYMENT,
    "CALENDAR_ENTRY_REJECTED": "the booking itself stands; its invitation was declined",
    "DELEGATION_CREDENTIAL_ERROR": "it is about Cal.com's own access to a calendar",
    "FORM_SUBMITTED": _FORM,
    "FORM_SUBMITTED_NO_EVENT": _FORM,
    "INSTANT_MEETING": "crmwire does not carry instant meetings",
    "INSTANT_MEETING_ACCEPTED": "crmwire does not carry instant meetings",
    "MEETING_STARTED": "the start of a meeting changes nothing",
    "OOO_CREATED": "a host's absence is not carried",
    "PING": "it is Cal.com's test of the address",
    "RECORDING_READY": _RECORDING,
    "RECORDING_TRANSCRIPTION_GENERATED": _RECORDING,
    "WRONG_ASSIGNMENT_REPORT": "who should have been the host is not carried",
}
"""Triggers that are known and left out, each with the reason that people see."""


def events(request: WebhookRequest) -> Sequence[Event]:
    """The event of a webhook; Cal.com sends one at a time.

    Raises: UnreadableWebhook, saying what is missing where.
    """
    envelope = _envelope(request.body)
    trigger = a_text(envelope.get("triggerEvent"))
    if trigger is None:
        raise UnreadableWebhook("$.triggerEvent is missing, or no text.", remedy=TEMPLATE)
    if trigger in BOOKINGS:
        return [_booking(envelope, BOOKINGS[trigger])]
    if trigger == "BOOKING_NO_SHOW_UPDATED":
        return [_no_show(envelope)]
    if trigger == "MEETING_ENDED":
        return [_completed(envelope)]
    reason = IGNORED.get(trigger, f"crmwire does not know Cal.com's trigger {trigger[:80]}")
    return [_ignored(envelope, trigger, reason, request)]


def _envelope(body: bytes) -> Object:
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        raise UnreadableWebhook("The body is not JSON.", remedy=TEMPLATE) from None
    if not isinstance(envelope, dict):
        raise UnreadableWebhook("The body is JSON, but no object.", remedy=TEMPLATE)
    return envelope


def _payload(envelope: Object) -> Object:
    payload = envelope.get("payload")
    if not isinstance(payload, dict):
        raise UnreadableWebhook("$.payload is missing, or no object.", remedy=TEMPLATE)
    return payload


def _booking(envelope: Object, type_: str) -> Event:
    payload = _payload(envelope)
    if type_ in NEEDS_A_TIME:
        required_time(payload, "startTime", "$.payload")
    return Event(
        type=type_,
        subject_id=required_text(payload, "uid", "$.payload"),
        previous_ids=_previous_ids(payload),
        # The time of sending; there is no other that orders a booking's webhooks.
        occurred_at=required_time(envelope, "createdAt", "$"),
        details=details(payload, type_),
    )


def _previous_ids(payload: Object) -> tuple[str, ...]:
    """The booking that this one came from: a move makes a new one.

    On any trigger: moving a booking that needs confirmation sends BOOKING_REQUESTED with
    rescheduleUid, and its approval BOOKING_CREATED without (Cal.com's handleConfirmation.ts).
    """
    previous = a_text(payload.get("rescheduleUid"))
    return (previous,) if previous else ()


def _no_show(envelope: Object) -> Event:
    payload = _payload(envelope)
    marks = [an_object(attendee).get("noShow") for attendee in a_list(payload.get("attendees"))]
    if not any(isinstance(mark, bool) for mark in marks):
        raise UnreadableWebhook("$.payload.attendees[].noShow is missing, or no bool.")
    return Event(
        type="booking.no_show" if True in marks else "booking.no_show_cleared",
        subject_id=required_text(payload, "bookingUid", "$.payload"),
        previous_ids=_previous_ids(payload),
        occurred_at=required_time(envelope, "createdAt", "$"),
        partial=True,
    )


def _completed(envelope: Object) -> Event:
    """MEETING_ENDED is flat, and a copy of the booking as it was when it was made.

    Only what cannot have changed since is taken from it; `createdAt` is the booking's, so the
    event is dated by the end of the meeting.
    """
    page = an_id(envelope.get("eventTypeId"))
    return Event(
        type="booking.completed",
        subject_id=required_text(envelope, "uid", "$"),
        previous_ids=_previous_ids(envelope),
        occurred_at=required_time(envelope, "endTime", "$"),
        partial=True,
        details=Details(page=Page(id=page) if page else None),
    )


def _ignored(envelope: Object, trigger: str, reason: str, request: WebhookRequest) -> Event:
    payload = an_object(envelope.get("payload"))
    places = (payload, an_object(envelope.get("booking")), envelope)
    names = [place.get(name) for place in places for name in ("uid", "bookingUid")]
    subject_id = next((text for text in map(a_text, names) if text), "")
    return Event(
        type=trigger,
        subject_id=subject_id,
        occurred_at=a_time(envelope.get("createdAt")) or request.received_at,
        ignored=reason,
    )

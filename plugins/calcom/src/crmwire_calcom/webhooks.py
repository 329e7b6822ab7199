"""From a webhook's body to events: which trigger it is, and what it amounts to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from crmwire import UnreadableWebhook
from crmwire.reading import (
    Object,
    a_list,
    a_text,
    a_time,
    an_id,
    an_object,
    json_object,
    required_object,
    required_text,
    required_time,
)
from crmwire.types import Event, WebhookRequest
from crmwire.vocabulary import Details, Page
from crmwire_calcom.booking import details

BOOKINGS = {
    "BOOKING_REQUESTED": "booking.requested",
    "BOOKING_CREATED": "booking.created",
    "BOOKING_RESCHEDULED": "booking.rescheduled",
    "BOOKING_CANCELLED": "booking.cancelled",
    "BOOKING_REJECTED": "booking.rejected",
    "BOOKING_REASSIGNED": "booking.reassigned",
    "BOOKING_LOCATION_UPDATED": "booking.updated",
}
"""Triggers whose payload is a whole booking."""

TEMPLATE = "Switch off the custom payload template of the webhook in Cal.com."

NEEDS_A_TIME = ("booking.requested", "booking.created", "booking.rescheduled")

_RECORDING = "crmwire does not carry recordings"
_PAYMENT = "crmwire does not carry payments; what a booking costs comes with the booking"
_ACCESS = "it is about Cal.com's own access to a calendar"
_FORM = "crmwire does not carry forms without a booking"
IGNORED = {
    "AFTER_GUESTS_CAL_VIDEO_NO_SHOW": "who came late is no booking's end; mark the no-show",
    "AFTER_HOSTS_CAL_VIDEO_NO_SHOW": "a host's absence is not carried",
    "BOOKING_PAID": _PAYMENT,
    "BOOKING_PAYMENT_INITIATED": _PAYMENT,
    "CALENDAR_ENTRY_REJECTED": "the booking itself stands; its invitation was declined",
    "DELEGATION_CREDENTIAL_ERROR": _ACCESS,
    "DELEGATION_CREDENTIAL_SECRET_ROTATED": _ACCESS,
    "DELEGATION_CREDENTIAL_SECRET_ROTATION_FAILED": _ACCESS,
    "DELEGATION_CREDENTIAL_ROTATION_REQUIRED": _ACCESS,
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
    """The events of a webhook: one, but one for each guest where the booking has seats.

    Raises: UnreadableWebhook, saying what is missing where.
    """
    envelope = json_object(request.body, TEMPLATE)
    trigger = required_text(envelope, "triggerEvent", remedy=TEMPLATE)
    if trigger in BOOKINGS:
        return tuple(bookings(envelope, BOOKINGS[trigger]))
    if trigger == "BOOKING_NO_SHOW_UPDATED":
        return [no_show(envelope)]
    if trigger == "MEETING_ENDED":
        return [_completed(envelope)]
    reason = IGNORED.get(trigger, f"crmwire does not know Cal.com's trigger {trigger[:80]}")
    return [_ignored(envelope, trigger, reason, request)]


def bookings(envelope: Object, type_: str) -> Iterator[Event]:
    """The booking's event, or one for each guest that the payload of seats tells of."""
    payload = required_object(envelope, "payload", remedy=TEMPLATE)
    attendees = a_list(payload.get("attendees"))
    seats = payload.get("seatsPerTimeSlot")
    emails = [a_text(an_object(attendee).get("email")) for attendee in attendees]
    if isinstance(seats, int) and not isinstance(seats, bool) and seats > 0 and any(emails):
        for attendee, email in zip(attendees, emails, strict=True):
            if email:
                asked = an_object(an_object(payload.get("responses")).get("email")).get("value")
                seat = {**payload, "attendees": [attendee]}
                if len(emails) > 1 and asked != email:
                    seat["responses"] = None  # the answers of another guest
                yield _booking(envelope, seat, type_, seat=f"/{email.lower()}")
    else:
        yield _booking(envelope, payload, type_)


def _booking(envelope: Object, payload: Object, type_: str, seat: str = "") -> Event:
    if type_ in NEEDS_A_TIME:
        required_time(payload, "startTime", "$.payload")
    return Event(
        type=type_,
        subject_id=required_text(payload, "uid", "$.payload") + seat,
        previous_ids=tuple(id_ + seat for id_ in _previous_ids(payload)),
        # The time of sending; there is no other that orders a booking's webhooks.
        occurred_at=required_time(envelope, "createdAt"),
        details=details(payload, type_),
    )


def _previous_ids(payload: Object) -> tuple[str, ...]:
    """The booking that this one came from: a move makes a new one.

    On any trigger: moving a booking that needs confirmation sends BOOKING_REQUESTED with
    rescheduleUid, and its approval BOOKING_CREATED without (Cal.com's handleConfirmation.ts).
    """
    previous = a_text(payload.get("rescheduleUid"))
    return (previous,) if previous else ()


def no_show(envelope: Object) -> Event:
    payload = required_object(envelope, "payload", remedy=TEMPLATE)
    marks = [an_object(attendee).get("noShow") for attendee in a_list(payload.get("attendees"))]
    if not any(isinstance(mark, bool) for mark in marks):
        raise UnreadableWebhook("$.payload.attendees[].noShow is missing, or no bool.")
    return Event(
        type="booking.no_show" if True in marks else "booking.no_show_cleared",
        subject_id=required_text(payload, "bookingUid", "$.payload"),
        previous_ids=_previous_ids(payload),
        occurred_at=required_time(envelope, "createdAt"),
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
        subject_id=required_text(envelope, "uid"),
        previous_ids=_previous_ids(envelope),
        occurred_at=required_time(envelope, "endTime"),
        partial=True,
        details=Details(page=Page(id=page) if page else None),
    )


def _ignored(envelope: Object, trigger: str, reason: str, request: WebhookRequest) -> Event:
    payload = an_object(envelope.get("payload"))
    places = (payload, an_object(envelope.get("booking")), envelope)
    names = [place.get(name) for place in places for name in ("uid", "bookingUid")]
    subject_id = next((text for text in map(a_text, names) if text), "")
    return Event(
        type=trigger[:200],
        subject_id=subject_id,
        occurred_at=a_time(envelope.get("createdAt")) or request.received_at,
        ignored=reason,
    )

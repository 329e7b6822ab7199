"""What was booked before, from Cal.com's API v2."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from crmwire.errors import Failure, NeedsLogin, UnreadableWebhook
from crmwire.feeds import OpenFeed
from crmwire.reading import Object, a_list, a_text, a_time, an_object
from crmwire.types import Chunk, Event, Json
from crmwire_calcom.webhooks import bookings, no_show

VERSION = {"cal-api-version": "2024-08-13"}
"""Without this header Cal.com answers in an older form."""
CHUNK = 100
"""Bookings that are asked for at a time."""


def failure(status: int) -> Failure | None:
    """What a refusal means, where the status alone does not say what to do."""
    if status == 401:
        return NeedsLogin(
            "Cal.com does not accept the feed's API key.",
            remedy="Make a new key in Cal.com (Settings, Developer, API keys) and give it to"
            " `crmwire feed token`.",
            code="HTTP 401",
        )
    return None


def chunk(feed: OpenFeed, since: datetime, cursor: Json) -> Chunk:
    """One list of bookings, by the day of booking; the cursor is how many come before."""
    skip = cursor if isinstance(cursor, int) and not isinstance(cursor, bool) else 0
    params = {
        "afterCreatedAt": since.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "sortCreated": "asc",
        "take": str(CHUNK),
        "skip": str(skip),
    }
    answer = an_object(feed.http.get("bookings", params=params, headers=VERSION).json())
    found = [an_object(one) for one in a_list(answer.get("data"))]
    told = an_object(answer.get("pagination"))
    total = told.get("totalItems")
    events = [event for booking in found for event in events_of(feed, booking, since)]
    more = told.get("hasNextPage") is True and bool(found)
    return Chunk(
        events=tuple(sorted(events, key=lambda event: event.occurred_at)),
        cursor=skip + len(found),
        more=more,
        total=total if isinstance(total, int) else None,
    )


def events_of(feed: OpenFeed, booking: Object, since: datetime) -> Iterator[Event]:
    """What made a booking and what became of it, as the webhooks would tell it."""
    booked = a_time(booking.get("createdAt")) or since
    if booked < since:
        return
    try:
        yield from _told(_payload(booking), booking, booked)
    except UnreadableWebhook as error:
        feed.log.warning("past_booking_unreadable", reason=error.message)


def _told(payload: Object, booking: Object, booked: datetime) -> Iterator[Event]:
    changed = max(a_time(booking.get("updatedAt")) or booked, booked)
    made = {"createdAt": booked.isoformat(), "payload": payload}
    later = {"createdAt": changed.isoformat(), "payload": payload}
    status = a_text(booking.get("status"))
    if status in ("pending", "rejected"):
        yield from bookings(made, "booking.requested")
        if status == "rejected":
            yield from bookings(later, "booking.rejected")
        return
    yield from bookings(
        made, "booking.rescheduled" if payload.get("rescheduleUid") else "booking.created"
    )
    # A booking that was moved counts as cancelled here; the one that it became goes on.
    if status == "cancelled" and not a_text(booking.get("rescheduledToUid")):
        yield from bookings(later, "booking.cancelled")
    elif any(an_object(one).get("absent") is True for one in a_list(booking.get("attendees"))):
        absent = {"bookingUid": payload.get("uid"), "attendees": [{"noShow": True}]}
        yield no_show({**later, "payload": absent})


def _payload(booking: Object) -> dict[str, object]:
    """The booking as a webhook's payload shows it."""
    hosts = [an_object(one) for one in a_list(booking.get("hosts"))]
    attendees = [an_object(one) for one in a_list(booking.get("attendees"))]
    seats = any("seatUid" in one for one in attendees)
    page = an_object(booking.get("eventType"))
    answers = an_object(booking.get("bookingFieldsResponses"))
    known = {a_text(one.get("email")) for one in attendees}
    others = [
        {"email": one} for one in map(a_text, a_list(booking.get("guests"))) if one not in known
    ]
    return {
        "uid": booking.get("uid"),
        "title": booking.get("title"),
        "startTime": booking.get("start"),
        "endTime": booking.get("end"),
        "organizer": hosts[0] if hosts else None,
        "team": {"members": hosts[1:]},
        "attendees": [{**one, "locale": one.get("language")} for one in attendees] + others,
        "seatsPerTimeSlot": len(attendees) if seats else None,
        "responses": {key: {"label": key, "value": value} for key, value in answers.items()},
        "additionalNotes": answers.get("notes"),
        "location": booking.get("location"),
        "metadata": {
            **an_object(booking.get("metadata")),
            "videoCallUrl": booking.get("meetingUrl"),
        },
        "eventTypeId": page.get("id"),
        "type": page.get("slug"),
        "cancellationReason": booking.get("cancellationReason"),
        "cancelledBy": booking.get("cancelledByEmail"),
        "rescheduledBy": booking.get("rescheduledByEmail"),
        "rescheduleUid": booking.get("rescheduledFromUid"),
    }

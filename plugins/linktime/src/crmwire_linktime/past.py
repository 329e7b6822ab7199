"""What was booked before, from LinkTime's API v1."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from crmwire.errors import Failure, NeedsLogin, UnreadableWebhook
from crmwire.feeds import OpenFeed
from crmwire.reading import Object, a_list, a_text, a_time, an_object
from crmwire.types import Chunk, Event, Finding, Json
from crmwire_linktime.webhooks import event_of

CHUNK = 100
"""Bookings that are asked for at a time: the most that LinkTime lists."""


def failure(status: int) -> Failure | None:
    """What a refusal means, where the status alone does not say what to do."""
    if status == 401:
        return NeedsLogin(
            "LinkTime does not accept the feed's API key.",
            remedy="Make a new key in LinkTime (Settings, API Keys) and give it to"
            " `crmwire feed token`.",
            code="HTTP 401",
        )
    return None


def findings(feed: OpenFeed) -> Sequence[Finding]:
    """Whether the key is good; LinkTime tells nothing of its webhooks."""
    if not feed.feed.token:
        return ()
    user = an_object(feed.http.get("me").json())
    name = a_text(user.get("name")) or a_text(user.get("username")) or "a user"
    return [Finding(level="ok", subject=feed.name, message=f"the API key is that of {name}")]


def chunk(feed: OpenFeed, since: datetime, cursor: Json) -> Chunk:
    """One list of bookings; the cursor is the number of the list that comes next.

    Guess: `from` is held against the start, as in the other tools; what was booked at or after
    `since` starts after it too. What the list tells of each booking is taken from the API's
    examples, and `createdAt` and `cancelledAt` are guessed.
    """
    page = cursor if isinstance(cursor, int) and not isinstance(cursor, bool) else 1
    params = {
        "page": str(page),
        "limit": str(CHUNK),
        "status": "all",
        "from": since.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    }
    answer = an_object(feed.http.get("bookings", params=params).json())
    bookings = [an_object(one) for one in a_list(answer.get("data"))]
    told = an_object(answer.get("pagination"))
    pages, total = told.get("totalPages"), told.get("total")
    more = isinstance(pages, int) and page < pages and bool(bookings)
    events = [event for one in bookings for event in events_of(feed, one, since)]
    return Chunk(
        events=tuple(sorted(events, key=lambda event: event.occurred_at)),
        cursor=page + 1 if more else page,
        more=more,
        total=total if isinstance(total, int) else None,
    )


def events_of(feed: OpenFeed, booking: Object, since: datetime) -> Iterator[Event]:
    """What made a booking and what ended it, as the webhooks would tell it."""
    booked = a_time(booking.get("createdAt")) or since
    if booked < since:
        return
    try:
        yield event_of("booking.created", booking, booked)
        if a_text(booking.get("status")) == "CANCELLED":
            times = (booking.get("cancelledAt"), booking.get("updatedAt"))
            ended = next((time for time in map(a_time, times) if time), booked)
            yield event_of("booking.cancelled", booking, max(ended, booked))
    except UnreadableWebhook as error:
        feed.log.warning("past_booking_unreadable", reason=error.message)

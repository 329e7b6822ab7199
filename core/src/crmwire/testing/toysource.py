"""The smallest source plugin: copy it, then change what your booking tool does otherwise."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from crmwire import UnreadableWebhook, hookimpl
from crmwire.types import Chunk, Event, FeedApi, Limit, SignatureScheme, SourceInfo
from crmwire.vocabulary import Answer, Booking, Details, Page, Person

if TYPE_CHECKING:
    from crmwire.feeds import OpenFeed
    from crmwire.types import Feed, Finding, Json, WebhookRequest

EVENTS = {
    "booked": "booking.created",
    "moved": "booking.rescheduled",
    "called_off": "booking.cancelled",
}


@hookimpl
def source_info() -> SourceInfo | None:
    return SourceInfo(
        key="toycal",
        title="Toy Calendar",
        events=tuple(EVENTS.values()),
        signature=SignatureScheme(header="X-Toy-Signature"),
        setup="In Toy Calendar, open Settings, Webhooks, and enter this address and secret.",
    )


@hookimpl
def parse_webhook(feed: Feed, request: WebhookRequest) -> Sequence[Event] | None:
    try:
        return [event_of(json.loads(request.body))]
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise UnreadableWebhook(f"Not what Toy Calendar sends: {error!r:.200}") from None


def event_of(body: dict[str, Any]) -> Event:
    """What a webhook's body, or one entry of the API's list, tells."""
    what, booking = a_text(body["what"]), body["booking"]
    if what not in EVENTS:
        why = f"crmwire does not carry {what[:80]}"
        return Event(type=what[:80], subject_id="", occurred_at=a_time(body["at"]), ignored=why)
    return Event(
        type=EVENTS[what],
        subject_id=a_text(booking["id"]),
        occurred_at=a_time(body["at"]),
        webhook_id=a_text(body["id"]),
        details=Details(
            booking=Booking(start=a_time(booking["start"]), end=a_time(booking["end"])),
            guest=Person(email=a_text(booking["email"]), full_name=a_text(booking["name"])),
            page=Page(id=a_text(booking["page"])),
            answers=tuple(
                Answer(key=key, values=(value,))
                for key, value in dict(booking.get("answers", {})).items()
                if key and isinstance(value, str) and value
            ),
        ),
    )


def a_text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{value!r} is no text")
    return value.strip()


def a_time(text: object) -> datetime:
    return datetime.fromisoformat(a_text(text)).astimezone(UTC)


@hookimpl
def feed_api(feed: Feed) -> FeedApi | None:
    return FeedApi(
        base_url="https://api.toycal.example.com",
        host_suffixes=("toycal.example.com",),
        limits=(Limit(name="calls", calls=60, seconds=60.0),),
    )


@hookimpl
def poll(feed: OpenFeed, cursor: Json) -> Chunk | None:
    """The tool's list of all that happened; its number is the cursor."""
    params = {"after": str(cursor or 0), "since": feed.since.isoformat() if feed.since else ""}
    page = feed.http.get("happenings", params=params).json()
    events = tuple(event_of(one) for one in page["happenings"])
    return Chunk(events=events, cursor=page["last"], more=page["more"])


@hookimpl
def list_past(feed: OpenFeed, since: datetime, cursor: Json) -> Chunk | None:
    params = {"after": str(cursor or 0), "since": since.isoformat()}
    page = feed.http.get("happenings", params=params).json()
    events = tuple(event_of(one) for one in page["happenings"])
    return Chunk(events=events, cursor=page["last"], more=page["more"], total=page["total"])


@hookimpl
def check_feed(feed: OpenFeed) -> Sequence[Finding] | None:
    feed.http.get("me")  # what it raises is shown
    return []

"""What was booked before, from Calendly's API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from crmwire.errors import Failure, RetryLater, UnreadableWebhook
from crmwire.feeds import OpenFeed
from crmwire.http import Request
from crmwire.reading import Object, a_list, a_text, a_time, an_object
from crmwire.types import Chunk, Event, Json
from crmwire_calendly.api import CHUNK, MOST, me, path_of, whose
from crmwire_calendly.webhooks import cancelled, created, no_show

MOST_LISTS = 100
"""Lists of one meeting's invitees that are asked for, one after the other."""


def chunk(feed: OpenFeed, since: datetime, cursor: Json) -> Chunk:
    """Some of the scheduled events with their invitees, by start.

    Calendly lists by start, not by the day of booking; who booked at or after `since` has a start
    after that too. The cursor holds whose bookings are listed, and Calendly's own token.
    """
    at = an_object(cursor)
    who = an_object(at.get("whose")) or whose(feed, me(feed))
    params = {name: value for name, value in who.items() if isinstance(value, str)}
    params |= {
        "min_start_time": since.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "sort": "start_time:asc",
        "count": str(CHUNK),
    }
    if token := a_text(at.get("page_token")):
        params["page_token"] = token
    answer = an_object(feed.http.get("scheduled_events", params=params).json())
    meetings = [an_object(one) for one in a_list(answer.get("collection"))]
    events = [
        event
        for meeting, invitees in zip(meetings, _invitees(feed, meetings), strict=True)
        for invitee in invitees
        if (booked := a_time(invitee.get("created_at"))) and booked >= since
        for event in events_of(feed, invitee, meeting)
    ]
    following = a_text(an_object(answer.get("pagination")).get("next_page_token"))
    if following is not None and following == params.get("page_token"):
        raise RetryLater("Calendly's list of bookings does not go on.")
    return Chunk(
        events=tuple(sorted(events, key=lambda event: event.occurred_at)),
        cursor={"whose": dict(params_of_whose(params)), "page_token": following},
        more=following is not None,
    )


def params_of_whose(params: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The part of the parameters that says whose bookings are listed."""
    return ((name, params[name]) for name in ("user", "organization") if name in params)


def events_of(feed: OpenFeed, invitee: Object, meeting: Object) -> Iterator[Event]:
    """What made an invitee's booking, and what became of it, as the webhooks would tell it."""
    try:
        yield created(invitee, meeting, {})
        if a_text(invitee.get("status")) == "canceled":
            yield cancelled(invitee, meeting, {})
        elif invitee.get("no_show"):
            yield no_show({"payload": invitee}, cleared=False)
    except UnreadableWebhook as error:
        feed.log.warning("past_booking_unreadable", reason=error.message)


def _invitees(feed: OpenFeed, meetings: Sequence[Object]) -> Iterator[list[Object]]:
    """The invitees of each, several asked for at once. Raises: the first failure."""
    paths = [f"{path_of(a_text(one.get('uri')) or '')}/invitees" for one in meetings]
    first = [Request(method="GET", path=path, params={"count": str(MOST)}) for path in paths]
    for path, answer in zip(paths, feed.http.map(first), strict=True):
        if isinstance(answer, Failure):
            raise answer
        page, invitees = an_object(answer.json()), []
        for _ in range(MOST_LISTS):
            invitees += [an_object(one) for one in a_list(page.get("collection"))]
            token = a_text(an_object(page.get("pagination")).get("next_page_token"))
            if token is None:
                break
            params = {"count": str(MOST), "page_token": token}
            page = an_object(feed.http.get(path, params=params).json())
        else:
            raise RetryLater("Calendly's list of a meeting's invitees has no end.")
        yield invitees

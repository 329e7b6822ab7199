"""What was booked before, from TimeRex's API (beta)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from crmwire.errors import Failure, NeedsLogin, RetryLater, UnreadableWebhook
from crmwire.feeds import OpenFeed
from crmwire.http import Request, Response
from crmwire.reading import Object, a_list, a_text, a_time, an_object
from crmwire.types import Chunk, Event, Finding, Json
from crmwire_timerex.webhooks import cancelled, confirmed

MOST_LISTS = 100
"""Lists of calendars that are asked for, one after the other."""
LATER = 30.0
"""Seconds to wait after a 429; TimeRex suggests 10 to 30 (Rate limits, read 2026-11)."""


def failure(status: int) -> Failure | None:
    """What a refusal means. A wrong key is answered with the login page, by a redirect."""
    if status in (301, 302, 303, 307, 308, 401):
        return NeedsLogin(
            "TimeRex does not accept the feed's API key.",
            remedy="Make a new key (team settings, developer tools) and give it to"
            " `crmwire feed token`.",
            code=f"HTTP {status}",
        )
    if status == 429:
        return RetryLater("TimeRex asks for fewer requests.", after=LATER, pause=True, code="429")
    return None


def findings(feed: OpenFeed) -> Sequence[Finding]:
    """Whether the key is good; TimeRex tells nothing of its webhooks."""
    if not feed.feed.token:
        return ()
    team = an_object(feed.http.get("user/me/teams/primary").json())
    name = a_text(team.get("name")) or "a team"
    return [Finding(level="ok", subject=feed.name, message=f"the API key is that of {name}")]


def chunk(feed: OpenFeed, since: datetime, cursor: Json) -> Chunk:
    """One list of a calendar's events, with each event asked for by itself.

    TimeRex lists by start; what was booked at or after `since` starts after it too. The cursor
    holds the calendars that are left, `[id, url path, name]` each, and TimeRex's own token.
    """
    at = an_object(cursor)
    left = (
        _calendars(feed)
        if cursor is None
        else [list(map(str, a_list(one))) for one in a_list(at.get("calendars"))]
    )
    if not left:
        return Chunk(cursor={"calendars": []})
    (calendar, path, name), *others = left
    params = {"startTime": since.strftime("%Y-%m-%d %H:%M:%S")}
    if token := a_text(at.get("page")):
        params["nextPageToken"] = token
    answer = an_object(feed.http.get(f"calendars/{calendar}/events", params=params).json())
    ids = [a_text(an_object(one).get("id")) for one in a_list(answer.get("items"))]
    asked = [Request(method="GET", path=f"events/{id_}") for id_ in ids if id_]
    body = {"calendar_url_path": path, "calendar_name": name}
    events = [
        event
        for one in feed.http.map(asked)
        for event in events_of(feed, body, _answered(one), since)
    ]
    following = a_text(answer.get("nextPageToken"))
    if following is not None and following == params.get("nextPageToken"):
        raise RetryLater("TimeRex's list of bookings does not go on.")
    after = {"calendars": left if following else others, "page": following}
    return Chunk(
        events=tuple(sorted(events, key=lambda event: event.occurred_at)),
        cursor=after,
        more=bool(after["calendars"]),
    )


def events_of(feed: OpenFeed, body: Object, event: Object, since: datetime) -> Iterator[Event]:
    """What made an event and what ended it, as the webhooks would tell it.

    Guess: the API shows an event as webhooks do (its page tells no fields), with the status as a
    word or the webhooks' number.
    """
    booked = a_time(event.get("created_at")) or since  # TimeRex lists by start: it was asked for
    if booked < since:
        return
    try:
        yield confirmed(body, event, booked)
        if event.get("status") in ("cancelled", "canceled", 3):
            yield cancelled(body, event, booked)
    except UnreadableWebhook as error:
        feed.log.warning("past_booking_unreadable", reason=error.message)


def _answered(answer: Response | Failure) -> Object:
    if isinstance(answer, Failure):
        raise answer
    made = an_object(answer.json())
    return an_object(made.get("event")) or made


def _calendars(feed: OpenFeed) -> list[list[str]]:
    """The team's calendars. Raises: what `feed.http` raises."""
    team = a_text(an_object(feed.http.get("user/me/teams/primary").json()).get("id")) or "primary"
    found: list[list[str]] = []
    params: dict[str, str] = {}
    for _ in range(MOST_LISTS):
        answer = an_object(feed.http.get(f"teams/{team}/calendars", params=params).json())
        for one in map(an_object, a_list(answer.get("items"))):
            id_, url = a_text(one.get("id")), a_text(one.get("url")) or ""
            if id_:
                path = url.rstrip("/").rpartition("/")[2]
                found.append([id_, path, a_text(one.get("name")) or ""])
        token = a_text(answer.get("nextPageToken"))
        if token is None or params.get("nextPageToken") == token:
            return found
        params = {"nextPageToken": token}
    raise RetryLater("TimeRex's list of calendars has no end.")

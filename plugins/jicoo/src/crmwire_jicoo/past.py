"""What was booked before, from Jicoo's API v1."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from crmwire.errors import Failure, NeedsLogin, UnreadableWebhook
from crmwire.feeds import OpenFeed
from crmwire.http import Request, Response
from crmwire.reading import Object, a_list, a_text, a_time, an_id, an_object
from crmwire.types import Chunk, Event, Finding, Json
from crmwire_jicoo.webhooks import event_of, hosts_of

CHUNK = 50
"""Bookings that are asked for at a time; each costs one more call for its guest."""


def failure(status: int) -> Failure | None:
    """What a refusal means, where the status alone does not say what to do."""
    if status == 401:
        return NeedsLogin(
            "Jicoo does not accept the feed's API key.",
            remedy="Make a new key in Jicoo's developer settings and give it to"
            " `crmwire feed token`.",
            code="HTTP 401",
        )
    return None


def findings(feed: OpenFeed) -> Sequence[Finding]:
    """Whether the key is good; Jicoo tells nothing of its webhooks."""
    if not feed.feed.token:
        return ()
    feed.http.get("v1/bookings", params={"page": "1", "perPage": "1"})
    return [Finding(level="ok", subject=feed.name, message="the API key may read bookings")]


def chunk(feed: OpenFeed, since: datetime, cursor: Json) -> Chunk:
    """One list of bookings, each with its guest.

    Jicoo lists by start; what was booked at or after `since` starts after it too. The cursor is
    the number of the list that comes next.
    """
    page = cursor if isinstance(cursor, int) and not isinstance(cursor, bool) else 1
    params = {
        "page": str(page),
        "perPage": str(CHUNK),
        "startedAt": since.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "order": "startedAt",
        "sort": "asc",
    }
    answer = an_object(feed.http.get("v1/bookings", params=params).json())
    bookings = [an_object(one) for one in a_list(answer.get("data"))]
    known = {**_users(feed), **hosts_of(feed.settings)} if bookings else {}
    events = [
        event
        for booking, contact in zip(bookings, _contacts(feed, bookings), strict=True)
        for event in events_of(feed, booking, contact, known, since)
    ]
    following, total = answer.get("nextPage"), answer.get("totalCount")
    after = following if isinstance(following, int) and following > page and bookings else None
    return Chunk(
        events=tuple(sorted(events, key=lambda event: event.occurred_at)),
        cursor=after or page,
        more=after is not None,
        total=total if isinstance(total, int) else None,
    )


def events_of(
    feed: OpenFeed, booking: Object, contact: Object, known: Mapping[str, Json], since: datetime
) -> Iterator[Event]:
    """What made a booking and what ended it, as the webhooks would tell it."""
    booked = a_time(booking.get("createdAt")) or since
    if booked < since:
        return
    try:
        yield event_of("booking.created", booking, contact, booked, None, known)
        if a_text(booking.get("status")) in ("cancel", "cancelled", "canceled"):
            ended = a_time(booking.get("cancelledAt"))
            yield event_of("booking.cancelled", booking, contact, ended, None, known)
    except UnreadableWebhook as error:
        feed.log.warning("past_booking_unreadable", reason=error.message)


def _contacts(feed: OpenFeed, bookings: Sequence[Object]) -> Iterator[Object]:
    """The guest of each booking, several asked for at once. Raises: the first failure.

    Guess: the address of "Get Booking Contacts", whose page shows no path that could be read, and
    that the first contact is the one who booked.
    """
    missing = [one for one in bookings if not an_object(one.get("contact"))]
    paths = [f"v1/bookings/{an_id(one.get('uid')) or '-'}/contacts" for one in missing]
    answers = feed.http.map([Request(method="GET", path=path) for path in paths])
    found = {id(one): _first(answer) for one, answer in zip(missing, answers, strict=True)}
    for one in bookings:
        yield found.get(id(one)) or an_object(one.get("contact"))


def _first(answer: Response | Failure) -> Object:
    if isinstance(answer, Failure):
        raise answer
    data = an_object(answer.json()).get("data")
    return an_object(next(iter(a_list(data)), data))


def _users(feed: OpenFeed) -> dict[str, Json]:
    """Who the hosts are, by id. Guess: the path, as a public integration asks for it."""
    answer = feed.http.get("v1/organization/users", accept=frozenset({403, 404}))
    if answer.status != 200:
        return {}
    users = map(an_object, a_list(an_object(answer.json()).get("data")))
    return {
        id_: {"email": a_text(user.get("email")), "name": a_text(user.get("name"))}
        for user in users
        if (id_ := a_text(user.get("id")))
    }

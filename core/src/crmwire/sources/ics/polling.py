"""A calendar that is asked for: what differs from the last time is what happened.

A published calendar tells how things stand, not what happened; many write the time of the answer
into every DTSTAMP and never raise SEQUENCE. So the cursor keeps, for each event, a digest of what
matters, and a change of its times is a move. What is gone from the calendar was cancelled, if it
was still to come; what is over just falls off. The cursor: {"etag", "seen": {subject: [digest,
start, end]}, "number": of answers so far}.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import attrs

from crmwire import stored
from crmwire.errors import ConfigurationError, NeedsLogin, RetryLater, UnreadableWebhook
from crmwire.sources.ics.messages import left_out
from crmwire.sources.ics.reading import Entry, calendars, entries
from crmwire.sources.ics.settings import Settings, settings_of, split
from crmwire.types import Chunk, Event, Finding

if TYPE_CHECKING:
    from crmwire.feeds import OpenFeed
    from crmwire.types import Json

HEADERS = {"Accept": "text/calendar, text/plain;q=0.5, */*;q=0.1"}
NOT_CHANGED = 304
Seen = list[Any]


def asked(feed: OpenFeed, cursor: Json) -> Chunk:
    """What changed since the last time."""
    settings = settings_of(feed.feed)
    before: dict[str, Any] = dict(cursor) if isinstance(cursor, dict) else {}
    etag = before.get("etag")
    answer = feed.http.get(
        _path(feed, settings),
        headers={**HEADERS, **({"If-None-Match": etag} if etag else {})},
        accept=frozenset({NOT_CHANGED}),
    )
    if answer.status == NOT_CHANGED:
        return Chunk(cursor=cursor)
    found = _entries(answer.content, settings)
    old: dict[str, Seen] = before.get("seen") or {}
    new = {subject: _digested(entry) for subject, entry in found.items()}
    now = feed.now()
    coming = {subject for subject, seen in old.items() if _is_coming(seen, now)}
    if len(coming) > 1 and not found:
        raise RetryLater(
            "The calendar is empty all at once; that is not taken for so many cancellations.",
            remedy="Look at the calendar; remove the feed if it is not used any more.",
        )
    number = int(before.get("number", 0))
    # What was there at first is as old as the calendar says, and else as the feed.
    unsaid = now if before else (feed.since or now) - timedelta(seconds=1)
    events = [
        attrs.evolve(event, webhook_id=f"{number} {new[subject][0]}")
        for subject, entry in found.items()
        if (event := _changed(entry, old.get(subject), new[subject], settings, now, unsaid))
    ]
    events += [
        attrs.evolve(_gone(subject, now), webhook_id=f"{number} gone")
        for subject in sorted(coming - found.keys())
    ]
    cursor = {"etag": answer.headers.get("etag"), "number": number + 1, "seen": new}
    return Chunk(events=tuple(events), cursor=cursor)


def findings(feed: OpenFeed) -> list[Finding]:
    """Whether a polled calendar can be read; what its host refuses is raised."""
    settings = settings_of(feed.feed)
    if settings.url is None and not settings.secret_url:
        return []
    answer = feed.http.get(_path(feed, settings), headers=HEADERS)
    _entries(answer.content, settings)
    return []


def _path(feed: OpenFeed, settings: Settings) -> str:
    url = feed.feed.token if settings.secret_url else settings.url
    if url is None and settings.secret_url:
        raise NeedsLogin(
            f"The feed {feed.name} has no address of its calendar.",
            remedy=f"Run `crmwire feed token {feed.name}`.",
        )
    if url is None:
        raise ConfigurationError(f"The feed {feed.name} has no `url`, so it is not polled.")
    return split(url)[2]


def _entries(content: bytes, settings: Settings) -> dict[str, Entry]:
    """The events of a calendar by subject. Raises: RetryLater if it is none."""
    try:
        return {
            entry.subject: entry
            for calendar in calendars(content)
            for entry in entries(calendar, settings)
        }
    except UnreadableWebhook as error:
        raise RetryLater(f"What came is no calendar: {error.message}") from None


def _digested(entry: Entry) -> Seen:
    told = stored.dumps([entry.details, entry.cancelled])
    booking = entry.details.booking
    return [
        hashlib.sha256(told.encode()).hexdigest()[:16],
        booking.start.isoformat() if booking and booking.start else None,
        booking.end.isoformat() if booking and booking.end else None,
    ]


def _changed(
    entry: Entry,
    old: Seen | None,
    new: Seen,
    settings: Settings,
    now: datetime,
    unsaid: datetime,
) -> Event | None:
    """What happened to an entry since the last time; None if nothing did."""
    if old is not None and old[0] == new[0]:
        return None
    if left_out(entry, "PUBLISH", settings) is not None:
        return None
    if entry.cancelled:
        type_ = "booking.cancelled"
    elif old is None:
        type_ = "booking.created"
    else:
        type_ = "booking.updated" if old[1:] == new[1:] else "booking.rescheduled"
    return Event(
        type=type_,
        subject_id=entry.subject,
        occurred_at=min(entry.modified or unsaid, now),
        version=_version(now),
        details=entry.details,
    )


def _gone(subject: str, now: datetime) -> Event:
    return Event(
        type="booking.cancelled", subject_id=subject, occurred_at=now, version=_version(now)
    )


def _is_coming(seen: Seen, now: datetime) -> bool:
    until = seen[2] or seen[1]
    return until is not None and datetime.fromisoformat(until) > now


def _version(now: datetime) -> int:
    """Later answers are newer, whatever the calendar says of its own versions."""
    return int(now.timestamp() * 1_000_000)

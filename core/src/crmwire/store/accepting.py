"""Accepting events: subject state, event and deliveries in one transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from attrs import frozen
from sqlite_utils import Database

from crmwire import stored
from crmwire.store import generations, joining, questions, subjects, tombstones
from crmwire.store.generations import Place
from crmwire.store.queueing import insert_delivery, routes_for
from crmwire.types import Event
from crmwire.vocabulary import Details


@frozen(kw_only=True)
class Accepted:
    """What became of one event. `lanes` are those to wake."""

    event_id: int
    duplicate: bool = False
    ignored: str | None = None
    deliveries: int = 0
    lanes: frozenset[str] = frozenset()


def dedupe_key(event: Event) -> bytes:
    """What makes an event the same as one that came before: the sender's id, or its content."""
    if event.webhook_id:
        text = f"id|{event.webhook_id}|{event.type}|{event.subject_id}|{event.item}"
    else:
        text = f"{event.type}|{event.subject_id}|{event.item}|{event.order}"
    return hashlib.sha256(text.encode()).digest()[:16]


@frozen
class Ready:
    """An event as it will be read again, with the text that is stored of it."""

    event: Event
    text: str
    details: str
    """The part of the text that tells the event's details."""


def ready(event: Event) -> Ready:
    """Made before the transaction, so that nobody waits for it there."""
    data = stored.plain(event)
    details = stored.written(data.pop("details", {}))
    rest = stored.written(data)
    text = rest if details == "{}" else f'{rest[:-1]},"details":{details}}}'
    return Ready(stored.loads(text, Event), text, details)


def accept(db: Database, feed: int, events: Sequence[Event | Ready], now: float) -> list[Accepted]:
    """Store events with their deliveries; a repeat changes nothing and is marked."""
    return [_accept(db, feed, one if isinstance(one, Ready) else ready(one), now) for one in events]


def _accept(db: Database, feed: int, one: Ready, now: float) -> Accepted:
    event = one.event
    first = _first_look(db, feed, event)
    if first.event_id is not None:
        return Accepted(event_id=first.event_id, duplicate=True)
    if event.ignored is None and first.forgotten:
        event = tombstones.shell(db, feed, event)
        known = known_event(db, feed, event)
        if known is not None:
            return Accepted(event_id=known[0], duplicate=True)
    if event.ignored is not None:
        key = dedupe_key(event)
        event_id = _insert_event(db, feed, key, event, now, None, False, None)
        return Accepted(event_id=event_id, ignored=event.ignored)
    places = generations.places(db, feed, first.generation)
    taken = take_in(db, feed, event, now, places, one, named=first.named)
    count, lanes = _deliver(db, event, taken, now, places)
    return Accepted(event_id=taken.event_id, deliveries=count, lanes=frozenset(lanes))


@frozen
class _FirstLook:
    """The event if it came in before; whether its subject was forgotten, or has a name here.

    `generation` is that of what people set up.
    """

    event_id: int | None
    forgotten: bool
    named: bool
    generation: str


def _first_look(db: Database, feed: int, event: Event) -> _FirstLook:
    """All that most events need to be asked of: one statement costs less than four."""
    ids = (event.subject_id, *event.previous_ids)
    marks = ", ".join("?" * len(ids))
    row = db.execute(
        "SELECT (SELECT id FROM events WHERE feed = ? AND dedupe = ?),"
        f" EXISTS (SELECT 1 FROM aliases WHERE feed = ? AND alias IN ({marks})),"
        f" EXISTS (SELECT 1 FROM aliases WHERE feed = ? AND alias IN ({marks})),"
        " (SELECT value FROM meta WHERE name = 'generation')",
        (feed, dedupe_key(event), feed, *(tombstones.hashed(feed, one) for one in ids), feed, *ids),
    ).fetchone()
    return _FirstLook(row[0], bool(row[1]), bool(row[2]), row[3])


def known_event(db: Database, feed: int, event: Event) -> tuple[int, int | None] | None:
    """The id and the subject of an event that came in before."""
    row = db.execute(
        "SELECT id, subject FROM events WHERE feed = ? AND dedupe = ?", (feed, dedupe_key(event))
    ).fetchone()
    return None if row is None else (row[0], row[1])


@frozen
class Taken:
    """Where an event was stored. `fresh`: nothing was known of its subject before."""

    event_id: int
    subject: int
    details: Details
    fresh: bool


def take_in(
    db: Database,
    feed: int,
    event: Event,
    now: float,
    places: Sequence[Place],
    texts: Ready | None = None,
    *,
    named: bool = True,
) -> Taken:
    """Store a new event and what is now known of its subject; nothing is delivered yet.

    `places` are the feed's routes, `texts` what is to be stored of the event, if it is known.
    Not `named`: none of the event's ids was heard of before.
    """
    key, told = dedupe_key(event), event
    if any(place.joins for place in places):
        event = joining.as_move(db, feed, event, now)
    before = subjects.before(db, feed, event) if named or event is not told else subjects.UNKNOWN
    fresh = before.id is None
    if before.id is not None:
        event = tombstones.without_forgotten(db, before.id, event)
    late = not fresh and subjects.is_late(event, before)
    state = subjects.after(db, feed, event, before, late)
    same = texts is not None and state.details is told.details
    details = texts.details if texts is not None and same else stored.dumps(state.details)
    subject = subjects.save(db, feed, event, state, details)
    snapshot = (
        f'{{"details":{details},"status":{json.dumps(state.status)},"version":{state.version}}}'
    )
    text = texts.text if texts is not None and event is told else None
    event_id = _insert_event(db, feed, key, event, now, subject, late, snapshot, text)
    questions.note(db, feed, event.details, state.details, event.occurred_at.timestamp())
    return Taken(event_id, subject, state.details, fresh)


def _insert_event(
    db: Database,
    feed: int,
    key: bytes,
    event: Event,
    now: float,
    subject: int | None,
    late: bool,
    snapshot: str | None,
    text: str | None = None,
) -> int:
    made = db.execute(
        "INSERT INTO events (feed, dedupe, subject, type, version, occurred_at, received_at, late,"
        " ignored, event, snapshot) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            feed,
            key,
            subject,
            event.type,
            event.order,
            event.occurred_at.timestamp(),
            now,
            late,
            event.ignored,
            text or stored.dumps(event),
            snapshot,
        ),
    )
    return int(made.lastrowid or 0)


def _deliver(
    db: Database, event: Event, taken: Taken, now: float, places: Sequence[Place]
) -> tuple[int, set[str]]:
    lanes: set[str] = set()
    targets = routes_for(places, taken.details)
    for route in targets:
        early = event.occurred_at.timestamp() < route.since
        insert_delivery(
            db, taken.event_id, taken.subject, route, now, early=early, fresh=taken.fresh
        )
        if not early:
            lanes.add(route.lane)
    return len(targets), lanes

"""Accepting events: subject state, event and deliveries in one transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import attrs
from attrs import frozen
from sqlite_utils import Database

from crmwire import stored
from crmwire.store import generations, joining, questions, tombstones
from crmwire.store.generations import Place
from crmwire.store.migrations import READY, SKIPPED
from crmwire.store.retelling import retold, with_previous
from crmwire.types import Event
from crmwire.vocabulary import Details, merged

STATUS = {
    "booking.requested": "requested",
    "booking.created": "active",
    "booking.rescheduled": "active",
    "booking.updated": "active",
    "booking.reassigned": "active",
    "booking.no_show_cleared": "active",
    "booking.no_show": "no_show",
    "booking.completed": "completed",
    "booking.cancelled": "cancelled",
    "booking.rejected": "rejected",
}
"""What a subject is after an event; tickets are `open`."""
ENDINGS = ("cancelled", "rejected")
EARLY = "happened before the route's `since`"
"""Why an event is skipped that was there before the route."""


@frozen(kw_only=True)
class Accepted:
    """What became of one event. `lanes` are those to wake."""

    event_id: int
    duplicate: bool = False
    ignored: str | None = None
    deliveries: int = 0
    lanes: frozenset[str] = frozenset()


@frozen(kw_only=True)
class _State:
    """What is known of a subject. `order` is that of its newest event; `version` counts what
    became known, also by events that came late."""

    id: int | None
    status: str
    version: int
    current: str
    details: Details
    order: int = -(2**62)


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
    details = stored.dumps(event.details)
    rest = stored.dumps(attrs.evolve(event, details=Details()))
    text = rest if details == "{}" else f'{rest[:-1]},"details":{details}}}'
    return Ready(stored.loads(text, Event), text, details)


def accept(db: Database, feed: int, events: Sequence[Event | Ready], now: float) -> list[Accepted]:
    """Store events with their deliveries; a repeat changes nothing and is marked."""
    return [_accept(db, feed, one if isinstance(one, Ready) else ready(one), now) for one in events]


def _accept(db: Database, feed: int, one: Ready, now: float) -> Accepted:
    event = one.event
    known = known_event(db, feed, event)
    if known is not None:
        return Accepted(event_id=known[0], duplicate=True)
    if event.ignored is None and tombstones.covers(db, feed, event):
        event = tombstones.shell(db, feed, event)
        known = known_event(db, feed, event)
        if known is not None:
            return Accepted(event_id=known[0], duplicate=True)
    if event.ignored is not None:
        key = dedupe_key(event)
        event_id = _insert_event(db, feed, key, event, now, None, False, None)
        return Accepted(event_id=event_id, ignored=event.ignored)
    places = generations.places(db, feed)
    taken = take_in(db, feed, event, now, places, one)
    count, lanes = _deliver(db, event, taken, now, places)
    return Accepted(event_id=taken.event_id, deliveries=count, lanes=frozenset(lanes))


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
) -> Taken:
    """Store a new event and what is now known of its subject; nothing is delivered yet.

    `places` are the feed's routes, `texts` what is to be stored of the event, if it is known.
    """
    key, told = dedupe_key(event), event
    if any(place.joins for place in places):
        event = joining.as_move(db, feed, event, now)
    before = _joined(db, feed, event)
    fresh = before.id is None
    if before.id is not None:
        event = tombstones.without_forgotten(db, before.id, event)
    late = not fresh and _is_late(event, before)
    state = _after(db, feed, event, before, late)
    same = texts is not None and state.details is told.details
    details = texts.details if texts is not None and same else stored.dumps(state.details)
    subject = _save(db, feed, event, state, details)
    snapshot = (
        f'{{"details":{details},"status":{json.dumps(state.status)},"version":{state.version}}}'
    )
    text = texts.text if texts is not None and event is told else None
    event_id = _insert_event(db, feed, key, event, now, subject, late, snapshot, text)
    questions.note(db, feed, event.details, state.details, event.occurred_at.timestamp())
    return Taken(event_id, subject, state.details, fresh)


def _is_late(event: Event, state: _State) -> bool:
    """Whether something newer is known; of the same moment, the beginning is older."""
    if event.order != state.order:
        return event.order < state.order
    return event.type == "booking.requested" or (
        event.type == "booking.created" and state.status != "requested"
    )


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


def _joined(db: Database, feed: int, event: Event) -> _State:
    """The subject's state before this event; subjects that the event's ids join become one."""
    ids = (event.subject_id, *event.previous_ids)
    marks = ", ".join("?" * len(ids))
    rows = db.execute(
        "SELECT DISTINCT s.id, s.status, s.version, s.current, s.details, coalesce((SELECT"
        " max(e.version) FROM events e WHERE e.subject = s.id AND e.ignored IS NULL), s.version)"
        " AS newest FROM aliases a JOIN subjects s ON s.id = a.subject"
        f" WHERE a.feed = ? AND a.alias IN ({marks}) ORDER BY newest, s.id",
        (feed, *ids),
    ).fetchall()
    if not rows:
        return _State(id=None, status="unknown", version=-(2**62), current="", details=Details())
    states = [
        _State(
            id=row[0],
            status=row[1],
            version=row[2],
            current=row[3],
            details=stored.loads(row[4], Details),
            order=row[5],
        )
        for row in rows
    ]
    newest = states[-1]
    details = states[0].details
    for state in states[1:]:
        details = merged(details, state.details)
        if state.status == "unknown":
            newest = states[0]
    keep = min(state.id for state in states if state.id is not None)
    for state in states:
        if state.id is not None and state.id != keep:
            _move(db, state.id, keep)
    if len(states) > 1:
        details = retold(db, keep, [], details)
    return attrs.evolve(
        newest,
        id=keep,
        details=details,
        version=max(state.version for state in states),
        order=max(state.order for state in states),
    )


def _move(db: Database, loser: int, keep: int) -> None:
    """Give everything of one subject to another; of two links the newest version stays."""
    db.execute("UPDATE aliases SET subject = ? WHERE subject = ?", (keep, loser))
    db.execute("UPDATE deliveries SET subject = ? WHERE subject = ?", (keep, loser))
    db.execute("UPDATE events SET subject = ? WHERE subject = ?", (keep, loser))
    db.execute("UPDATE subjects SET merged_into = ? WHERE id = ?", (keep, loser))
    db.execute("UPDATE forgotten SET subject = ? WHERE subject = ?", (keep, loser))
    for connection, version in db.execute(
        "SELECT connection, version FROM progress WHERE subject = ?", (loser,)
    ).fetchall():
        db.execute(
            "INSERT INTO progress VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
            " SET version = max(version, excluded.version)",
            (connection, keep, version),
        )
    db.execute("DELETE FROM progress WHERE subject = ?", (loser,))
    links = db.execute(
        "SELECT connection, role, item, type, record, version, url, retired FROM links"
        " WHERE subject = ?",
        (loser,),
    ).fetchall()
    db.execute("DELETE FROM links WHERE subject = ?", (loser,))
    for link in links:
        place_link(db, keep, *link)
    # Each delivery waits with those before it.
    db.execute(
        "UPDATE deliveries AS d SET due_at = (SELECT max(o.due_at) FROM deliveries o"
        " WHERE o.connection = d.connection AND o.subject = d.subject AND o.state < 2"
        " AND o.id <= d.id) WHERE d.subject = ? AND d.state = 0",
        (keep,),
    )


def place_link(
    db: Database,
    subject: int,
    connection: int,
    role: str,
    item: str,
    type_: str,
    record: str,
    version: int,
    url: str | None,
    retired: int = 0,
) -> None:
    """Store a link; where another record has its place, the newer version keeps it.

    The older one of two activities is kept as retired: its record is still to be marked. People
    and companies are never retired.
    """
    new = (type_, record, version, url)
    old = db.execute(
        "SELECT type, record, version, url FROM links"
        " WHERE connection = ? AND subject = ? AND role = ? AND item = ?",
        (connection, subject, role, item),
    ).fetchone()
    if old is not None and (old[0], old[1]) != (type_, record):
        old = tuple(old)
        loser, new = (old, new) if old[2] <= version else (new, old)
        if role not in ("person", "company"):
            _put_link(db, connection, subject, role, f"{item}~{loser[1]}", loser, 1)
    _put_link(db, connection, subject, role, item, new, retired)


def _put_link(
    db: Database,
    connection: int,
    subject: int,
    role: str,
    item: str,
    link: tuple[str, str, int, str | None],
    retired: int,
) -> None:
    db.execute(
        "INSERT OR REPLACE INTO links VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (connection, subject, role, item, *link, retired),
    )


def _after(db: Database, feed: int, event: Event, state: _State, late: bool) -> _State:
    """The subject's state with this event taken in."""
    status = STATUS.get(event.type, "open")
    if state.id is not None:
        _name(db, feed, event, state.id)
    if late and state.id is not None:
        details = retold(db, state.id, [event], merged(event.details, state.details))
        known = event.partial or state.status != "unknown"
        made = attrs.evolve(state, details=details, status=state.status if known else status)
        if (made.details, made.status) != (state.details, state.status):
            made = attrs.evolve(made, version=state.version + 1)
    else:
        details = merged(state.details, with_previous(event, state.details))
        made = attrs.evolve(
            state,
            details=details,
            # Each event that is not late makes a newer version, also in the same moment.
            version=max(event.order, state.version + 1),
            status="unknown" if event.partial and state.status == "unknown" else status,
            current=event.subject_id,
        )
    ended = status if status in ENDINGS else ""
    if state.id is not None:
        row = db.execute(
            "SELECT ended FROM aliases WHERE feed = ? AND alias = ?", (feed, made.current)
        ).fetchone()
        ended = row[0] if row else ""
    # A cancelled id stays cancelled whatever comes after; only a new id can be live again.
    return attrs.evolve(made, status=ended) if ended else made


def _name(db: Database, feed: int, event: Event, subject: int) -> None:
    """Let all ids of the event lead to the subject, and keep which of them came to an end."""
    status = STATUS.get(event.type, "open")
    for alias in (event.subject_id, *event.previous_ids):
        ended = status if status in ENDINGS and alias == event.subject_id else ""
        db.execute(
            "INSERT INTO aliases VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE"
            " SET ended = CASE WHEN excluded.ended = '' THEN ended ELSE excluded.ended END,"
            " subject = excluded.subject",
            (feed, alias, subject, ended),
        )


def _save(db: Database, feed: int, event: Event, state: _State, details: str) -> int:
    values = (state.status, state.version, state.current, details)
    if state.id is not None:
        db.execute(
            "UPDATE subjects SET status = ?, version = ?, current = ?, details = ? WHERE id = ?",
            (*values, state.id),
        )
        return state.id
    made = db.execute(
        "INSERT INTO subjects (feed, status, version, current, details) VALUES (?, ?, ?, ?, ?)",
        (feed, *values),
    )
    subject = int(made.lastrowid or 0)
    _name(db, feed, event, subject)
    return subject


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


@frozen(kw_only=True)
class Target:
    """Where an event goes: a route and its connection."""

    route: int
    connection: int
    since: float
    lane: str


def routes_for(places: Sequence[Place], details: Details) -> list[Target]:
    """The routes of a page's events: one for each connection, the page's own before `*`."""
    page = details.page.id if details.page and details.page.id else ""
    found: dict[int, Target] = {}
    for one in places:
        if one.page == "*" or one.page == page:
            target = Target(
                route=one.route, connection=one.connection, since=one.since, lane=one.lane
            )
            found.setdefault(one.connection, target)
    return list(found.values())


def insert_delivery(
    db: Database,
    event_id: int,
    subject: int,
    target: Target,
    now: float,
    *,
    early: bool = False,
    backfill: int | None = None,
    fresh: bool = False,
) -> None:
    """Put a delivery in the queue, or record at once that it is skipped.

    A `fresh` subject has no others.
    """
    # It waits with those before it, so that nobody looks for it before.
    waits = (
        None
        if fresh
        else db.execute(
            "SELECT max(due_at) FROM deliveries WHERE connection = ? AND subject = ? AND state < 2",
            (target.connection, subject),
        ).fetchone()[0]
    )
    db.execute(
        "INSERT INTO deliveries (event, subject, connection, route, state, due_at, reason,"
        " changed_at, backfill) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            event_id,
            subject,
            target.connection,
            target.route,
            SKIPPED if early else READY,
            max(now, waits or now),
            EARLY if early else None,
            now,
            backfill,
        ),
    )
    if early:
        count(db, target.connection, SKIPPED, 1)


def count(db: Database, connection: int, state: int, by: int) -> None:
    """Add to the counter of finished deliveries."""
    db.execute(
        "INSERT INTO counters VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
        " SET count = count + excluded.count",
        (connection, state, by),
    )


def keep_unreadable(db: Database, feed: int, body: bytes, reason: str, now: float) -> int:
    """Record a signed webhook that could not be read, so that nothing is lost."""
    row = db.execute(
        "INSERT INTO unreadable (feed, received_at, reason, body) VALUES (?, ?, ?, ?) RETURNING id",
        (feed, now, reason, body),
    ).fetchone()
    return int(row[0])


def event_json(text: str) -> dict[str, object]:
    """A stored event as plain data, for people."""
    data: dict[str, object] = json.loads(text)
    return data

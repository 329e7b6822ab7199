"""Backfills: past events taken in for one route, and how far each has come."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from attrs import evolve, frozen
from sqlite_utils import Database

from crmwire import stored
from crmwire.store import generations, tombstones
from crmwire.store.accepting import known_event, take_in
from crmwire.store.queueing import EARLY, insert_delivery, routes_for
from crmwire.store.states import READY, SKIPPED, STATES, count
from crmwire.store.subjects import ENDINGS, STATUS
from crmwire.types import Event
from crmwire.vocabulary import Details

if TYPE_CHECKING:
    from crmwire.store.queueing import Target
    from crmwire.types import Json

Fate = Literal["carried", "known", "early", "elsewhere", "ignored"]
"""What became of a listed event: `known` was carried before, `early` is before the backfill's
`since`, `elsewhere` belongs to a page or route that is not the backfill's."""


@frozen(kw_only=True)
class BackfillRow:
    """One backfill. `past` says where its events come from, `counts` what became of them."""

    id: int
    route: int
    past: str
    since: float
    adopt: bool
    cursor: Json
    counts: Mapping[str, int]
    total: int | None
    finished: bool

    @property
    def listed(self) -> int:
        """How many events it has been told."""
        return sum(self.counts.values())


def begin(
    db: Database, route: int, past: str, since: float, *, adopt: bool, again: bool, now: float
) -> BackfillRow:
    """The backfill of the same route, past and since that has something left to do, or a new one.

    With `again` that one is given up; what it put in the queue stays there.
    """
    row = db.execute(
        f"SELECT {_COLUMNS} FROM backfills WHERE route = ? AND past = ? AND since = ?"
        " AND (finished_at IS NULL OR EXISTS (SELECT 1 FROM deliveries d"
        " WHERE d.backfill = backfills.id AND d.state < 2)) ORDER BY id DESC LIMIT 1",
        (route, past, since),
    ).fetchone()
    if row is not None and not again:
        db.execute("UPDATE backfills SET adopt = ? WHERE id = ?", (adopt, row[0]))
        return evolve(_row(row), adopt=adopt)
    if row is not None:
        db.execute("UPDATE backfills SET finished_at = ? WHERE id = ?", (now, row[0]))
    made = db.execute(
        "INSERT INTO backfills (route, past, since, adopt, cursor, counts, started_at)"
        f" VALUES (?, ?, ?, ?, 'null', '{{}}', ?) RETURNING {_COLUMNS}",
        (route, past, since, adopt, now),
    ).fetchone()
    return _row(made)


_COLUMNS = "id, route, past, since, adopt, cursor, counts, total, finished_at IS NOT NULL"


def _row(row: Sequence[Any]) -> BackfillRow:
    id_, route, past, since, adopt, cursor, counts, total, finished = row
    return BackfillRow(
        id=id_,
        route=route,
        past=past,
        since=since,
        adopt=bool(adopt),
        cursor=json.loads(cursor),
        counts=json.loads(counts),
        total=total,
        finished=bool(finished),
    )


def take(
    db: Database,
    one: BackfillRow,
    feed: int,
    events: Sequence[Event],
    *,
    cursor: Json,
    total: int | None,
    finished: bool,
    now: float,
) -> BackfillRow:
    """Take in a chunk and remember where to go on, in one transaction."""
    counts = Counter(one.counts)
    for event in events:
        counts[_fate(db, one, feed, event, now)] += 1
    db.execute(
        "UPDATE backfills SET cursor = ?, counts = ?, total = coalesce(?, total),"
        " finished_at = ? WHERE id = ?",
        (json.dumps(cursor), json.dumps(counts), total, now if finished else None, one.id),
    )
    return evolve(
        one,
        cursor=cursor,
        counts=dict(counts),
        total=one.total if total is None else total,
        finished=finished,
    )


def _fate(db: Database, one: BackfillRow, feed: int, event: Event, now: float) -> Fate:
    event = stored.loads(stored.dumps(event), Event)
    if event.ignored is not None:
        return "ignored"
    if event.occurred_at.timestamp() < one.since:
        return "early"
    if tombstones.covers(db, feed, event):
        return "ignored"
    known = known_event(db, feed, event)
    if known is not None and known[1] is not None:
        return _once_more(db, one, feed, known[0], known[1], event.details, now)
    target = _target(db, one, feed, event.details)
    if target is None:
        return "elsewhere"
    if _is_carried(db, feed, target.connection, event):
        return "known"
    taken = take_in(db, feed, event, now, generations.places(db, feed))
    insert_delivery(db, taken.event_id, taken.subject, target, now, backfill=one.id)
    return "carried"


def _once_more(
    db: Database,
    one: BackfillRow,
    feed: int,
    event_id: int,
    subject: int,
    details: Details,
    now: float,
) -> Fate:
    """An event that came in before goes to the route only if it was not meant for it then."""
    target = _target(db, one, feed, details)
    if target is None:
        return "elsewhere"
    row = db.execute(
        "SELECT id, state, reason FROM deliveries WHERE event = ? AND connection = ?",
        (event_id, target.connection),
    ).fetchone()
    if tombstones.payload_gone(db, event_id):
        return "known"
    if row is None:
        insert_delivery(db, event_id, subject, target, now, backfill=one.id)
        return "carried"
    if row[1] != SKIPPED or row[2] != EARLY:
        return "known"
    db.execute(
        "UPDATE deliveries SET state = ?, reason = NULL, due_at = ?, route = ?, backfill = ?,"
        " changed_at = ? WHERE id = ?",
        (READY, now, target.route, one.id, now, row[0]),
    )
    count(db, target.connection, SKIPPED, -1)
    return "carried"


def _target(db: Database, one: BackfillRow, feed: int, details: Details) -> Target | None:
    """The backfill's route, if events of this page go there."""
    for target in routes_for(generations.places(db, feed), details):
        if target.route == one.route:
            return target
    return None


def _is_carried(db: Database, feed: int, connection: int, event: Event) -> bool:
    """Whether the connection was told of the same booking, as it is, by other events."""
    row = db.execute(
        "SELECT s.id, s.status, s.details FROM aliases a JOIN subjects s ON s.id = a.subject"
        " WHERE a.feed = ? AND a.alias = ?",
        (feed, event.subject_id),
    ).fetchone()
    if row is None:
        return False
    told = db.execute(
        "SELECT 1 FROM deliveries WHERE connection = ? AND subject = ?"
        " AND NOT (state = ? AND reason = ?)",
        (connection, row[0], SKIPPED, EARLY),
    ).fetchone()
    if told is None:
        return False
    known, new = stored.loads(row[2], Details).booking, event.details.booking
    if (STATUS.get(event.type) in ENDINGS) != (row[1] in ENDINGS):
        return row[1] in ENDINGS  # what has ended is not begun again by an older telling
    return new is None or new.start is None or (known is not None and known.start == new.start)


def states(db: Database, backfill: int) -> dict[str, int]:
    """How many of its deliveries are in which state."""
    rows = db.execute(
        "SELECT state, count(*) FROM deliveries WHERE backfill = ? GROUP BY state", (backfill,)
    ).fetchall()
    return {STATES[state]: number for state, number in rows}

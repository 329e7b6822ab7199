"""What is wrong now, as the store shows it: a few indexed reads, however much it holds."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen
from sqlite_utils import Database

from crmwire.store import unreadable as kept
from crmwire.store.logins import STATIC
from crmwire.store.states import HELD, READY

MOST_COUNTED = 10_000
"""Waiting deliveries are counted so far; there are more then."""


@frozen(kw_only=True)
class Owner:
    """A connection or a feed, as far as alerts name it."""

    id: int
    name: str
    team: str
    plugin: str
    state: str = "ok"
    problem: str | None = None
    remedy: str | None = None
    cause: str | None = None
    lane: str = ""
    static: bool = False
    """Its token was typed in, and can only be so again."""


def connections(db: Database) -> dict[int, Owner]:
    """All that are not removed."""
    rows = db.execute(
        "SELECT c.id, name, team, crm, state, c.problem, remedy, cause, lane, l.kind"
        " FROM connections c LEFT JOIN logins l ON l.connection = c.id WHERE state != 'removed'"
    ).fetchall()
    return {
        row[0]: Owner(
            id=row[0],
            name=row[1],
            team=row[2],
            plugin=row[3],
            state=row[4],
            problem=row[5],
            remedy=row[6],
            cause=row[7],
            lane=row[8],
            static=row[9] == STATIC,
        )
        for row in rows
    }


def feeds(db: Database) -> dict[int, Owner]:
    """All that are not removed."""
    rows = db.execute(
        "SELECT id, name, team, source FROM feeds WHERE removed_at IS NULL"
    ).fetchall()
    return {row[0]: Owner(id=row[0], name=row[1], team=row[2], plugin=row[3]) for row in rows}


def held(db: Database) -> list[tuple[int, str, str, int]]:
    """How many deliveries are held: (connection, kind of failure, code, count)."""
    return [
        (row[0], row[1] or "", row[2] or "", row[3])
        for row in db.execute(
            "SELECT connection, failure, code, count(*) FROM deliveries"
            f" INDEXED BY deliveries_held_why WHERE state = {HELD}"
            " GROUP BY connection, failure, code"
        ).fetchall()
    ]


def example(db: Database, connection: int, failure: str, code: str) -> tuple[str, str]:
    """What to do about one of the deliveries that are held so, and its event."""
    row = db.execute(
        "SELECT remedy, (SELECT event FROM events WHERE id = d.event) FROM deliveries d"
        f" INDEXED BY deliveries_held_why WHERE state = {HELD} AND connection = ?"
        " AND failure IS ? AND code IS ? LIMIT 1",
        (connection, failure or None, code or None),
    ).fetchone()
    return ("", "") if row is None else (row[0] or "", row[1] or "")


def failing(db: Database, before: float) -> list[tuple[int, int, float]]:
    """Deliveries tried since before then without success: (connection, count, since)."""
    rows = db.execute(
        "SELECT connection, count(*), min(first_try_at) FROM deliveries"
        f" INDEXED BY deliveries_failing WHERE state = {READY} AND failure = 'retry_later'"
        " AND first_try_at < ? GROUP BY connection",
        (before,),
    ).fetchall()
    return [(row[0], row[1], row[2]) for row in rows]


def paused(db: Database, now: float) -> dict[str, tuple[float, str, str]]:
    """Lanes that rest: until when, why, and the code of what made them."""
    return {
        row[0]: (row[1], row[2] or "", row[3] or "")
        for row in db.execute(
            "SELECT name, paused_until, reason, code FROM lanes WHERE paused_until > ?", (now,)
        ).fetchall()
    }


def waiting(db: Database, connection: int) -> int:
    """How many deliveries of a connection are open, counted up to MOST_COUNTED + 1."""
    row = db.execute(
        "SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE connection = ?"
        " AND state < 2 LIMIT ?)",  # as the index deliveries_open says it
        (connection, MOST_COUNTED + 1),
    ).fetchone()
    return int(row[0])


def unreadable(db: Database, since: float) -> dict[int, tuple[int, bool]]:
    """Of each feed: how many webhooks could not be read since then; whether no more are kept.

    Only feeds of which something is to be said.
    """
    rows = db.execute(
        "SELECT feed, sum(received_at > ?), count(*) FROM unreadable INDEXED BY unreadable_feed"
        " GROUP BY feed",
        (since,),
    ).fetchall()
    told = {feed: (fresh, number >= kept.MOST_KEPT) for feed, fresh, number in rows}
    return {feed: one for feed, one in told.items() if any(one)}


def refused(db: Database, since: float) -> dict[int, int]:
    """Feeds whose webhooks were refused since then and not taken afterwards, and how many."""
    return dict(
        db.execute(
            "SELECT feed, refused FROM feed_health WHERE refused_at > ?"
            " AND coalesce(accepted_at, 0) < refused_at AND refused > 0",
            (since,),
        ).fetchall()
    )


def last_event(db: Database, feed: int) -> float | None:
    """When the newest event of a feed came in."""
    row = db.execute(
        "SELECT received_at FROM events WHERE +feed = ? ORDER BY id DESC LIMIT 1", (feed,)
    ).fetchone()
    return None if row is None else float(row[0])


def save_intakes(
    db: Database, refusals: Mapping[int, tuple[int, float]], taken: Mapping[int, float]
) -> None:
    """Add up what was refused (count, last time) and when something was last taken, by feed.

    Feeds that never refused anything have no row: they cost nothing.
    """
    for feed, at in taken.items():
        db.execute(
            "UPDATE feed_health SET accepted_at = ?,"
            " refused = CASE WHEN refused_at < ? THEN 0 ELSE refused END WHERE feed = ?",
            (at, at, feed),
        )
    for feed, (count, at) in refusals.items():
        db.execute(
            "INSERT INTO feed_health (feed, refused, refused_at) VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET refused = refused + excluded.refused,"
            " refused_at = max(refused_at, excluded.refused_at)",
            (feed, count, at),
        )


def with_health(db: Database) -> set[int]:
    """The feeds whose intakes are watched, since one was refused before."""
    return {row[0] for row in db.execute("SELECT feed FROM feed_health").fetchall()}

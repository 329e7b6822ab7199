"""Whether what people set up has changed since it was last read, by whichever process.

Triggers of the database put another random text into `meta` with every change of feeds, their
secrets, routes and lanes: one small read tells whether what is kept in memory still holds. Random
and not counted, so that what was undone with its transaction is never taken for what came after.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

from attrs import frozen
from sqlite_utils import Database

HOLDS = 0.02
"""Seconds for which a change that another process made may go unseen."""


def generation(db: Database) -> str:
    """The text that every change of the set-up replaces."""
    return str(db.execute("SELECT value FROM meta WHERE name = 'generation'").fetchone()[0])


@frozen
class Place:
    """A route, as far as accepting asks."""

    page: str
    route: int
    connection: int
    since: float
    lane: str
    joins: bool


_kept: WeakKeyDictionary[Database, tuple[str, dict[int, tuple[Place, ...]]]] = WeakKeyDictionary()


def places(db: Database, feed: int, now: str = "") -> tuple[Place, ...]:
    """The routes of a feed; those of a page before those of all pages.

    `now` is the generation, if it was just read.
    """
    now = now or generation(db)
    known = _kept.get(db)
    if known is None or known[0] != now:
        known = _kept[db] = (now, {})
    found = known[1].get(feed)
    if found is None:
        rows = db.execute(
            "SELECT r.page, r.id, r.connection, r.since, c.lane, r.join_within IS NOT NULL"
            " FROM routes r JOIN connections c ON c.id = r.connection"
            " WHERE r.feed = ? AND r.removed_at IS NULL ORDER BY r.page = '*', r.id",
            (feed,),
        ).fetchall()
        found = known[1][feed] = tuple(Place(*row) for row in rows)
    return found

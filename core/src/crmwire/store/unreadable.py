"""Webhooks that were signed but could not be read."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from attrs import frozen
from sqlite_utils import Database

MOST_KEPT = 10_000
"""Of one feed; whoever may send to it could fill the disk otherwise."""


@frozen(kw_only=True)
class UnreadableRow:
    """One such webhook. `received_at` in seconds since 1970."""

    id: int
    feed: str
    received_at: float
    reason: str
    body: bytes = attrs.field(repr=False)


_ROWS = (
    "SELECT u.id, f.name, u.received_at, u.reason, u.body FROM unreadable u"
    " JOIN feeds f ON f.id = u.feed"
)


def some(db: Database, limit: int) -> list[UnreadableRow]:
    """The newest, newest first."""
    rows = db.execute(f"{_ROWS} ORDER BY u.id DESC LIMIT ?", (limit,)).fetchall()
    return [_row(row) for row in rows]


def all_ids(db: Database, feed: str | None) -> list[int]:
    """The ids of all, or of a feed's, oldest first."""
    rows = db.execute(
        "SELECT u.id FROM unreadable u JOIN feeds f ON f.id = u.feed WHERE ? IS NULL OR f.name = ?"
        " ORDER BY u.id",
        (feed, feed),
    ).fetchall()
    return [row[0] for row in rows]


def one(db: Database, id_: int) -> UnreadableRow | None:
    row = db.execute(f"{_ROWS} WHERE u.id = ?", (id_,)).fetchone()
    return None if row is None else _row(row)


def keep(db: Database, feed: int, body: bytes, reason: str, now: float) -> int | None:
    """Record a webhook that could not be read, so that nothing is lost; its id.

    None if the feed has as many as are kept: somebody must look at those first.
    """
    kept = db.execute("SELECT count(*) FROM unreadable WHERE feed = ?", (feed,)).fetchone()[0]
    if kept >= MOST_KEPT:
        return None
    row = db.execute(
        "INSERT INTO unreadable (feed, received_at, reason, body) VALUES (?, ?, ?, ?) RETURNING id",
        (feed, now, reason, body),
    ).fetchone()
    return int(row[0])


def remove(db: Database, ids: Sequence[int]) -> None:
    db.execute(f"DELETE FROM unreadable WHERE id IN ({', '.join('?' * len(ids))})", tuple(ids))


def _row(row: tuple[int, str, float, str, bytes]) -> UnreadableRow:
    return UnreadableRow(id=row[0], feed=row[1], received_at=row[2], reason=row[3], body=row[4])

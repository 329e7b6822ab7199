"""The queue: claiming deliveries of a lane, and settling what became of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import frozen
from sqlite_utils import Database

from crmwire import stored
from crmwire.store.lanes import Fenced, check_epoch
from crmwire.store.loading import Claimed, load
from crmwire.store.records import Created, remember
from crmwire.store.settling import Outcome, keep_links, settle
from crmwire.store.states import HELD, WORKING
from crmwire.types import Link


@frozen(kw_only=True)
class Batch:
    """Deliveries of one connection, at most one of each subject."""

    connection: int
    items: tuple[Claimed, ...]


def settle_and_claim(
    db: Database,
    lane: str,
    epoch: int,
    outcomes: Sequence[Outcome],
    created: Sequence[Created],
    *,
    limit: int,
    after: int | None,
    now: float,
) -> Batch | None:
    """Record outcomes and take the next batch, of the connection that follows `after` in turn.

    Raises: Fenced if the epoch is old.
    """
    check_epoch(db, lane, epoch)
    for outcome in outcomes:
        settle(db, outcome, now)
    remember(db, lane, created, now)
    if limit <= 0:
        return None
    row = db.execute("SELECT paused_until FROM lanes WHERE name = ?", (lane,)).fetchone()
    if row and row[0] and row[0] > now:
        return None
    usable = [
        found[0]
        for found in db.execute(
            "SELECT id FROM connections WHERE lane = ? AND state = 'ok'"
            " AND coalesce(paused_until, 0) <= ? ORDER BY id",
            (lane, now),
        ).fetchall()
    ]
    later = [one for one in usable if after is not None and one > after]
    for connection in [*later, *(one for one in usable if one not in later)]:
        ids = _heads(db, connection, limit, now)
        if ids:
            return Batch(connection=connection, items=_claim(db, connection, ids, epoch, now))
    return None


def _heads(db: Database, connection: int, limit: int, now: float) -> list[int]:
    """Ready deliveries that are due and first in the queue of their subject."""
    rows = db.execute(
        "SELECT d.id FROM deliveries d WHERE d.connection = ? AND d.state = 0 AND d.due_at <= ?"
        " AND NOT EXISTS (SELECT 1 FROM deliveries o WHERE o.connection = d.connection"
        " AND o.subject = d.subject AND o.state < 2 AND o.id < d.id)"
        " ORDER BY d.due_at, d.id LIMIT ?",
        (connection, now, limit),
    ).fetchall()
    return [row[0] for row in rows]


def _claim(
    db: Database, connection: int, ids: Sequence[int], epoch: int, now: float
) -> tuple[Claimed, ...]:
    marks = ", ".join("?" * len(ids))
    db.execute(
        f"UPDATE deliveries SET state = ?, epoch = ?, changed_at = ?,"
        f" first_try_at = coalesce(first_try_at, ?) WHERE id IN ({marks})",
        (WORKING, epoch, now, now, *ids),
    )
    claimed = load(db, connection, ids)
    for id_ in set(ids) - {item.delivery.id for item in claimed}:
        db.execute(
            "UPDATE deliveries SET state = ?, reason = ?, remedy = ? WHERE id = ?",
            (HELD, "what is stored of it cannot be read", "Update crmwire, then retry.", id_),
        )
    return claimed


def save_attempts(
    db: Database,
    lane: str,
    epoch: int,
    attempts: Mapping[int, str],
    now: float,
    found: Mapping[int, Sequence[Link]] | None = None,
) -> None:
    """Store what is about to be sent. Raises: Fenced.

    `found` are the records that the attempts in whose place these come turned out to have made;
    nothing else would tell of them if the process ended now.

    It is so too for a delivery that this drain no longer works on: its connection may have come
    into another lane meanwhile.
    """
    check_epoch(db, lane, epoch)
    for delivery, attempt in attempts.items():
        mine = db.execute(
            "SELECT d.subject, d.connection FROM deliveries d"
            " JOIN connections c ON c.id = d.connection"
            " WHERE d.id = ? AND d.state = ? AND d.epoch = ? AND c.lane = ?",
            (delivery, WORKING, epoch, lane),
        ).fetchone()
        if mine is None:
            raise Fenced
        db.execute(
            "UPDATE deliveries SET attempt = ?, attempt_open = 1, sent_at = ?, sent_until = NULL"
            " WHERE id = ?",
            (stored.whole(attempt), now, delivery),
        )
        keep_links(db, mine[0], mine[1], (found or {}).get(delivery, ()))

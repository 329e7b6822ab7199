"""Lanes: their drains, of which a newer one fences off the older, and their pauses."""

from __future__ import annotations

from sqlite_utils import Database

from crmwire.errors import CrmwireError
from crmwire.store.states import READY, WORKING


class Fenced(CrmwireError):
    """Another drain of this lane has begun; what this one did is not recorded."""


def begin_drain(db: Database, lane: str, now: float) -> int:
    """Start a drain: a new epoch; what an older one was working on is ready again.

    It may have sent requests until just now: when it began its batch says little of the last.
    """
    row = db.execute(
        "INSERT INTO lanes (name, epoch) VALUES (?, 1) ON CONFLICT DO UPDATE"
        " SET epoch = epoch + 1 RETURNING epoch",
        (lane,),
    ).fetchone()
    for (connection,) in db.execute(
        "SELECT id FROM connections WHERE lane = ?", (lane,)
    ).fetchall():
        db.execute(
            "UPDATE deliveries SET state = ?, sent_until = iif(attempt_open, ?, NULL)"
            " WHERE connection = ? AND state = ?",
            (READY, now, connection, WORKING),
        )
    return int(row[0])


def check_epoch(db: Database, lane: str, epoch: int) -> None:
    """Raises: Fenced if the epoch is old."""
    row = db.execute("SELECT epoch FROM lanes WHERE name = ?", (lane,)).fetchone()
    if row is None or row[0] != epoch:
        raise Fenced


def pause_lane(db: Database, lane: str, until: float, reason: str, code: str = "") -> None:
    """Let nothing of this lane be claimed until then; a later end stays. `code` is the vendor's."""
    db.execute(
        "INSERT INTO lanes (name, paused_until, reason, code) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE"
        " SET paused_until = max(coalesce(paused_until, 0), excluded.paused_until),"
        " reason = excluded.reason, code = excluded.code",
        (lane, until, reason, code),
    )


def resume_lane(db: Database, lane: str, code: str, now: float) -> None:
    """Let a lane go on that rests for a reason of this code, and what was tried in vain for it."""
    db.execute(
        "UPDATE lanes SET paused_until = NULL, reason = NULL, code = NULL"
        " WHERE name = ? AND code = ?",
        (lane, code),
    )
    for connection, subject in db.execute(
        "SELECT DISTINCT connection, subject FROM deliveries WHERE state = 0 AND code = ?"
        " AND connection IN (SELECT id FROM connections WHERE lane = ?)",
        (code, lane),
    ).fetchall():
        db.execute(
            "UPDATE deliveries SET due_at = min(due_at, ?) WHERE connection = ? AND subject = ?"
            " AND state = 0",
            (now, connection, subject),
        )


def rests(db: Database, lane: str, now: float) -> bool:
    """Whether a lane is paused: nothing of it can be claimed."""
    row = db.execute("SELECT paused_until FROM lanes WHERE name = ?", (lane,)).fetchone()
    return row is not None and (row[0] or 0.0) > now


def first_rested(db: Database, now: float) -> float | None:
    """When the first of the lanes and connections that rest now may be drained again."""
    (found,) = db.execute(
        "SELECT min(until) FROM (SELECT paused_until AS until FROM lanes"
        " UNION ALL SELECT paused_until FROM connections) WHERE until > ?",
        (now,),
    ).fetchone()
    return None if found is None else float(found)


def due_lanes(db: Database, now: float) -> list[str]:
    """Lanes with a delivery to claim now, or one that is worked on: if nobody does, it waits."""
    return [
        row[0]
        for row in db.execute(
            "SELECT DISTINCT c.lane FROM connections c LEFT JOIN lanes l ON l.name = c.lane"
            " WHERE c.state = 'ok' AND coalesce(c.paused_until, 0) <= ?"
            " AND coalesce(l.paused_until, 0) <= ? AND (EXISTS (SELECT 1 FROM deliveries d"
            " WHERE d.connection = c.id AND d.state = 0 AND d.due_at <= ?) OR EXISTS"
            " (SELECT 1 FROM deliveries d WHERE d.connection = c.id AND d.state = 1))",
            (now, now, now),
        ).fetchall()
    ]

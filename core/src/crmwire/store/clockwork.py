"""What is stored as a time of day, moved along when the machine's clock is set."""

from __future__ import annotations

import json

from sqlite_utils import Database

from crmwire.store.states import HELD, READY, WORKING

_WAITING = (
    ("lanes", "paused_until"),
    ("connections", "paused_until"),
    ("logins", "retry_at"),
    ("logins", "lease_until"),
    ("polls", "due_at"),
)
_IN_DOUBT = f"attempt_open = 1 AND state IN ({READY}, {WORKING}, {HELD})"
KEPT = 86400.0
"""Seconds back from now in which what crmwire made is remembered."""


def shift(db: Database, seconds: float, now: float) -> None:
    """Let everything that waits wait as long as before; `now` is what the clock says after it.

    Put back, only what lies in the future needs it. When an unanswered write was sent is compared
    with the vendor's times too: it is moved only out of the future, where it cannot have been. For
    how long it is waited for is told by `sent_until`.
    """
    since = now if seconds < 0 else 0.0
    for column in ("due_at", "first_try_at"):
        db.execute(
            f"UPDATE deliveries SET {column} = {column} + ? WHERE state < 2 AND {column} > ?",
            (seconds, since),
        )
    db.execute(
        "UPDATE deliveries SET changed_at = ? WHERE state < 2 AND changed_at > ?", (now, now)
    )
    for table, column in _WAITING:
        db.execute(
            f"UPDATE {table} SET {column} = {column} + ? WHERE {column} > ?", (seconds, since)
        )
    made = now if seconds < 0 else now - seconds - KEPT
    db.execute("UPDATE created SET at = at + ? WHERE at > ?", (seconds, made))
    db.execute("INSERT OR REPLACE INTO meta VALUES ('clock', ?)", (str(now),))
    if seconds < 0:
        for column in ("sent_at", "sent_until"):
            db.execute(
                f"UPDATE deliveries SET {column} = {column} + ? WHERE {_IN_DOUBT} AND {column} > ?",
                (seconds, now),
            )
    else:
        # By the clock of now, writes without an answer were sent a moment ago, not before the jump.
        db.execute(
            "UPDATE deliveries SET sent_until = coalesce(sent_until, sent_at) + ?"
            f" WHERE {_IN_DOUBT} AND coalesce(sent_until, sent_at) <= ?",
            (seconds, now - seconds),
        )


def waits(db: Database) -> frozenset[float]:
    """The times until which lanes, connections and logins wait."""
    return frozenset(
        float(value)
        for table, column in _WAITING
        for (value,) in db.execute(
            f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL"
        ).fetchall()
    )


def shift_rest(db: Database, seconds: float, now: float, known: frozenset[float]) -> None:
    """Once more after the clock was put back: what was noted just then by the time of before.

    That is what was changed in the future, with what waits behind it, and waits that were not
    there (`known`) when all was moved.
    """
    rows = db.execute(
        "SELECT DISTINCT connection, subject FROM deliveries"
        " WHERE state < 2 AND due_at > ? AND changed_at > ?",
        (now, now),
    ).fetchall()
    for connection, subject in rows:
        db.execute(
            "UPDATE deliveries SET due_at = due_at + ?, changed_at = min(changed_at, ?)"
            " WHERE connection = ? AND subject = ? AND state < 2 AND due_at > ?",
            (seconds, now, connection, subject, now),
        )
    for table, column in _WAITING:
        for (value,) in db.execute(
            f"SELECT DISTINCT {column} FROM {table} WHERE {column} > ?", (now - seconds - 5,)
        ).fetchall():
            if float(value) not in known:
                db.execute(
                    f"UPDATE {table} SET {column} = {column} + ? WHERE {column} = ?",
                    (seconds, value),
                )


def remember(db: Database, seconds: float, known: frozenset[float]) -> None:
    """Note that `shift_rest` is still to be done, for a daemon that is killed before it was."""
    note = json.dumps([seconds, sorted(known)])
    db.execute("INSERT OR REPLACE INTO meta VALUES ('clock rest', ?)", (note,))


def remembered(db: Database) -> tuple[float, frozenset[float]] | None:
    """What `remember` noted, until `forget`."""
    found = db.execute("SELECT value FROM meta WHERE name = 'clock rest'").fetchone()
    if found is None:
        return None
    seconds, known = json.loads(found[0])
    return float(seconds), frozenset(float(value) for value in known)


def forget(db: Database) -> None:
    """All is moved along."""
    db.execute("DELETE FROM meta WHERE name = 'clock rest'")


def latest(db: Database) -> float:
    """The time of day when something was last noted here, by the clock of then."""
    (found,) = db.execute(
        "SELECT max("
        " coalesce((SELECT received_at FROM events ORDER BY id DESC LIMIT 1), 0),"
        " coalesce((SELECT at FROM history ORDER BY id DESC LIMIT 1), 0),"
        " coalesce((SELECT cast(value AS REAL) FROM meta WHERE name = 'clock'), 0))"
    ).fetchone()
    return float(found)

"""What is stored as a time of day, moved along when the machine's clock is set."""

from __future__ import annotations

from sqlite_utils import Database

KEPT = 86400.0
"""Seconds back from now in which what crmwire made is remembered."""


def shift(db: Database, seconds: float, now: float) -> None:
    """Let everything that waits wait as long as before; `now` is what the clock says after it.

    Put back, only what lies in the future needs it. When an unanswered write was sent is compared
    with the vendor's times too: it is moved only out of the future, where it cannot have been.
    """
    since = now if seconds < 0 else 0.0
    for column in ("due_at", "first_try_at"):
        db.execute(
            f"UPDATE deliveries SET {column} = {column} + ? WHERE state = 0 AND {column} > ?",
            (seconds, since),
        )
    for table, column in (
        ("lanes", "paused_until"),
        ("connections", "paused_until"),
        ("logins", "retry_at"),
        ("logins", "lease_until"),
        ("polls", "due_at"),
    ):
        db.execute(
            f"UPDATE {table} SET {column} = {column} + ? WHERE {column} > ?", (seconds, since)
        )
    made = now if seconds < 0 else now - seconds - KEPT
    db.execute("UPDATE created SET at = at + ? WHERE at > ?", (seconds, made))
    db.execute("INSERT OR REPLACE INTO meta VALUES ('clock', ?)", (str(now),))
    if seconds < 0:
        db.execute(
            "UPDATE deliveries SET sent_at = sent_at + ?"
            " WHERE state < 2 AND attempt_open = 1 AND sent_at > ?",
            (seconds, now),
        )


def latest(db: Database) -> float:
    """The time of day when something was last noted here, by the clock of then."""
    (found,) = db.execute(
        "SELECT max("
        " coalesce((SELECT received_at FROM events ORDER BY id DESC LIMIT 1), 0),"
        " coalesce((SELECT at FROM history ORDER BY id DESC LIMIT 1), 0),"
        " coalesce((SELECT cast(value AS REAL) FROM meta WHERE name = 'clock'), 0))"
    ).fetchone()
    return float(found)

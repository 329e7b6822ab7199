"""What is stored as a time of day, moved along when the machine's clock is set."""

from __future__ import annotations

from sqlite_utils import Database


def shift(db: Database, seconds: float, now: float) -> None:
    """Let everything that waits wait as long as before; `now` is what the clock says after it.

    When an unanswered write was sent is compared with the vendor's times too: it is moved only
    out of the future, where it cannot have been.
    """
    db.execute(
        "UPDATE deliveries SET due_at = due_at + ?, first_try_at = first_try_at + ?"
        " WHERE state = 0",
        (seconds, seconds),
    )
    db.execute(
        "UPDATE deliveries SET sent_at = min(sent_at, max(sent_at + ?, 0))"
        " WHERE attempt_open = 1 AND sent_at > ?",
        (seconds, now),
    )
    for table in ("lanes", "connections"):
        db.execute(
            f"UPDATE {table} SET paused_until = paused_until + ? WHERE paused_until IS NOT NULL",
            (seconds,),
        )
    db.execute(
        "UPDATE logins SET retry_at = retry_at + ?, lease_until = lease_until + ?",
        (seconds, seconds),
    )
    db.execute("UPDATE polls SET due_at = due_at + ?", (seconds,))
    db.execute("UPDATE created SET at = at + ?", (seconds,))


def last_event(db: Database) -> float | None:
    """When, by the clock of then, the newest event came in."""
    row = db.execute("SELECT received_at FROM events ORDER BY id DESC LIMIT 1").fetchone()
    return None if row is None else float(row[0])

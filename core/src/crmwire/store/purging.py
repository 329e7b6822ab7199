"""Old payloads: what an event told is removed when it was carried long ago; that it was, stays."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from crmwire.store import tombstones
from crmwire.store.records import REMEMBERED_FOR

REMOVED = "kept no longer"
_OPEN_OR_HELD = "(0, 1, 4)"


def retention(db: Database) -> int | None:
    """How many days payloads are kept; None: as long as the data folder."""
    row = db.execute("SELECT value FROM meta WHERE name = 'retention_days'").fetchone()
    return int(row[0]) if row else None


def set_retention(db: Database, days: int | None) -> None:
    if days is None:
        db.execute("DELETE FROM meta WHERE name = 'retention_days'")
    else:
        db.execute("INSERT OR REPLACE INTO meta VALUES ('retention_days', ?)", (str(days),))


_EVENTS = (
    "SELECT e.id FROM events e WHERE e.received_at < ? AND (e.snapshot IS NOT NULL"
    " OR (e.ignored IS NOT NULL AND instr(e.event, '\"removed\":') = 0))"
    f" AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event = e.id"
    f" AND d.state IN {_OPEN_OR_HELD})"
)
_SUBJECTS = (
    "SELECT s.id, s.details FROM subjects s WHERE s.details != '{}' AND NOT EXISTS"
    " (SELECT 1 FROM events e WHERE e.subject = s.id"
    " AND (e.received_at >= ? OR e.snapshot IS NOT NULL))"
)


def old_events(db: Database, before: float, after: int, limit: int) -> list[int]:
    """Events to be emptied: older, and with no delivery that waits, is worked on or held."""
    rows = db.execute(f"{_EVENTS} AND e.id > ? ORDER BY e.id LIMIT ?", (before, after, limit))
    return [row[0] for row in rows.fetchall()]


def purge_events(db: Database, before: float, ids: Sequence[int]) -> int:
    """Empty those of these events that may be, and all that was made of them; how many."""
    marks = ", ".join("?" * len(ids))
    done = db.execute(f"{_EVENTS} AND e.id IN ({marks})", (before, *ids)).fetchall()
    for (id_,) in done:
        tombstones.empty_event(db, id_, REMOVED)
        db.execute(
            "DELETE FROM history WHERE delivery IN (SELECT id FROM deliveries WHERE event = ?)",
            (id_,),
        )
        db.execute(
            "UPDATE deliveries SET attempt = NULL, attempt_open = 0, chosen = NULL, remedy = NULL,"
            " reason = CASE WHEN failure IS NULL THEN reason ELSE ? END WHERE event = ?",
            (REMOVED, id_),
        )
    return len(done)


def old_subjects(db: Database, before: float, after: int, limit: int) -> list[int]:
    """Bookings that ended before then, and tickets without an event since then.

    Only those whose events were emptied. Their ids, their links to records and how they stand
    stay, so that a late event finds them.
    """
    rows = db.execute(f"{_SUBJECTS} AND s.id > ? ORDER BY s.id LIMIT ?", (before, after, limit))
    return [row[0] for row in rows.fetchall()]


def purge_subjects(db: Database, before: float, ids: Sequence[int]) -> int:
    """Empty those of these subjects that may be; how many."""
    marks = ", ".join("?" * len(ids))
    rows = db.execute(f"{_SUBJECTS} AND s.id IN ({marks})", (before, *ids)).fetchall()
    done = [id_ for id_, details in rows if _ends(json.loads(details)) < before]
    for id_ in done:
        db.execute("UPDATE subjects SET details = '{}' WHERE id = ?", (id_,))
    return len(done)


def _ends(details: dict[str, Any]) -> float:
    booking = details.get("booking") or {}
    times = [booking[name] for name in ("start", "end") if booking.get(name)]
    return max((datetime.fromisoformat(one).timestamp() for one in times), default=0.0)


def purge_webhooks(db: Database, before: float, limit: int) -> int:
    """Remove webhooks that nobody could read and that came in before then."""
    return db.execute(
        "DELETE FROM unreadable WHERE id IN (SELECT id FROM unreadable WHERE received_at < ?"
        " ORDER BY received_at LIMIT ?)",
        (before, limit),
    ).rowcount


def purge_memory(db: Database, now: float, limit: int) -> int:
    """Remove what is asked no more: keys of records made a day ago, expired caches, old halves."""
    made = db.execute(
        "DELETE FROM created WHERE (lane, type, key, value) IN"
        " (SELECT lane, type, key, value FROM created WHERE at < ? LIMIT ?)",
        (now - REMEMBERED_FOR, limit),
    ).rowcount
    cached = db.execute(
        "DELETE FROM cache WHERE (connection, key) IN"
        " (SELECT connection, key FROM cache WHERE expires_at < ? LIMIT ?)",
        (now, limit),
    ).rowcount
    halves = db.execute(
        "DELETE FROM halves WHERE (feed, key, half, alias) IN"
        " (SELECT feed, key, half, alias FROM halves WHERE kept_until < ? LIMIT ?)",
        (now, limit),
    ).rowcount
    return max(made, cached, halves)

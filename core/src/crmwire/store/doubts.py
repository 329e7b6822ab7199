"""What may have been made: attempts that were sent and not answered."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlite_utils import Database

from crmwire.store.states import HELD


def held_in_doubt(db: Database, connection: int, subjects: Sequence[int]) -> dict[int, list[int]]:
    """The held deliveries of each subject that may have made records, nobody knows."""
    found: dict[int, list[int]] = {}
    for subject, id_, attempt in db.execute(
        "SELECT subject, id, attempt FROM deliveries WHERE attempt_open = 1 AND connection = ?"
        f" AND subject IN ({', '.join('?' * len(subjects))}) AND state = {HELD}",
        (connection, *subjects),
    ).fetchall():
        if any(one["write"].get("action") == "create" for one in _entries(attempt)):
            found.setdefault(subject, []).append(id_)
    return found


def being_made(db: Database, lane: str, since: float) -> dict[str, float]:
    """The keys of people and companies that unanswered attempts may be making, and since when.

    Only attempts sent after `since` count: what older ones made can be looked up. A key is
    `role:field=value` in lower case, of every text that is written: another booking may tell the
    same company by another key.
    """
    found: dict[str, float] = {}
    for attempt, sent_at in db.execute(
        "SELECT d.attempt, d.sent_at FROM connections c JOIN deliveries d ON d.connection = c.id"
        " AND d.attempt_open = 1 WHERE c.lane = ? AND d.sent_at > ?",
        (lane, since),
    ).fetchall():
        for entry in _entries(attempt):
            write = entry["write"]
            role = write.get("role")
            if write.get("action") == "create" and role in ("person", "company"):
                given = write.get("fields", {}).items()
                texts = [
                    f"{role}:{name}={text.strip()}" for name, text in given if isinstance(text, str)
                ]
                for key in (one.lower() for one in (write["key"], *texts)):
                    found[key] = max(sent_at, found.get(key, 0.0))
    return found


def _entries(attempt: str | None) -> list[dict[str, Any]]:
    try:
        entries = json.loads(attempt or "{}").get("writes", [])
        return [one for one in entries if isinstance(one.get("write"), dict)]
    except (ValueError, AttributeError):
        return []

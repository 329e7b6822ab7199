"""What may have been made: attempts that were sent and not answered."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from attrs import evolve, frozen
from sqlite_utils import Database

from crmwire.store.states import HELD, READY, WORKING


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


LOOKED_UP_WITHIN = 3600.0
"""Seconds in which others wait for what an unanswered attempt turns out to have made."""


@frozen
class Making:
    """Which attempts may be making a record.

    `lately`: when the newest of those was sent that may still be under way, if there is one.
    `open`: when those were sent whose delivery is to find out what came of it, with its
    connection and subject.
    """

    lately: float | None = None
    open: tuple[tuple[float, int, int], ...] = ()


def being_made(db: Database, lane: str, since: float, now: float) -> dict[str, Making]:
    """The keys of people and companies that unanswered attempts may be making.

    What was sent after `since` may still be under way. A key is `role:field=value` in lower case,
    of every text that is written: another booking may tell the same company by another key.
    """
    found: dict[str, Making] = {}
    for attempt, sent_at, until, state, connection, subject in db.execute(
        "SELECT d.attempt, d.sent_at, coalesce(d.sent_until, d.sent_at) AS until, d.state, c.id,"
        " d.subject FROM connections c"
        " JOIN deliveries d ON d.connection = c.id AND d.attempt_open = 1"
        " WHERE c.lane = ? AND until > ?"
        f" AND (until > ? OR d.state IN ({READY}, {WORKING}))",
        (lane, min(since, now - LOOKED_UP_WITHIN), since),
    ).fetchall():
        for entry in _entries(attempt):
            write = entry["write"]
            role = write.get("role")
            if write.get("action") == "create" and role in ("person", "company"):
                given = write.get("fields", {}).items()
                texts = [
                    f"{role}:{name}={text.strip()}" for name, text in given if isinstance(text, str)
                ]
                for key in {one.lower() for one in (write["key"], *texts)}:
                    known = found.get(key, Making())
                    if until > since:
                        known = evolve(known, lately=max(until, known.lately or until))
                    if state != HELD:
                        known = evolve(known, open=(*known.open, (sent_at, connection, subject)))
                    found[key] = known
    return found


def _entries(attempt: str | None) -> list[dict[str, Any]]:
    try:
        entries = json.loads(attempt or "{}").get("writes", [])
        return [one for one in entries if isinstance(one.get("write"), dict)]
    except (ValueError, AttributeError):
        return []

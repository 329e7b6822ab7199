"""How far each polled feed was read, and how its source answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import frozen
from sqlite_utils import Database

from crmwire.store import accepting
from crmwire.store.accepting import Accepted

if TYPE_CHECKING:
    from crmwire.types import Event, Json


@frozen(kw_only=True)
class PollRow:
    """How a feed's polling stands; times in seconds since 1970.

    `told` counts the events that came in by it. `failures` counts those in a row, and `failure`
    names the kind of the last one; all is well while it is None.
    """

    feed: int
    cursor: Json = None
    due_at: float = 0.0
    asked_at: float | None = None
    answered_at: float | None = None
    told: int = 0
    failures: int = 0
    failure: str | None = None
    problem: str | None = None
    remedy: str | None = None


_COLUMNS = "feed, cursor, due_at, asked_at, answered_at, told, failures, failure, problem, remedy"


def rows(db: Database) -> dict[int, PollRow]:
    """How every feed stands that was asked before, by the feed's id."""
    found = db.execute(
        f"SELECT {', '.join(f'p.{name}' for name in _COLUMNS.split(', '))} FROM polls p"
        " JOIN feeds f ON f.id = p.feed WHERE f.removed_at IS NULL"
    ).fetchall()
    return {
        row[0]: PollRow(
            feed=row[0],
            cursor=json.loads(row[1]),
            due_at=row[2],
            asked_at=row[3],
            answered_at=row[4],
            told=row[5],
            failures=row[6],
            failure=row[7],
            problem=row[8],
            remedy=row[9],
        )
        for row in found
    }


def take_in(
    db: Database, feed: int, events: Sequence[Event], cursor: Json, due_at: float, now: float
) -> list[Accepted]:
    """Accept what a source told, and remember how far it was read: both or neither."""
    gone = db.execute("SELECT 1 FROM feeds WHERE id = ? AND removed_at IS NULL", (feed,))
    if gone.fetchone() is None:
        return []  # removed while it was asked
    answers = accepting.accept(db, feed, events, now)
    fresh = sum(not one.duplicate for one in answers)
    db.execute(
        f"INSERT INTO polls ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, 0, NULL, NULL, NULL)"
        " ON CONFLICT DO UPDATE SET cursor = excluded.cursor, due_at = excluded.due_at,"
        " asked_at = excluded.asked_at, answered_at = excluded.answered_at,"
        " told = told + excluded.told, failures = 0, failure = NULL, problem = NULL, remedy = NULL",
        (feed, json.dumps(cursor), due_at, now, now, fresh),
    )
    return answers


def failed(
    db: Database,
    feed: int,
    *,
    failure: str,
    problem: str,
    remedy: str,
    due_at: float,
    now: float,
) -> None:
    """Remember that the source did not tell, and when it is asked again; the cursor stays."""
    db.execute(
        f"INSERT INTO polls ({_COLUMNS}) VALUES (?, 'null', ?, ?, NULL, 0, 1, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET due_at = excluded.due_at, asked_at = excluded.asked_at,"
        " failures = failures + 1, failure = excluded.failure, problem = excluded.problem,"
        " remedy = excluded.remedy",
        (feed, due_at, now, failure, problem, remedy),
    )


def ask_soon(db: Database, feed: int) -> None:
    """Let a feed be asked at once: its token or its settings are new."""
    db.execute("UPDATE polls SET due_at = 0 WHERE feed = ?", (feed,))

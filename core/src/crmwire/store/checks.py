"""What was last checked, what it found, and when the next check is due."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from attrs import frozen
from sqlite_utils import Database


@frozen(kw_only=True)
class CheckRow:
    """The last check of a connection or feed. `state`: ok, warning, error, login, later."""

    owner: str
    checked_at: float
    next_at: float
    state: str
    findings: tuple[Mapping[str, str], ...]


def checks(db: Database) -> dict[str, CheckRow]:
    rows = db.execute("SELECT owner, checked_at, next_at, state, findings FROM checks").fetchall()
    return {
        row[0]: CheckRow(
            owner=row[0],
            checked_at=row[1],
            next_at=row[2],
            state=row[3],
            findings=tuple(json.loads(row[4])),
        )
        for row in rows
    }


def failed_checks(db: Database) -> list[tuple[str, str, int]]:
    """Checks that found errors: (owner, state, how many errors)."""
    found = []
    for owner, state, findings in db.execute(
        "SELECT owner, state, findings FROM checks WHERE state IN ('error', 'vault')"
        " OR (state = 'login' AND owner LIKE 'feed/%')"
    ).fetchall():
        errors = [one for one in json.loads(findings) if one.get("level") == "error"]
        found.append((owner, state, len(errors)))
    return found


def save_check(db: Database, row: CheckRow) -> None:
    db.execute(
        "INSERT OR REPLACE INTO checks VALUES (?, ?, ?, ?, ?)",
        (
            row.owner,
            row.checked_at,
            row.next_at,
            row.state,
            json.dumps([dict(one) for one in row.findings], ensure_ascii=False),
        ),
    )


_SELDOM = 600.0


def hasten(db: Database, owners: Sequence[str], now: float) -> None:
    """Let these be checked soon, unless they were a few minutes ago."""
    for owner in owners:
        db.execute(
            "INSERT INTO checks VALUES (?, 0, ?, 'never', '[]') ON CONFLICT DO UPDATE"
            " SET next_at = min(next_at, excluded.next_at) WHERE checked_at < ?",
            (owner, now, now - _SELDOM),
        )


def due_checks(db: Database, now: float) -> list[tuple[str, str, float | None]]:
    """Connections and feeds to check: (owner, name, due since; None if never checked).

    Those that wait for a login, or were disconnected, are not asked in vain.
    """
    rows = db.execute(
        "SELECT 'connection/' || c.id, c.name, k.next_at FROM connections c LEFT JOIN checks k"
        " ON k.owner = 'connection/' || c.id WHERE c.state = 'ok'"
        " AND coalesce(k.next_at, 0) <= ? UNION ALL"
        " SELECT 'feed/' || f.id, f.name, k.next_at FROM feeds f LEFT JOIN checks k"
        " ON k.owner = 'feed/' || f.id WHERE f.removed_at IS NULL"
        " AND coalesce(k.next_at, 0) <= ? ORDER BY 3",
        (now, now),
    ).fetchall()
    return [(row[0], row[1], row[2]) for row in rows]

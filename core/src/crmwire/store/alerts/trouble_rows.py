"""What is or was wrong, and who was told of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen
from sqlite_utils import Database

from crmwire.store.alerts.target_rows import TargetRow, targets

KEPT_FOR = 90 * 86400.0
"""Seconds for which what is over stays readable."""


@frozen(kw_only=True)
class TroubleRow:
    """Something that is or was wrong. `ended`: `well`, or `gone` with what it was about."""

    id: int
    about: str
    kind: str
    team: str
    name: str
    opened_at: float
    well_since: float | None = None
    closed_at: float | None = None
    ended: str | None = None


@frozen(kw_only=True)
class Standing:
    """All that decides about alerts: what is wrong, who hears, what they heard.

    `told` holds (target, trouble) -> when the end was told; `recent` when notices of (target,
    event, kind) were made within a day; `lately` how often (target, about) was told in it.
    """

    troubles: tuple[TroubleRow, ...]
    targets: tuple[TargetRow, ...]
    told: Mapping[tuple[int, int], float | None]
    recent: Mapping[tuple[int, str, str], Sequence[float]]
    lately: Mapping[tuple[int, str], int]


_TROUBLES = (
    "SELECT id, about, kind, team, name, opened_at, well_since, closed_at, ended FROM troubles t"
)


def _trouble(row: Sequence[Any]) -> TroubleRow:
    return TroubleRow(
        id=row[0],
        about=row[1],
        kind=row[2],
        team=row[3],
        name=row[4],
        opened_at=row[5],
        well_since=row[6],
        closed_at=row[7],
        ended=row[8],
    )


def open_troubles(db: Database) -> list[TroubleRow]:
    rows = db.execute(f"{_TROUBLES} WHERE closed_at IS NULL ORDER BY opened_at, id").fetchall()
    return [_trouble(row) for row in rows]


def standing(db: Database, now: float) -> Standing:
    """What is open, and what is over but was not yet said to be."""
    over = db.execute(
        f"{_TROUBLES} WHERE closed_at IS NOT NULL AND id IN"
        " (SELECT trouble FROM told WHERE ended_at IS NULL) ORDER BY id"
    ).fetchall()
    troubles = [*open_troubles(db), *(_trouble(row) for row in over)]
    told: dict[tuple[int, int], float | None] = {}
    for one in troubles:
        for target_id, ended_at in db.execute(
            "SELECT target, ended_at FROM told WHERE trouble = ?", (one.id,)
        ).fetchall():
            told[(target_id, one.id)] = ended_at
    recent: dict[tuple[int, str, str], list[float]] = {}
    for target_id, event, kind, at in db.execute(
        "SELECT target, event, kind, created_at FROM notices WHERE created_at > ?", (now - 86400,)
    ).fetchall():
        recent.setdefault((target_id, event, kind), []).append(at)
    lately = {
        (row[0], row[1]): row[2]
        for row in db.execute(
            "SELECT o.target, t.about, count(*) FROM troubles t JOIN told o ON o.trouble = t.id"
            " WHERE t.opened_at > ? AND o.at > ? GROUP BY o.target, t.about",
            (now - 2 * 86400, now - 86400),
        ).fetchall()
    }
    return Standing(
        troubles=tuple(troubles),
        targets=tuple(targets(db)),
        told=told,
        recent=recent,
        lately=lately,
    )


def purge(db: Database, now: float) -> None:
    """Forget what has been over for long."""
    old = now - KEPT_FOR
    db.execute("DELETE FROM notices WHERE done_at < ?", (old,))
    db.execute(
        "DELETE FROM told WHERE trouble IN (SELECT id FROM troubles WHERE closed_at < ?)", (old,)
    )
    db.execute("DELETE FROM troubles WHERE closed_at < ?", (old,))

"""What was decided about troubles and notices, carried out in one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import frozen
from sqlite_utils import Database

from crmwire.store.alerts.notice_rows import NewNotice, add_notice


@frozen(kw_only=True)
class Opening:
    """A trouble that begins."""

    about: str
    kind: str
    team: str
    name: str


@frozen(kw_only=True)
class Decision:
    """What changes, all in one transaction: nothing is told that is not remembered as told."""

    openings: tuple[Opening, ...] = ()
    well: tuple[int, ...] = ()
    """Troubles that are not seen any more; they may come back."""
    back: tuple[int, ...] = ()
    """Troubles that are seen again, before anybody was told that they were over."""
    closings: tuple[tuple[int, str], ...] = ()
    """Troubles that are over, and how they ended."""
    silent: tuple[tuple[int, int], ...] = ()
    """(target, trouble) whose end need not be told."""
    notices: tuple[NewNotice, ...] = ()
    digests: tuple[tuple[int, float | None], ...] = ()
    """When each target's next digest is due."""

    @property
    def empty(self) -> bool:
        return self == Decision()


def record(db: Database, made: Decision, now: float) -> None:
    """Carry out a decision."""
    for one in made.openings:
        db.execute(
            "INSERT INTO troubles (about, kind, team, name, opened_at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            (one.about, one.kind, one.team, one.name, now),
        )
    _each(db, "UPDATE troubles SET well_since = ? WHERE id = ?", [(now, id_) for id_ in made.well])
    _each(
        db,
        "UPDATE troubles SET well_since = NULL, closed_at = NULL, ended = NULL WHERE id = ?",
        [(id_,) for id_ in made.back],
    )
    _each(
        db,
        "UPDATE troubles SET closed_at = ?, ended = ? WHERE id = ?",
        [(now, ended, id_) for id_, ended in made.closings],
    )
    _each(
        db,
        "UPDATE told SET ended_at = ? WHERE target = ? AND trouble = ?",
        [(now, *pair) for pair in made.silent],
    )
    for notice in made.notices:
        if not db.execute("SELECT 1 FROM alert_targets WHERE id = ?", (notice.target,)).fetchone():
            continue
        if notice.event == "digest":
            _supersede_digests(db, notice.target, now)
        add_notice(db, notice, now)
        _remember_told(db, notice, now)
    for target_id, due in made.digests:
        db.execute("UPDATE alert_targets SET digest_at = ? WHERE id = ?", (due, target_id))


def _each(db: Database, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    for row in rows:
        db.execute(statement, row)


def _supersede_digests(db: Database, target_id: int, now: float) -> None:
    """A digest that could not be sent yet is outdated by the next one."""
    db.execute(
        "UPDATE notices SET done_at = ?, outcome = 'superseded' WHERE target = ?"
        " AND event = 'digest' AND done_at IS NULL AND taken_until IS NULL",
        (now, target_id),
    )


def _remember_told(db: Database, notice: NewNotice, now: float) -> None:
    for about in notice.begun:
        db.execute(
            "INSERT INTO told (target, trouble, at) SELECT ?, id, ? FROM troubles"
            " WHERE about = ? AND closed_at IS NULL ON CONFLICT DO NOTHING",
            (notice.target, now, about),
        )
    for id_ in notice.ended:
        db.execute(
            "UPDATE told SET ended_at = ? WHERE target = ? AND trouble = ?",
            (now, notice.target, id_),
        )

"""What is wrong, whom to tell of it, and what was told: all of it outlives a restart."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from attrs import frozen
from sqlite_utils import Database

from crmwire.errors import ConfigurationError, UnknownName

Digest = Literal["daily", "weekly", "off"]
EVERY_TEAM = "*"
"""The team of a target that hears of all teams."""
KEPT_FOR = 90 * 86400.0
"""Seconds for which what is over stays readable."""


# ---------------------------------------------------------------- targets


@frozen(kw_only=True)
class TargetRow:
    """Where alerts go; the address is in the vault under `alert/ID`. Times in seconds."""

    id: int
    name: str
    team: str
    kind: str
    service: str
    digest: Digest
    digest_at: float | None
    problem: str | None
    failing_since: float | None

    @property
    def owner(self) -> str:
        return f"alert/{self.id}"

    def hears_of(self, team: str) -> bool:
        """Whether what happens to this team is told here; what is nobody's is told everywhere."""
        return self.team in (EVERY_TEAM, team) or not team


_TARGETS = (
    "SELECT id, name, team, kind, service, digest, digest_at, problem, failing_since"
    " FROM alert_targets"
)


def _target(row: Sequence[Any]) -> TargetRow:
    return TargetRow(
        id=row[0],
        name=row[1],
        team=row[2],
        kind=row[3],
        service=row[4],
        digest=row[5],
        digest_at=row[6],
        problem=row[7],
        failing_since=row[8],
    )


def targets(db: Database) -> list[TargetRow]:
    return [_target(row) for row in db.execute(f"{_TARGETS} ORDER BY name").fetchall()]


def target(db: Database, name: str) -> TargetRow:
    """Raises: UnknownName."""
    for row in targets(db):
        if row.name == name:
            return row
    known = ", ".join(row.name for row in targets(db))
    raise UnknownName(
        f"There is no alert {name!r}.",
        remedy=f"There are: {known}." if known else "There is none yet: `crmwire alert add`.",
    )


def insert_target(
    db: Database, *, name: str, team: str, kind: str, service: str, digest: str, now: float
) -> int:
    """Raises: ConfigurationError if the name is taken."""
    if db.execute("SELECT 1 FROM alert_targets WHERE name = ?", (name,)).fetchone():
        raise ConfigurationError(
            f"There is an alert {name!r} already.",
            remedy=f"Use another name, or remove it first: `crmwire alert remove {name}`.",
        )
    row = db.execute(
        "INSERT INTO alert_targets (name, team, kind, service, digest, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
        (name, team, kind, service, digest, now),
    ).fetchone()
    return int(row[0])


def update_target(db: Database, id_: int, *, digest: str, service: str) -> None:
    """Change how a target hears; the next digest is planned anew."""
    db.execute(
        "UPDATE alert_targets SET digest = ?, service = ?, digest_at = NULL, problem = NULL,"
        " failing_since = NULL WHERE id = ?",
        (digest, service, id_),
    )


def delete_target(db: Database, id_: int) -> None:
    db.execute("DELETE FROM secrets WHERE owner = ?", (f"alert/{id_}",))
    for table in ("told", "notices"):
        db.execute(f"DELETE FROM {table} WHERE target = ?", (id_,))
    db.execute("DELETE FROM alert_targets WHERE id = ?", (id_,))


# ---------------------------------------------------------------- troubles and what was told


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


@frozen(kw_only=True)
class Opening:
    """A trouble that begins."""

    about: str
    kind: str
    team: str
    name: str


@frozen(kw_only=True)
class NewNotice:
    """A message to one target. `begun` are the troubles it tells of, by what they are about;
    `ended` the ids of those that it says are over."""

    target: int
    event: Literal["trouble", "well", "digest", "test"]
    kind: str
    uid: str
    title: str
    body: str
    data: Mapping[str, Any]
    begun: tuple[str, ...] = ()
    ended: tuple[int, ...] = ()


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


# ---------------------------------------------------------------- notices on their way


@frozen(kw_only=True)
class NoticeRow:
    """A message that waits to be sent, or was."""

    id: int
    target: int
    event: str
    uid: str
    title: str
    body: str
    data: Mapping[str, Any]
    created_at: float
    tries: int
    done_at: float | None
    outcome: str | None
    problem: str | None
    taken_until: float | None


_NOTICES = (
    "SELECT id, target, event, uid, title, body, data, created_at, tries, done_at, outcome,"
    " problem, taken_until FROM notices"
)


def _notice(row: Sequence[Any]) -> NoticeRow:
    return NoticeRow(
        id=row[0],
        target=row[1],
        event=row[2],
        uid=row[3],
        title=row[4],
        body=row[5],
        data=json.loads(row[6]),
        created_at=row[7],
        tries=row[8],
        done_at=row[9],
        outcome=row[10],
        problem=row[11],
        taken_until=row[12],
    )


def add_notice(
    db: Database, notice: NewNotice, now: float, *, taken_until: float | None = None
) -> int:
    row = db.execute(
        "INSERT INTO notices (target, event, kind, uid, title, body, data, created_at, due_at,"
        " taken_until, tries) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            notice.target,
            notice.event,
            notice.kind,
            notice.uid,
            notice.title,
            notice.body,
            json.dumps(notice.data, ensure_ascii=False),
            now,
            now,
            taken_until,
            0 if taken_until is None else 1,
        ),
    ).fetchone()
    return int(row[0])


def notice(db: Database, id_: int) -> NoticeRow | None:
    row = db.execute(f"{_NOTICES} WHERE id = ?", (id_,)).fetchone()
    return None if row is None else _notice(row)


def notices(db: Database, limit: int = 50) -> list[NoticeRow]:
    """The newest, newest first."""
    return [
        _notice(row)
        for row in db.execute(f"{_NOTICES} ORDER BY id DESC LIMIT ?", (limit,)).fetchall()
    ]


def due_notices(db: Database, now: float) -> list[NoticeRow]:
    """The oldest unsent notice of each target, if it is due and nobody is sending it."""
    rows = db.execute(
        f"{_NOTICES} WHERE id IN (SELECT min(id) FROM notices WHERE done_at IS NULL"
        " GROUP BY target) AND due_at <= ? AND coalesce(taken_until, 0) <= ?",
        (now, now),
    ).fetchall()
    return [_notice(row) for row in rows]


def take_notice(db: Database, id_: int, now: float, until: float) -> int | None:
    """Reserve a notice for one sender, which has until then; None if another has it.

    Returns the number of the attempt that begins so.
    """
    row = db.execute(
        "UPDATE notices SET taken_until = ?, tries = tries + 1 WHERE id = ? AND done_at IS NULL"
        " AND coalesce(taken_until, 0) <= ? RETURNING tries",
        (until, id_, now),
    ).fetchone()
    return None if row is None else int(row[0])


def notice_sent(db: Database, id_: int, now: float) -> None:
    row = db.execute(
        "UPDATE notices SET done_at = ?, outcome = 'sent', taken_until = NULL, problem = NULL"
        " WHERE id = ? AND done_at IS NULL RETURNING target",
        (now, id_),
    ).fetchone()
    if row is not None:
        db.execute(
            "UPDATE alert_targets SET problem = NULL, failing_since = NULL WHERE id = ?", (row[0],)
        )


def notice_failed(
    db: Database, id_: int, attempt: int, now: float, problem: str, retry_at: float | None
) -> None:
    """Try again at `retry_at`, or give the notice up; unless another attempt has begun."""
    row = db.execute(
        "UPDATE notices SET due_at = coalesce(?, due_at), taken_until = NULL, problem = ?,"
        " done_at = CASE WHEN ? IS NULL THEN ? END,"
        " outcome = CASE WHEN ? IS NULL THEN 'failed' END"
        " WHERE id = ? AND tries = ? AND done_at IS NULL RETURNING target",
        (retry_at, problem, retry_at, now, retry_at, id_, attempt),
    ).fetchone()
    if row is not None:
        db.execute(
            "UPDATE alert_targets SET problem = ?, failing_since = coalesce(failing_since, ?)"
            " WHERE id = ?",
            (problem, now, row[0]),
        )


def purge(db: Database, now: float) -> None:
    """Forget what has been over for long."""
    old = now - KEPT_FOR
    db.execute("DELETE FROM notices WHERE done_at < ?", (old,))
    db.execute(
        "DELETE FROM told WHERE trouble IN (SELECT id FROM troubles WHERE closed_at < ?)", (old,)
    )
    db.execute("DELETE FROM troubles WHERE closed_at < ?", (old,))

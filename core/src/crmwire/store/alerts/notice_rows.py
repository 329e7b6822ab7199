"""Messages on their way to targets: what waits, what is being sent, what became of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from attrs import frozen
from sqlite_utils import Database


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

"""Whom to tell of what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from attrs import frozen
from sqlite_utils import Database

from crmwire.errors import ConfigurationError, UnknownName

Digest = Literal["daily", "weekly", "off"]
EVERY_TEAM = "*"
"""The team of a target that hears of all teams."""


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

"""Connections as stored, and how each of them is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import cattrs
from attrs import frozen
from sqlite_utils import Database

from crmwire import stored
from crmwire.errors import UnknownName
from crmwire.store.setup.names import require_free, unknown
from crmwire.store.setup.route_rows import remove_route
from crmwire.types import ConnectionReport


@frozen(kw_only=True)
class ConnectionRow:
    """A connection as stored; its token is in the vault under `connection/ID`."""

    id: int
    name: str
    team: str
    crm: str
    lane: str
    settings: Mapping[str, Any]
    report: ConnectionReport | None
    state: str
    problem: str | None
    remedy: str | None
    paused_until: float | None

    @property
    def owner(self) -> str:
        return f"connection/{self.id}"

    @property
    def account(self) -> str | None:
        """The id of its CRM account, once the CRM has told it: its links and lane are of that."""
        known = self.lane != f"connection:{self.id}"
        return self.lane.removeprefix(f"{self.crm}:") if known else None


_CONNECTIONS = (
    "SELECT id, name, team, crm, lane, settings, report, state, problem, remedy, paused_until"
    " FROM connections"
)


def _connection(row: tuple[Any, ...]) -> ConnectionRow:
    return ConnectionRow(
        id=row[0],
        name=row[1],
        team=row[2],
        crm=row[3],
        lane=row[4],
        settings=json.loads(row[5]),
        report=_report(row[6]),
        state=row[7],
        problem=row[8],
        remedy=row[9],
        paused_until=row[10],
    )


def _report(text: str | None) -> ConnectionReport | None:
    if not text:
        return None
    try:
        return stored.loads(text, ConnectionReport)
    except cattrs.BaseValidationError:  # written by another version; the next check renews it
        return None


def connections(db: Database) -> list[ConnectionRow]:
    return [
        _connection(row)
        for row in db.execute(f"{_CONNECTIONS} WHERE state != 'removed' ORDER BY name").fetchall()
    ]


def connection(db: Database, name: str) -> ConnectionRow:
    """Raises: UnknownName."""
    row = db.execute(f"{_CONNECTIONS} WHERE name = ? AND state != 'removed'", (name,)).fetchone()
    if row is None:
        known = [one.name for one in connections(db)]
        raise unknown("connection", name, known, "crmwire connection add")
    return _connection(row)


def connection_by_id(db: Database, id_: int) -> ConnectionRow:
    """Raises: UnknownName."""
    row = db.execute(f"{_CONNECTIONS} WHERE id = ?", (id_,)).fetchone()
    if row is None:
        raise UnknownName(f"There is no connection number {id_}.")
    return _connection(row)


def insert_connection(
    db: Database,
    *,
    name: str,
    team: str,
    crm: str,
    settings: Mapping[str, Any],
    now: float,
) -> int:
    """Raises: ConfigurationError if the name is taken."""
    require_free(db, "connections", name)
    row = db.execute(
        "INSERT INTO connections (name, team, crm, lane, settings, created_at)"
        " VALUES (?, ?, ?, '', ?, ?) RETURNING id",
        (name, team, crm, json.dumps(settings), now),
    ).fetchone()
    db.execute("UPDATE connections SET lane = ? WHERE id = ?", (f"connection:{row[0]}", row[0]))
    return int(row[0])


def update_connection(db: Database, id_: int, *, settings: Mapping[str, Any]) -> None:
    db.execute("UPDATE connections SET settings = ? WHERE id = ?", (json.dumps(settings), id_))


def set_report(db: Database, id_: int, report: ConnectionReport, lane: str) -> None:
    """Keep what `check_connection` said; the account decides the lane."""
    db.execute(
        "UPDATE connections SET report = ?, lane = ? WHERE id = ? AND state != 'removed'",
        (stored.dumps(report), lane, id_),
    )


def forget_report(db: Database, id_: int) -> None:
    """Let the CRM be asked again who we are, before anything is sent; the lane stays."""
    db.execute("UPDATE connections SET report = NULL WHERE id = ?", (id_,))


def set_connection_state(
    db: Database,
    id_: int,
    state: str,
    *,
    problem: str | None = None,
    remedy: str | None = None,
    paused_until: float | None = None,
    cause: str | None = None,
) -> None:
    """Say how a connection is: `ok`, `needs_login` or `disconnected` (nobody has logged in, or
    somebody took the login away). Only what is ok is claimed for, and not while it is paused.

    `cause` of a problem is `plugin`, `hangs` or `vault`.

    One that was removed while it worked stays removed.
    """
    db.execute(
        "UPDATE connections SET state = ?, problem = ?, remedy = ?, paused_until = ?, cause = ?"
        " WHERE id = ? AND state != 'removed'",
        (state, problem, remedy, paused_until, cause, id_),
    )


def set_problem(
    db: Database,
    id_: int,
    problem: str | None,
    *,
    remedy: str | None = None,
    paused_until: float | None = None,
    cause: str | None = None,
) -> None:
    """Say what is wrong with a connection that is logged in, or (None) that nothing is.

    One that was disconnected or lost its login meanwhile stays so.
    """
    db.execute(
        "UPDATE connections SET problem = ?, remedy = ?, paused_until = ?, cause = ?"
        " WHERE id = ? AND state = 'ok'",
        (problem, remedy, paused_until, cause, id_),
    )


def set_working(db: Database, id_: int) -> None:
    """Say that a connection's login was just seen to work; one that was disconnected stays so."""
    db.execute(
        "UPDATE connections SET state = 'ok', problem = NULL, remedy = NULL, paused_until = NULL,"
        " cause = NULL WHERE id = ? AND state IN ('ok', 'needs_login')",
        (id_,),
    )


def delete_connection(db: Database, id_: int, now: float) -> None:
    """Remove a connection, its secrets and its routes; its history stays readable."""
    for route_id, removed_at in db.execute(
        "SELECT id, removed_at FROM routes WHERE connection = ?", (id_,)
    ).fetchall():
        remove_route(db, route_id, removed_at or now, doubts=True)
    db.execute("DELETE FROM secrets WHERE owner = ?", (f"connection/{id_}",))
    db.execute(
        "UPDATE connections SET name = name || ' (removed ' || id || ')', state = 'removed'"
        " WHERE id = ?",
        (id_,),
    )

"""What teams set up: feeds, connections, routes and their secrets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import cattrs
from attrs import frozen
from sqlite_utils import Database

from crmwire import stored
from crmwire.errors import ConfigurationError, UnknownName
from crmwire.store.accepting import count
from crmwire.store.migrations import READY, SKIPPED
from crmwire.types import ConnectionReport


@frozen(kw_only=True)
class FeedRow:
    """A feed as stored; its secrets are in the vault under `feed/ID`."""

    id: int
    name: str
    team: str
    source: str
    settings: Mapping[str, Any]
    allow_unsigned: bool
    since: float | None

    @property
    def owner(self) -> str:
        return f"feed/{self.id}"


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


@frozen(kw_only=True)
class RouteRow:
    """A route as stored, with its own copy of the mapping."""

    id: int
    name: str
    team: str
    feed: str
    source: str
    page: str
    connection: str
    crm: str
    preset: str
    mapping: Mapping[str, Any]
    fingerprint: str
    options: Mapping[str, Any]
    rows: Mapping[str, Any]
    zone: str | None
    since: float
    join_within: float | None = None
    """Minutes within which a booking cancelled and one made anew are one that was moved."""


_FEEDS = (
    "SELECT id, name, team, source, settings, allow_unsigned, coalesce(since, created_at)"
    " FROM feeds"
)
_CONNECTIONS = (
    "SELECT id, name, team, crm, lane, settings, report, state, problem, remedy, paused_until"
    " FROM connections"
)
_ROUTES = (
    "SELECT r.id, r.name, r.team, f.name, f.source, r.page, c.name, c.crm, r.preset, r.mapping,"
    " r.fingerprint, r.options, r.rows, r.zone, r.since, r.join_within"
    " FROM routes r"
    " JOIN feeds f ON f.id = r.feed JOIN connections c ON c.id = r.connection"
)


def _feed(row: tuple[Any, ...]) -> FeedRow:
    return FeedRow(
        id=row[0],
        name=row[1],
        team=row[2],
        source=row[3],
        settings=json.loads(row[4]),
        allow_unsigned=bool(row[5]),
        since=row[6],
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


def _route(row: tuple[Any, ...]) -> RouteRow:
    return RouteRow(
        id=row[0],
        name=row[1],
        team=row[2],
        feed=row[3],
        source=row[4],
        page=row[5],
        connection=row[6],
        crm=row[7],
        preset=row[8],
        mapping=json.loads(row[9]),
        fingerprint=row[10],
        options=json.loads(row[11]),
        rows=json.loads(row[12]),
        zone=row[13],
        since=row[14],
        join_within=row[15],
    )


def feeds(db: Database) -> list[FeedRow]:
    return [
        _feed(row)
        for row in db.execute(f"{_FEEDS} WHERE removed_at IS NULL ORDER BY name").fetchall()
    ]


def feed(db: Database, name: str) -> FeedRow:
    """Raises: UnknownName."""
    row = db.execute(f"{_FEEDS} WHERE name = ? AND removed_at IS NULL", (name,)).fetchone()
    if row is None:
        raise _unknown("feed", name, [one.name for one in feeds(db)], "crmwire feed add")
    return _feed(row)


def feed_by_token(db: Database, token_hash: bytes) -> FeedRow | None:
    row = db.execute(f"{_FEEDS} WHERE token_hash = ?", (token_hash,)).fetchone()
    return None if row is None else _feed(row)


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
        raise _unknown("connection", name, known, "crmwire connection add")
    return _connection(row)


def connection_by_id(db: Database, id_: int) -> ConnectionRow:
    """Raises: UnknownName."""
    row = db.execute(f"{_CONNECTIONS} WHERE id = ?", (id_,)).fetchone()
    if row is None:
        raise UnknownName(f"There is no connection number {id_}.")
    return _connection(row)


def routes(db: Database) -> list[RouteRow]:
    found = db.execute(f"{_ROUTES} WHERE r.removed_at IS NULL ORDER BY r.name").fetchall()
    return [_route(row) for row in found]


def route(db: Database, name: str) -> RouteRow:
    """Raises: UnknownName."""
    row = db.execute(f"{_ROUTES} WHERE r.name = ? AND r.removed_at IS NULL", (name,)).fetchone()
    if row is None:
        raise _unknown("route", name, [one.name for one in routes(db)], "crmwire route add")
    return _route(row)


def route_by_id(db: Database, id_: int) -> tuple[RouteRow, bool]:
    """A route and whether it still stands. Raises: UnknownName."""
    row = db.execute(f"{_ROUTES} WHERE r.id = ?", (id_,)).fetchone()
    if row is None:
        raise UnknownName(f"There is no route number {id_}.")
    gone = db.execute("SELECT removed_at FROM routes WHERE id = ?", (id_,)).fetchone()
    return _route(row), gone[0] is None


def _unknown(kind: str, name: str, known: list[str], command: str) -> UnknownName:
    there = f"There are: {', '.join(known)}." if known else f"There is none yet: `{command}`."
    return UnknownName(f"There is no {kind} {name!r}.", remedy=there)


def insert_feed(
    db: Database,
    *,
    name: str,
    team: str,
    source: str,
    token_hash: bytes,
    settings: Mapping[str, Any],
    allow_unsigned: bool,
    since: float | None,
    now: float,
) -> int:
    """Raises: ConfigurationError if the name is taken."""
    _free(db, "feeds", name)
    row = db.execute(
        "INSERT INTO feeds (name, team, source, token_hash, settings, allow_unsigned, since,"
        " created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (name, team, source, token_hash, json.dumps(settings), allow_unsigned, since, now),
    ).fetchone()
    return int(row[0])


def update_feed(
    db: Database, id_: int, *, settings: Mapping[str, Any], allow_unsigned: bool
) -> None:
    db.execute(
        "UPDATE feeds SET settings = ?, allow_unsigned = ? WHERE id = ?",
        (json.dumps(settings), allow_unsigned, id_),
    )


def delete_feed(db: Database, id_: int, now: float) -> None:
    """Remove a feed, its secrets and its routes; its events and deliveries stay readable."""
    for (route_id,) in db.execute(
        "SELECT id FROM routes WHERE feed = ? AND removed_at IS NULL", (id_,)
    ).fetchall():
        remove_route(db, route_id, now)
    db.execute("DELETE FROM secrets WHERE owner = ?", (f"feed/{id_}",))
    db.execute("DELETE FROM polls WHERE feed = ?", (id_,))
    db.execute("DELETE FROM questions WHERE feed = ?", (id_,))
    db.execute(
        "UPDATE feeds SET name = name || ' (removed ' || id || ')', token_hash = randomblob(32),"
        " removed_at = ? WHERE id = ?",
        (now, id_),
    )


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
    _free(db, "connections", name)
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
    for (route_id,) in db.execute(
        "SELECT id FROM routes WHERE connection = ? AND removed_at IS NULL", (id_,)
    ).fetchall():
        remove_route(db, route_id, now)
    db.execute("DELETE FROM secrets WHERE owner = ?", (f"connection/{id_}",))
    db.execute(
        "UPDATE connections SET name = name || ' (removed ' || id || ')', state = 'removed'"
        " WHERE id = ?",
        (id_,),
    )


def insert_route(
    db: Database,
    *,
    name: str,
    team: str,
    feed: int,
    page: str,
    connection: int,
    preset: str,
    mapping: Mapping[str, Any],
    fingerprint: str,
    options: Mapping[str, Any],
    rows: Mapping[str, Any],
    zone: str | None,
    since: float,
    join_within: float | None = None,
) -> int:
    """Raises: ConfigurationError if the name or the place is taken."""
    taken = db.execute(
        "SELECT name FROM routes WHERE feed = ? AND page = ? AND connection = ?"
        " AND removed_at IS NULL",
        (feed, page, connection),
    ).fetchone()
    if taken:
        raise ConfigurationError(
            f"The route {taken[0]!r} already carries page {page!r} to this connection.",
            remedy="Change or remove that one: at most one route for each page and connection.",
        )
    if db.execute("SELECT 1 FROM routes WHERE name = ? AND removed_at IS NULL", (name,)).fetchone():
        raise ConfigurationError(f"There is a route {name!r} already.", remedy="Use another name.")
    row = db.execute(
        "INSERT INTO routes (name, team, feed, page, connection, preset, mapping, fingerprint,"
        " options, rows, zone, since, join_within)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            name,
            team,
            feed,
            page,
            connection,
            preset,
            json.dumps(mapping),
            fingerprint,
            json.dumps(options),
            json.dumps(rows),
            zone,
            since,
            join_within,
        ),
    ).fetchone()
    return int(row[0])


def update_route(
    db: Database,
    id_: int,
    *,
    preset: str,
    mapping: Mapping[str, Any],
    fingerprint: str,
    options: Mapping[str, Any],
    rows: Mapping[str, Any],
    zone: str | None,
    join_within: float | None = None,
) -> None:
    db.execute(
        "UPDATE routes SET preset = ?, mapping = ?, fingerprint = ?, options = ?, rows = ?,"
        " zone = ?, join_within = ? WHERE id = ?",
        (
            preset,
            json.dumps(mapping),
            fingerprint,
            json.dumps(options),
            json.dumps(rows),
            zone,
            join_within,
            id_,
        ),
    )


def remove_route(db: Database, id_: int, now: float) -> int:
    """Remove a route; its waiting deliveries are skipped. Returns how many."""
    db.execute("UPDATE routes SET removed_at = ? WHERE id = ?", (now, id_))
    rows = db.execute(
        "UPDATE deliveries SET state = ?, reason = 'the route was removed', changed_at = ?"
        " WHERE route = ? AND state = ? RETURNING connection",
        (SKIPPED, now, id_, READY),
    ).fetchall()
    for (connection_id,) in rows:
        count(db, connection_id, SKIPPED, 1)
    return len(rows)


def _free(db: Database, table: str, name: str) -> None:
    if db.execute(f"SELECT 1 FROM {table} WHERE name = ?", (name,)).fetchone():
        kind = table.removesuffix("s")
        raise ConfigurationError(
            f"There is a {kind} {name!r} already.",
            remedy=f"Use another name, or remove it first: `crmwire {kind} remove {name}`.",
        )


def put_secret(db: Database, owner: str, name: str, key_id: str, blob: bytes) -> None:
    db.execute("INSERT OR REPLACE INTO secrets VALUES (?, ?, ?, ?)", (owner, name, key_id, blob))


def delete_secret(db: Database, owner: str, name: str) -> None:
    db.execute("DELETE FROM secrets WHERE owner = ? AND name = ?", (owner, name))


def get_secrets(db: Database, owner: str) -> dict[str, tuple[str, bytes]]:
    rows = db.execute(
        "SELECT name, key_id, blob FROM secrets WHERE owner = ? ORDER BY name", (owner,)
    ).fetchall()
    return {row[0]: (row[1], row[2]) for row in rows}


def any_secret(db: Database) -> tuple[str, str, str, bytes] | None:
    row = db.execute("SELECT owner, name, key_id, blob FROM secrets LIMIT 1").fetchone()
    return None if row is None else tuple(row)

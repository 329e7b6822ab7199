"""Routes as stored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attrs import frozen
from sqlite_utils import Database

from crmwire.errors import ConfigurationError, UnknownName
from crmwire.store.setup.names import unknown
from crmwire.store.states import READY, SKIPPED, count


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


_ROUTES = (
    "SELECT r.id, r.name, r.team, f.name, f.source, r.page, c.name, c.crm, r.preset, r.mapping,"
    " r.fingerprint, r.options, r.rows, r.zone, r.since, r.join_within"
    " FROM routes r"
    " JOIN feeds f ON f.id = r.feed JOIN connections c ON c.id = r.connection"
)


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


def routes(db: Database) -> list[RouteRow]:
    found = db.execute(f"{_ROUTES} WHERE r.removed_at IS NULL ORDER BY r.name").fetchall()
    return [_route(row) for row in found]


def route(db: Database, name: str) -> RouteRow:
    """Raises: UnknownName."""
    row = db.execute(f"{_ROUTES} WHERE r.name = ? AND r.removed_at IS NULL", (name,)).fetchone()
    if row is None:
        raise unknown("route", name, [one.name for one in routes(db)], "crmwire route add")
    return _route(row)


def route_by_id(db: Database, id_: int) -> tuple[RouteRow, bool]:
    """A route and whether it still stands. Raises: UnknownName."""
    row = db.execute(f"{_ROUTES} WHERE r.id = ?", (id_,)).fetchone()
    if row is None:
        raise UnknownName(f"There is no route number {id_}.")
    gone = db.execute("SELECT removed_at FROM routes WHERE id = ?", (id_,)).fetchone()
    return _route(row), gone[0] is None


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


def remove_route(db: Database, id_: int, now: float, *, doubts: bool = False) -> int:
    """Remove a route; its waiting deliveries are skipped. Returns how many.

    Those with an unanswered attempt are skipped once it is known what that made, so that another
    route goes on with it; with `doubts` at once.
    """
    db.execute("UPDATE routes SET removed_at = ? WHERE id = ?", (now, id_))
    rows = db.execute(
        "UPDATE deliveries SET state = ?, reason = 'the route was removed', changed_at = ?"
        " WHERE route = ? AND state = ? AND (? OR attempt_open = 0) RETURNING connection",
        (SKIPPED, now, id_, READY, doubts),
    ).fetchall()
    for (connection_id,) in rows:
        count(db, connection_id, SKIPPED, 1)
    return len(rows)

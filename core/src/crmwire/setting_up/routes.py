"""Routes: which page of a feed is carried to which connection, and by which mapping."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from crmwire.errors import UnknownName
from crmwire.mapping import fingerprint, load_preset
from crmwire.setting_up.naming import checked_name, checked_zone
from crmwire.store import setup

if TYPE_CHECKING:
    from crmwire.connections import Connection
    from crmwire.opening import Openings
    from crmwire.store import ConnectionRow, RouteRow


def preset_of(conn: Connection, name: str) -> dict[str, Any]:
    """A preset of an open connection as data. Raises: UnknownName, ConfigurationError."""
    short = name.removeprefix(f"{conn.crm}:")
    known = conn.hooks.presets()
    if short not in known:
        raise UnknownName(
            f"{conn.crm} has no preset {name!r}.",
            remedy=f"It has: {', '.join(sorted(known)) or 'none'}.",
        )
    return load_preset(known[short], f"{conn.crm}:{short}")


def add(
    openings: Openings,
    *,
    feed: str,
    connection: str,
    preset: str,
    page: str,
    name: str | None,
    options: Mapping[str, Any] | None,
    rows: Mapping[str, Any] | None,
    mapping: Mapping[str, Any] | None,
    zone: str | None,
    since: datetime | None,
) -> RouteRow:
    """Carry a feed's page to a connection. Raises: ConfigurationError with every problem.

    `mapping` is a mapping's data in the place of the preset's. Events before `since` (by
    default: now) are skipped.
    """
    feed_row, conn_row = openings.store.feed(feed), openings.store.connection(connection)
    raw = dict(mapping) if mapping is not None else preset_of(openings.connection(conn_row), preset)
    name = name or "-".join([feed, *([] if page == "*" else [page]), connection])
    checked_name(name)
    _check_mapping(openings, conn_row, raw, feed_row.source, options, rows, zone, name)
    start = since or openings.clock.now()

    def job(db: Any) -> None:
        setup.insert_route(
            db,
            name=name,
            team=conn_row.team,
            feed=feed_row.id,
            page=page,
            connection=conn_row.id,
            preset=preset,
            mapping=raw,
            fingerprint=fingerprint(raw),
            options=options or {},
            rows=rows or {},
            zone=zone,
            since=start.timestamp(),
        )

    openings.store.write(job)
    return openings.store.route(name)


def change(
    openings: Openings,
    name: str,
    *,
    preset: str,
    mapping: Mapping[str, Any],
    options: Mapping[str, Any],
    rows: Mapping[str, Any],
    zone: str | None,
) -> None:
    """Replace what a route does; its place and history stay. Raises: ConfigurationError."""
    row = openings.store.route(name)
    conn_row = openings.store.connection(row.connection)
    _check_mapping(openings, conn_row, dict(mapping), row.source, options, rows, zone, name)
    openings.store.write(
        lambda db: setup.update_route(
            db,
            row.id,
            preset=preset,
            mapping=mapping,
            fingerprint=fingerprint(mapping),
            options=options,
            rows=rows,
            zone=zone,
        )
    )


def remove(openings: Openings, name: str) -> int:
    """Remove a route; returns how many waiting deliveries are skipped for it."""
    row, now = openings.store.route(name), openings.clock.now().timestamp()
    return openings.store.write(lambda db: setup.remove_route(db, row.id, now))


def _check_mapping(
    openings: Openings,
    conn_row: ConnectionRow,
    raw: Mapping[str, Any],
    source: str,
    options: Mapping[str, Any] | None,
    rows: Mapping[str, Any] | None,
    zone: str | None,
    name: str,
) -> None:
    """Raises: ConfigurationError if the mapping does not compile, with every problem."""
    checked_zone(zone)
    conn = openings.connection(conn_row)
    openings.compiled(
        raw,
        conn.info,
        options=options,
        rows=rows,
        zone=zone,
        source=source,
        where=f"route {name}",
    )

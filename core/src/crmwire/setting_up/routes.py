"""Routes: which page of a feed is carried to which connection, and by which mapping."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from crmwire.errors import ConfigurationError, PluginBroken, UnknownName
from crmwire.mapping import fingerprint, load_preset
from crmwire.setting_up.feeds import told_once
from crmwire.setting_up.naming import checked_name, checked_zone
from crmwire.store import audit, setup
from crmwire.store.joining import LONGEST

if TYPE_CHECKING:
    from crmwire.connections import Connection
    from crmwire.opening import Openings
    from crmwire.store import ConnectionRow, FeedRow, RouteRow


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
    join_within: float | None = None,
) -> RouteRow:
    """Carry a feed's page to a connection. Raises: ConfigurationError with every problem.

    `mapping` is a mapping's data in the place of the preset's. Events before `since` (by
    default: now) are skipped. A booking cancelled and another made by the same guest on the same
    page within `join_within` minutes are taken for one that was moved; by default they are two.
    """
    feed_row, conn_row = openings.store.feed(feed), openings.store.connection(connection)
    if feed_row.team != conn_row.team:
        raise ConfigurationError(
            f"The feed {feed} is of the team {feed_row.team}, the connection {connection} of the"
            f" team {conn_row.team}.",
            remedy="Each team has its own; one CRM account may be connected once for each team.",
        )
    raw = dict(mapping) if mapping is not None else preset_of(openings.connection(conn_row), preset)
    name = name or "-".join([feed, *([] if page == "*" else [page]), connection])
    checked_name(name)
    _check_mapping(openings, conn_row, raw, feed_row.source, options, rows, zone, name)
    _check_once(openings, feed_row, conn_row)
    checked_minutes(join_within)
    now = openings.clock.now()
    start = since or now

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
            join_within=join_within,
        )
        audit.record(
            db,
            now.timestamp(),
            "added",
            "route",
            name,
            feed=feed,
            page=page,
            connection=connection,
            preset=preset,
        )

    openings.store.write(job)
    return openings.store.route(name)


def checked_minutes(join_within: float | None) -> None:
    """Raises: ConfigurationError if bookings cannot be joined within so many minutes."""
    if join_within is not None and not 0 < join_within <= LONGEST:
        raise ConfigurationError(
            "join_within is a number of minutes.",
            remedy=f"Give more than 0 and at most {LONGEST:.0f}, such as 10.",
        )


def _check_once(openings: Openings, feed: FeedRow, connection: ConnectionRow) -> None:
    """Raises: ConfigurationError if another route carries the same events there already."""
    place = _place(openings, feed)
    if place is None:
        return
    feeds = {row.name: row for row in openings.store.feeds()}
    for route in openings.store.routes():
        other = feeds.get(route.feed)
        if route.connection != connection.name or other is None or other.source != feed.source:
            continue
        if _place(openings, other) == place:
            raise ConfigurationError(
                f"The route {route.name} carries this to {connection.name} already ({place}).",
                remedy=f"Remove it first: `crmwire route remove {route.name}`.",
            )


def _place(openings: Openings, feed: FeedRow) -> str | None:
    """What may be carried once only; nothing if the source's plugin is not there to say so."""
    try:
        return told_once(openings.source(feed), feed.settings)
    except (UnknownName, PluginBroken):
        return None


def change(
    openings: Openings,
    name: str,
    *,
    preset: str,
    mapping: Mapping[str, Any],
    options: Mapping[str, Any],
    rows: Mapping[str, Any],
    zone: str | None,
    join_within: float | None = None,
) -> None:
    """Replace what a route does; its place and history stay. Raises: ConfigurationError."""
    row = openings.store.route(name)
    conn_row = openings.store.connection(row.connection)
    checked_minutes(join_within)
    _check_mapping(openings, conn_row, dict(mapping), row.source, options, rows, zone, name)
    now = openings.clock.now().timestamp()
    new = {
        "preset": preset,
        "mapping": mapping,
        "options": options,
        "rows": rows,
        "zone": zone,
        "join_within": join_within,
    }
    changed = audit.different({part: getattr(row, part) for part in new}, new)

    def job(db: Any) -> None:
        setup.update_route(
            db,
            row.id,
            preset=preset,
            mapping=mapping,
            fingerprint=fingerprint(mapping),
            options=options,
            rows=rows,
            zone=zone,
            join_within=join_within,
        )
        if changed:
            audit.record(db, now, "changed", "route", name, parts=changed)

    openings.store.write(job)


def remove(openings: Openings, name: str) -> int:
    """Remove a route; returns how many waiting deliveries are skipped for it."""
    row, now = openings.store.route(name), openings.clock.now().timestamp()

    def job(db: Any) -> int:
        skipped = setup.remove_route(db, row.id, now)
        audit.record(db, now, "removed", "route", name, connection=row.connection, skipped=skipped)
        return skipped

    return openings.store.write(job)


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

"""Routes of a document, held against those of the store."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from crmwire.documents.changes import Change
from crmwire.documents.form import OWN
from crmwire.documents.values import difference
from crmwire.documents.work import Work
from crmwire.errors import ConfigurationError, CrmwireError
from crmwire.mapping import fingerprint
from crmwire.setting_up.feeds import told_once
from crmwire.setting_up.naming import checked_zone
from crmwire.setting_up.routes import checked_minutes, preset_of

if TYPE_CHECKING:
    from crmwire.connections import Connection
    from crmwire.documents.form import RouteEntry
    from crmwire.store import RouteRow


def compare_routes(work: Work) -> None:
    """Note how the routes of the document differ from those of the store."""
    entries = work.document.routes
    rows: dict[str, RouteRow] = work.of_team("route", entries, work.app.store.routes())
    places = {
        (row.feed, row.page, row.connection): name
        for name, row in rows.items()
        if name not in entries and not work.prune
    }
    for name, entry in entries.items():
        other = places.setdefault(entry.place, name)
        if other != name:
            work.problem(
                f"routes[{name!r}]",
                f"the route {other!r} carries this page to this connection already",
            )
        _route(work, name, entry, rows.get(name))
    _once(work, rows)
    for name in rows.keys() - entries.keys():
        work.leave_or_remove("route", name, partial(work.app.remove_route, name))


def _once(work: Work, rows: Mapping[str, RouteRow]) -> None:
    """Two routes, of whichever feeds, that carry the same events to one connection."""
    staying = {
        name: (row.feed, row.connection)
        for name, row in rows.items()
        if name not in work.document.routes and not work.prune
    }
    entries = work.document.routes.items()
    first: dict[tuple[str, str], str] = {}
    for name, (feed, connection) in [
        *staying.items(),
        *((name, (entry.feed, entry.connection)) for name, entry in entries),
    ]:
        told = _told(work, feed)
        if told is not None and first.setdefault((told, connection), name) != name:
            other = first[told, connection]
            work.problem(f"routes[{name!r}]", f"the route {other!r} carries this already")


def _told(work: Work, feed: str) -> str | None:
    """What the feed has in common with others that tell the same events."""
    entry = work.document.feeds.get(feed)
    found = [row for row in work.app.store.feeds() if row.name == feed]
    settings = entry.settings if entry else found[0].settings if found else {}
    try:
        hooks = work.app.openings.source_hooks(work.sources.get(feed, ""))
    except CrmwireError:
        return None  # told of where the feed stands
    return told_once(hooks, settings)


def _route(work: Work, name: str, entry: RouteEntry, row: RouteRow | None) -> None:
    app, path = work.app, f"routes[{name!r}]"
    conn = work.opened.get(entry.connection)
    if entry.feed not in work.sources:
        work.problem(f"{path}.feed", f"there is no feed {entry.feed!r}")
    if conn is None and entry.connection not in work.document.connections:
        work.problem(f"{path}.connection", f"there is no connection {entry.connection!r}")
    if row is not None:
        _unmoved(work, path, entry, row)
    work.try_(f"{path}.zone", lambda: checked_zone(entry.zone))
    work.try_(f"{path}.join_within", lambda: checked_minutes(entry.join_within))
    parts = {"options": entry.options, "fields": entry.fields, "mapping": entry.mapping}
    if not work.plain(path, parts) or conn is None:
        return
    mapping = work.try_(f"{path}.preset", lambda: _mapping_of(entry, row, conn))
    if mapping is None:
        return
    work.try_(
        path,
        lambda: app.openings.compiled(
            mapping,
            conn.info,
            options=entry.options,
            rows=entry.fields,
            source=work.sources.get(entry.feed, ""),
            where=f"{work.where}.{path}",
        ),
    )
    if row is None:

        def add() -> None:
            app.add_route(
                name=name,
                feed=entry.feed,
                connection=entry.connection,
                page=entry.page,
                preset=entry.preset,
                mapping=mapping,
                options=entry.options,
                rows=entry.fields,
                zone=entry.zone,
                since=entry.since,
                join_within=entry.join_within,
            )

        told = f"{entry.feed}, page {entry.page} to {entry.connection} by {entry.preset}"
        work.changes.append(
            Change(action="add", kind="route", name=name, details=(told,), carry_out=add)
        )
        return
    details = [
        *difference("preset", row.preset, entry.preset),
        *difference("options", row.options, entry.options),
        *difference("fields", row.rows, entry.fields),
        *difference("zone", row.zone, entry.zone),
        *difference("join_within", row.join_within, entry.join_within),
    ]
    if fingerprint(mapping) != row.fingerprint:
        details.append("mapping: replaced")

    def change() -> None:
        app.change_route(
            name,
            preset=entry.preset,
            mapping=mapping,
            options=entry.options,
            rows=entry.fields,
            zone=entry.zone,
            join_within=entry.join_within,
        )

    work.change("route", name, details, change)


def _unmoved(work: Work, path: str, entry: RouteEntry, row: RouteRow) -> None:
    """A route stays at its place: what waits for it would be lost with it."""
    stands = {"feed": row.feed, "page": row.page, "connection": row.connection}
    for key, value in stands.items():
        if getattr(entry, key) != value:
            work.problem(f"{path}.{key}", f"it is {value!r}; use another name for another place")
    if entry.since is not None and abs(entry.since.timestamp() - row.since) > 1e-3:
        since = datetime.fromtimestamp(row.since, UTC).isoformat()
        work.problem(f"{path}.since", f"it is {since} and cannot be changed")


def _mapping_of(entry: RouteEntry, row: RouteRow | None, conn: Connection) -> dict[str, Any]:
    """The mapping a route is to have; a preset's newer version is taken only by name."""
    if entry.mapping is not None:
        return dict(entry.mapping)
    if entry.preset == OWN:
        raise ConfigurationError("a route needs `preset` or `mapping`")
    if row is not None and _short(row.preset, conn) == _short(entry.preset, conn):
        return dict(row.mapping)
    return preset_of(conn, entry.preset)


def _short(preset: str, conn: Connection) -> str:
    return preset.removeprefix(f"{conn.crm}:")

"""From a document to the store: what differs, and how it is made to go away."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from attrs import define, field, frozen

from crmwire.alerting.addresses import ADDRESS, checked_secret, service_of
from crmwire.alerting.addresses import SIGNING as SIGNING_ALERTS
from crmwire.documents.form import OWN
from crmwire.documents.values import dated, difference, secret_of
from crmwire.errors import ConfigurationError, CrmwireError
from crmwire.mapping import fingerprint
from crmwire.opening import TOKEN
from crmwire.setting_up.alerts import checked_digest
from crmwire.setting_up.feeds import SIGNING, checked_settings, needs_secret, told_once
from crmwire.setting_up.naming import checked_name, checked_zone
from crmwire.setting_up.routes import checked_minutes, preset_of
from crmwire.store.logins import STATIC

if TYPE_CHECKING:
    from crmwire.alerting.addresses import TargetKind
    from crmwire.app import App
    from crmwire.connections import Connection
    from crmwire.documents.form import (
        AlertEntry,
        ConnectionEntry,
        FeedEntry,
        RouteEntry,
        TeamDocument,
    )
    from crmwire.store import ConnectionRow, FeedRow, RouteRow
    from crmwire.store.alerts import TargetRow

T = TypeVar("T")
Kind = Literal["feed", "connection", "route", "alert"]


@frozen(kw_only=True)
class Change:
    """One difference between a document and the store, and how it is made to go away."""

    action: Literal["add", "change", "remove"]
    kind: Kind
    name: str
    details: tuple[str, ...] = ()
    carry_out: Callable[[], object] = field(repr=False, eq=False)


@frozen(kw_only=True)
class Comparison:
    """All that differs; `kept` is in the store but not in the document, and stays."""

    team: str
    changes: tuple[Change, ...]
    kept: tuple[str, ...] = ()

    def carry_out(self) -> None:
        """Apply every change. Doing it twice changes nothing."""
        for change in self.changes:
            change.carry_out()


def compared(app: App, document: TeamDocument, where: str, *, prune: bool = False) -> Comparison:
    """What applying a document would change; with `prune`, what it leaves out is removed.

    Nothing is changed. Raises: ConfigurationError with every problem and its path.
    """
    work = _Work(app=app, document=document, where=where, prune=prune)
    try:
        work.feeds()
        work.connections()
        work.routes()
        work.alerts()
    finally:
        for conn in work.opened.values():
            conn.close()
    if work.problems:
        number = len(work.problems)
        raise ConfigurationError(
            f"{where} has {'a mistake' if number == 1 else f'{number} mistakes'}:",
            problems=work.problems,
        )
    order = {"remove": 0, "add": 1, "change": 1}
    changes = sorted(work.changes, key=lambda change: order[change.action])
    return Comparison(team=document.team, changes=tuple(changes), kept=tuple(work.kept))


@define(kw_only=True)
class _Work:
    """A comparison in the making."""

    app: App
    document: TeamDocument
    where: str
    prune: bool
    problems: list[str] = field(factory=list)
    changes: list[Change] = field(factory=list)
    kept: list[str] = field(factory=list)
    opened: dict[str, Connection] = field(factory=dict)
    sources: dict[str, str] = field(factory=dict)

    def problem(self, path: str, error: CrmwireError | str) -> None:
        """Note what is wrong, and where."""
        self.problems += getattr(error, "problems", ()) or [f"{error} @ {self.where}.{path}"]

    def try_(self, path: str, check: Callable[[], T]) -> T | None:
        """The answer of a check, or None with what it raised noted."""
        try:
            return check()
        except CrmwireError as error:
            self.problem(path, error)
            return None

    def of_team(self, kind: str, entries: Iterable[str], rows: Iterable[Any]) -> dict[str, Any]:
        """The team's rows by name; names that are wrong or another team's are noted."""
        found = {row.name: row for row in rows}
        for name in entries:
            path = f"{kind}s[{name!r}]"
            self.try_(path, lambda name=name: checked_name(name))  # type: ignore[misc]
            if name in found and found[name].team != self.document.team:
                self.problem(path, f"{name!r} belongs to the team {found[name].team!r}")
        return {name: row for name, row in found.items() if row.team == self.document.team}

    def leave_or_remove(self, kind: Kind, name: str, remove: Callable[[], object]) -> None:
        if self.prune:
            self.changes.append(Change(action="remove", kind=kind, name=name, carry_out=remove))
        else:
            self.kept.append(f"{kind} {name}")

    def secret(self, path: str, text: str | None, own: str, stored: str | None) -> str | None:
        """The secret that a reference stands for; None if there is none or it is wrong."""
        return self.try_(path, lambda: secret_of(text, own, stored))

    # ------------------------------------------------------------ feeds

    def feeds(self) -> None:
        entries = self.document.feeds
        rows: dict[str, FeedRow] = self.of_team("feed", entries, self.app.store.feeds())
        self.sources = {name: row.source for name, row in rows.items() if not self.prune}
        self.sources |= {name: entry.source for name, entry in entries.items()}
        for name, entry in entries.items():
            self.feed(name, entry, rows.get(name))
        for name in rows.keys() - entries.keys():
            self.leave_or_remove("feed", name, _bound(self.app.remove_feed, name))

    def feed(self, name: str, entry: FeedEntry, row: FeedRow | None) -> None:
        app, path = self.app, f"feeds[{name!r}]"
        hooks = self.try_(f"{path}.source", lambda: app.openings.source_hooks(entry.source))
        if row is not None and row.source != entry.source:
            self.problem(f"{path}.source", f"it is {row.source!r}; remove the feed to change it")
        before = app.vault.get(row.owner, SIGNING) if row else None
        secret = self.secret(f"{path}.secret", entry.secret, f"feed/{name}", before)
        had = app.vault.get(row.owner, TOKEN) if row else None
        token = self.secret(f"{path}.token", entry.token, f"feed/{name}", had)
        signed = entry.allow_unsigned or secret is not None or entry.secret is not None
        if self.plain(f"{path}.settings", entry.settings) and hooks is not None:
            hooks = self.try_(
                f"{path}.settings",
                lambda: checked_settings(app.openings, name, entry.source, entry.settings, token),
            )
            if not signed and hooks is not None and needs_secret(hooks):
                self.problem(path, "a feed needs `secret`, or `allow_unsigned = true`")
        if row is None:

            def add() -> None:
                app.add_feed(
                    name,
                    source=entry.source,
                    team=self.document.team,
                    signing_secret=secret,
                    allow_unsigned=entry.allow_unsigned,
                    settings=entry.settings,
                    api_token=token,
                )

            polled = hooks is not None and hooks.is_polled()
            how = "asked by the daemon" if polled else "signed" if secret else "unsigned"
            told = f"source {entry.source}, {how}"
            self.changes.append(
                Change(action="add", kind="feed", name=name, details=(told,), carry_out=add)
            )
            return
        details = [
            *difference("settings", row.settings, entry.settings),
            *difference("allow_unsigned", row.allow_unsigned, entry.allow_unsigned),
        ]
        if secret != before:
            details.append(f"secret: {'replaced' if before else 'set'}")
        if token != had:
            details.append(f"token: {'replaced' if had else 'set'}")

        def change() -> None:
            app.change_feed(name, settings=entry.settings, allow_unsigned=entry.allow_unsigned)
            if secret is not None and secret != before:
                app.set_signing_secret(name, secret)
            if token is not None and token != had:
                app.set_feed_token(name, token)

        self.change("feed", name, details, change)

    # ------------------------------------------------------------ connections

    def connections(self) -> None:
        entries = self.document.connections
        rows: dict[str, ConnectionRow] = self.of_team(
            "connection", entries, self.app.store.connections()
        )
        for name, entry in entries.items():
            self.connection(name, entry, rows.get(name))
        for name in rows.keys() - entries.keys():
            if not self.prune:
                row = rows[name]
                self.open(name, row.crm, row.settings)
            self.leave_or_remove("connection", name, _bound(self.app.remove_connection, name))

    def open(self, name: str, crm: str, settings: Mapping[str, Any]) -> None:
        """Open a connection as it would be, so that routes can be held against its plugins."""
        path = f"connections[{name!r}]"
        where = f"{self.where}.{path}.settings"
        made = self.try_(path, lambda: self.app.openings.trial(name, crm, settings, where=where))
        if made is not None:
            self.opened[name] = made

    def connection(self, name: str, entry: ConnectionEntry, row: ConnectionRow | None) -> None:
        app, path = self.app, f"connections[{name!r}]"
        if row is not None and row.crm != entry.crm:
            self.problem(f"{path}.crm", f"it is {row.crm!r}; remove the connection to change it")
        if self.plain(f"{path}.settings", entry.settings):
            self.open(name, entry.crm, entry.settings)
        if name in self.opened:
            zone = self.opened[name].settings.zone
            self.try_(f"{path}.settings.zone", lambda: checked_zone(zone))
        before = app.vault.get(row.owner, TOKEN) if row else None
        token = self.secret(f"{path}.token", entry.token, f"connection/{name}", before)
        if entry.token is None and token is None and not _logs_in(app, entry, row):
            self.problem(
                path,
                "a connection needs `token`, such as env:VARIABLE, or `settings.client_id`, "
                "for `crmwire connect`",
            )
        if row is None:

            def add() -> None:
                app.add_connection(
                    name,
                    crm=entry.crm,
                    token=token,
                    team=self.document.team,
                    settings=entry.settings,
                )

            told = f"to {entry.crm}"
            if token is None:
                told += f"; log in then: `crmwire connect {entry.crm} --name {name}`"
            self.changes.append(
                Change(action="add", kind="connection", name=name, details=(told,), carry_out=add)
            )
            return
        details = difference("settings", row.settings, entry.settings)
        if token != before:
            details.append(f"token: {'replaced' if before else 'set'}")

        def change() -> None:
            app.change_connection(name, settings=entry.settings)
            if token is not None and token != before:
                app.set_token(name, token)

        self.change("connection", name, details, change)

    # ------------------------------------------------------------ routes

    def routes(self) -> None:
        entries = self.document.routes
        rows: dict[str, RouteRow] = self.of_team("route", entries, self.app.store.routes())
        places = {
            (row.feed, row.page, row.connection): name
            for name, row in rows.items()
            if name not in entries and not self.prune
        }
        for name, entry in entries.items():
            other = places.setdefault(entry.place, name)
            if other != name:
                self.problem(
                    f"routes[{name!r}]",
                    f"the route {other!r} carries this page to this connection already",
                )
            self.route(name, entry, rows.get(name))
        self.once(rows)
        for name in rows.keys() - entries.keys():
            self.leave_or_remove("route", name, _bound(self.app.remove_route, name))

    def once(self, rows: Mapping[str, RouteRow]) -> None:
        """Two routes, of whichever feeds, that carry the same events to one connection."""
        staying = {
            name: (row.feed, row.connection)
            for name, row in rows.items()
            if name not in self.document.routes and not self.prune
        }
        entries = self.document.routes.items()
        first: dict[tuple[str, str], str] = {}
        for name, (feed, connection) in [
            *staying.items(),
            *((name, (entry.feed, entry.connection)) for name, entry in entries),
        ]:
            told = self.told(feed)
            if told is not None and first.setdefault((told, connection), name) != name:
                other = first[told, connection]
                self.problem(f"routes[{name!r}]", f"the route {other!r} carries this already")

    def told(self, feed: str) -> str | None:
        """What the feed has in common with others that tell the same events."""
        entry = self.document.feeds.get(feed)
        found = [row for row in self.app.store.feeds() if row.name == feed]
        settings = entry.settings if entry else found[0].settings if found else {}
        try:
            hooks = self.app.openings.source_hooks(self.sources.get(feed, ""))
        except CrmwireError:
            return None  # told of where the feed stands
        return told_once(hooks, settings)

    def route(self, name: str, entry: RouteEntry, row: RouteRow | None) -> None:
        app, path = self.app, f"routes[{name!r}]"
        conn = self.opened.get(entry.connection)
        if entry.feed not in self.sources:
            self.problem(f"{path}.feed", f"there is no feed {entry.feed!r}")
        if conn is None and entry.connection not in self.document.connections:
            self.problem(f"{path}.connection", f"there is no connection {entry.connection!r}")
        if row is not None:
            self.unmoved(path, entry, row)
        self.try_(f"{path}.zone", lambda: checked_zone(entry.zone))
        self.try_(f"{path}.join_within", lambda: checked_minutes(entry.join_within))
        parts = {"options": entry.options, "fields": entry.fields, "mapping": entry.mapping}
        if not self.plain(path, parts) or conn is None:
            return
        mapping = self.try_(f"{path}.preset", lambda: _mapping_of(entry, row, conn))
        if mapping is None:
            return
        self.try_(
            path,
            lambda: app.openings.compiled(
                mapping,
                conn.info,
                options=entry.options,
                rows=entry.fields,
                source=self.sources.get(entry.feed, ""),
                where=f"{self.where}.{path}",
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
            self.changes.append(
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

        self.change("route", name, details, change)

    def unmoved(self, path: str, entry: RouteEntry, row: RouteRow) -> None:
        """A route stays at its place: what waits for it would be lost with it."""
        stands = {"feed": row.feed, "page": row.page, "connection": row.connection}
        for key, value in stands.items():
            if getattr(entry, key) != value:
                self.problem(
                    f"{path}.{key}", f"it is {value!r}; use another name for another place"
                )
        if entry.since is not None and abs(entry.since.timestamp() - row.since) > 1e-3:
            since = datetime.fromtimestamp(row.since, UTC).isoformat()
            self.problem(f"{path}.since", f"it is {since} and cannot be changed")

    # ------------------------------------------------------------ alerts

    def alerts(self) -> None:
        entries = self.document.alerts
        rows: dict[str, TargetRow] = self.of_team("alert", entries, self.app.alerts())
        for name, entry in entries.items():
            self.alert(name, entry, rows.get(name))
        for name in rows.keys() - entries.keys():
            self.leave_or_remove("alert", name, _bound(self.app.remove_alert, name))

    def alert(self, name: str, entry: AlertEntry, row: TargetRow | None) -> None:
        app, path, own = self.app, f"alerts[{name!r}]", f"alert/{name}"
        kind: TargetKind = "webhook" if entry.webhook else "apprise"
        if row is not None and row.kind != kind:
            self.problem(f"{path}.webhook", "it cannot be changed; use another name")
        digest = self.try_(f"{path}.digest", lambda: checked_digest(entry.digest))
        kept = app.vault.all(row.owner) if row else {}
        address = self.secret(f"{path}.address", entry.address, own, kept.get(ADDRESS))
        signing = self.secret(f"{path}.secret", entry.secret, own, kept.get(SIGNING_ALERTS))
        if signing is not None:
            self.try_(f"{path}.secret", lambda: checked_secret(signing))
        if entry.address is None and address is None:
            self.problem(path, "an alert needs `address`, such as env:VARIABLE")
        if address is None or digest is None:
            return
        if address != kept.get(ADDRESS):
            self.try_(f"{path}.address", lambda: service_of(kind, address))
        if row is None:

            def add() -> None:
                app.add_alert(
                    name,
                    address=address,
                    kind=kind,
                    team=self.document.team,
                    digest=digest,
                    secret=signing,
                )

            self.changes.append(
                Change(action="add", kind="alert", name=name, details=(kind,), carry_out=add)
            )
            return
        details = difference("digest", row.digest, digest)
        if address != kept.get(ADDRESS):
            details.append("address: replaced")
        if signing != kept.get(SIGNING_ALERTS):
            details.append("secret: replaced")

        def change() -> None:
            app.change_alert(
                name,
                digest=digest,
                address=address if address != kept.get(ADDRESS) else None,
                secret=signing if signing != kept.get(SIGNING_ALERTS) else None,
            )

        self.change("alert", name, details, change)

    # ------------------------------------------------------------ all of them

    def change(
        self,
        kind: Kind,
        name: str,
        details: list[str],
        do: Callable[[], object],
    ) -> None:
        if details:
            self.changes.append(
                Change(action="change", kind=kind, name=name, details=tuple(details), carry_out=do)
            )

    def plain(self, path: str, value: object) -> bool:
        """Whether a value is such as JSON keeps; TOML's dates and times are not."""
        places = list(dated(path, value))
        for place in places:
            self.problem(place, "a date or time must be written as text, in quotes")
        return not places


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


def _logs_in(app: App, entry: ConnectionEntry, row: ConnectionRow | None) -> bool:
    """Whether somebody logs in to this connection, or has: then it has no token to be given."""
    if entry.settings.get("client_id"):
        return True
    login = None if row is None else app.store.login(row.id)
    return login is not None and login.kind != STATIC


def _bound(remove: Callable[[str], object], name: str) -> Callable[[], object]:
    return lambda: remove(name)

"""What opens connections, feeds and mappings when they are first used, and keeps them."""

from __future__ import annotations

import functools
import hashlib
import threading
from typing import TYPE_CHECKING, TypeVar

from crmwire import stored
from crmwire.connections import Connection
from crmwire.discovery import Discovery
from crmwire.errors import PluginBroken
from crmwire.feeds import OpenFeed
from crmwire.hooks import Named, SourceHooks, manager
from crmwire.hookspecs import AppSpecs, SourceSpecs
from crmwire.logins import grants
from crmwire.logins.stored import StoredLogin
from crmwire.mapping import Mapping, load_mapping, with_rows
from crmwire.opening.accounts import lane_of, require_same_account
from crmwire.opening.settings import settings_of
from crmwire.pacing import Pacer
from crmwire.pipeline import Desk
from crmwire.store import setup
from crmwire.types import Feed

if TYPE_CHECKING:
    from collections.abc import Callable

    from pluggy import PluginManager

    from crmwire.clock import Clock
    from crmwire.expressions import Filter
    from crmwire.logins.base import Login
    from crmwire.store import ConnectionRow, FeedRow, RouteRow, Store
    from crmwire.types import CrmInfo, FeedApi
    from crmwire.vault import Vault

TOKEN = grants.TOKEN
RowT = TypeVar("RowT", "FeedRow", "FeedRow | None")

MOST_OPEN = 300
"""Connections that are kept open, each with its plugin manager; the others are opened anew."""


class Openings:
    """Opens connections, feeds and mappings when they are first used, and keeps them."""

    def __init__(self, store: Store, vault: Vault, discovery: Discovery, clock: Clock) -> None:
        self.store = store
        self.vault = vault
        self.discovery = discovery
        self.clock = clock
        self._lock = threading.RLock()
        self._connections: dict[int, tuple[str, Connection]] = {}
        self._names: dict[str, int] = {}
        self._pacers: dict[str, Pacer] = {}
        self._mappings: dict[int, tuple[str, Mapping]] = {}
        self._sources: dict[int, tuple[str, SourceHooks]] = {}
        self._rows: tuple[str, dict[str | bytes, FeedRow]] = ("", {})
        self._by_row: dict[int, tuple[FeedRow, SourceHooks]] = {}
        self._filters: dict[str, Filter] | None = None

    # ------------------------------------------------------------ connections

    def connection(self, row: ConnectionRow) -> Connection:
        """The open connection of a row; opened anew when its settings have changed.

        Raises: UnknownName, PluginBroken, ConfigurationError.
        """
        login = self.store.login(row.id)  # another user may see other fields and ids
        asked = row.report is not None
        stamp = f"{row.settings}|{row.crm}|{row.lane}|{login and login.number}|{asked}"
        with self._lock:
            known = self._connections.pop(row.id, None)
            if known is not None and known[0] == stamp:
                self._connections[row.id] = known  # the last of them, as the one used last
                return known[1]
        conn = self._open(row)
        if known is not None:
            conn.pacer.forget_budget()
        with self._lock:
            self._connections[row.id] = (stamp, conn)
            self._names[row.name] = row.id
            while len(self._connections) > MOST_OPEN:
                # Whoever still uses it keeps it until done.
                self._connections.pop(next(iter(self._connections)))
        return conn

    def opened(self, name: str) -> Connection | None:
        """A connection that is open already."""
        with self._lock:
            known = self._connections.get(self._names.get(name, -1))
            return None if known is None else known[1]

    def _open(self, row: ConnectionRow) -> Connection:
        settings = settings_of(row.settings, f"connection {row.name}")
        return Connection(
            name=row.name,
            crm=row.crm,
            settings=settings,
            plugins=self.crm_plugins(row.crm, settings.plugins),
            clock=self.clock,
            login=lambda conn: StoredLogin(conn, self.store, self.vault, row.id),
            pacer=self.pacer(row.lane),
            report=row.report,
            cache=self.store.cache_of(row.id),
            installation=self.store.installation(),
        )

    def trial(
        self,
        name: str,
        crm: str,
        settings: object,
        *,
        where: str | None = None,
        login: Callable[[Connection], Login] | None = None,
    ) -> Connection:
        """A connection that is not stored, without a token: to see what its plugins say.

        Raises: UnknownName, PluginBroken, ConfigurationError.
        """
        checked = settings_of(settings, where or f"connection {name}")
        return Connection(
            name=name,
            crm=crm,
            settings=checked,
            plugins=self.crm_plugins(crm, checked.plugins),
            clock=self.clock,
            login=login,
        )

    def crm_plugins(self, crm: str, local: tuple[str, ...] = ()) -> list[Named]:
        """A CRM's plugin, the extensions and the local files, in the order they are registered."""
        plugins: list[Named] = [(crm, self.discovery.find("crm", crm).load())]
        plugins += [(plugin.name, plugin.load()) for plugin in self.discovery.of_kind("extension")]
        return [*plugins, *self.discovery.local(local)]

    def pacer(self, lane: str) -> Pacer:
        """The one pacer of a lane."""
        with self._lock:
            return self._pacers.setdefault(lane, Pacer(self.clock))

    def pacers(self) -> dict[str, Pacer]:
        """The pacers of all lanes, and of the sources that are asked, that were used so far."""
        with self._lock:
            return dict(self._pacers)

    def checked(self, row: ConnectionRow) -> Connection:
        """The connection with its account known: asked once, before its first delivery, and
        again after it was given another token.

        Raises: a Failure if the CRM does not say who we are, or that it is another account.
        """
        conn = self.connection(row)
        if row.report is None:
            report = conn.hooks.check_connection()
            require_same_account(row, report)
            lane = lane_of(row.crm, report.account_id)
            self.store.write(lambda db: setup.set_report(db, row.id, report, lane))
            conn = self.connection(self.store.connection_by_id(row.id))
        return conn

    def desk(self, connection_id: int, lane: str) -> Desk:
        """What the pipeline needs for a batch of this connection. Raises: CrmwireError."""
        conn = self.checked(self.store.connection_by_id(connection_id))
        row = self.store.connection_by_id(connection_id)
        return Desk(
            conn=conn,
            connection_id=connection_id,
            lane=row.lane,
            store=self.store,
            mapping_of=functools.cache(self.mapping_by_id),
        )

    # ------------------------------------------------------------ mappings

    def filters(self) -> dict[str, Filter]:
        """The filters that app plugins add. Raises: PluginBroken."""
        if self._filters is None:
            plugins = [(p.name, p.load()) for p in self.discovery.of_kind("app")]
            pm = manager(AppSpecs, plugins)
            made: dict[str, Filter] = {}
            for answer in reversed(pm.hook.mapping_filters()):
                made.update(answer or {})
            self._filters = made
        return self._filters

    def mapping_by_id(self, route_id: int) -> Mapping:
        row, _ = self.store.route_by_id(route_id)
        return self.mapping(row)

    def mapping(self, row: RouteRow) -> Mapping:
        """The compiled mapping of a route. Raises: ConfigurationError, PluginBroken."""
        conn_row = self.store.connection(row.connection)
        stamp = f"{row.fingerprint}|{row.options}|{row.rows}|{row.zone}|{conn_row.settings}"
        with self._lock:
            known = self._mappings.get(row.id)
            if known is not None and known[0] == stamp:
                return known[1]
        conn = self.connection(conn_row)
        made = self.compiled(
            row.mapping,
            conn.info,
            options=row.options,
            rows=row.rows,
            zone=row.zone or conn.settings.zone,
            phone_region=conn.settings.phone_region,
            source=row.source,
            team=row.team,
            where=f"route {row.name}",
        )
        with self._lock:
            self._mappings[row.id] = (stamp, made)
        return made

    def compiled(
        self,
        raw: object,
        info: CrmInfo,
        *,
        options: object = None,
        rows: object = None,
        zone: str | None = None,
        phone_region: str | None = None,
        source: str = "",
        team: str = "default",
        where: str = "mapping",
    ) -> Mapping:
        """Compile a mapping for a CRM. Raises: ConfigurationError with every problem."""
        data = with_rows(raw, rows or {})  # type: ignore[arg-type]
        title = source
        if source:
            title = self.source_title(source)
        return load_mapping(
            data,
            where=where,
            options=options or {},  # type: ignore[arg-type]
            filters=self.filters(),
            mapping_class=info.mapping_class,
            html_fields={
                name: frozenset(kind.html_fields) for name, kind in info.object_types.items()
            },
            source=title,
            team=team,
            zone=zone,
            phone_region=phone_region,
        )

    # ------------------------------------------------------------ feeds

    def feed(self, name: str) -> FeedRow:
        """The feed of a name. Raises: UnknownName."""
        return self._row(name, lambda: self.store.feed(name))

    def feed_by_token(self, token_hash: bytes) -> FeedRow | None:
        """The feed of an address, by its token's hash."""
        return self._row(token_hash, lambda: self.store.feed_by_token(token_hash))

    def _row(self, key: str | bytes, read: Callable[[], RowT]) -> RowT:
        """A row, read again only after some process has changed what is set up."""
        now = self.store.generation()  # first, so that no older row is kept under it
        with self._lock:
            if self._rows[0] != now:
                self._rows = (now, {})
            kept = self._rows[1]
            if key in kept:
                return kept[key]
        row = read()
        if row is not None:
            with self._lock:
                kept[key] = row
        return row

    def source_title(self, source: str) -> str:
        """What a source is called; its key if its plugin is not there any more."""
        try:
            return self.source_hooks(source).source_info().title
        except (LookupError, PluginBroken):
            return source

    def _source_manager(self, source: str) -> PluginManager:
        module = self.discovery.find("source", source).load()
        return manager(SourceSpecs, [(source, module)])

    def source_hooks(self, source: str) -> SourceHooks:
        """The hooks of a source without a feed, for what it says of itself.

        Raises: UnknownName, PluginBroken.
        """
        return SourceHooks(self._source_manager(source), f"source {source}")

    def _feed_pacer(self, feed: Feed, api: FeedApi) -> Pacer:
        """The one pacer of all feeds that use a token: limits belong to it."""
        who = hashlib.sha256(f"{feed.token or feed.name}".encode()).hexdigest()[:16]
        return self.pacer(f"source {feed.source} {api.base_url} {who}")

    def source(self, row: FeedRow) -> SourceHooks:
        """The hooks of a feed. Raises: UnknownName, PluginBroken."""
        last = self._by_row.get(row.id)
        if last is not None and last[0] is row:  # the very row: nothing has changed since
            return last[1]
        hooks = self._source(row)
        self._by_row[row.id] = (row, hooks)
        return hooks

    def _source(self, row: FeedRow) -> SourceHooks:
        kept = self.vault.all(row.owner)
        secrets = tuple(value for name, value in kept.items() if name.startswith("signing"))
        stamp = f"{row}|{hash(secrets)}|{hash(kept.get(TOKEN))}"
        with self._lock:
            known = self._sources.get(row.id)
            if known is not None and known[0] == stamp:
                return known[1]
        hooks = SourceHooks(self._source_manager(row.source), f"feed {row.name}")
        hooks.feed = Feed(
            name=row.name,
            source=row.source,
            team=row.team,
            settings=row.settings,
            secrets=secrets,
            since=stored.moment(row.since),
            allow_unsigned=row.allow_unsigned,
            token=kept.get(TOKEN),
        )
        hooks.open_feed = OpenFeed(
            hooks, clock=self.clock, pacer=lambda api: self._feed_pacer(hooks.feed, api)
        )
        with self._lock:
            self._sources[row.id] = (stamp, hooks)
        return hooks

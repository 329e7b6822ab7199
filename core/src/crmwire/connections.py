"""A connection that is open: its HTTP, its hooks, its cache."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import attrs
import structlog
from attrs import frozen

from crmwire import defaults
from crmwire.errors import NeedsLogin
from crmwire.hooks import Hooks, Named, manager
from crmwire.hookspecs import CrmSpecs
from crmwire.hosts import checked_base_url
from crmwire.http import Http
from crmwire.logins.base import Login, StaticLogin
from crmwire.pacing import Pacer
from crmwire.types import Grant

if TYPE_CHECKING:
    from crmwire.clock import Clock
    from crmwire.errors import Failure
    from crmwire.http import Client
    from crmwire.types import ConnectionReport, CrmInfo, Json, LimitState


def _positive(_: object, attribute: attrs.Attribute[Any], value: float | None) -> None:
    if value is not None and value <= 0:
        raise ValueError(f"{attribute.name} must be more than 0")


def _share(_: object, attribute: attrs.Attribute[Any], value: float | None) -> None:
    if value is not None and not 0 < value <= 1:
        raise ValueError(f"{attribute.name} must be more than 0 and at most 1")


AHEAD = 30.0
"""Seconds by which a clock is ahead that matter: look-ups leave a minute of room themselves."""


@frozen(kw_only=True)
class ConnectionSettings:
    """What a team may set for a connection. Times are in seconds.

    `host` replaces the vendor's base URL (a My Domain, a sandbox), `login_host` the host of its
    login pages. `client_id` is the app that logs in, `grant` how, `scopes` what it asks for beyond
    what the plugin needs, `optional_scopes` what it can do without (None: as the plugin says),
    `login_user` the user whom a signed assertion names; the app's secret or key is in the vault.
    `settle_after` is how long after a write was sent an unanswered one may still be committed
    (default: what the plugin says, else twice `read_timeout`). `tries` are the waits between
    tries, `give_up_after` when a delivery is held after its first try. `budget_share` (0 to 1) is
    how much of a daily limit may be used, by all that use the account, before crmwire waits.
    `zone` and `phone_region` are the route's defaults. `plugins` names files in the data folder's
    `plugins`.
    """

    host: str | None = None
    login_host: str | None = None
    client_id: str | None = None
    grant: Grant | None = None
    scopes: tuple[str, ...] = ()
    optional_scopes: tuple[str, ...] | None = None
    login_user: str | None = None
    api_version: str | None = None
    read_timeout: float = attrs.field(default=30.0, validator=_positive)
    settle_after: float | None = attrs.field(default=None, validator=_positive)
    tries: tuple[float, ...] = (5, 30, 120, 600, 1800, 7200, 18000, 36000)
    give_up_after: float = attrs.field(default=75 * 3600.0, validator=_positive)
    budget_share: float | None = attrs.field(default=None, validator=_share)
    zone: str | None = None
    phone_region: str | None = None
    plugins: tuple[str, ...] = ()


Cached = tuple[datetime, "Json"]


class Connection:
    """One authorisation to one CRM account, opened: what every CRM hook gets as `conn`."""

    def __init__(
        self,
        *,
        name: str,
        crm: str,
        settings: ConnectionSettings,
        plugins: Iterable[Named],
        clock: Clock,
        token: Callable[[], str | None] = lambda: None,
        login: Callable[[Connection], Login] | None = None,
        pacer: Pacer | None = None,
        report: ConnectionReport | None = None,
        cache: MutableMapping[str, Cached] | None = None,
        installation: str = "000000000000",
        client: Client | None = None,
    ) -> None:
        self.name = name
        self.crm = crm
        self.settings = settings
        self.clock = clock
        self.installation = installation
        """12 hex digits that tell this data folder from others, for ids that outlive it."""
        self.report = report
        """The last answer of `check_connection`, if there was one."""
        self.log = structlog.get_logger("crmwire").bind(connection=name, crm=crm)
        self.hooks = Hooks(manager(CrmSpecs, [("core", defaults), *plugins]), f"connection {name}")
        self.hooks.conn = self
        self.hooks.alive = self.alive
        self.last_sign = clock.monotonic()
        """When (monotonic seconds) a hook or a request last began or ended."""
        self.info: CrmInfo = self.hooks.crm_info()
        self.client = client
        """The HTTP client, where it is not the process's own."""
        self._cache: MutableMapping[str, Cached] = {} if cache is None else cache
        self._cache_lock = threading.Lock()
        self.pacer = pacer or Pacer(clock)
        self.pacer.set_limits(self.info.limits)
        if report is not None:
            self.pacer.set_limits(report.limits)
        self.scheme = self.hooks.auth_scheme()
        self._host = checked_base_url(
            settings.host or self.scheme.base_url, self.info.host_suffixes
        )
        self.login: Login = StaticLogin(token) if login is None else login(self)
        self.http = Http(
            base_url=self._base_url,
            headers=self._auth_headers,
            pacer=self.pacer,
            clock=clock,
            classify=self._classify,
            read_limits=self._read_limits,
            read_timeout=settings.read_timeout,
            request_id_header=self.info.request_id_header,
            budget_share=settings.budget_share,
            client=client,
            renew=self._renewed,
        )

    @property
    def settle_after(self) -> float:
        """Seconds after which an unanswered write has surely been committed or not."""
        return self.settings.settle_after or max(
            self.info.settle_after or 0.0, 2 * self.settings.read_timeout
        )

    @property
    def api_version(self) -> str:
        return self.settings.api_version or self.info.api_version

    def alive(self) -> None:
        """Note that work goes on; the engine sets a lane aside that shows no sign for long."""
        self.last_sign = self.clock.monotonic()

    def now(self) -> datetime:
        """The time of day, aware and in UTC."""
        return self.clock.now()

    def by_their_clock(self, moment: datetime) -> datetime:
        """A time of ours as the CRM's clock tells it, which says when its records were made.

        Known from the CRM's last answer, and only if ours is ahead by more than `AHEAD` seconds:
        the other way round a look-up finds more than was made since, and nothing less.
        """
        ahead = self.http.ahead
        return moment - timedelta(seconds=ahead) if ahead > AHEAD else moment

    def cache(self, key: str, ttl: float, load: Callable[[], Json]) -> Json:
        """What `load` gave at most `ttl` seconds ago, or gives now. Survives a restart."""
        with self._cache_lock:
            known = self._cache.get(key)
            if known is not None and known[0] > self.now():
                return known[1]
        value = load()
        with self._cache_lock:
            self._cache[key] = (self.now() + timedelta(seconds=ttl), value)
        return value

    def forget_cached(self, key: str) -> None:
        """Drop what was cached, since the CRM showed that it no longer holds."""
        with self._cache_lock:
            self._cache.pop(key, None)

    def close(self) -> None:
        self.http.close()

    def _auth_headers(self) -> Mapping[str, str]:
        self.alive()
        token = self.login.token()
        if not token:
            way = "connection add" if self.scheme.oauth is None else "connect"
            raise NeedsLogin(
                "The connection has no token.",
                remedy=f"Run `crmwire {way} {self.crm} --name {self.name}`.",
            )
        return {self.scheme.header: self.scheme.template.format(token=token)}

    def _renewed(self, refused: Mapping[str, str]) -> bool:
        self.alive()
        before, _, after = self.scheme.template.partition("{token}")
        sent = refused.get(self.scheme.header, "").removeprefix(before).removesuffix(after)
        return bool(sent) and self.login.renewed(sent)

    def _base_url(self) -> str:
        """Where the login says that the API is, checked; else the settings, else the plugin."""
        told = self.login.base_url()
        return self._host if told is None else checked_base_url(told, self.info.host_suffixes)

    def _classify(self, status: int, headers: Mapping[str, str], body: str) -> Failure | None:
        return self.hooks.classify_error(status, headers, body)

    def _read_limits(self, status: int, headers: Mapping[str, str]) -> Iterable[LimitState]:
        self.alive()
        return self.hooks.read_limits(status, headers)

"""The library: what commands, the receiver and other programs use.

with crmwire.open(home) as app:
    app.add_connection("sales", crm="hubspot", token=token)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from crmwire import checking, intake, repairing
from crmwire import home as homes
from crmwire.checking import Checked
from crmwire.clock import Clock, SystemClock
from crmwire.discovery import Discovery
from crmwire.errors import ConfigurationError
from crmwire.opening import Openings
from crmwire.previewing import previews
from crmwire.setting_up import connections, feeds, routes
from crmwire.store import DeliveryFilter, Store, setup
from crmwire.types import WebhookRequest
from crmwire.vault import Vault, load_keys

if TYPE_CHECKING:
    from crmwire.intake import Intake
    from crmwire.previewing import Preview
    from crmwire.store import ConnectionRow, Counts, DeliveryRow, DeliveryView, FeedRow, RouteRow

__all__ = ["App", "Checked", "open_app", "parse_since"]


class App:
    """One data folder, open. Use it as a context manager; methods may be called from any thread."""

    def __init__(
        self,
        home: Path | None = None,
        *,
        clock: Clock | None = None,
        threaded: bool = False,
        told: Callable[[str], object] = lambda _: None,
    ) -> None:
        self.home = homes.prepared(home or homes.default_home())
        self.clock = clock or SystemClock()
        self.store = Store(self.home / homes.DATABASE, threaded=threaded)
        with self.store.read() as db:
            may_create = setup.any_secret(db) is None
        self.vault = Vault(self.store, load_keys(may_create=may_create, told=told))
        self.vault.check()
        self.discovery = Discovery(self.home / "plugins")
        self.openings = Openings(self.store, self.vault, self.discovery, self.clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.store.close()

    # ------------------------------------------------------------ feeds

    def add_feed(
        self,
        name: str,
        *,
        source: str,
        team: str = "default",
        signing_secret: str | None = None,
        allow_unsigned: bool = False,
        settings: Mapping[str, Any] | None = None,
    ) -> str:
        """Add a feed and return its address path, `/in/TOKEN`. Raises: ConfigurationError."""
        return feeds.add(
            self.openings,
            name,
            source=source,
            team=team,
            signing_secret=signing_secret,
            allow_unsigned=allow_unsigned,
            settings=settings,
        )

    def feed_address(self, row: FeedRow) -> str:
        """The path that webhooks of a feed are sent to."""
        return feeds.address(self.openings, row)

    def is_signed(self, row: FeedRow) -> bool:
        """Whether a feed has a secret that its webhooks are checked with."""
        return feeds.is_signed(self.openings, row)

    def change_feed(self, name: str, *, settings: Mapping[str, Any], allow_unsigned: bool) -> None:
        """Replace a feed's settings; its address and secret stay."""
        feeds.change(self.openings, name, settings=settings, allow_unsigned=allow_unsigned)

    def set_signing_secret(self, name: str, secret: str) -> None:
        """Replace a feed's signing secret."""
        feeds.set_signing_secret(self.openings, name, secret)

    def remove_feed(self, name: str) -> None:
        """Remove a feed with its routes; what came in stays readable."""
        feeds.remove(self.openings, name)

    # ------------------------------------------------------------ connections

    def add_connection(
        self,
        name: str,
        *,
        crm: str,
        token: str | None = None,
        team: str = "default",
        settings: Mapping[str, Any] | None = None,
    ) -> ConnectionRow:
        """Add a connection with a static token. Raises: ConfigurationError, PluginBroken."""
        return connections.add(
            self.openings, name, crm=crm, token=token, team=team, settings=settings
        )

    def change_connection(self, name: str, *, settings: Mapping[str, Any]) -> None:
        """Replace a connection's settings. Raises: ConfigurationError, PluginBroken."""
        connections.change(self.openings, name, settings=settings)

    def set_token(self, name: str, token: str) -> None:
        """Give a connection another token; what waited for a login goes on."""
        connections.set_token(self.openings, name, token)

    def remove_connection(self, name: str) -> None:
        """Remove a connection with its token and routes; the CRM's records stay."""
        connections.remove(self.openings, name)

    # ------------------------------------------------------------ routes

    def presets(self, connection: str) -> dict[str, str]:
        """The presets that a connection's plugins give: name -> TOML text."""
        conn = self.openings.connection(self.store.connection(connection))
        return dict(conn.hooks.presets())

    def preset(self, connection: str, name: str) -> dict[str, Any]:
        """A preset as data; `linktime` and `salesforce:linktime` mean the same there.

        Raises: UnknownName.
        """
        conn = self.openings.connection(self.store.connection(connection))
        return routes.preset_of(conn, name)

    def add_route(
        self,
        *,
        feed: str,
        connection: str,
        preset: str,
        page: str = "*",
        name: str | None = None,
        options: Mapping[str, Any] | None = None,
        rows: Mapping[str, Any] | None = None,
        mapping: Mapping[str, Any] | None = None,
        zone: str | None = None,
        since: datetime | None = None,
    ) -> RouteRow:
        """Carry a feed's page to a connection. Raises: ConfigurationError with every problem.

        `mapping` is a mapping's data in the place of the preset's. Events before `since` (by
        default: now) are skipped.
        """
        return routes.add(
            self.openings,
            feed=feed,
            connection=connection,
            preset=preset,
            page=page,
            name=name,
            options=options,
            rows=rows,
            mapping=mapping,
            zone=zone,
            since=since,
        )

    def change_route(
        self,
        name: str,
        *,
        preset: str,
        mapping: Mapping[str, Any],
        options: Mapping[str, Any],
        rows: Mapping[str, Any],
        zone: str | None,
    ) -> None:
        """Replace what a route does; its place and history stay. Raises: ConfigurationError."""
        routes.change(
            self.openings,
            name,
            preset=preset,
            mapping=mapping,
            options=options,
            rows=rows,
            zone=zone,
        )

    def remove_route(self, name: str) -> int:
        """Remove a route; returns how many waiting deliveries are skipped for it."""
        return routes.remove(self.openings, name)

    # ------------------------------------------------------------ events

    def accept(
        self,
        feed: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        trusted: bool = False,
    ) -> Intake:
        """Take in one webhook body. `trusted` bodies (files, tests) need no signature.

        Raises: WebhookRefused, UnreadableWebhook, StoreUnavailable.
        """
        row = self.store.feed(feed)
        request = WebhookRequest(
            body=body,
            headers={name.lower(): value for name, value in (headers or {}).items()},
            received_at=self.clock.now(),
        )
        if not trusted:
            return intake.take_in(self.openings, row, request)
        events = self.openings.source(row).parse_webhook(request)
        return intake.accepted(self.openings, row, events, self.clock.now())

    def preview(self, feed: str, body: bytes, *, connection: str | None = None) -> list[Preview]:
        """What a webhook body would do, as if it came in now; only reads are sent.

        Raises: UnknownName, UnreadableWebhook, ConfigurationError.
        """
        return previews(self.openings, self.store.feed(feed), body, connection)

    # ------------------------------------------------------------ deliveries

    def deliveries(self, wanted: DeliveryFilter | None = None) -> list[DeliveryRow]:
        return self.store.deliveries(wanted or DeliveryFilter())

    def delivery(self, id_: int) -> DeliveryView:
        """Raises: UnknownName."""
        return self.store.delivery(id_)

    def retry(
        self, ids: Sequence[int], *, again: bool = False, use: str | None = None
    ) -> list[int]:
        """Make held deliveries ready again; returns which. Raises: UnknownName.

        `use` is the record (`ID`, or `Type/ID`) that a person chose for a held delivery; every
        held delivery of the same person in the lane is then resolved with it.
        """
        return repairing.retry(self.store, ids, self.clock.now().timestamp(), again=again, use=use)

    def dismiss(self, ids: Sequence[int]) -> list[int]:
        """Give up held or waiting deliveries for good; returns which. Raises: UnknownName."""
        return repairing.dismiss(self.store, ids, self.clock.now().timestamp())

    def counts(self) -> list[Counts]:
        return self.store.counts()

    # ------------------------------------------------------------ health

    def check(self, name: str) -> Checked:
        """Ask a connection's CRM who we are and hold its routes' mappings against the schema."""
        return checking.check_connection(self.openings, name)

    def check_feed(self, name: str) -> Checked:
        """Whether a feed's plugin loads and its webhooks are signed."""
        return checking.check_feed(self.openings, name)


def open_app(home: Path | str | None = None, **more: Any) -> App:
    """Open a data folder; by default `CRMWIRE_HOME`.

    Raises: ConfigurationError, StoreUnavailable.
    """
    return App(Path(home) if home is not None else None, **more)


def parse_since(text: str) -> datetime:
    """A date or time; without a zone it is UTC. Raises: ConfigurationError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(
            f"{text!r} is not a date.", remedy="Write it as 2026-11-30 or 2026-11-30T09:00+01:00."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

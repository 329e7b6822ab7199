"""The library: what commands, the receiver and other programs use.

with crmwire.open(home) as app:
    app.add_connection("sales", crm="hubspot", token=token)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from crmwire import checking, forgetting, intake, purging, repairing, rotating
from crmwire import home as homes
from crmwire.checking import Checked
from crmwire.clock import Clock, SystemClock
from crmwire.discovery import Discovery
from crmwire.errors import ConfigurationError, CrmwireError
from crmwire.opening import Openings
from crmwire.previewing import previews
from crmwire.setting_up import (
    alerts,
    connections,
    disconnecting,
    feeds,
    inviting,
    logins,
    routes,
)
from crmwire.store import DeliveryFilter, Store, setup
from crmwire.store import purging as stored_purging
from crmwire.types import WebhookRequest
from crmwire.vault import Vault, load_keys

if TYPE_CHECKING:
    from crmwire.alerting.addresses import TargetKind
    from crmwire.forgetting import Forgotten
    from crmwire.intake import Intake
    from crmwire.previewing import Preview
    from crmwire.rotating import KeyState, Rotation
    from crmwire.setting_up.alerts import WrongNow
    from crmwire.setting_up.disconnecting import Disconnected
    from crmwire.setting_up.logins import Connected, Started
    from crmwire.store import ConnectionRow, Counts, DeliveryRow, DeliveryView, FeedRow, RouteRow
    from crmwire.store.alerts import Digest, TargetRow
    from crmwire.store.checks import CheckRow

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
        keys = load_keys(may_create=may_create, told=told, outside=self.home)
        self.vault = Vault(self.store, keys)
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
        api_token: str | None = None,
        since: datetime | None = None,
    ) -> str:
        """Add a feed and return its address path, `/in/TOKEN`.

        `api_token` is for the source's API, if it is asked; polling begins at `since` (by
        default: now). Raises: ConfigurationError.
        """
        return feeds.add(
            self.openings,
            name,
            source=source,
            team=team,
            signing_secret=signing_secret,
            allow_unsigned=allow_unsigned,
            settings=settings,
            api_token=api_token,
            since=since,
        )

    def is_polled(self, source: str, name: str, settings: Mapping[str, Any]) -> bool:
        """Whether a feed of these settings is asked for. Raises: ConfigurationError."""
        return feeds.checked_settings(self.openings, name, source, settings, None).is_polled()

    def feed_is_polled(self, row: FeedRow) -> bool:
        """Whether a feed is asked for; False as well if its plugin does not load."""
        try:
            return self.is_polled(row.source, row.name, row.settings)
        except CrmwireError:
            return False

    def needs_token(self, source: str, name: str, settings: Mapping[str, Any]) -> bool:
        """Whether a source's API asks for a token. Raises: ConfigurationError."""
        api = feeds.checked_settings(self.openings, name, source, settings, None).feed_api()
        return api is not None and not api.public

    def feed_address(self, row: FeedRow) -> str:
        """The path that webhooks of a feed are sent to."""
        return feeds.address(self.openings, row)

    def is_signed(self, row: FeedRow) -> bool:
        """Whether a feed has a secret that its webhooks are checked with."""
        return feeds.is_signed(self.openings, row)

    def change_feed(self, name: str, *, settings: Mapping[str, Any], allow_unsigned: bool) -> None:
        """Replace a feed's settings; its address and secret stay. Raises: ConfigurationError."""
        feeds.change(self.openings, name, settings=settings, allow_unsigned=allow_unsigned)

    def set_signing_secret(self, name: str, secret: str, *, keep_old: bool = False) -> None:
        """Replace a feed's signing secret; with `keep_old`, the one before still counts too."""
        feeds.set_signing_secret(self.openings, name, secret, keep_old=keep_old)

    def set_feed_token(self, name: str, token: str) -> None:
        """Replace the token that a feed's source is asked with."""
        feeds.set_api_token(self.openings, name, token)

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

    def prepare_login(
        self, name: str, *, crm: str, team: str | None = None, settings: Mapping[str, Any]
    ) -> ConnectionRow:
        """The connection of that name, to log in to; made if there is none.

        Settings of one that is there change when the login has succeeded.
        Raises: ConfigurationError.
        """
        return logins.prepared(self.openings, name, crm=crm, team=team, settings=settings)

    def needs_person(self, name: str, settings: Mapping[str, Any]) -> bool:
        """Whether a login with these settings takes a person and a browser."""
        return logins.needs_person(self.openings, self.store.connection(name), settings)

    def begin_login(
        self,
        name: str,
        *,
        redirect_uri: str,
        settings: Mapping[str, Any] | None = None,
        secrets: Mapping[str, str] | None = None,
    ) -> Started:
        """Begin a login; a person's browser goes to its address, and comes back within 10 minutes.

        `secrets` are the app's: `client_secret`. Raises: ConfigurationError.
        """
        row = self.store.connection(name)
        return logins.begin(
            self.openings,
            row,
            redirect_uri=redirect_uri,
            settings=settings or {},
            secrets=secrets or {},
        )

    def finish_login(self, query: str) -> Connected:
        """Finish a login with the query that the browser brought back, once.

        Raises: LoginFailed, a Failure as the vendor refused it.
        """
        return logins.finish(self.openings, query)

    def log_in_by_itself(
        self,
        name: str,
        *,
        settings: Mapping[str, Any] | None = None,
        secrets: Mapping[str, str] | None = None,
    ) -> Connected:
        """Log in an app that needs no person, by its `client_secret` or `private_key`.

        Raises: ConfigurationError, LoginFailed, a Failure as the vendor refused it.
        """
        row = self.store.connection(name)
        return logins.by_itself(self.openings, row, settings=settings or {}, secrets=secrets or {})

    def invite(
        self,
        name: str,
        *,
        address: str,
        settings: Mapping[str, Any] | None = None,
        secrets: Mapping[str, str] | None = None,
    ) -> tuple[str, str]:
        """A link by which somebody logs in at the daemon, once, and the redirect address.

        `address` is where browsers reach the daemon. Raises: ConfigurationError.
        """
        row, redirect_uri = self.store.connection(name), inviting.public_callback(address)
        ticket = inviting.invite(
            self.openings,
            row,
            redirect_uri=redirect_uri,
            settings=settings or {},
            secrets=secrets or {},
        )
        return f"{address.rstrip('/')}/oauth/{row.crm}/start?ticket={ticket}", redirect_uri

    def disconnect(self, name: str) -> Disconnected:
        """End a connection's login, at the vendor too; routes stay and deliveries wait."""
        return disconnecting.disconnect(self.openings, name)

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
        join_within: float | None = None,
    ) -> RouteRow:
        """Carry a feed's page to a connection. Raises: ConfigurationError with every problem.

        `mapping` is a mapping's data in the place of the preset's. Events before `since` (by
        default: now) are skipped. A booking cancelled and another made by the same guest on the
        same page within `join_within` minutes are taken for one that was moved.
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
            join_within=join_within,
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
        join_within: float | None = None,
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
            join_within=join_within,
        )

    def remove_route(self, name: str) -> int:
        """Remove a route; returns how many waiting deliveries are skipped for it."""
        return routes.remove(self.openings, name)

    # ------------------------------------------------------------ alerts

    def add_alert(
        self,
        name: str,
        *,
        address: str,
        kind: TargetKind = "apprise",
        team: str = "default",
        digest: Digest = "daily",
        secret: str | None = None,
    ) -> TargetRow:
        """Tell a place when something is wrong: an address of apprise, or a webhook's URL.

        Team `*` hears of all teams. Raises: ConfigurationError, which never repeats the address.
        """
        return alerts.add(
            self.openings,
            name,
            address=address,
            kind=kind,
            team=team,
            digest=digest,
            secret=secret,
        )

    def change_alert(
        self,
        name: str,
        *,
        digest: Digest | None = None,
        address: str | None = None,
        secret: str | None = None,
    ) -> TargetRow:
        """Change where, or how often, an alert is told. Raises: ConfigurationError."""
        return alerts.change(self.openings, name, digest=digest, address=address, secret=secret)

    def remove_alert(self, name: str) -> None:
        """Tell a place no more."""
        alerts.remove(self.openings, name)

    def test_alert(self, name: str) -> str | None:
        """Send a message that nothing is wrong; None if it arrived, else what went wrong."""
        return alerts.test(self.openings, name)

    def alerts(self) -> list[TargetRow]:
        return alerts.all_of(self.openings)

    def alert_secret(self, name: str) -> str | None:
        """What a webhook's alerts are signed with."""
        return alerts.signing_secret(self.openings, name)

    def last_checks(self) -> dict[str, CheckRow]:
        """What was last checked, by `connection/ID` and `feed/ID`."""
        return alerts.last_checks(self.openings)

    def wrong_now(self) -> list[WrongNow]:
        """All that is wrong now, the oldest first."""
        return alerts.wrong_now(self.openings)

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
        row = self.openings.feed(feed)
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

    # ------------------------------------------------------------ personal data

    def forget(self, email: str, *, rehearse: bool = False) -> Forgotten:
        """Remove a person from all that is stored (see `crmwire.forgetting`)."""
        return forgetting.forget(self.store, self.clock, email, rehearse=rehearse)

    def retention(self) -> int | None:
        """How many days payloads are kept; None: as long as the data folder."""
        with self.store.read() as db:
            return stored_purging.retention(db)

    def set_retention(self, days: int | None) -> None:
        """Keep payloads for so many days; None: as long as the data folder."""
        purging.set_retention(self.store, days, self.clock.now().timestamp())

    # ------------------------------------------------------------ keys

    def keys(self) -> list[KeyState]:
        """The keys of the vault: how many secrets each encrypts, and which is for new ones."""
        return rotating.key_states(self.store, self.vault)

    def rotate_keys(self, *, given: tuple[str, bytes] | None = None, **more: Any) -> Rotation:
        """Move all secrets to a new key, also while the daemon runs (see `crmwire.rotating`)."""
        now = self.clock.now()
        return rotating.rotated(self.home, self.store, self.vault, now=now, given=given, **more)

    def remove_key(self, key_id: str) -> None:
        """Take a key that nothing here needs out of the key file. Raises: ConfigurationError."""
        rotating.removed_key(self.store, self.vault, key_id, self.clock.now())

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

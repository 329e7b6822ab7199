"""The library: what commands, the receiver and other programs use.

with crmwire.open(home) as app:
    app.add_connection("sales", crm="hubspot", token=token)
"""

from __future__ import annotations

import getpass
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from zoneinfo import ZoneInfo

from attrs import frozen

from crmwire import home as homes
from crmwire import intake
from crmwire.clock import Clock, SystemClock
from crmwire.discovery import Discovery
from crmwire.errors import ConfigurationError, CrmwireError, UnknownName
from crmwire.intake import Intake, token_hash
from crmwire.mapping import fingerprint, load_preset
from crmwire.mapping_form import parse_toml
from crmwire.opening import TOKEN, Openings, lane_of, settings_of
from crmwire.previewing import Preview, previews
from crmwire.store import (
    ConnectionRow,
    Counts,
    DeliveryFilter,
    DeliveryRow,
    DeliveryView,
    FeedRow,
    RouteRow,
    Store,
    setup,
    views,
)
from crmwire.types import ConnectionReport, Finding, WebhookRequest
from crmwire.vault import Vault, load_keys

if TYPE_CHECKING:
    from crmwire.connections import Connection

SIGNING = "signing"
ADDRESS = "address"


@frozen(kw_only=True)
class Checked:
    """What `check` found out about one connection or feed."""

    name: str
    kind: str
    report: ConnectionReport | None
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return all(finding.level != "error" for finding in self.findings)


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
        checked_name(name)
        self.discovery.find("source", source).load()
        if not signing_secret and not allow_unsigned:
            raise ConfigurationError(
                f"The feed {name!r} has no signing secret.",
                remedy="Give the secret that the source signs with, or allow unsigned webhooks.",
            )
        token = secrets.token_urlsafe(16)
        now = self.clock.now().timestamp()

        def job(db: Any) -> None:
            id_ = setup.insert_feed(
                db,
                name=name,
                team=team,
                source=source,
                token_hash=token_hash(token),
                settings=settings or {},
                allow_unsigned=allow_unsigned,
                since=None,
                now=now,
            )
            self.vault.put_in(db, f"feed/{id_}", ADDRESS, token)
            if signing_secret:
                self.vault.put_in(db, f"feed/{id_}", SIGNING, signing_secret)

        self.store.write(job)
        return f"/in/{token}"

    def feed_address(self, row: FeedRow) -> str:
        """The path that webhooks of a feed are sent to."""
        return f"/in/{self.vault.get(row.owner, ADDRESS)}"

    def is_signed(self, row: FeedRow) -> bool:
        """Whether a feed has a secret that its webhooks are checked with."""
        return any(name.startswith(SIGNING) for name in self.vault.all(row.owner))

    def change_feed(self, name: str, *, settings: Mapping[str, Any], allow_unsigned: bool) -> None:
        """Replace a feed's settings; its address and secret stay."""
        row = self.store.feed(name)
        self.store.write(
            lambda db: setup.update_feed(
                db, row.id, settings=settings, allow_unsigned=allow_unsigned
            )
        )

    def set_signing_secret(self, name: str, secret: str) -> None:
        """Replace a feed's signing secret."""
        self.vault.put(self.store.feed(name).owner, SIGNING, secret)

    def remove_feed(self, name: str) -> None:
        """Remove a feed with its routes; what came in stays readable."""
        row, now = self.store.feed(name), self.clock.now().timestamp()
        self.store.write(lambda db: setup.delete_feed(db, row.id, now))

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
        checked_name(name)
        self.discovery.find("crm", crm).load()
        checked_zone(settings_of(settings or {}, f"connection {name}").zone)
        now = self.clock.now().timestamp()

        def job(db: Any) -> None:
            id_ = setup.insert_connection(
                db, name=name, team=team, crm=crm, settings=settings or {}, now=now
            )
            if token:
                self.vault.put_in(db, f"connection/{id_}", TOKEN, token)

        self.store.write(job)
        row = self.store.connection(name)
        try:
            self.openings.connection(row)
        except CrmwireError:
            self.remove_connection(name)
            raise
        return row

    def change_connection(self, name: str, *, settings: Mapping[str, Any]) -> None:
        """Replace a connection's settings. Raises: ConfigurationError, PluginBroken."""
        row = self.store.connection(name)
        conn = self.openings.trial(name, row.crm, settings)
        conn.close()
        checked_zone(conn.settings.zone)
        self.store.write(lambda db: setup.update_connection(db, row.id, settings=settings))

    def set_token(self, name: str, token: str) -> None:
        """Give a connection another token; what waited for a login goes on."""
        row = self.store.connection(name)

        def job(db: Any) -> None:
            self.vault.put_in(db, row.owner, TOKEN, token)
            setup.set_connection_state(db, row.id, "ok")

        self.store.write(job)

    def remove_connection(self, name: str) -> None:
        """Remove a connection with its token and routes; the CRM's records stay."""
        row, now = self.store.connection(name), self.clock.now().timestamp()
        self.store.write(lambda db: setup.delete_connection(db, row.id, now))

    # ------------------------------------------------------------ routes

    def presets(self, connection: str) -> dict[str, str]:
        """The presets that a connection's plugins give: name -> TOML text."""
        conn = self.openings.connection(self.store.connection(connection))
        return dict(conn.hooks.presets())

    def preset(self, connection: str, name: str) -> dict[str, Any]:
        """A preset as data; `linktime` and `salesforce:linktime` mean the same there.

        Raises: UnknownName.
        """
        return preset_of(self.openings.connection(self.store.connection(connection)), name)

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
        feed_row, conn_row = self.store.feed(feed), self.store.connection(connection)
        raw = dict(mapping) if mapping is not None else self.preset(connection, preset)
        name = name or "-".join([feed, *([] if page == "*" else [page]), connection])
        checked_name(name)
        self._compiled(conn_row, raw, feed_row.source, options, rows, zone, name)
        start = since or self.clock.now()

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

        self.store.write(job)
        return self.store.route(name)

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
        row = self.store.route(name)
        conn_row = self.store.connection(row.connection)
        self._compiled(conn_row, dict(mapping), row.source, options, rows, zone, name)
        self.store.write(
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

    def _compiled(
        self,
        conn_row: ConnectionRow,
        raw: Mapping[str, Any],
        source: str,
        options: Mapping[str, Any] | None,
        rows: Mapping[str, Any] | None,
        zone: str | None,
        name: str,
    ) -> None:
        checked_zone(zone)
        conn = self.openings.connection(conn_row)
        self.openings.compiled(
            raw,
            conn.info,
            options=options,
            rows=rows,
            zone=zone,
            source=source,
            where=f"route {name}",
        )

    def remove_route(self, name: str) -> int:
        """Remove a route; returns how many waiting deliveries are skipped for it."""
        row, now = self.store.route(name), self.clock.now().timestamp()
        return self.store.write(lambda db: setup.remove_route(db, row.id, now))

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
        chosen = None
        wanted = list(ids)
        if use is not None:
            chosen, wanted = self._choice(wanted, use)
        now = self.clock.now().timestamp()
        done, _ = self.store.write(lambda db: views.retry(db, wanted, now, again=again, use=chosen))
        return done

    def _choice(self, ids: Sequence[int], use: str) -> tuple[dict[str, str], list[int]]:
        if len(ids) != 1:
            raise ConfigurationError("A record is chosen for one delivery at a time.")
        review = _review(self.store.delivery(ids[0]))
        type_, _, record = use.rpartition("/")
        candidates = (review or {}).get("candidates", ())
        if not type_:
            types = {one["type"] for one in candidates if one["id"] == record}
            if len(types) != 1:
                names = ", ".join(f"{one['type']}/{one['id']}" for one in candidates)
                raise ConfigurationError(
                    f"{use!r} is none of the records to choose from.",
                    remedy=f"Choose from: {names}." if names else "Give it as Type/ID.",
                )
            type_ = types.pop()
        chosen = {"role": (review or {}).get("role", "person"), "type": type_, "record": record}
        person = (review or {}).get("person")
        same = list(ids)
        row = self.store.delivery(ids[0]).row
        lane = self.store.connection(row.connection).lane
        if person:
            for other in self.store.matching_ids(
                DeliveryFilter(states=("held",), failure="needs_review")
            ):
                view = self.store.delivery(other)
                in_lane = self.store.connection(view.row.connection).lane == lane
                if other not in same and in_lane and (_review(view) or {}).get("person") == person:
                    same.append(other)
        return chosen, same

    def dismiss(self, ids: Sequence[int]) -> list[int]:
        """Give up held or waiting deliveries for good; returns which. Raises: UnknownName."""
        now, by = self.clock.now().timestamp(), getpass.getuser()
        return self.store.write(lambda db: views.dismiss(db, ids, by, now))

    def counts(self) -> list[Counts]:
        return self.store.counts()

    # ------------------------------------------------------------ health

    def check(self, name: str) -> Checked:
        """Ask a connection's CRM who we are and hold its routes' mappings against the schema."""
        row = self.store.connection(name)
        findings: list[Finding] = []
        report = None
        try:
            conn = self.openings.connection(row)
            report = conn.hooks.check_connection()
            findings += report.findings
            self._keep_report(row, report)
            for route in self.store.routes():
                if route.connection == name:
                    findings += conn.hooks.check_mapping(self.openings.mapping(route))
        except CrmwireError as error:
            findings.append(_as_finding(name, error))
        return Checked(name=name, kind="connection", report=report, findings=tuple(findings))

    def _keep_report(self, row: ConnectionRow, report: ConnectionReport) -> None:
        lane = lane_of(row.crm, report.account_id)
        if row.report is not None and row.report.account_id != report.account_id:
            raise ConfigurationError(
                f"The token belongs to another account ({report.account_name}) than before "
                f"({row.report.account_name}).",
                remedy="Use a token of the same account, or add a new connection.",
            )

        def job(db: Any) -> None:
            setup.set_report(db, row.id, report, lane)
            setup.set_connection_state(db, row.id, "ok")

        self.store.write(job)

    def check_feed(self, name: str) -> Checked:
        """Whether a feed's plugin loads and its webhooks are signed."""
        row = self.store.feed(name)
        findings: list[Finding] = []
        try:
            hooks = self.openings.source(row)
            if not hooks.feed.secrets:
                findings.append(
                    Finding(
                        level="warning",
                        subject=name,
                        message="Unsigned webhooks are taken: anyone who knows the address can "
                        "send bookings.",
                        remedy="Set a signing secret at the source and here.",
                    )
                )
        except CrmwireError as error:
            findings.append(_as_finding(name, error))
        return Checked(name=name, kind="feed", report=None, findings=tuple(findings))


def _as_finding(subject: str, error: CrmwireError) -> Finding:
    message = " ".join([error.message, "; ".join(getattr(error, "problems", ()))]).strip()
    return Finding(level="error", subject=subject, message=message, remedy=error.remedy)


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


def _review(view: DeliveryView) -> Mapping[str, Any] | None:
    """What the last hold of a delivery asked a person to choose."""
    for entry in reversed(view.history):
        failure = entry.get("failure")
        if isinstance(failure, dict) and failure.get("kind") == "needs_review":
            return {**failure, "role": entry.get("role", "person"), "person": entry.get("person")}
    return None


def checked_name(name: str) -> None:
    """Raises: ConfigurationError if a feed, connection or route cannot be called so."""
    if not name or not all(letter.isalnum() or letter in "-_.:@" for letter in name):
        raise ConfigurationError(
            f"{name!r} is not a name.", remedy="Use letters, digits and - _ . : @ only."
        )


def checked_zone(name: str | None) -> None:
    """Raises: ConfigurationError if there is no time zone of that name."""
    if name is None:
        return
    try:
        ZoneInfo(name)
    except (ValueError, LookupError, OSError):
        raise ConfigurationError(
            f"There is no time zone {name!r}.", remedy="Write it as Europe/London or UTC."
        ) from None


def open_app(home: Path | str | None = None, **more: Any) -> App:
    """Open a data folder; by default `CRMWIRE_HOME`.

    Raises: ConfigurationError, StoreUnavailable.
    """
    return App(Path(home) if home is not None else None, **more)


def parse_mapping(text: str) -> dict[str, Any]:
    """A mapping document's text as data. Raises: ConfigurationError."""
    return parse_toml(text, "mapping")


def parse_since(text: str) -> datetime:
    """A date or time; without a zone it is UTC. Raises: ConfigurationError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(
            f"{text!r} is not a date.", remedy="Write it as 2026-11-30 or 2026-11-30T09:00+01:00."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

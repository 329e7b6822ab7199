"""A whole crmwire in one process, with sandboxes over real HTTP, for tests."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import define, field

from crmwire.alerting.kinds import Pace
from crmwire.app import App
from crmwire.demo.environment import surroundings
from crmwire.hooks import manager
from crmwire.hookspecs import CrmSpecs
from crmwire.intake import accepted
from crmwire.runner import Daemon
from crmwire.sandbox import Sandbox, SandboxServer, SandboxSettings, TimelinePerson
from crmwire.store import DeliveryFilter, DeliveryRow
from crmwire.types import Event

QUICK = {"read_timeout": 2.0, "settle_after": 2.5, "tries": [0.1, 0.2, 0.5, 1.0]}
"""Connection settings that keep a test's waits short; nothing is bypassed."""


@define(kw_only=True)
class Stage:
    """An open data folder, its engine, and one sandbox for each CRM."""

    app: App
    daemon: Daemon
    sandboxes: dict[str, Sandbox] = field(factory=dict)
    urls: dict[str, str] = field(factory=dict)

    def send(self, body: bytes, feed: str = "feed") -> None:
        """Take in a webhook body as a signed one, and wake the lanes."""
        self.daemon.engine.wake(self.app.accept(feed, body, trusted=True).lanes)

    def tell(self, *events: Event, feed: str = "feed") -> None:
        """Take in events as a source's plugin would have made them, and wake the lanes."""
        row, now = self.app.store.feed(feed), self.app.clock.now()
        self.daemon.engine.wake(accepted(self.app.openings, row, events, now).lanes)

    def settle(self, timeout: float = 30.0) -> None:
        """Wait until nothing is ready or being worked on. Raises: TimeoutError."""
        deadline = time.monotonic() + timeout
        while waiting := self.app.deliveries(DeliveryFilter(states=("ready", "working"))):
            if time.monotonic() > deadline:
                raise TimeoutError(f"still waiting: {waiting[:3]}")
            time.sleep(0.02)

    def people(self, crm: str) -> list[TimelinePerson]:
        """Who stands in the first account of a sandbox."""
        sandbox = self.sandboxes[crm]
        return sandbox.timelines(next(iter(sandbox.accounts.values())))

    def calls(self, crm: str) -> list[dict[str, Any]]:
        """The requests that a sandbox got, oldest first."""
        return self.sandboxes[crm].requests

    def rows(self, *states: str) -> list[DeliveryRow]:
        """The newest deliveries in these states."""
        return self.app.deliveries(DeliveryFilter(states=states, limit=1000))


@contextlib.contextmanager
def stage(
    folder: Path,
    crms: Mapping[str, str],
    *,
    source: str | None = "calcom",
    preset: str = "linktime",
    options: Mapping[str, str] | None = None,
    settings: Mapping[str, Any] | None = None,
    check: bool = True,
    pace: Pace | None = None,
) -> Iterator[Stage]:
    """Open a crmwire below `folder` with a connection for each `{name: CRM}` and its sandbox.

    `options` are the sandboxes', `settings` the connections'. Without `check` the first delivery
    asks the CRM who we are. `pace` is how fast alerts are told. Without a `source` no plugin of one
    needs to be installed: the events are those that the test gives to `tell`.
    """
    with (
        contextlib.ExitStack() as stack,
        surroundings(folder),
        App(folder / "home", threaded=True) as app,
    ):
        made = Stage(app=app, daemon=Daemon(app, sweep=0.1, pace=pace))
        own = None if source else {"id": "id", "events": {"created": "booking.created"}}
        app.add_feed("feed", source=source or "webhook", settings=own, allow_unsigned=True)
        for name, crm in crms.items():
            plugin = app.discovery.find("crm", crm).load()
            pm = manager(CrmSpecs, [(crm, plugin)])
            sandbox = pm.hook.sandbox(settings=SandboxSettings(options=dict(options or {})))
            made.sandboxes[name] = sandbox
            made.urls[name] = stack.enter_context(SandboxServer(sandbox)).url
            app.add_connection(
                name,
                crm=crm,
                token="sandbox",  # noqa: S106  (a sandbox's token is no secret)
                settings={"host": made.urls[name], **QUICK, **(settings or {})},
            )
            app.add_route(feed="feed", connection=name, preset=preset)
            if check:
                checked = app.check(name)
                assert checked.ok, checked.findings
        made.daemon.start()
        try:
            yield made
        finally:
            made.daemon.stop()

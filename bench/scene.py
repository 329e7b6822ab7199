"""What is measured with: crmwire in this process, each vendor's sandbox in a process of its own.

So the two share no interpreter, and the processor time of this process is crmwire's own.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import define, frozen

from crmwire.app import App
from crmwire.demo.environment import surroundings
from crmwire.demo.processes import Process, all_stopped, call, sandbox
from crmwire.runner import Daemon
from crmwire.types import WebhookRequest

CRMS = ("salesforce", "hubspot", "attio")
UNLIMITED: Mapping[str, Mapping[str, str]] = {
    "salesforce": {"daily_limit": "1000000"},
    "hubspot": {"limits": "off"},
    "attio": {"limits": "off"},
}
"""The options of sandboxes that refuse nothing for having been asked too often."""
TOKEN = "sandbox"
UNPACED = '''"""As the plugin, but believing in no limits: for a vendor that keeps none."""

import attrs

from crmwire import hookimpl


@hookimpl(wrapper=True)
def crm_info():
    return attrs.evolve((yield), limits=())
'''


@frozen(kw_only=True)
class Vendor:
    """A sandbox in its own process, seen through its control face."""

    process: Process

    @property
    def url(self) -> str:
        return self.process.url

    def processor(self) -> float:
        """Seconds of a processor that it has used since it started."""
        fields = Path(f"/proc/{self.process.process.pid}/stat").read_text().rpartition(")")[2]
        return sum(int(ticks) for ticks in fields.split()[11:13]) / os.sysconf("SC_CLK_TCK")

    def answer_after(self, seconds: float) -> None:
        """Let each answer come so much later."""
        call(f"{self.url}/__sandbox__/latency", {"seconds": seconds})

    def requests(self, since: int = 0) -> list[dict[str, Any]]:
        """What it was asked, oldest first."""
        found = call(f"{self.url}/__sandbox__/requests?since={since}").body["requests"]
        return list(found)

    def entries(self) -> int:
        """How many activities stand on somebody's timeline."""
        accounts = call(f"{self.url}/__sandbox__/timelines").body["accounts"]
        return sum(len(person["entries"]) for one in accounts for person in one["people"])


@contextlib.contextmanager
def vendor(
    crm: str, *, options: Mapping[str, str] | None = None, folder: Path | None = None
) -> Iterator[Vendor]:
    """A sandbox for the length of a `with` block."""
    processes: list[Process] = []
    with tempfile.TemporaryDirectory() as name, all_stopped(processes):
        processes.append(sandbox(crm, folder or Path(name), token=TOKEN, options=options))
        yield Vendor(process=processes[0])


@define(kw_only=True)
class Scene:
    """A crmwire with one connection, running or resting, and the sandbox that it writes to."""

    app: App
    vendor: Vendor
    daemon: Daemon

    def send(self, body: bytes) -> None:
        """Take in one webhook and wake its lane."""
        self.daemon.engine.wake(self.app.accept("feed", body, trusted=True).lanes)

    def rest(self) -> None:
        """Stop the daemon, so that a backlog can grow."""
        self.daemon.stop()

    def load(self, bodies: Sequence[bytes], at_once: int = 500) -> None:
        """Take in many webhooks, some hundred in one commit."""
        row = self.app.store.feed("feed")
        hooks = self.app.openings.source(row)
        for first in range(0, len(bodies), at_once):
            now = self.app.clock.now()
            events = [
                event
                for body in bodies[first : first + at_once]
                for event in hooks.parse_webhook(WebhookRequest(body=body, received_at=now))
            ]
            self.app.store.accept(row.id, events, now)

    def go(self) -> None:
        """Start the daemon again, which then drains what waits."""
        self.daemon = Daemon(self.app)
        self.daemon.start()

    def waits(self) -> bool:
        """Whether a delivery is ready or worked on; costs the same however many there are."""
        with self.app.store.read() as db:
            asked = "SELECT EXISTS (SELECT 1 FROM deliveries WHERE state = {})"
            return any(db.execute(asked.format(state)).fetchone()[0] for state in (0, 1))

    def settle(self, timeout: float = 60.0, look: float = 0.02) -> None:
        """Wait until nothing waits. Raises: TimeoutError."""
        deadline = time.monotonic() + timeout
        while self.waits():
            if time.monotonic() > deadline:
                raise TimeoutError(f"some still wait: {self.app.deliveries()[:1]}")
            time.sleep(look)

    def delivered(self) -> int:
        return sum(one.by_state.get("delivered", 0) for one in self.app.counts())


@contextlib.contextmanager
def scene(
    crm: str,
    *,
    options: Mapping[str, str] | None = None,
    route: Mapping[str, Any] | None = None,
    paced: bool = True,
) -> Iterator[Scene]:
    """A crmwire that carries Cal.com's bookings into one CRM by the preset `linktime`.

    `options` are the sandbox's, `route` those of the preset. Not `paced`: the connection has a
    local plugin that takes the plugin's limits away.
    """
    with (
        tempfile.TemporaryDirectory() as name,
        surroundings(Path(name)),
        vendor(crm, options=options) as seller,
        App(Path(name) / "home", threaded=True) as app,
    ):
        settings: dict[str, Any] = {"host": seller.url}
        if not paced:
            (Path(name) / "home" / "plugins").mkdir(exist_ok=True)
            (Path(name) / "home" / "plugins" / "unpaced.py").write_text(UNPACED)
            settings["plugins"] = ["unpaced.py"]
        app.add_feed("feed", source="calcom", allow_unsigned=True)
        app.add_connection("crm", crm=crm, token=TOKEN, settings=settings)
        app.add_route(feed="feed", connection="crm", preset="linktime", options=route)
        checked = app.check("crm")
        assert checked.ok, checked.findings
        made = Scene(app=app, vendor=seller, daemon=Daemon(app))
        made.daemon.start()
        try:
            yield made
        finally:
            made.daemon.stop()

"""A daemon with one CRM behind it, both real processes, and what it acknowledged."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from crmwire.app import App
from crmwire.demo.bookings import FIRST_START, SampleBooking
from crmwire.demo.environment import surroundings
from crmwire.demo.processes import Answer, Process, all_stopped, call, daemon, sandbox
from crmwire.store import DeliveryFilter

SETTINGS = {"read_timeout": 2.0, "settle_after": 1.0, "tries": [0.2, 0.5, 1.0]}
PATIENCE = 60.0
"""Seconds that a busy machine may take; a quiet one takes none of them."""


@define
class Scene:
    """The processes, a data folder that is open here too, and whose bookings were acknowledged."""

    folder: Path
    environment: dict[str, str]
    app: App
    vendor: Process
    path: str
    daemon: Process
    number: int = 0
    taken: set[str] = field(factory=set)

    def send(self, number: int | None = None) -> Answer:
        """One more booking of one more person, or one once more."""
        if number is None:
            self.number += 1
        one = self.booking(number or self.number)
        answer = call(f"{self.daemon.url}{self.path}", raw=one.created(self._now()))
        if answer.status in (200, 202):
            self.taken.add(one.email)
        return answer

    def send_many(self, count: int) -> None:
        """So many bookings of as many people, each acknowledged."""
        first = self.number + 1
        self.number += count
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(self.send, range(first, first + count)))
        assert {answer.status for answer in answers} == {202}

    def booking(self, number: int) -> SampleBooking:
        return SampleBooking(
            uid=f"bk-{number}",
            email=f"guest{number}@example.com",
            name=f"Guest Number{number}",
            start=FIRST_START + timedelta(minutes=30 * number),
        )

    def _now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=1)

    def all_acknowledged(self) -> None:
        """What was refused is sent again until it is taken, by the same process."""
        deadline = time.monotonic() + PATIENCE
        for number in range(1, self.number + 1):
            while self.send(number).status not in (200, 202):
                assert time.monotonic() < deadline
                time.sleep(0.1)
        assert self.daemon.process.poll() is None

    def settled(self) -> None:
        """Nothing is ready or worked on any more."""
        deadline = time.monotonic() + PATIENCE
        open_ = DeliveryFilter(states=("ready", "working"))
        while waiting := self.app.deliveries(open_):
            assert time.monotonic() < deadline, waiting[:3]
            time.sleep(0.05)

    def all_stand(self) -> None:
        """All that was acknowledged is in the CRM, once."""
        self.settled()
        others = DeliveryFilter(states=("held", "skipped", "dismissed"), limit=1000)
        assert [(row.state, row.reason) for row in self.app.deliveries(others)] == []
        self.stand_once()

    def people(self) -> list[dict[str, Any]]:
        """Who stands in the CRM."""
        accounts = call(f"{self.vendor.url}/__sandbox__/timelines").body["accounts"]
        return list(accounts[0]["people"])

    def stand_once(self) -> None:
        """All whose bookings were acknowledged stand in the CRM, each with one activity."""
        people = self.people()
        assert sorted(one["email"] for one in people) == sorted(self.taken)
        assert {len(one["entries"]) for one in people} == {1}

    def arm(self, *faults: Mapping[str, Any]) -> None:
        """Let the vendor show these faults and no others."""
        call(f"{self.vendor.url}/__sandbox__/faults", {"faults": list(faults), "seed": 1})

    def requests(self, path: str = "") -> int:
        """How many requests with that in their path the vendor was sent."""
        all_ = call(f"{self.vendor.url}/__sandbox__/requests").body["requests"]
        return sum(path in one["path"] for one in all_)

    def start(self) -> None:
        """Start the daemon again."""
        self.daemon = daemon(self.folder, self.environment)


Opens = Callable[..., contextlib.AbstractContextManager[Scene]]


@contextlib.contextmanager
def opened(
    folder: Path, *, crm: str = "hubspot", options: Sequence[tuple[str, str]] = (), **more: Any
) -> Iterator[Scene]:
    """`more`: `environment` of the daemon only, `settings` of the connection."""
    processes: list[Process] = []
    with surroundings(folder) as environment, all_stopped(processes):
        vendor = sandbox(crm, folder, token="token", environment=environment, options=dict(options))
        processes.append(vendor)
        with App(folder / "home") as app:
            path = app.add_feed("feed", source="calcom", allow_unsigned=True)
            settings = {"host": vendor.url, **SETTINGS, **more.get("settings", {})}
            app.add_connection("crm", crm=crm, token="token", settings=settings)
            app.add_route(feed="feed", connection="crm", preset="linktime")
            assert app.check("crm").ok
            environment = {**environment, **more.get("environment", {})}
            scene = Scene(folder, environment, app, vendor, path, daemon(folder, environment))
            try:
                yield scene
            finally:
                scene.daemon.stop()


@pytest.fixture
def one_crm(tmp_path: Path) -> Opens:
    """Opens a `Scene` in the test's folder: `with one_crm(crm="attio") as scene`."""

    def opens(**more: Any) -> contextlib.AbstractContextManager[Scene]:
        return opened(tmp_path, **more)

    return opens

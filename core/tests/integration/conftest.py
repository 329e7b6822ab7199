"""The toy CRM, as if it were installed, and a whole crmwire that carries bookings to it."""

from __future__ import annotations

import importlib.metadata
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from attrs import define

from crmwire import discovery
from crmwire.app import App
from crmwire.demo.environment import surroundings
from crmwire.draining import Drainer
from crmwire.sandbox import SandboxServer, SandboxSettings
from crmwire.store import DeliveryFilter, Store, setup
from crmwire.testing.toysandbox import ToySandbox
from crmwire.types import Event
from crmwire.vocabulary import Booking, Details, Page, Person

TOY = importlib.metadata.EntryPoint(name="toy", value="crmwire.testing.toycrm", group="crmwire.crm")


@pytest.fixture
def toy_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    real = discovery.entry_points

    def with_toy(*, group: str) -> list[importlib.metadata.EntryPoint]:
        return [*real(group=group), *([TOY] if group == "crmwire.crm" else [])]

    monkeypatch.setattr(discovery, "entry_points", with_toy)


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """A command configures the logs of the process it runs in: here, that of other tests too."""
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with a feed, two connections and a route to each."""
    store = Store(tmp_path / "crmwire.db")

    def job(db: Any) -> None:
        feed = setup.insert_feed(
            db, name="cal", team="default", source="calcom", token_hash=b"t", settings={},
            allow_unsigned=True, since=None, now=0.0,
        )  # fmt: skip
        for name in ("one", "two"):
            connection = setup.insert_connection(
                db, name=name, team="default", crm="toy", settings={}, now=0.0
            )
            setup.insert_route(
                db, name=f"to {name}", team="default", feed=feed, page="*", connection=connection,
                preset="x", mapping={}, fingerprint="", options={}, rows={}, zone=None, since=0.0,
            )  # fmt: skip

    store.write(job)
    yield store
    store.close()


START = datetime(2027, 3, 1, 9, 0, tzinfo=UTC)


@define
class Toy:
    """A crmwire with one toy CRM; drains run when asked to."""

    app: App
    drainer: Drainer
    sandbox: ToySandbox
    feed: int
    first: datetime

    def accept(self, *events: Event) -> None:
        self.app.store.accept(self.feed, list(events), self.app.clock.now())

    def drain(self) -> None:
        while lanes := self.app.store.due_lanes(self.app.clock.now()):
            for lane in lanes:
                self.drainer.drain(lane, threading.Event())

    def event(self, verb: str, uid: str, minute: int, *, previous: str = "", hour: int = 9,
              partial: bool = False, email: str = "ada@example.com",
              guests: tuple[str, ...] = (), page: str = "7",
              phone: str | None = None) -> Event:  # fmt: skip
        start = START.replace(hour=hour)
        details = Details(
            booking=Booking(start=start, end=start + timedelta(minutes=30)),
            guest=Person(email=email, full_name="Ada Byron", phone=phone),
            guests=tuple(Person(email=one) for one in guests),
            page=Page(id=page, title="Intro"),
        )
        return Event(
            type=f"booking.{verb}",
            subject_id=uid,
            previous_ids=(previous,) if previous else (),
            occurred_at=self.first + timedelta(minutes=minute),
            partial=partial,
            details=Details() if partial else details,
        )

    def drain_until_done(self, timeout: float = 10.0) -> None:
        """Drain until nothing is ready or worked on, whatever waits there are."""
        deadline = time.monotonic() + timeout
        while self.app.deliveries(DeliveryFilter(states=("ready", "working"))):
            assert time.monotonic() < deadline
            self.drain()
            time.sleep(0.02)

    def states(self) -> list[str]:
        """The deliveries' states, oldest first."""
        return [row.state for row in reversed(self.app.deliveries())]

    def live(self) -> list[str]:
        """The starts of the activities that are not marked as cancelled."""
        (account,) = self.sandbox.accounts.values()
        return [
            entry.start
            for person in self.sandbox.timelines(account)
            for entry in person.entries
            if entry.status != "cancelled" and "[Cancelled]" not in entry.title
        ]

    def people(self) -> int:
        (account,) = self.sandbox.accounts.values()
        return len(self.sandbox.timelines(account))


@contextmanager
def opened(folder: Path, **more: float) -> Iterator[Toy]:
    sandbox = ToySandbox(SandboxSettings())
    with surroundings(folder), SandboxServer(sandbox) as server, App(folder / "home") as app:
        feed = app.store.write(
            lambda db: setup.insert_feed(
                db,
                name="cal",
                team="default",
                source="none",
                token_hash=b"t",
                settings={},
                allow_unsigned=True,
                since=None,
                now=0.0,
            )
        )
        settings = {"host": server.url, "tries": [0.01], "read_timeout": 2.0, **more}
        app.add_connection("crm", crm="toy", token="sandbox", settings=settings)
        app.add_route(feed="cal", connection="crm", preset="linktime")
        yield Toy(app, Drainer(app.openings), sandbox, feed, app.clock.now())


@pytest.fixture
def toy(toy_installed: None) -> Callable[..., AbstractContextManager[Toy]]:
    """Opens a `Toy` below a folder; settings of its connection may follow."""
    return opened

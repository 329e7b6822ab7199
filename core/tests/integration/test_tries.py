"""When what failed is tried again, by a clock that is held: what design and docs promise."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from attrs import define

from crmwire.app import App
from crmwire.demo.environment import surroundings
from crmwire.draining import Drainer
from crmwire.hookspecs import hookimpl
from crmwire.sandbox import Fault, SandboxServer, SandboxSettings
from crmwire.testing import toycrm
from crmwire.testing.clock import HeldClock
from crmwire.testing.toysandbox import ToySandbox
from crmwire.types import Event
from crmwire.vocabulary import Booking, Details, Page, Person

BEGIN = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
TRIES = (5, 30, 120, 600, 1800, 7200, 18000, 36000)
GIVEN_UP = 75 * 3600


@define
class Held:
    """One delivery to the toy CRM, tried whenever the clock says that it is due."""

    app: App
    drainer: Drainer
    clock: HeldClock
    sandbox: ToySandbox

    def row(self) -> Any:
        return self.app.deliveries()[0]

    def accept(self, *uids: str) -> None:
        """A booking made for each, of different people."""
        start = BEGIN + timedelta(days=90)
        events = [
            Event(
                type="booking.created",
                subject_id=uid,
                occurred_at=BEGIN + timedelta(seconds=1),
                details=Details(
                    booking=Booking(start=start, end=start + timedelta(minutes=30)),
                    guest=Person(email=f"ada-{uid}@example.com", full_name="Ada Byron"),
                    page=Page(id="7", title="Intro"),
                ),
            )
            for uid in uids
        ]
        self.app.store.accept(self.app.store.feed("cal").id, events, self.clock.now())

    def drain(self) -> None:
        for lane in self.app.store.due_lanes(self.clock.now()):
            self.drainer.drain(lane, threading.Event())

    def wait(self) -> float:
        """Let the clock run until the delivery can be tried; the seconds that took."""
        with self.app.store.read() as db:
            (due,) = db.execute("SELECT max(due_at) FROM deliveries").fetchone()
            (rests,) = db.execute("SELECT max(coalesce(paused_until, 0)) FROM lanes").fetchone()
        seconds: float = max(due, rests) - self.clock.now().timestamp()
        self.clock.sleep(
            seconds + 2e-6
        )  # times of day are stored as floats, which lose a millionth
        return seconds

    def tries(self) -> list[float]:
        """Fail until it is held; the waits between the tries."""
        waits = []
        while True:
            self.drain()
            if self.row().state == "held":
                return waits
            waits.append(self.wait())


@pytest.fixture
def held(toy_installed: None, tmp_path: Path) -> Iterator[Held]:
    with opened(tmp_path) as made:
        yield made


@contextmanager
def opened(folder: Path) -> Iterator[Held]:
    sandbox, clock = ToySandbox(SandboxSettings()), HeldClock(BEGIN)
    with (
        surroundings(folder),
        SandboxServer(sandbox) as server,
        App(folder / "home", clock=clock) as app,
    ):
        app.add_feed("cal", source="calcom", allow_unsigned=True)
        app.add_connection("crm", crm="toy", token="sandbox", settings={"host": server.url})
        app.add_route(feed="cal", connection="crm", preset="linktime")
        assert app.check("crm").ok
        clock.sleep(2)
        held = Held(app, Drainer(app.openings), clock, sandbox)
        held.accept("a")
        yield held


def test_the_waits_grow_to_ten_hours_and_after_75_hours_it_is_held(held: Held) -> None:
    held.sandbox.faults.arm([Fault(kind="status", status=500)])
    began = held.clock.monotonic()
    waits = held.tries()
    lasted = held.clock.monotonic() - began
    wanted = [*TRIES, *[TRIES[-1]] * (len(waits) - len(TRIES))]
    for wait, base in zip(waits[:-1], wanted[:-1], strict=True):
        assert 0.8 * base <= wait <= 1.2 * base + 0.001
    assert len(waits) > len(TRIES) + 2
    assert waits[-1] <= 1.2 * TRIES[-1]  # the last try is the one at the end
    assert lasted == pytest.approx(GIVEN_UP, abs=60)
    row = held.row()
    assert row.tries == len(waits) + 1
    assert f"given up after {row.tries} tries" in row.reason
    assert row.remedy


def test_the_waits_are_not_the_same_each_time(toy_installed: None, tmp_path: Path) -> None:
    seen = set()
    for number in range(3):
        with opened(tmp_path / str(number)) as held:
            held.sandbox.faults.arm([Fault(kind="status", status=500)])
            held.drain()
            seen.add(round(held.wait(), 3))
    assert len(seen) == 3


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("seconds", [61, 3600, 7261])
def test_a_wait_that_the_vendor_asks_for_is_kept_to_the_second(
    held: Held, status: int, seconds: int
) -> None:
    headers = {"Retry-After": str(seconds)}
    held.sandbox.faults.arm([Fault(kind="status", status=status, headers=headers)])
    held.drain()
    assert held.wait() == pytest.approx(seconds, abs=0.001)
    assert held.row().tries == 0
    held.sandbox.faults.arm([])
    held.drain()
    assert held.row().state == "delivered"


@pytest.mark.parametrize("down", [429, 503, None])
def test_a_vendor_that_is_down_for_four_days_uses_up_no_try(held: Held, down: int | None) -> None:
    """None: nobody listens there at all."""
    url = held.app.store.connection("crm").settings["host"]
    if down is None:
        held.app.change_connection("crm", settings={"host": "http://127.0.0.1:9"})
    else:
        held.sandbox.faults.arm([Fault(kind="status", status=down)])
    for _ in range(16):
        held.drain()
        assert held.wait() <= 6, "the lane rests for seconds, so that it goes on soon after"
        held.clock.sleep(6 * 3600)
    assert (held.row().state, held.row().tries) == ("ready", 0)
    assert len(held.app.delivery(held.row().id).history) == 1, "the same is told once"
    held.sandbox.faults.arm([])
    held.app.change_connection("crm", settings={"host": url})
    held.drain()
    assert held.row().state == "delivered"


def test_the_time_that_a_pause_took_does_not_count_to_the_75_hours(held: Held) -> None:
    held.sandbox.faults.arm([Fault(kind="status", status=503)])
    held.drain()
    held.clock.sleep(80 * 3600)
    held.sandbox.faults.arm([Fault(kind="status", status=500)])
    held.drain()
    assert (held.row().state, held.row().tries) == ("ready", 1)


@pytest.mark.parametrize("size", [100, 2])
def test_one_delivery_finds_out_whether_a_vendor_is_still_down(
    toy_installed: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Thousands may wait: planning a hundred of them each few seconds would slow all others."""
    looked_up: list[int] = []
    search: Any = toycrm._search
    info: Any = attrs.evolve(toycrm.crm_info(), batch=size)

    def counted(conn: Any, searches: Any) -> Any:
        looked_up.append(len(searches))
        return search(conn, searches)

    monkeypatch.setattr(toycrm, "_search", counted)
    monkeypatch.setattr(toycrm, "crm_info", hookimpl(lambda: info))
    with opened(tmp_path) as held:
        held.accept(*"bcde")
        held.sandbox.faults.arm([Fault(kind="status", status=503, path="/search")])
        held.drain()
        assert looked_up == [min(size, 5)]
        for _ in range(3):
            held.wait()
            held.drain()
        assert looked_up[1:] == [1, 1, 1]
        held.sandbox.faults.arm([])
        held.wait()
        held.drain()
        assert looked_up[4] == 1
        assert max(looked_up[5:]) == min(size, 4)
        assert [row.state for row in held.app.deliveries()] == ["delivered"] * 5

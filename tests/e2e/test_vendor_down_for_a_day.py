"""One CRM is down for a day while bookings wait for it: others notice nothing, it catches up.

Real processes; the day passes by a clock that is driven. The long form measures what is promised:
`python -m pytest tests/e2e/test_vendor_down_for_a_day.py --waiting 5000 -s`, about five minutes on
a machine that does nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crmwire.app import App
from crmwire.demo.bookings import FIRST_START, SampleBooking
from crmwire.demo.environment import surroundings
from crmwire.demo.processes import Process, all_stopped, call, free_port, sandbox

PROGRAM = """
import os, sys, time
from datetime import UTC, datetime
from pathlib import Path

class DrivenClock:
    '''The time of day is ahead by as many seconds as a file says: time that has passed.'''
    def now(self):
        ahead = float(Path(os.environ["AHEAD"]).read_text() or 0)
        return datetime.fromtimestamp(time.time() + ahead, UTC)
    def monotonic(self):
        return time.monotonic()
    def sleep(self, seconds):
        time.sleep(seconds)

import crmwire.app
crmwire.app.SystemClock = DrivenClock
from crmwire.cli import cli
cli(["serve", "--port", sys.argv[1]])
"""
BURST, WINDOW = 8, 10.0
"""HubSpot's calls in ten seconds: fewer than any account has, so that they are the bottleneck."""
OTHERS = ("salesforce", "attio")
EACH_SECOND = 8.0
LONG = 2000


class World:
    """A daemon and three vendors; the feed `all` goes to each of them, `busy` to HubSpot only."""

    def __init__(self, folder: Path, app: App, vendors: dict[str, Process], url: str) -> None:
        self.folder, self.app, self.vendors, self.url = folder, app, vendors, url
        self.paths: dict[str, str] = {}
        self.number = 0

    def send(self, feed: str, number: int) -> None:
        one = SampleBooking(
            uid=f"bk-{number}",
            email=f"guest{number}@example.com",
            name=f"Guest Number{number}",
            start=FIRST_START + timedelta(minutes=30 * number),
        )
        at = datetime.now(UTC) + timedelta(seconds=self.ahead + 1)
        assert call(f"{self.url}{self.paths[feed]}", raw=one.created(at)).status == 202

    @property
    def ahead(self) -> float:
        return float((self.folder / "ahead").read_text())

    def pass_time(self, seconds: float) -> None:
        made = self.folder / "ahead.new"
        made.write_text(str(self.ahead + seconds))
        made.replace(self.folder / "ahead")

    def p99(self, count: int) -> dict[str, float]:
        """Send evenly; the seconds from accepted to delivered, by CRM."""
        first = self.number
        begin = time.monotonic()
        with ThreadPoolExecutor(4) as pool:
            for step in range(count):
                time.sleep(max(0.0, begin + step / EACH_SECOND - time.monotonic()))
                self.number += 1
                pool.submit(self.send, "all", self.number)
        found: dict[str, float] = {}
        for crm in OTHERS:
            deadline = time.monotonic() + 60
            while len(took := self.took(crm, first)) < count:
                assert time.monotonic() < deadline, (crm, len(took))
                time.sleep(0.1)
            found[crm] = sorted(took)[int(0.99 * (len(took) - 1))]
        return found

    def took(self, crm: str, after: int) -> list[float]:
        with self.app.store.read() as db:
            rows = db.execute(
                "SELECT e.event, d.changed_at - e.received_at FROM deliveries d"
                " JOIN events e ON e.id = d.event JOIN connections c ON c.id = d.connection"
                " WHERE c.name = ? AND d.state = 2",
                (crm,),
            ).fetchall()
        return [
            seconds
            for event, seconds in rows
            if int(json.loads(event)["subject_id"].removeprefix("bk-")) > after
        ]

    def waiting(self, crm: str) -> int:
        counts = {one.connection: one.by_state for one in self.app.counts()}[crm]
        return counts["ready"] + counts["working"]

    def arm(self, crm: str, *faults: dict[str, object]) -> None:
        call(f"{self.vendors[crm].url}/__sandbox__/faults", {"faults": list(faults), "seed": 1})

    def requests(self, crm: str, since: int = 0) -> list[dict[str, object]]:
        url = f"{self.vendors[crm].url}/__sandbox__/requests?since={since}"
        return list(call(url).body["requests"])


@contextlib.contextmanager
def opened(folder: Path):  # type: ignore[no-untyped-def]
    processes: list[Process] = []
    (folder / "ahead").write_text("0")
    with surroundings(folder) as environment, all_stopped(processes):
        vendors = {}
        for crm, options in (
            ("salesforce", {}), ("attio", {}), ("hubspot", {"burst": str(BURST)}),
        ):  # fmt: skip
            vendors[crm] = sandbox(
                crm, folder, token="token", options=options, environment=environment
            )
            processes.append(vendors[crm])
        with App(folder / "home") as app:
            port = free_port()
            world = World(folder, app, vendors, f"http://127.0.0.1:{port}")
            for feed in ("all", "busy"):
                world.paths[feed] = app.add_feed(feed, source="calcom", allow_unsigned=True)
            for crm, vendor in vendors.items():
                settings = {"host": vendor.url, "read_timeout": 10.0}
                app.add_connection(crm, crm=crm, token="token", settings=settings)
                app.add_route(feed="all", connection=crm, preset="linktime")
                assert app.check(crm).ok
            app.add_route(feed="busy", connection="hubspot", preset="linktime", name="busy")
            with (folder / "daemon.log").open("wb") as log:
                running = subprocess.Popen(
                    [sys.executable, "-c", PROGRAM, str(port)],
                    env={**os.environ, **environment, "AHEAD": str(folder / "ahead")},
                    stdout=log,
                    stderr=log,
                )
            daemon = Process(
                name="daemon", url=world.url, process=running, log=folder / "daemon.log"
            )
            processes.append(daemon)
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                with contextlib.suppress(OSError, ValueError):
                    call(f"{world.url}/healthz")
                    break
                time.sleep(0.1)
            yield world


def least(calls: int) -> float:
    """The seconds that so many calls take at least."""
    return ((calls - 1) // BURST) * WINDOW


def test_the_others_notice_nothing_and_it_catches_up_as_fast_as_it_may(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    count: int = request.config.getoption("--waiting")
    is_long = count >= LONG
    sample = 400 if is_long else 15
    with opened(tmp_path) as world:
        world.p99(10)  # what is asked once is asked now
        before = world.p99(sample)

        world.arm("hubspot", {"kind": "status", "status": 503})
        first = world.number + 1
        world.number += count
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: world.send("busy", number), range(first, first + count)))
        for _ in range(24):
            world.pass_time(3600)
            time.sleep(0.2)
        assert world.waiting("hubspot") >= count
        during = world.p99(sample)

        seen = len(world.requests("hubspot"))
        world.arm("hubspot")
        world.pass_time(60)
        began, deadline = time.monotonic(), time.monotonic() + 120 + count / 20
        while world.waiting("hubspot"):
            assert time.monotonic() < deadline, world.waiting("hubspot")
            time.sleep(0.05)
        took = time.monotonic() - began
        calls = world.requests("hubspot", seen)
        people = call(f"{world.vendors['hubspot'].url}/__sandbox__/timelines").body["accounts"]
        states = {one.connection: one.by_state for one in world.app.counts()}
    assert len(people[0]["people"]) == world.number
    assert {len(one["entries"]) for one in people[0]["people"]} == {1}
    assert all(one["held"] == 0 for one in states.values())
    span = float(str(calls[-1]["time"])) - float(str(calls[0]["time"]))
    refused = sum(one["status"] == 429 for one in calls)
    told = {
        "p99 before": before, "p99 during": during, "waited": count, "calls": len(calls),
        "429": refused, "seconds": round(took, 1), "first to last call": round(span, 1),
        "least": least(len(calls)),
    }  # fmt: skip
    sys.stdout.write(json.dumps(told) + "\n")
    assert refused < max(1, 0.01 * len(calls))
    if is_long:
        assert least(len(calls)) / span >= 0.9
        for crm in OTHERS:
            assert during[crm] < 1.1 * before[crm]

"""How much memory a daemon takes that works for a long time: `python -m bench.memory [DELIVERIES]`.

A daemon and three sandboxes as processes, webhooks over HTTP as fast as they are answered: new
bookings, some moved and cancelled, each carried to HubSpot, one in a hundred to Salesforce and one
to Attio as well, so that all three plugins are in use. Resident memory (its peak as the kernel
remembers it) and open files of the daemon are looked at twice a second; how much memory grows for
each event is the slope of a line through what was seen after the first fifth.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from attrs import frozen

from bench.figures import figure
from bench.past import opened
from crmwire import logs
from crmwire.app import App
from crmwire.demo.bookings import FIRST_START, SampleBooking
from crmwire.demo.environment import surroundings
from crmwire.demo.processes import Process, all_stopped, daemon, free_port, sandbox

DELIVERIES = 100_000
SENDERS = 16
PART = 2000
"""Webhooks that are sent by one process of the sender."""
MOST_WAITING = 4000
"""Deliveries that may wait before more is sent: what waits is on disk, and takes no memory."""
LOOK = 0.5
REST = 3.0
"""Seconds after which a daemon that has nothing to do is idle."""
MARKS = (10_000, 100_000)
OPTIONS = {
    "hubspot": {"limits": "off", "search_lag": "0"},
    "salesforce": {"daily_limit": "100000000"},
    "attio": {"limits": "off"},
}
ROOT = Path(__file__).parent.parent
_PAGES = {7: ("hubspot",), 8: ("hubspot", "salesforce"), 9: ("hubspot", "attio")}
_OF_A_HUNDRED = {50: 8, 99: 9}
_PATIENCE = 300.0


@frozen
class Sight:
    """What was seen of the daemon when so many deliveries were done. Bytes."""

    done: int
    resident: int
    peak: int
    files: int


def seen(pid: int, done: int) -> Sight:
    """A process as it is now."""
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    resident, peak = (int(status[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))
    return Sight(done, resident, peak, len(list(Path(f"/proc/{pid}/fd").iterdir())))


def _standing(home: Path) -> tuple[int, int]:
    """How many deliveries there are, and how many of them wait or are worked on."""
    with opened(home) as db:
        (newest,) = db.execute("SELECT coalesce(max(id), 0) FROM deliveries").fetchone()
        (waiting,) = db.execute("SELECT count(*) FROM deliveries WHERE state < 2").fetchone()
    return newest, waiting


def done(home: Path) -> int:
    """How many deliveries no longer wait."""
    newest, waiting = _standing(home)
    return newest - waiting


def webhooks(first: int, number: int) -> Iterator[bytes]:
    """Bookings of new people; one in ten is moved after it, one in ten is cancelled."""
    now = datetime.now(UTC) + timedelta(seconds=1)
    for one in range(first, first + number):
        whose = one - one % 10
        booking = SampleBooking(
            uid=f"bk-{whose if one % 10 in (8, 9) else one}",
            email=f"guest{whose if one % 10 in (8, 9) else one}@example.com",
            name=f"Guest Number{one}",
            page=_OF_A_HUNDRED.get(one % 100, 7),
        )
        if one % 10 == 8:
            yield booking.rescheduled(now, to=FIRST_START + timedelta(days=1), uid=f"bk-{one}")
        elif one % 10 == 9:
            start = FIRST_START + timedelta(days=1)
            yield booking.cancelled(now, start=start, uid=f"bk-{one - 1}")
        else:
            yield booking.created(now)


@contextlib.contextmanager
def watched(pid: int, home: Path) -> Iterator[list[Sight]]:
    """What is seen of the daemon while the block runs."""
    found: list[Sight] = []
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(LOOK):
            with contextlib.suppress(OSError, KeyError):
                found.append(seen(pid, done(home)))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join()


def measured(deliveries: int = DELIVERIES, rest: float = REST) -> dict[str, Any]:
    """All figures; megabytes are of a million bytes."""
    processes: list[Process] = []
    with (
        tempfile.TemporaryDirectory() as name,
        surroundings(Path(name)) as environment,
        all_stopped(processes),
    ):
        folder, home = Path(name), Path(name) / "home"
        path = _set_up(folder, environment, processes)
        port = free_port()
        running = daemon(folder, environment, port)
        processes.append(running)
        pid = running.process.pid
        time.sleep(rest)
        new = seen(pid, 0)
        # All plugins work once before anything is counted.
        _send(port, path, list(webhooks(0, 100)))
        _settled(home)
        time.sleep(rest)
        idle = seen(pid, done(home))
        began, marks = time.perf_counter(), dict[int, Sight]()
        with watched(pid, home) as sights:
            for first in range(100, deliveries, PART):
                number = min(PART, deliveries - first)
                _send(port, path, list(webhooks(first, number)))
                _settled(home, MOST_WAITING)
                for mark in MARKS:
                    if mark not in marks and (now := done(home)) >= mark:
                        marks[mark] = seen(pid, now)
            _settled(home)
        seconds = time.perf_counter() - began
        end = seen(pid, done(home))
        slope = growth(sights)
        return {
            "deliveries": end.done,
            "deliveries in a second": round((end.done - idle.done) / seconds),
            "started": figure(_mb(new.resident), "MB"),
            "idle, three plugins in use": figure(_mb(idle.resident), "MB", aims=["value <= 100"]),
            **{
                f"after {mark:,} deliveries": figure(
                    _mb(one.resident), "MB", ratio=one.resident / idle.resident, to="times idle"
                )
                for mark, one in marks.items()
            },
            "at the end": figure(_mb(end.resident), "MB"),
            "peak": figure(_mb(end.peak), "MB", aims=["value <= 140"]),
            "growth for each delivery": (
                figure(slope, "bytes", aims=["value <= 50"]) if slope is not None else "too few"
            ),
            "open files, idle": idle.files,
            "open files, most": max(one.files for one in [*sights, end]),
            "open files, after the last": end.files,
            "on the way, deliveries and MB": "; ".join(
                f"{one.done:,} {_mb(one.resident)}" for one in sights[:: max(1, len(sights) // 20)]
            ),
        }


def growth(sights: Sequence[Sight]) -> float | None:
    """Bytes of resident memory for each delivery, after the first fifth of them."""
    last = max((one.done for one in sights), default=0)
    later = [one for one in sights if one.done > last / 5]
    if len({one.done for one in later}) < 3:
        return None
    slope, _ = statistics.linear_regression(
        [float(one.done) for one in later], [float(one.resident) for one in later]
    )
    return round(slope, 1)


def _mb(number: int) -> float:
    return round(number / 1e6, 1)


def _set_up(folder: Path, environment: dict[str, str], processes: list[Process]) -> str:
    with App(folder / "home") as app:
        path = app.add_feed("feed", source="calcom", allow_unsigned=True)
        for crm, options in OPTIONS.items():
            processes.append(
                sandbox(crm, folder, token="bench", options=options, environment=environment)
            )
            app.add_connection(crm, crm=crm, token="bench", settings={"host": processes[-1].url})
            assert app.check(crm).ok, crm
        for page, crms in _PAGES.items():
            for crm in crms:
                where = "*" if page == 7 else str(page)
                app.add_route(feed="feed", connection=crm, preset="linktime", page=where)
        return path


def _send(port: int, path: str, bodies: Sequence[bytes]) -> None:
    job = {
        "host": "127.0.0.1", "port": port, "path": path, "senders": SENDERS,
        "bodies": [body.decode() for body in bodies],
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "bench.sender"],
        input=json.dumps(job).encode(), capture_output=True, check=True, cwd=ROOT,
    )  # fmt: skip
    statuses = json.loads(done.stdout)["statuses"]
    assert set(statuses) == {"202"}, statuses


def _settled(home: Path, most: int = 0) -> None:
    """Wait until no more than so many deliveries are waiting."""
    deadline = time.monotonic() + _PATIENCE
    while (waiting := _standing(home)[1]) > most:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{waiting} deliveries are still waiting")
        time.sleep(0.2)


if __name__ == "__main__":
    logs.configure(quiet=True)
    print(json.dumps(measured(*map(int, sys.argv[1:])), indent=2))

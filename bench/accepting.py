"""How fast events are accepted, durably: in process and over HTTP, on this disk and a slower one.

`python -m bench.accepting` prints the figures as JSON. Each is measured in a process of its own,
beside the rate at which this disk makes 4 KiB durable, since that is what it is to be held against.
Webhooks are signed, and their signatures are checked.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.figures import figure
from crmwire import logs
from crmwire.app import App
from crmwire.demo.bookings import FIRST_START, SampleBooking
from crmwire.demo.environment import surroundings
from crmwire.demo.processes import Process, all_stopped, daemon, free_port
from crmwire.signatures import sign
from crmwire.types import WebhookRequest

SLOWER = 2000
"""Microseconds by which each fsync is slowed in the second half of the measurements."""
SLOWED = "BENCH_FSYNC_MICROS"
EVENTS = 4000
SECRET = "bench-secret"
HERE = Path(__file__).parent
AIMS: dict[str, tuple[str, ...]] = {
    "events in process, 64 senders": ("value >= 4000",),
    "webhooks in process, 64 senders": ("value >= 4000",),
    "over HTTP, 64 senders": ("value >= 1000",),
}
"""Accepted in a second, on a disk as it is."""
SLOW_AIMS: dict[str, tuple[str, ...]] = {
    "events in process, 64 senders": ("ratio >= 5",),
    "webhooks in process, 64 senders": ("ratio >= 5",),
}
"""With slowed fsyncs, over as many of them as the disk then makes."""
ANSWERED: dict[str, tuple[str, ...]] = {"over HTTP, 200 in a second": ("value <= 25",)}
"""99 of 100 answers, in milliseconds, on a disk as it is."""


def bodies(first: int, number: int) -> list[bytes]:
    """Webhooks of bookings that nobody heard of before, about 1 KB each."""
    now = datetime.now(UTC) + timedelta(seconds=5)
    return [
        SampleBooking(
            uid=f"bk-{one}",
            email=f"guest{one}@example.com",
            name=f"Guest Number{one}",
            start=FIRST_START + timedelta(minutes=30 * one),
        ).created(now)
        for one in range(first, first + number)
    ]


def prepared(app: App) -> str:
    """A feed with a route whose lane rests; the feed's path."""
    path = app.add_feed("feed", source="calcom", signing_secret=SECRET)
    app.add_connection("crm", crm="hubspot", token="bench")
    app.add_route(feed="feed", connection="crm", preset="linktime")
    lane = app.store.connection("crm").lane
    app.store.pause(lane, datetime.now(UTC) + timedelta(days=1), "bench")
    return path


def signed(app: App, some: Sequence[bytes]) -> list[tuple[bytes, dict[str, str]]]:
    """Each body with the headers that Cal.com signs it with."""
    scheme = app.openings.source(app.store.feed("feed")).source_info().signature
    assert scheme is not None
    return [(body, sign(scheme, SECRET, body)) for body in some]


def quantiles(taken: Sequence[float]) -> dict[str, float]:
    """Milliseconds."""
    cuts = statistics.quantiles(taken, n=100)
    return {"p50 ms": round(cuts[49] * 1000, 2), "p99 ms": round(cuts[98] * 1000, 2)}


def fsyncs(folder: Path, number: int = 300) -> int:
    """How often in a second this disk makes 4 KiB durable, one after the other."""
    descriptor = os.open(folder / "fsyncs", os.O_WRONLY | os.O_CREAT)
    try:
        began = time.perf_counter()
        for _ in range(number):
            os.write(descriptor, b"\0" * 4096)
            os.fdatasync(descriptor)
        return round(number / (time.perf_counter() - began))
    finally:
        os.close(descriptor)


def by_threads(work: Iterable[Any], do: Callable[[Any], object], threads: int) -> list[float]:
    """Do all of it on so many threads; how long each took."""
    rest, lock, taken = iter(work), threading.Lock(), list[float]()

    def run() -> None:
        while True:
            with lock:
                one = next(rest, None)
            if one is None:
                return
            began = time.perf_counter()
            do(one)
            taken.append(time.perf_counter() - began)

    runs = [threading.Thread(target=run) for _ in range(threads)]
    for one in runs:
        one.start()
    for one in runs:
        one.join()
    return taken


def in_process(senders: int, number: int, step: str) -> dict[str, Any]:
    """`step`: the whole way of a webhook (`webhook`), or parsed events into the store (`event`)."""
    with (
        tempfile.TemporaryDirectory() as name,
        surroundings(Path(name)),
        App(Path(name) / "home", threaded=True) as app,
    ):
        prepared(app)
        work: list[Any] = signed(app, bodies(0, number + 200))
        if step == "event":
            row = app.store.feed("feed")
            hooks = app.openings.source(row)
            now = app.clock.now()
            work = [hooks.parse_webhook(WebhookRequest(body=b, received_at=now)) for b, _ in work]

            def do(one: Any) -> object:
                return app.store.accept(row.id, one, now)
        else:

            def do(one: Any) -> object:
                return app.accept("feed", *one)

        by_threads(work[:200], do, senders)
        before, cpu = fsyncs(Path(name)), time.process_time()
        began = time.perf_counter()
        taken = by_threads(work[200:], do, senders)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        disk = (before + fsyncs(Path(name))) / 2
        with app.store.read() as db:
            assert db.execute("SELECT count(*) FROM deliveries").fetchone()[0] == number + 200
    title = f"{step}s in process, {senders} sender{'s' * (senders > 1)}"
    return {
        **held_against(disk, title, number / seconds, taken),
        "processor time for each": figure(round(cpu / number * 1000, 3), "ms"),
    }


def held_against(disk: float, title: str, rate: float, taken: Sequence[float]) -> dict[str, Any]:
    """The figures of one measurement, with what they should be."""
    slow = SLOWED in os.environ
    cuts = quantiles(taken)
    return {
        "accepted": figure(
            round(rate), "a second", ratio=rate / disk, to=f"times the disk's {disk:.0f} fsyncs",
            aims=(SLOW_AIMS if slow else AIMS).get(title, ()),
        ),
        "p50": figure(cuts["p50 ms"], "ms"),
        "p99": figure(
            cuts["p99 ms"], "ms", aims=() if slow else ANSWERED.get(title, ())
        ),
    }  # fmt: skip


def over_http(title: str, senders: int, number: int, rate: float | None = None) -> dict[str, Any]:
    processes: list[Process] = []
    with (
        tempfile.TemporaryDirectory() as name,
        surroundings(Path(name)) as environment,
        all_stopped(processes),
    ):
        with App(Path(name) / "home") as app:
            path = prepared(app)
            work = signed(app, bodies(0, number + 200))
        port = free_port()
        processes.append(daemon(Path(name), environment, port))
        made: dict[str, Any] = {}
        for some, at in ((work[:200], None), (work[200:], rate)):
            job = {
                "host": "127.0.0.1", "port": port, "path": path, "senders": senders, "rate": at,
                "bodies": [body.decode() for body, _ in some],
                "headers": [headers for _, headers in some],
            }  # fmt: skip
            disk = fsyncs(Path(name))
            done = subprocess.run(
                [sys.executable, "-m", "bench.sender"],
                input=json.dumps(job).encode(), capture_output=True, check=True,
                env={key: value for key, value in os.environ.items() if key != "LD_PRELOAD"},
                cwd=HERE.parent,
            )  # fmt: skip
            made = json.loads(done.stdout)
        assert set(made["statuses"]) == {"202"}, made["statuses"]
    return held_against(disk, title, number / made["seconds"], made["taken"])


MEASURED: dict[str, Callable[[int], dict[str, Any]]] = {
    "events in process, 1 sender": lambda n: in_process(1, n // 4, "event"),
    "events in process, 64 senders": lambda n: in_process(64, n, "event"),
    "webhooks in process, 1 sender": lambda n: in_process(1, n // 4, "webhook"),
    "webhooks in process, 64 senders": lambda n: in_process(64, n, "webhook"),
    "over HTTP, 1 sender": lambda n: over_http("over HTTP, 1 sender", 1, n // 4),
    "over HTTP, 64 senders": lambda n: over_http("over HTTP, 64 senders", 64, n),
    "over HTTP, 200 in a second": lambda n: over_http(
        "over HTTP, 200 in a second", 16, n // 4, 200.0
    ),
}


def measured(events: int = EVENTS) -> dict[str, Any]:
    """All figures, with this disk's fsync and with a slower one (if a C compiler is there)."""
    made: dict[str, Any] = {"this disk": _each(events, {})}
    compiler = shutil.which("cc")
    if compiler is None:
        return {**made, "fsync 2 ms slower": "no C compiler to slow it with"}
    with tempfile.TemporaryDirectory() as name:
        shim = Path(name) / "slow.so"
        source = HERE / "slow_fsync.c"
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", shim, source], check=True)
        slowed = {"LD_PRELOAD": str(shim), SLOWED: str(SLOWER)}
        made["fsync 2 ms slower"] = _each(events, slowed)
    return made


def _each(events: int, environment: dict[str, str]) -> dict[str, Any]:
    made = {}
    for title in MEASURED:
        done = subprocess.run(
            [sys.executable, "-m", "bench.accepting", title, str(events)],
            capture_output=True,
            check=False,
            cwd=HERE.parent,
            env={**os.environ, **environment},
        )
        if done.returncode:
            raise RuntimeError(done.stderr.decode())
        made[title] = json.loads(done.stdout)
        with contextlib.suppress(OSError):
            print(f"{title}: {made[title]}", file=sys.stderr, flush=True)
    return made


if __name__ == "__main__":
    logs.configure(quiet=True)
    if len(sys.argv) > 2:
        print(json.dumps(MEASURED[sys.argv[1]](int(sys.argv[2]))))
    else:
        print(json.dumps(measured(), indent=2))

"""From a webhook to the first call at the CRM, when nothing else is going on.

`python -m bench.waking` prints the figures as JSON: a daemon and HubSpot's sandbox as processes,
single webhooks over real HTTP with pauses in between, on a store without a past and on one with a
million past deliveries. The moments are the sender's and the sandbox's, by the same clock.
"""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.accepting import fsyncs, quantiles
from bench.figures import figure
from bench.past import Sampled, booking, finished, grow, hubspot, sampled, wait_for
from bench.sender import Line
from crmwire import logs
from crmwire.demo.environment import surroundings
from crmwire.demo.processes import Process, all_stopped, call, daemon, free_port

ROWS = (0, 1_000_000)
SAMPLES_TAKEN = 300
PAUSES = (0.05, 0.35)
"""Seconds between two webhooks, drawn evenly."""


def measured(rows: Sequence[int] = ROWS, samples: int = SAMPLES_TAKEN) -> dict[str, Any]:
    """Milliseconds from sending a webhook to its first call, by number of past deliveries."""
    processes: list[Process] = []
    with (
        tempfile.TemporaryDirectory() as name,
        surroundings(Path(name)) as environment,
        all_stopped(processes),
    ):
        folder = Path(name)
        crm = hubspot(folder, environment)
        processes.append(crm)
        sample = sampled(folder, crm)
        made = {}
        for number in rows:
            home = folder / f"past-{number}"
            shutil.copytree(sample.home, home)
            if number:
                grow(home, number)
            place = {**environment, "CRMWIRE_HOME": str(home)}
            port = free_port()
            running = daemon(folder, place, port)
            try:
                made[f"{number:,} past deliveries"] = _waked(home, sample, crm, port, samples)
            finally:
                running.stop()
        return made


def _waked(home: Path, sample: Sampled, crm: Process, port: int, samples: int) -> dict[str, Any]:
    done, before = finished(home), _requests(crm)[1]
    sent: list[float] = []
    answered: list[float] = []
    first: list[float] = []
    with contextlib.closing(Line("127.0.0.1", port)) as line:
        for number in range(samples + 1):
            time.sleep(random.uniform(*PAUSES))
            body = booking(f"6{random.getrandbits(30):010}")
            sent.append(time.time())
            assert line.post(sample.path, body) == 202
            answered.append(time.time())
            wait_for(home, done + number + 1)
            calls, before = _requests(crm, before)
            assert calls, "a booking was delivered without a call"
            first.append(calls[0])
    # The first one opens the connection and asks who we are.
    taken = [came - begun for came, begun in zip(first[1:], sent[1:], strict=True)]
    answers = [end - begun for end, begun in zip(answered[1:], sent[1:], strict=True)]
    bare, disk = statistics.median(_bare(port, samples)) * 1000, 1000 / fsyncs(home)
    waked, answer = quantiles(taken), quantiles(answers)
    return {
        "sent to first call, p50": figure(
            waked["p50 ms"], "ms", aims=["value <= 10"],
            ratio=waked["p50 ms"] / bare, to=f"times a bare request to the daemon, {bare:.2f} ms",
        ),
        "sent to first call, p99": figure(waked["p99 ms"], "ms"),
        "sent to its answer, p50": figure(
            answer["p50 ms"], "ms",
            ratio=answer["p50 ms"] / disk, to=f"times an fsync, {disk:.2f} ms",
        ),
        "sent to its answer, p99": figure(answer["p99 ms"], "ms"),
        "webhooks": len(taken),
    }  # fmt: skip


def _requests(crm: Process, since: int = 0) -> tuple[list[float], int]:
    """When requests reached the sandbox after the first so many, and how many there are now."""
    rows = call(f"{crm.url}/__sandbox__/requests?since={since}").body["requests"]
    return [row["time"] for row in rows], since + len(rows)


def _bare(port: int, number: int) -> list[float]:
    """Seconds that the daemon's plainest answer takes."""
    taken = []
    with contextlib.closing(Line("127.0.0.1", port)) as line:
        for _ in range(number):
            time.sleep(random.uniform(0.0, 0.05))
            began = time.perf_counter()
            line.post("/nothing", b"")
            taken.append(time.perf_counter() - began)
    return taken


if __name__ == "__main__":
    logs.configure(quiet=True)
    given = [int(one) for one in sys.argv[1:]]
    print(json.dumps(measured(given or ROWS), indent=2))

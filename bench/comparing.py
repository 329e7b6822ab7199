"""crmwire against hand-written scripts: 100 and 1,000 bookings of new people, 50 ms of latency.

Both write to the same kind of sandbox, empty at the start, and both are checked: each booking's
activity must stand on its person's timeline. crmwire's bookings are accepted and durable before
the time begins, as a queue that waited; the scripts' are in memory.

HubSpot's sandbox keeps no limits here: they would refuse what a script calls (300 calls of 100
bookings in 16 s, searches among them, where 100 calls in 10 s and 5 searches a second are allowed).
crmwire, which needs 2 calls, is paced all the same. Attio is measured twice: without limits, where
crmwire's pacing is taken away too, and with the published one of 25 writes a second.

The least time at Attio's limit is that of the writes it takes: one for the person and one for the
note, 25 a second. (The very first second is granted to whoever has rested, so that the least is
strictly one second less.) Vendors count arrivals, so crmwire takes 1.1 s for a second: 1.1 times
the least is what can be had.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from attrs import frozen

from bench.bookings import booking
from bench.figures import figure, or_why
from bench.scene import CRMS, UNLIMITED, scene, vendor

LATENCY = 0.05
BOOKINGS = (100, 1000)
THREADS = 8
RUNS = 3
"""Runs of crmwire where they take some tenths of a second, which are easily disturbed; the middle
one by its time is told."""
ATTIO_WRITES = 25.0
"""Writes a second: docs.attio.com/rest-api/guides/rate-limiting, read 2026-11."""


@frozen(kw_only=True)
class Took:
    """What a run took: seconds, those of the processor, calls as the sandbox counted them."""

    seconds: float
    processor: float
    calls: int
    refused: int
    """Calls that were answered with 429."""
    lost: int = 0
    """Bookings that were given up."""


def by_script(
    crm: str, bookings: int, threads: int, *, limited: bool = False, latency: float = LATENCY
) -> Took:
    """A hand-written script's run.

    Raises: RuntimeError if it did not carry all; at a limit, all but what it knows that it lost.
    """
    with vendor(crm, options=None if limited else UNLIMITED[crm]) as seller:
        seller.answer_after(latency)
        command = [sys.executable, "-m", "bench.scripts", crm, seller.url]
        done = subprocess.run(
            [*command, "--bookings", str(bookings), "--threads", str(threads)],
            stdout=subprocess.PIPE,
            check=True,
            cwd=Path(__file__).parent.parent,
        )
        told = json.loads(done.stdout)
        stand, lost = seller.entries(), told["lost"]
        if stand != bookings - lost or (lost and not limited):
            raise RuntimeError(f"the {crm} script: {stand} of {bookings} activities, {told}")
        calls = seller.requests()
        return Took(
            seconds=told["seconds"],
            processor=told["processor"],
            lost=lost,
            calls=len(calls),
            refused=sum(one["status"] == 429 for one in calls),
        )


def by_crmwire(crm: str, bookings: int, *, limited: bool = False, latency: float = LATENCY) -> Took:
    """crmwire's run over what waits. Raises: RuntimeError if it did not carry all."""
    paced = limited or crm != "attio"
    with scene(crm, options=None if limited else UNLIMITED[crm], paced=paced) as stage:
        now = datetime.now(UTC) + timedelta(seconds=1)
        stage.send(booking(0).created(now))
        stage.settle()
        stage.rest()
        stage.load([booking(number).created(now) for number in range(1, bookings + 1)])
        stage.vendor.answer_after(latency)
        if limited:
            time.sleep(1.5)  # what the first booking took of the limit is given back
        before, cpu = len(stage.vendor.requests()), time.process_time()
        began = time.perf_counter()
        stage.go()
        stage.settle(timeout=60 + bookings)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        calls = stage.vendor.requests(since=before)
        stand = stage.vendor.entries()
        if stand != bookings + 1 or stage.delivered() != bookings + 1:
            raise RuntimeError(f"crmwire, {crm}: {stand} of {bookings + 1} activities")
        return Took(
            seconds=seconds,
            processor=cpu,
            calls=len(calls),
            refused=sum(one["status"] == 429 for one in calls),
        )


def _script_figure(took: Took) -> dict[str, Any]:
    made = figure(round(took.seconds, 2), "s")
    return {**made, "calls": took.calls, "429": took.refused, "lost": took.lost}


def _compared(crm: str, bookings: int, latency: float) -> dict[str, Any]:
    """One number of bookings without limits: the scripts, then crmwire."""
    tell(f"{crm}: {bookings} by the script, one after the other")
    sequential = by_script(crm, bookings, 1, latency=latency)
    tell(f"{crm}: {bookings} by the script, {THREADS} threads")
    threaded = by_script(crm, bookings, THREADS, latency=latency)
    tell(f"{crm}: {bookings} by crmwire")
    runs = RUNS if bookings <= 100 else 1
    done = [by_crmwire(crm, bookings, latency=latency) for _ in range(runs)]
    mine = sorted(done, key=lambda one: one.seconds)[runs // 2]
    aims = []
    if bookings == 1000:
        aims.append(f"ratio >= {8 if crm == 'attio' else 30}")
    if bookings == 100 and crm != "attio":
        aims.append("value <= 0.5")
    return {
        "script": _script_figure(sequential),
        f"script, {THREADS} threads": _script_figure(threaded),
        "crmwire": {
            **figure(
                round(mine.seconds, 2),
                "s",
                ratio=sequential.seconds / mine.seconds,
                to="times as fast as the script",
                aims=aims,
            ),
            "times as fast as with threads": round(threaded.seconds / mine.seconds, 2),
            "processor s": round(mine.processor, 2),
            "calls": mine.calls,
        },
    }


def _limited(bookings: int, latency: float) -> dict[str, Any]:
    """Attio with its limit on writes: crmwire over the least that it allows."""
    tell(f"attio: {bookings} by the script at the limit, {THREADS} threads")
    threaded = by_script("attio", bookings, THREADS, limited=True, latency=latency)
    tell(f"attio: {bookings} by crmwire at the limit")
    mine = by_crmwire("attio", bookings, limited=True, latency=latency)
    least = 2 * bookings / ATTIO_WRITES
    return {
        "least possible": figure(round(least, 2), "s"),
        f"script, {THREADS} threads": {
            **_script_figure(threaded),
            "ratio": round(threaded.seconds / least, 3),
            "to": "times the least",
        },
        "crmwire": {
            **figure(
                round(mine.seconds, 2),
                "s",
                ratio=mine.seconds / least,
                to="times the least",
                aims=["ratio <= 1.15"],
            ),
            "processor s": round(mine.processor, 2),
            "429": mine.refused,
        },
    }


def tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def measured(
    bookings: Sequence[int] = BOOKINGS, crms: Sequence[str] = CRMS, latency: float = LATENCY
) -> dict[str, Any]:
    """Seconds by CRM and number of bookings, crmwire's beside the scripts'."""
    made: dict[str, Any] = {
        crm: {
            f"{number} bookings": or_why(partial(_compared, crm, number, latency))
            for number in bookings
        }
        for crm in crms
    }
    if "attio" in crms:
        made["attio at its limit"] = {
            f"{number} bookings": or_why(partial(_limited, number, latency)) for number in bookings
        }
    return made

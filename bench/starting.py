"""How quickly commands and the daemon begin, and how much memory the daemon takes when idle.

`python -m bench.starting` prints the figures as JSON.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.figures import figure
from crmwire import logs
from crmwire.app import App
from crmwire.demo.environment import surroundings
from crmwire.demo.processes import Process, all_stopped, daemon

CONNECTIONS = (3, 1000)
CRMS = ("salesforce", "hubspot", "attio")
RUNS = 10


def taken_by(*command: str) -> float:
    """Seconds of a command that Python runs, the middle of several runs."""
    taken = []
    for _ in range(RUNS):
        began = time.perf_counter()
        subprocess.run([sys.executable, *command], stdout=subprocess.DEVNULL, check=True)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def resident_mb(pid: int) -> float:
    """Megabytes of memory that a process holds now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


def started(connections: int, beside: float) -> dict[str, Any]:
    """From the command to the first answer, with so many connections of three CRMs in turn.

    `beside` is how long Python alone takes, in seconds.
    """
    processes: list[Process] = []
    with (
        tempfile.TemporaryDirectory() as name,
        surroundings(Path(name)) as environment,
        all_stopped(processes),
    ):
        with App(Path(name) / "home") as app:
            app.add_feed("feed", source="calcom", allow_unsigned=True)
            for number in range(connections):
                crm = CRMS[number % len(CRMS)]
                settings = {"host": "https://example.my.salesforce.com"}
                app.add_connection(
                    f"crm-{number}",
                    crm=crm,
                    token="bench",
                    settings=settings if crm == "salesforce" else None,
                )
                app.add_route(feed="feed", connection=f"crm-{number}", preset="linktime")
        began = time.perf_counter()
        processes.append(daemon(Path(name), environment))
        seconds = time.perf_counter() - began
        time.sleep(3)
        return {
            "to its first answer": figure(
                round(seconds, 2), "s", aims=["value <= 3"], ratio=seconds / beside,
                to=f"times as long as Python, {beside:.2f} s",
            ),
            "resident, idle": figure(
                resident_mb(processes[0].process.pid), "MB", aims=["value <= 100"]
            ),
        }  # fmt: skip


def measured(connections: Sequence[int] = CONNECTIONS) -> dict[str, Any]:
    """All figures."""
    beside, told = taken_by("-c", "pass"), taken_by("-m", "crmwire", "--help")
    return {
        "--help": figure(
            round(told * 1000, 1), "ms", aims=["value <= 150"], ratio=told / beside,
            to=f"times as long as Python, {beside * 1000:.0f} ms",
        ),
        **{f"serve, {number:,} connections": started(number, beside) for number in connections},
    }  # fmt: skip


if __name__ == "__main__":
    logs.configure(quiet=True)
    print(json.dumps(measured(), indent=2))

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
from pathlib import Path
from typing import Any

from crmwire import logs
from crmwire.app import App
from crmwire.demo.environment import surroundings
from crmwire.demo.processes import Process, all_stopped, daemon

CONNECTIONS = 1000
CRMS = ("salesforce", "hubspot", "attio")
RUNS = 10


def help_ms() -> float:
    """Milliseconds of `crmwire --help`, the middle of several runs."""
    taken = []
    for _ in range(RUNS):
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "crmwire", "--help"], stdout=subprocess.DEVNULL, check=True
        )
        taken.append(time.perf_counter() - began)
    return round(statistics.median(taken) * 1000, 1)


def resident_mb(pid: int) -> float:
    """Megabytes of memory that a process holds now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


def started(connections: int) -> dict[str, Any]:
    """From the command to the first answer, with so many connections of three CRMs in turn."""
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
            "connections": connections,
            "seconds": round(seconds, 2),
            "resident MB, idle": resident_mb(processes[0].process.pid),
        }


def measured() -> dict[str, Any]:
    """All figures."""
    return {"help ms": help_ms(), "daemon": [started(3), started(CONNECTIONS)]}


if __name__ == "__main__":
    logs.configure(quiet=True)
    print(json.dumps(measured(), indent=2))

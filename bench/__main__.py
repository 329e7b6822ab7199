"""`make bench`: what a booking costs and how fast a backlog drains, measured in one run.

Everything is counted and timed against sandboxes on this machine: calls by the sandboxes' own
request logs, seconds with 50 ms of latency on each of their answers. Figures depend on the machine.
"""

from __future__ import annotations

import json
import platform
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench import accepting, starting
from crmwire import logs
from crmwire.demo.bookings import FIRST_START, SampleBooking
from crmwire.testing.stage import Stage, stage

CRMS = ("salesforce", "hubspot", "attio")
LATENCY = 0.05
BOOKINGS = 100
RESULTS = Path(__file__).parent / "results.json"


def _booking(number: int) -> SampleBooking:
    return SampleBooking(
        uid=f"bk-{number}",
        email=f"guest{number}@example.com",
        name=f"Guest Number{number}",
        start=FIRST_START + timedelta(minutes=30 * number),
    )


def _calls(scene: Stage, crm: str, body: bytes) -> int:
    before = len(scene.calls(crm))
    scene.send(body)
    scene.settle()
    return len(scene.calls(crm)) - before


def measure_crm(crm: str) -> dict[str, Any]:
    """Calls of one booking, calls and seconds of a backlog of a hundred."""
    with tempfile.TemporaryDirectory() as folder, stage(Path(folder), {crm: crm}) as scene:
        now = datetime.now(UTC) + timedelta(seconds=1)
        one, later = _booking(0), FIRST_START + timedelta(days=300)
        known = SampleBooking(uid="again", email=one.email, name=one.name)
        made: dict[str, Any] = {
            "calls": {
                "new person": _calls(scene, crm, one.created(now)),
                "known person": _calls(scene, crm, known.created(now)),
                "rescheduled": _calls(
                    scene, crm, one.rescheduled(now + timedelta(seconds=1), to=later, uid="moved")
                ),
                "cancelled": _calls(
                    scene, crm, one.cancelled(now + timedelta(seconds=2), start=later, uid="moved")
                ),
            }
        }
        lane = scene.app.store.connection(crm).lane
        scene.app.store.pause(lane, datetime.now(UTC) + timedelta(seconds=60), "bench")
        for number in range(1, BOOKINGS + 1):
            scene.app.accept("feed", _booking(number).created(now), trusted=True)
        scene.sandboxes[crm].latency = LATENCY
        before = len(scene.calls(crm))
        scene.app.store.write(lambda db: db.execute("UPDATE lanes SET paused_until = NULL"))
        started = time.perf_counter()
        scene.daemon.engine.wake([lane])
        scene.settle(60)
        made["backlog"] = {
            "bookings": BOOKINGS,
            "calls": len(scene.calls(crm)) - before,
            "seconds at 50 ms": round(time.perf_counter() - started, 2),
        }
    return made


def main() -> None:
    logs.configure(quiet=True)
    results = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "crms": {crm: measure_crm(crm) for crm in CRMS},
        "accepting": accepting.measured(),
        "starting": starting.measured(),
    }
    text = json.dumps(results, indent=2)
    RESULTS.write_text(text + "\n")
    print(text)


main()

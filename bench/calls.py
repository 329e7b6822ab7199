"""Calls to the CRM for one booking, by case, and for a hundred that wait; counted by the sandbox.

After warm-up: the token was checked, users and fields are known. The aims are for the preset
`linktime`, which looks people up in Salesforce and upserts them in HubSpot and Attio. A script
spends the same on each booking, however many wait; its calls are counted here too. The sandboxes
keep no limits here: what is refused and sent again is counted in `backlogs`.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.bookings import booking
from bench.figures import figure
from bench.scene import CRMS, UNLIMITED, Scene, scene, vendor
from crmwire.demo.bookings import FIRST_START, SampleBooking

WAITING = 100
AIMS: Mapping[str, Mapping[str, int]] = {
    "salesforce": {"new person": 2, "known person": 2, "moved": 1, "cancelled": 1, "waiting": 5},
    "hubspot": {"new person": 2, "known person": 2, "moved": 1, "cancelled": 1, "waiting": 2},
    "attio": {"new person": 2, "known person": 2, "moved": 1, "cancelled": 1, "waiting": 201},
}
"""At most so many calls; `waiting`: for a hundred bookings of a hundred people."""
WITH_COMPANIES = 5
"""At most so many for a hundred bookings at HubSpot, each of another company."""


def calls_of(stage: Scene, *bodies: bytes) -> int:
    """How many calls these webhooks took, which waited together."""
    before = len(stage.vendor.requests())
    stage.rest()
    stage.load(bodies)
    stage.go()
    stage.settle()
    return len(stage.vendor.requests(since=before))


def by_script(crm: str) -> dict[str, int]:
    """A script's calls for a booking of somebody new, and of somebody known."""
    made = {}
    with vendor(crm) as seller:
        for case in ("new person", "known person"):
            before = len(seller.requests())
            command = [sys.executable, "-m", "bench.scripts", crm, seller.url, "--bookings", "1"]
            subprocess.run(
                command, stdout=subprocess.DEVNULL, check=True, cwd=Path(__file__).parent.parent
            )
            made[case] = len(seller.requests(since=before))
    return made


def by_crmwire(crm: str, waiting: int) -> dict[str, int]:
    """crmwire's calls, case by case."""
    with scene(crm, options=UNLIMITED[crm]) as stage:
        now = datetime.now(UTC) + timedelta(seconds=1)
        stage.send(booking(0).created(now))
        stage.settle()
        one, later = booking(1), FIRST_START + timedelta(days=300)
        known = SampleBooking(uid="again", email=one.email, name=one.name)
        moved = one.rescheduled(now + timedelta(seconds=1), to=later, uid="moved")
        off = one.cancelled(now + timedelta(seconds=2), start=later, uid="moved")
        return {
            "new person": calls_of(stage, one.created(now)),
            "known person": calls_of(stage, known.created(now)),
            "moved": calls_of(stage, moved),
            "cancelled": calls_of(stage, off),
            "waiting": calls_of(
                stage, *(booking(number).created(now) for number in range(2, waiting + 2))
            ),
        }


def with_companies(waiting: int) -> int:
    """crmwire's calls at HubSpot where each guest's company is found or created too."""

    def of(number: int) -> SampleBooking:
        email = f"guest{number}@company{number}.example"
        return SampleBooking(uid=f"bk-{number}", email=email, name=f"Guest Number{number}")

    with scene("hubspot", options=UNLIMITED["hubspot"], route={"companies": True}) as stage:
        now = datetime.now(UTC) + timedelta(seconds=1)
        stage.send(of(0).created(now))
        stage.settle()
        return calls_of(stage, *(of(number).created(now) for number in range(1, waiting + 1)))


def measured(waiting: int = WAITING, crms: Sequence[str] = CRMS) -> dict[str, Any]:
    """Calls by CRM and case."""
    made: dict[str, Any] = {}
    for crm in crms:
        mine, script = by_crmwire(crm, waiting), by_script(crm)
        script["waiting"] = script["new person"] * waiting
        made[crm] = {}
        for case, calls in mine.items():
            aims = [f"value <= {AIMS[crm][case]}"]
            title = f"{waiting} bookings of {waiting} people" if case == "waiting" else case
            if case in script:
                ratio, to = calls / script[case], f"of the script's {script[case]}"
                made[crm][title] = figure(calls, "calls", ratio=ratio, to=to, aims=aims)
            else:
                made[crm][title] = figure(calls, "calls", aims=aims)
    if "hubspot" in crms:
        made["hubspot"][f"{waiting} bookings, with companies"] = figure(
            with_companies(waiting), "calls", aims=[f"value <= {WITH_COMPANIES}"]
        )
    return made

"""A backlog that waited for hours: how near crmwire comes to what the vendors' limits allow.

Every booking is of somebody new, with one guest. The sandboxes keep the limits that the vendors
publish, and answer at once. The least possible:

- HubSpot: 100 records in a call of contacts and 100 in one of meetings (developers.hubspot.com,
  "Batch operations"), and 100 calls in ten seconds for a private app of a free or starter account,
  190 of a professional one ("API usage guidelines", read 2026-11): 10,000 bookings are 200 calls,
  20 s at that rate. An account that has rested grants the first 100 at once, so that with an
  infinitely fast program the second hundred ends after 10 s; the aim is held against the rate,
  which any longer backlog comes to. At the professional rate crmwire itself is what takes time.
- Attio: one call for a person and one for a note, 25 writes a second
  (docs.attio.com/rest-api/guides/rate-limiting, read 2026-11).
- Salesforce has no rate, but a number of calls a day. 75 graphs fit into a call ("Composite
  Graph", REST API Developer Guide, read 2026-11), one for each booking, so that one cannot fail
  another; people are looked up by some thousand addresses in a call.

What crmwire and the sandbox use of a processor is told beside: where they need more of it than
the limit leaves time, they are the bound.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from attrs import frozen

from bench.bookings import booking
from bench.comparing import tell
from bench.figures import figure, or_why
from bench.scene import Scene, scene

RESTED = 11.0
"""Seconds after which no vendor's window holds a call of the warm-up."""


@frozen(kw_only=True)
class Limit:
    """So many calls in so many seconds, and how many bookings a call carries."""

    calls: int
    seconds: float
    calls_per_booking: float
    options: Mapping[str, str]
    aim: tuple[str, ...] = ("ratio <= 1.15",)

    def least(self, bookings: int) -> float:
        """Seconds that the calls for so many bookings take at that rate."""
        return math.ceil(bookings * self.calls_per_booking) * self.seconds / self.calls


LIMITS = {
    "hubspot": Limit(calls=100, seconds=10.0, calls_per_booking=2 / 100, options={"burst": "100"}),
    "hubspot professional": Limit(
        calls=190, seconds=10.0, calls_per_booking=2 / 100, options={"burst": "190"}, aim=()
    ),
    "attio": Limit(calls=25, seconds=1.0, calls_per_booking=2, options={}),
}
BOOKINGS = {
    "hubspot": 10_000,
    "hubspot professional": 10_000,
    "attio": 2_000,
    "salesforce": 10_000,
}
GRAPHS = 75
"""Graphs in one call to Salesforce."""
LOOKED_UP = 10_000
"""Addresses that fit into one call: five statements of 60,000 characters and more."""


@frozen(kw_only=True)
class Drained:
    """What a backlog took."""

    seconds: float
    processor: float
    sandbox: float
    """Seconds of a processor that the sandbox used meanwhile."""
    calls: int
    refused: int

    def beside(self) -> dict[str, Any]:
        """What is told with a figure."""
        return {
            "calls": self.calls,
            "429": self.refused,
            "processor s": round(self.processor, 2),
            "sandbox's processor s": round(self.sandbox, 2),
        }


def drained(stage: Scene, bookings: int, rested: float = 0.0) -> Drained:
    """Let a backlog grow and drain. Raises: RuntimeError if not all of it was delivered."""
    now = datetime.now(UTC) + timedelta(seconds=1)
    stage.send(booking(0).created(now))
    stage.settle()
    stage.rest()
    stage.load([booking(number).created(now) for number in range(1, bookings + 1)])
    before = len(stage.vendor.requests())
    time.sleep(rested)
    cpu, others = time.process_time(), stage.vendor.processor()
    began = time.perf_counter()
    stage.go()
    stage.settle(timeout=120 + bookings, look=0.05)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    others = stage.vendor.processor() - others
    calls = stage.vendor.requests(since=before)
    stand = stage.vendor.entries()
    if stand != bookings + 1 or stage.delivered() != bookings + 1:
        raise RuntimeError(f"{stand} of {bookings + 1} activities")
    return Drained(
        seconds=seconds,
        processor=cpu,
        sandbox=others,
        calls=len(calls),
        refused=sum(one["status"] == 429 for one in calls),
    )


def in_time(name: str, bookings: int, rested: float = RESTED) -> dict[str, Any]:
    """The time a backlog takes over the least that the vendor's rate allows."""
    tell(f"{name}: a backlog of {bookings}")
    limit = LIMITS[name]
    with scene(name.partition(" ")[0], options=limit.options) as stage:
        took = drained(stage, bookings, rested)
    least = limit.least(bookings)
    return {
        "least possible": figure(round(least, 2), "s"),
        "crmwire": {
            **figure(
                round(took.seconds, 2),
                "s",
                ratio=took.seconds / least,
                to="times the least",
                aims=limit.aim,
            ),
            **took.beside(),
        },
    }


def in_calls(bookings: int) -> dict[str, Any]:
    """Salesforce: the calls a backlog takes over the least."""
    tell(f"salesforce: a backlog of {bookings}")
    with scene("salesforce") as stage:
        took = drained(stage, bookings)
    least = math.ceil(bookings / GRAPHS) + math.ceil(bookings / LOOKED_UP)
    return {
        "least possible": figure(least, "calls"),
        "crmwire": {
            **figure(took.calls, "calls", ratio=took.calls / least, to="times the least"),
            **took.beside(),
            "seconds": round(took.seconds, 2),
        },
    }


def measured(bookings: Mapping[str, int] = BOOKINGS, rested: float = RESTED) -> dict[str, Any]:
    """Each vendor's backlog."""
    return {
        f"{name}, {number} bookings": or_why(
            partial(in_calls, number)
            if name == "salesforce"
            else partial(in_time, name, number, rested)
        )
        for name, number in bookings.items()
    }

"""The toy source keeps the contract."""

from __future__ import annotations

import json
from collections.abc import Mapping

from crmwire.sandbox import Sandbox, SandboxSettings
from crmwire.testing import toysource
from crmwire.testing.source_contract import SourceContract
from crmwire.testing.source_contract_base import TOKEN
from crmwire.testing.toycalendar import ToyCalendar


def body(what: str, day: int) -> dict[str, object]:
    booking = {
        "id": "b1",
        "page": "intro",
        "start": f"2027-03-0{day}T09:00:00Z",
        "end": f"2027-03-0{day}T09:30:00Z",
        "name": "Ada Example",
        "email": "ada@example.com",
        "answers": {"topic": "Engines"},
    }
    at = f"2027-02-0{day}T12:00:00Z"
    return {"id": f"h{day}", "what": what, "at": at, "booking": booking}


BODIES = {
    "booked": body("booked", 1),
    "moved": body("moved", 2),
    "called_off": body("called_off", 3),
    "paid": body("paid", 4),
}


class TestToySource(SourceContract):
    plugin = toysource
    story = ("booked", "moved", "called_off")
    unknown = "paid"

    def samples(self) -> Mapping[str, bytes]:
        return {name: json.dumps(one).encode() for name, one in BODIES.items()}

    def made_sandbox(self) -> Sandbox | None:
        calendar = ToyCalendar(SandboxSettings(tokens=(TOKEN,)))
        calendar.happen(*BODIES.values())
        return calendar

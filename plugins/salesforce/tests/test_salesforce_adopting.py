"""A team switches over: events that another tool made are linked, not made once more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from attrs import define

from crmwire.backfilling import Backfill
from crmwire.types import Chunk, Event

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@define
class Told:
    """A past that tells these events."""

    events: tuple[Event, ...]
    name: str = "told"

    def chunk(self, since: datetime, cursor: Any) -> Chunk:
        return Chunk(events=self.events)


def backfill(scene: Any, *events: Event) -> None:
    (route,) = scene.app.store.routes()
    steps = Backfill(scene.app, route, Told(events), LONG_AGO, adopt=True).steps(pause=0.01)
    for _ in steps:
        scene.drain_once()


def test_the_event_of_another_tool_is_linked_and_moves_with_the_booking(scene: Any) -> None:
    scene.route("linktime")
    ann = scene.add("Contact", LastName="Roe", FirstName="Ann", Email="ann@example.com")
    event = scene.booking("created", minute=-30)
    start = event.details.booking.start.isoformat()
    theirs = scene.add(
        "Event", Subject="Theirs", WhoId=ann, StartDateTime=start, DurationInMinutes=30
    )
    scene.add("Event", Subject="Another time", WhoId=ann, StartDateTime="2026-01-05T09:00:00Z",
              DurationInMinutes=30)  # fmt: skip
    backfill(scene, event)
    assert scene.states() == ["delivered"]
    assert sorted(row["Subject"] for row in scene.records("Event")) == ["Another time", "Theirs"]
    scene.tell(scene.booking("rescheduled", minute=1, hour=17))
    (moved,) = [row for row in scene.records("Event") if row["Id"] == theirs]
    assert moved["StartDateTime"].hour == 17
    assert len(scene.records("Event")) == 2


def test_new_people_are_made_with_their_events(scene: Any) -> None:
    scene.route("linktime")
    events = [
        scene.booking("created", f"b{n}", minute=-n, email=f"p{n}@example.com") for n in range(1, 4)
    ]
    backfill(scene, *events)
    assert len(scene.records("Event")) == len(scene.records("Contact")) == 3


@pytest.mark.parametrize("kind", ["server_error", "cut"])
def test_what_cannot_be_asked_is_not_made(scene: Any, kind: str) -> None:
    from crmwire.sandbox import Fault

    scene.route("linktime")
    ann = scene.add("Contact", LastName="Roe", Email="ann@example.com")
    event = scene.booking("created", minute=-30)
    start = event.details.booking.start.isoformat()
    scene.add("Event", Subject="Theirs", WhoId=ann, StartDateTime=start, DurationInMinutes=30)
    scene.sandbox.faults.arm([Fault(kind=kind, path="query", times=2)])
    backfill(scene, event)
    assert [row["Subject"] for row in scene.records("Event")] == ["Theirs"]


def test_events_that_we_made_are_told_whatever_they_say_by_now(lab: Any, build: Any) -> None:
    """After a backup was put back, one that moved is found by its person and when it was made."""
    ann, bob = lab.add("Contact", LastName="Roe"), lab.add("Contact", LastName="Doe")
    made = lab.conn.hooks.write_records([build.event("One", ann), build.event("Two", ann)])
    now = datetime.now(UTC)
    writes = [build.event(f"Not there {who}", who) for who in (ann, bob)]
    found, none = lab.conn.hooks.find_made([attrs.evolve(one, sent_at=now) for one in writes])
    assert [one.id for one in found] == [one.record for one in made]
    assert list(none) == []
    later = attrs.evolve(writes[0], sent_at=now + timedelta(minutes=5))
    assert [list(one) for one in lab.conn.hooks.find_made([later])] == [[]]

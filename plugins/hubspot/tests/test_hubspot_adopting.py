"""A team switches over: meetings that another tool made are linked, not made once more."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
from attrs import define

from crmwire.backfilling import Backfill
from crmwire.connections import Connection
from crmwire.errors import Failure
from crmwire.types import Chunk, Event, Written

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
TO_CONTACT = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 200}


@define
class Told:
    """A past that tells these events."""

    events: tuple[Event, ...]
    name: str = "told"

    def chunk(self, since: datetime, cursor: Any) -> Chunk:
        return Chunk(events=self.events)


def put(scene: Any, kind: str, body: dict[str, Any]) -> str:
    answer = scene.vendor.send("POST", f"/crm/v3/objects/{kind}", body)
    assert answer.status == 201
    return str(answer.data["id"])


def test_the_meeting_of_another_tool_is_linked_and_moves_with_the_booking(
    new_scene: Callable[..., Any],
) -> None:
    scene = new_scene()
    scene.route("linktime")
    contact = put(scene, "contacts", {"properties": {"email": "ada@example.com"}})
    for title, start in (("Theirs", START), ("Another time", START + timedelta(days=9))):
        properties = {"hs_meeting_title": title, "hs_meeting_start_time": start.isoformat()}
        properties["hs_timestamp"] = start.isoformat()
        near = [{"to": {"id": contact}, "types": [TO_CONTACT]}]
        put(scene, "meetings", {"properties": properties, "associations": near})
    (route,) = scene.app.store.routes()
    event = scene.event("created", "b", start=START)
    for _ in Backfill(scene.app, route, Told((event,)), LONG_AGO, adopt=True).steps(pause=0.01):
        for lane in scene.app.store.due_lanes(scene.app.clock.now()):
            scene.drainer.drain(lane, threading.Event())
    assert [row.state for row in scene.rows()] == ["delivered"]
    titles = {one.properties["hs_meeting_title"] for one in scene.records("meetings")}
    assert titles == {"Theirs", "Another time"}
    scene.happen(scene.event("rescheduled", "b", start=START + timedelta(hours=3)))
    meetings = scene.records("meetings")
    assert len(meetings) == 2
    assert [one.properties.get("hs_meeting_outcome") for one in meetings].count("RESCHEDULED") == 1


def test_meetings_that_we_made_are_told_whatever_they_say_by_now(
    conn: Connection, vendor: Any, make: Any
) -> None:
    """After a backup was put back, one that moved is found by its contact and when it was made."""
    ann, bob = conn.hooks.write_records(
        [make.upsert("a", "ann@example.com"), make.upsert("b", "bob@example.com")]
    )
    assert isinstance(ann, Written)
    assert isinstance(bob, Written)
    made = conn.hooks.write_records(
        [make.meeting("m1", ann.record, title="One"), make.meeting("m2", ann.record, title="Two")]
    )
    write = make.meeting("m", ann.record, title="Not there")
    other = make.meeting("n", bob.record, title="Not there")
    now = datetime.now(UTC)
    found, none = conn.hooks.find_made(
        [attrs.evolve(write, sent_at=now), attrs.evolve(other, sent_at=now)]
    )
    assert not isinstance(found, Failure)
    assert [one.id for one in found] == [one.record for one in made if isinstance(one, Written)]
    assert none == []
    later = attrs.evolve(write, sent_at=now + timedelta(minutes=5))
    assert conn.hooks.find_made([later]) == [[]]

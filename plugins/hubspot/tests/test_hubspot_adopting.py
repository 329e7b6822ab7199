"""A team switches over: meetings that another tool made are linked, not made once more."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import define

from crmwire.backfilling import Backfill
from crmwire.types import Chunk, Event

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

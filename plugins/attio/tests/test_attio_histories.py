"""Attio has no batch calls: what a delivery's history tells of a batch's many requests."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from crmwire.demo.bookings import SampleBooking
from crmwire.testing.stage import stage


def test_each_history_tells_its_own_two_requests(tmp_path: Path) -> None:
    patient = {"read_timeout": 30.0}  # nothing is sent twice because the machine is busy
    with stage(tmp_path, {"attio": "attio"}, options={"limits": "off"}, settings=patient) as scene:
        scene.daemon.stop()
        now = datetime.now(UTC) + timedelta(seconds=1)  # after the route was made
        for number in range(4):
            one = SampleBooking(uid=f"b{number}", email=f"g{number}@example.com", name="Ada Roe")
            scene.app.accept("feed", one.created(now), trusted=True)
        before = len(scene.calls("attio"))
        lane = scene.app.store.connection("attio").lane
        scene.daemon.drainer.drain(lane, threading.Event())
        assert len(scene.calls("attio")) - before == 8
        for row in scene.rows("delivered"):
            (entry,) = (one for one in scene.app.delivery(row.id).history if "requests" in one)
            told = [(one["method"], one["path"].strip("/")) for one in entry["requests"]]
            assert told == [("PUT", "v2/objects/people/records"), ("POST", "v2/notes")]
        assert len(scene.rows("delivered")) == 4

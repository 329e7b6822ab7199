"""Whatever the order in which a booking's events come in, the CRM ends alike."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from crmwire.sandbox import Fault
from crmwire.store import DeliveryFilter

Opens = Callable[..., AbstractContextManager[Any]]
HISTORIES = {
    "moved and cancelled under one id": [
        ("created", "a", "", 9), ("rescheduled", "a", "", 15), ("cancelled", "a", "", 15),
    ],
    "moved twice, each time a new id": [
        ("created", "a", "", 9), ("rescheduled", "b", "a", 15), ("rescheduled", "c", "b", 17),
    ],
    "moved to a new id and cancelled": [
        ("created", "a", "", 9), ("rescheduled", "b", "a", 15), ("cancelled", "b", "", 15),
    ],
    "cancelled by the host and booked anew": [
        ("created", "a", "", 9), ("cancelled", "a", "", 9), ("rescheduled", "b", "a", 16),
    ],
}  # fmt: skip
ENDS = {"moved twice, each time a new id": 17, "cancelled by the host and booked anew": 16}


@pytest.mark.parametrize("at_once", [False, True], ids=["one by one", "in one backlog"])
@pytest.mark.parametrize("name", HISTORIES)
def test_every_order_of_arrival_ends_alike(
    toy: Opens, name: str, at_once: bool, tmp_path: Path
) -> None:
    for number, order in enumerate(itertools.permutations(enumerate(HISTORIES[name], start=1))):
        with toy(tmp_path / str(number)) as scene:
            for minute, (verb, uid, previous, hour) in order:
                scene.accept(scene.event(verb, uid, minute, previous=previous, hour=hour))
                if not at_once:
                    scene.drain()
            scene.drain()
            told = [step[1][:2] for step in order]
            assert not scene.app.deliveries(DeliveryFilter(states=("ready", "held"))), told
            live = scene.live()
            if name in ENDS:
                assert [datetime.fromisoformat(one).hour for one in live] == [ENDS[name]], told
            else:
                assert live == [], told
            assert scene.people() <= 1


def test_a_cancel_that_comes_first_writes_nobody(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        scene.accept(scene.event("cancelled", "a", 5))
        scene.drain()
        scene.accept(scene.event("created", "a", 1))
        scene.drain()
        assert scene.people() == 0
        rows = scene.app.deliveries()
        assert [row.state for row in rows] == ["skipped", "skipped"]


def test_retrying_what_was_superseded_writes_nothing(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        scene.accept(scene.event("created", "a", 1))
        scene.app.store.write(
            lambda db: db.execute("UPDATE deliveries SET state = 4, reason = 'held by a test'")
        )
        scene.accept(scene.event("rescheduled", "a", 2, hour=15))
        scene.drain()
        scene.app.retry([1])
        scene.drain()
        row = scene.app.delivery(1).row
        assert (row.state, row.reason) == ("skipped", "superseded by a newer event")
        assert len(scene.live()) == 1


def test_a_delivered_event_is_written_again_only_when_asked_and_doubles_nothing(
    toy: Opens,
    tmp_path: Path,
) -> None:
    with toy(tmp_path) as scene:
        scene.accept(scene.event("created", "a", 1))
        scene.drain()
        assert scene.app.retry([1]) == []
        assert scene.app.retry([1], again=True) == [1]
        before = len(scene.sandbox.commits)
        scene.drain()
        assert scene.app.delivery(1).row.state == "delivered"
        assert len(scene.live()) == 1
        assert [one["action"] for one in scene.sandbox.commits[before:]].count("create") == 0


def test_a_record_that_is_gone_is_made_anew_on_the_next_reschedule(
    toy: Opens, tmp_path: Path
) -> None:
    with toy(tmp_path) as scene:
        scene.accept(scene.event("created", "a", 1))
        scene.drain()
        (made,) = [one["id"] for one in scene.sandbox.commits if one["type"].startswith("activit")]
        conn = scene.app.openings.connection(scene.app.store.connection("crm"))
        conn.http.delete(f"activities/{made}")
        scene.accept(scene.event("rescheduled", "a", 2, hour=15))
        scene.drain()
        scene.drain()
        assert [datetime.fromisoformat(one).hour for one in scene.live()] == [15]


def test_an_update_that_lands_late_does_not_overwrite_a_newer_one(
    toy: Opens, tmp_path: Path
) -> None:
    """A reschedule is not answered in time and committed afterwards; the cancel must win."""
    with toy(tmp_path, read_timeout=0.3, settle_after=1.0) as scene:
        scene.accept(scene.event("created", "a", 1))
        scene.drain()
        late = Fault(kind="late_commit", method="PATCH", seconds=0.6, times=1)
        scene.sandbox.faults.arm([late])
        scene.accept(scene.event("rescheduled", "a", 2, hour=15))
        scene.accept(scene.event("cancelled", "a", 3, hour=15))
        deadline = time.monotonic() + 10
        while scene.app.deliveries(DeliveryFilter(states=("ready",))):
            assert time.monotonic() < deadline
            scene.drain()
            time.sleep(0.05)
        time.sleep(0.5)
        assert scene.live() == []

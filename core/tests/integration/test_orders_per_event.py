"""Records that belong to one event each, when events come in another order than they happened."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

from crmwire.store import DeliveryFilter

Opens = Callable[..., AbstractContextManager[Any]]


def _per_event(scene: Any) -> None:
    mapping = scene.app.preset("crm", "linktime")
    mapping["activity"]["per"] = "event"
    mapping["activity"]["on"] = {"rescheduled": {"do": "add"}, "cancelled": {"do": "add"}}
    scene.app.remove_route("cal-crm")
    scene.app.add_route(feed="cal", connection="crm", preset="own", mapping=mapping)


def test_a_late_move_is_told_as_it_was_and_not_as_the_newest(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        _per_event(scene)
        scene.accept(scene.event("created", "a", 1, hour=9))
        scene.drain()
        scene.accept(scene.event("rescheduled", "a", 3, hour=17))
        scene.drain()
        scene.accept(scene.event("rescheduled", "a", 2, hour=15))
        scene.drain()
        assert sorted(datetime.fromisoformat(one).hour for one in scene.live()) == [9, 15, 17]


def test_what_waits_when_its_booking_turns_out_to_be_over_still_has_its_person(
    toy: Opens, tmp_path: Path
) -> None:
    """The end came first, under the id that the booking has since it moved."""
    with toy(tmp_path) as scene:
        _per_event(scene)
        scene.accept(scene.event("cancelled", "b", 3, hour=15))
        scene.drain()
        scene.accept(scene.event("created", "a", 1))
        scene.accept(scene.event("rescheduled", "b", 2, previous="a", hour=15))
        scene.drain()
        assert scene.app.deliveries(DeliveryFilter(states=("ready", "held"))) == []
        assert scene.people() == 1
        assert len(scene.live()) == 1

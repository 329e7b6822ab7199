"""Moves that the source tells as a cancel and a confirm without a link, joined where asked."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs
import pytest

from crmwire import ConfigurationError
from crmwire.store import DeliveryFilter

Opens = Callable[..., AbstractContextManager[Any]]


def route(scene: Any, minutes: float | None) -> None:
    """The scene's route, made anew so that it asks for moves to be joined."""
    (known,) = scene.app.store.routes()
    scene.app.remove_route(known.name)
    scene.app.add_route(
        feed="cal", connection="crm", preset="linktime", since=scene.first, join_within=minutes
    )


def ends(scene: Any) -> list[int]:
    assert not scene.app.deliveries(DeliveryFilter(states=("ready", "held")))
    return sorted(datetime.fromisoformat(one).hour for one in scene.live())


def subjects(scene: Any) -> int:
    return len(scene.app.store.subjects(scene.feed))


@pytest.mark.parametrize("at_once", [False, True], ids=["one by one", "in one backlog"])
def test_a_booking_that_was_moved_is_one_in_every_order(
    toy: Opens, tmp_path: Path, at_once: bool
) -> None:
    story = [("created", "a", 1, 9), ("cancelled", "a", 30, 9), ("created", "b", 31, 15)]
    for number, order in enumerate(itertools.permutations(story)):
        with toy(tmp_path / str(number)) as scene:
            route(scene, 5)
            for verb, uid, minute, hour in order:
                scene.accept(scene.event(verb, uid, minute, hour=hour))
                if not at_once:
                    scene.drain()
            scene.drain()
            told = [(verb, uid) for verb, uid, *_ in order]
            assert ends(scene) == [15], told
            assert subjects(scene) == 1, told
            assert scene.people() == 1


def test_a_booking_made_before_the_old_one_is_cancelled_is_joined_too(
    toy: Opens, tmp_path: Path
) -> None:
    story = [("created", "a", 1, 9), ("created", "b", 30, 15), ("cancelled", "a", 31, 9)]
    for number, order in enumerate(itertools.permutations(story)):
        with toy(tmp_path / str(number)) as scene:
            route(scene, 5)
            for verb, uid, minute, hour in order:
                scene.accept(scene.event(verb, uid, minute, hour=hour))
                scene.drain()
            assert ends(scene) == [15], [(verb, uid) for verb, uid, *_ in order]


def test_joined_it_is_the_same_record_that_moves(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        route(scene, 5)
        scene.accept(scene.event("created", "a", 1))
        scene.drain()
        scene.accept(scene.event("cancelled", "a", 30), scene.event("created", "b", 31, hour=15))
        scene.drain()
        made = [one for one in scene.sandbox.commits
                if one["type"] == "activities" and one["action"] == "create"]  # fmt: skip
        assert len(made) == 1
        assert ends(scene) == [15]


def test_a_moved_booking_can_be_moved_and_cancelled_again(toy: Opens, tmp_path: Path) -> None:
    story = [
        ("created", "a", 1, 9),
        ("cancelled", "a", 30, 9),
        ("created", "b", 31, 15),
        ("cancelled", "b", 60, 15),
        ("created", "c", 61, 17),
    ]
    with toy(tmp_path) as scene:
        route(scene, 5)
        for verb, uid, minute, hour in story:
            scene.accept(scene.event(verb, uid, minute, hour=hour))
            scene.drain()
        assert ends(scene) == [17]
        assert subjects(scene) == 1
        scene.accept(scene.event("cancelled", "c", 90))
        scene.drain()
        assert ends(scene) == []


@pytest.mark.parametrize(
    ("minutes", "changes"),
    [
        (None, {}),  # no route asks
        (5, {"minute": 40}),  # too long after
        (5, {"email": "bob@example.com"}),  # another guest
        (5, {"page": "8"}),  # another page
    ],
)
def test_otherwise_they_are_two(
    toy: Opens, tmp_path: Path, minutes: float | None, changes: dict[str, Any]
) -> None:
    with toy(tmp_path) as scene:
        route(scene, minutes)
        again = {"minute": 31, **changes}
        scene.accept(scene.event("created", "a", 1))
        scene.accept(scene.event("cancelled", "a", 30))
        scene.accept(scene.event("created", "b", hour=15, **again))
        scene.drain()
        assert subjects(scene) == 2
        assert ends(scene) == [15]


def test_one_cancellation_moves_one_booking_only(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        route(scene, 5)
        scene.accept(
            scene.event("created", "a", 1),
            scene.event("cancelled", "a", 30),
            scene.event("created", "b", 31, hour=15),
            scene.event("created", "c", 32, hour=17),
        )
        scene.drain()
        assert ends(scene) == [15, 17]
        assert subjects(scene) == 2


def test_a_repeat_of_a_joined_half_changes_nothing(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        route(scene, 5)
        story = [
            scene.event("created", "a", 1),
            scene.event("cancelled", "a", 30),
            scene.event("created", "b", 31, hour=15),
        ]
        scene.accept(*story, *story, *reversed(story))
        scene.drain()
        assert ends(scene) == [15]
        assert len(scene.app.deliveries()) == 3


def test_addresses_are_compared_without_case(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        route(scene, 5)
        scene.accept(scene.event("created", "a", 1, email="Ada@Example.com"))
        bare = scene.event("cancelled", "a", 30)
        scene.accept(attrs.evolve(bare, details=attrs.evolve(bare.details, guest=None)))
        scene.accept(scene.event("created", "b", 31, hour=15, email="ada@example.com"))
        assert subjects(scene) == 1


def test_the_route_is_asked_for_a_sensible_time(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene, pytest.raises(ConfigurationError, match="number of minutes"):
        route(scene, 0)

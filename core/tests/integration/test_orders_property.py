"""A property: however a booking's events come in, late, twice, in any order, it ends alike."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, frozen
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from crmwire.store import DeliveryFilter
from crmwire.types import Event

Opens = Callable[..., AbstractContextManager[Any]]
ORDERS = 5
"""Orders that are tried of each history, beside its own and the reverse."""


@frozen
class Step:
    """Something that happens to the booking: a verb, under a new id or the last one."""

    verb: str
    new_id: bool = False


def step(verb: str, *, new_id: bool = False) -> st.SearchStrategy[Step]:
    return st.just(Step(verb, new_id))


LIVES = st.lists(
    st.one_of(
        step("rescheduled"),
        step("rescheduled", new_id=True),
        step("updated"),
        step("no_show"),
        step("no_show_cleared"),
    ),
    max_size=3,
)
ENDS = st.sampled_from([[], [Step("cancelled")], [Step("completed")]])
BEGINNINGS = st.sampled_from([[Step("created")], [Step("requested"), Step("created")]])
HISTORIES = st.builds(lambda first, then, last: [*first, *then, *last], BEGINNINGS, LIVES, ENDS)
PARTIAL = ("updated", "no_show", "no_show_cleared", "completed")


def events(scene: Any, history: list[Step], name: str) -> tuple[list[Event], int | None]:
    """The events of a history, and the hour at which it ends; None if it was ended."""
    told, uid, hour, number = [], f"{name}-0", 9, 0
    live: int | None = hour
    for minute, one in enumerate(history):
        previous = ""
        if one.verb == "rescheduled":
            hour += 1
            if one.new_id:
                number += 1
                previous, uid = uid, f"{name}-{number}"
        if one.verb == "cancelled":
            live = None
        elif live is not None:
            live = hour
        told.append(
            scene.event(
                one.verb,
                uid,
                minute,
                previous=previous,
                hour=hour,
                email=f"{name}@example.com",
                partial=one.verb in PARTIAL,
            )
        )
    return told, live


def live_hours(scene: Any, name: str) -> tuple[list[int], int]:
    """The hours of the live activities of a person, and how many people have that address."""
    (account,) = scene.sandbox.accounts.values()
    people = [
        person
        for person in scene.sandbox.timelines(account)
        if person.email == f"{name}@example.com"
    ]
    hours = [
        datetime.fromisoformat(entry.start).hour
        for person in people
        for entry in person.entries
        if entry.status != "cancelled" and "[Cancelled]" not in entry.title
    ]
    return hours, len(people)


def test_every_order_ends_alike(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        names = itertools.count()

        @settings(
            max_examples=12,
            deadline=None,
            database=None,
            phases=[Phase.generate],  # an example takes too long for making it smaller
            suppress_health_check=list(HealthCheck),
        )
        @given(HISTORIES, st.randoms(use_true_random=False))
        def check(history: list[Step], chance: random.Random) -> None:
            orders = [list(range(len(history))), list(reversed(range(len(history))))]
            orders += [chance.sample(orders[0], len(history)) for _ in range(ORDERS)]
            wanted: dict[str, int | None] = {}
            told = {}
            for order in orders:
                name = f"n{next(names)}"
                each, wanted[name] = events(scene, history, name)
                if chance.random() < 0.5:  # some come twice
                    order = [*order, chance.choice(order)]
                told[name] = [(each[n].type, each[n].subject_id) for n in order]
                for number in order:
                    scene.accept(each[number])
                    if chance.random() < 0.4:
                        scene.drain()
            scene.drain()
            assert not scene.app.deliveries(DeliveryFilter(states=("ready", "held")))
            for name, hour in wanted.items():
                hours, people = live_hours(scene, name)
                assert hours == ([] if hour is None else [hour]), told[name]
                assert people <= 1, told[name]

        check()


class TestByName:
    """Histories that went wrong elsewhere."""

    def test_a_new_id_cancelled_before_the_move_that_links_it_arrives(
        self, toy: Opens, tmp_path: Path
    ) -> None:
        story = [
            ("created", "a", "", 9),
            ("rescheduled", "b", "a", 15),
            ("cancelled", "b", "", 15),
        ]
        for number, order in enumerate(itertools.permutations(enumerate(story))):
            with toy(tmp_path / str(number)) as scene:
                for minute, (verb, uid, previous, hour) in order:
                    scene.accept(scene.event(verb, uid, minute, previous=previous, hour=hour))
                    scene.drain()
                assert scene.live() == [], order

    def test_what_happened_before_the_route_is_skipped_with_that_reason(
        self, toy: Opens, tmp_path: Path
    ) -> None:
        with toy(tmp_path) as scene:
            scene.accept(scene.event("created", "a", -60))
            scene.drain()
            (row,) = scene.app.deliveries()
            assert row.state == "skipped"
            assert "`since`" in row.reason
            assert scene.people() == 0

    @pytest.mark.parametrize("new_id", [False, True])
    def test_a_later_move_of_a_booking_from_before_the_route_creates_it(
        self, toy: Opens, tmp_path: Path, new_id: bool
    ) -> None:
        with toy(tmp_path) as scene:
            scene.accept(scene.event("created", "a", -60))
            uid, previous = ("b", "a") if new_id else ("a", "")
            scene.accept(scene.event("rescheduled", uid, 5, previous=previous, hour=15))
            scene.drain()
            assert [datetime.fromisoformat(one).hour for one in scene.live()] == [15]
            assert scene.people() == 1

    def test_a_later_cancel_of_a_booking_from_before_the_route_writes_nobody(
        self, toy: Opens, tmp_path: Path
    ) -> None:
        with toy(tmp_path) as scene:
            scene.accept(scene.event("created", "a", -60), scene.event("cancelled", "a", 5))
            scene.drain()
            assert scene.people() == 0
            assert [row.state for row in scene.app.deliveries()] == ["skipped", "skipped"]

    def test_a_part_told_later_is_laid_over_what_is_known(self, toy: Opens, tmp_path: Path) -> None:
        with toy(tmp_path) as scene:
            whole = scene.event("created", "a", 1)
            scene.accept(whole, scene.event("no_show", "a", 2, partial=True))
            (subject,) = scene.app.store.subjects(scene.feed)
            assert subject.status == "no_show"
            assert subject.details.guest == whole.details.guest

    def test_versions_count_before_the_times_of_arrival(self, toy: Opens, tmp_path: Path) -> None:
        with toy(tmp_path) as scene:
            second = evolve(scene.event("rescheduled", "a", 1, hour=15), version=2)
            third = evolve(
                scene.event("rescheduled", "a", 0, hour=17),
                version=3,
                occurred_at=second.occurred_at - timedelta(seconds=9),
            )
            scene.accept(evolve(scene.event("created", "a", 5), version=1), third, second)
            scene.drain()
            assert [datetime.fromisoformat(one).hour for one in scene.live()] == [17]

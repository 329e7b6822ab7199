"""A booking ends in the CRM as it ended in the world, whoever held or retried what."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs
import pytest

from crmwire.sandbox import Fault
from crmwire.store import loading

Opens = Callable[..., AbstractContextManager[Any]]


def doubled(scene: Any, *emails: str) -> None:
    """Two contacts for each address, so that a person must choose."""
    scene.app.check("crm")
    (account,) = scene.sandbox.accounts.values()
    for email in emails or ("ada@example.com",):
        for number in (1, 2):
            id_ = f"{email[0]}{number}"
            account.records[id_] = {
                "type": "contacts", "id": id_, "email": email, "created_at": "2026-01-01",
            }  # fmt: skip


def test_retrying_a_held_event_of_a_booking_that_was_cancelled_since_writes_nothing(
    toy: Opens, tmp_path: Path
) -> None:
    with toy(tmp_path) as scene:
        doubled(scene)
        scene.accept(scene.event("created", "a", 1), scene.event("cancelled", "a", 2))
        scene.drain()
        assert scene.states() == ["held", "skipped"]
        scene.app.retry([1], use="a1")
        scene.drain()
        assert scene.states() == ["skipped", "skipped"]
        assert scene.live() == []


def test_choosing_a_record_resolves_every_held_delivery_of_that_person(
    toy: Opens, tmp_path: Path
) -> None:
    with toy(tmp_path) as scene:
        doubled(scene, "ada@example.com", "bob@example.com")
        scene.accept(
            scene.event("created", "a", 1),
            scene.event("created", "b", 2, hour=10),
            scene.event("created", "c", 3, hour=11, email="bob@example.com"),
        )
        scene.drain()
        assert scene.states() == ["held"] * 3
        assert scene.app.retry([1], use="a2") == [1, 2]
        scene.drain()
        assert scene.states() == ["delivered", "delivered", "held"]
        (account,) = scene.sandbox.accounts.values()
        made = [one for one in account.records.values() if one["type"] == "activities"]
        assert [one["contact"] for one in made] == ["a2", "a2"]


def test_what_was_to_be_written_again_is_still_so_after_a_hold(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        scene.accept(scene.event("created", "a", 1))
        scene.drain()
        refused = Fault(kind="status", status=422, method="PATCH", times=1)
        scene.sandbox.faults.arm([refused])
        scene.app.retry([1], again=True)
        scene.drain()
        assert scene.states() == ["held"]
        before = len(scene.sandbox.commits)
        scene.app.retry([1])
        scene.drain()
        assert scene.states() == ["delivered"]
        assert [one["action"] for one in scene.sandbox.commits[before:]] == ["update"]


def test_what_used_up_no_try_has_not_begun_the_time_of_trying(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        scene.accept(scene.event("created", "a", 1))
        scene.sandbox.faults.arm([Fault(kind="status", status=401)])
        scene.drain()
        with scene.app.store.read() as db:
            (item,) = loading.load(db, 1, [1])
        assert item.delivery.state == "ready"
        assert item.delivery.first_try_at is None


@pytest.mark.parametrize("main_first", [True, False])
def test_a_person_who_is_main_guest_here_and_further_guest_there_is_one_and_stands_right(
    toy: Opens, tmp_path: Path, main_first: bool
) -> None:
    with toy(tmp_path) as scene:
        scene.app.check("crm")
        mapping = scene.app.preset("crm", "linktime")
        mapping["person"]["each"] = "guests"
        scene.app.remove_route(scene.app.store.routes()[0].name)
        scene.app.add_route(feed="cal", connection="crm", preset="x", mapping=mapping)
        minutes = (1, 2) if main_first else (2, 1)
        scene.accept(
            scene.event("created", "a", minutes[0], email="ada@example.com"),
            scene.event("created", "b", minutes[1], hour=11, email="bob@example.com",
                        guests=("ada@example.com",)),
        )  # fmt: skip
        scene.drain()
        assert scene.states() == ["delivered", "delivered"]
        (account,) = scene.sandbox.accounts.values()
        people = {one["id"]: one["email"] for one in account.records.values()
                  if one["type"] == "contacts"}  # fmt: skip
        assert sorted(people.values()) == ["ada@example.com", "bob@example.com"]
        about = {one["start"][11:13]: people.get(one.get("contact")) for one in
                 account.records.values() if one["type"] == "activities"}  # fmt: skip
        assert about == {"09": "ada@example.com", "11": "bob@example.com"}
        links = {
            (link["role"], link["item"]): people.get(link["record"])
            for link in scene.app.delivery(2).links
            if link["role"] == "person"
        }
        assert links == {
            ("person", ""): "bob@example.com", ("person", "ada@example.com"): "ada@example.com",
        }  # fmt: skip


def test_a_part_of_an_unknown_booking_waits_for_the_whole(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        scene.accept(scene.event("updated", "a", 2, partial=True))
        scene.accept(scene.event("rescheduled", "a", 3, partial=True))
        scene.drain()
        assert scene.states() == ["skipped", "skipped"]
        scene.accept(scene.event("created", "a", 1))
        scene.drain()
        assert scene.states()[-1] == "delivered"
        assert len(scene.live()) == 1


def test_a_cancel_in_the_same_moment_as_the_booking_is_a_cancel(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        scene.accept(scene.event("created", "a", 1))
        scene.accept(scene.event("rescheduled", "a", 1, hour=15))
        scene.drain()
        assert [datetime.fromisoformat(one).hour for one in scene.live()] == [15]
        scene.accept(scene.event("created", "b", 5), scene.event("cancelled", "b", 5))
        scene.drain()
        assert len(scene.live()) == 1


def test_a_version_larger_than_the_store_holds_is_accepted(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        scene.accept(attrs.evolve(scene.event("created", "a", 1), version=2**80))
        scene.drain()
        assert scene.states() == ["delivered"]

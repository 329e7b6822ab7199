"""What may stand in the CRM is found before anything is sent that could double it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from crmwire.errors import NeedsReview, NotAllowed, RetryLater
from crmwire.pipeline import planning, sending
from crmwire.sandbox import Fault
from crmwire.testing import toycrm
from crmwire.types import Write

Opens = Callable[..., AbstractContextManager[Any]]
QUICK = {"read_timeout": 0.3, "settle_after": 1.0}


def test_a_person_whose_create_may_still_land_is_not_made_for_another_booking(
    toy: Opens, tmp_path: Path
) -> None:
    with toy(tmp_path, **QUICK) as scene:
        late = Fault(kind="late_commit", method="POST", path="/contacts", seconds=0.8, times=1)
        scene.sandbox.faults.arm([late])
        scene.accept(scene.event("created", "a", 1))
        scene.drain()
        scene.accept(scene.event("created", "b", 2, hour=11))
        scene.drain_until_done()
        assert scene.people() == 1
        assert len(scene.live()) == 2
        assert scene.states() == ["delivered", "delivered"]


def test_a_create_in_doubt_is_never_sent_again_because_it_could_not_be_looked_up(
    toy: Opens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with toy(tmp_path, **QUICK) as scene:
        lost = Fault(kind="lost_answer", method="POST", path="/activities", times=1)
        scene.sandbox.faults.arm([lost])
        scene.accept(scene.event("created", "a", 1))
        scene.drain()
        real = toycrm._search

        def forbidden(*_: object) -> Any:
            raise NotAllowed("the user may not search")

        monkeypatch.setattr(toycrm, "_search", forbidden)
        scene.drain_until_done()
        assert scene.states() == ["held"]
        monkeypatch.setattr(toycrm, "_search", real)
        scene.app.retry([1])
        scene.drain_until_done()
        assert scene.states() == ["delivered"]
        assert len(scene.live()) == 1


def test_a_later_event_does_not_write_what_a_held_one_may_have_written(
    toy: Opens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with toy(tmp_path, **QUICK, tries=[0.3]) as scene:
        lost = Fault(kind="lost_answer", method="POST", path="/activities", times=1)
        scene.sandbox.faults.arm([lost])
        scene.accept(scene.event("created", "a", 1))
        scene.drain()
        with monkeypatch.context() as patch:

            def forbidden(*_: object) -> Any:
                raise NotAllowed("the user may not search")

            patch.setattr(toycrm, "_search", forbidden)
            scene.drain_until_done()
        scene.accept(scene.event("rescheduled", "a", 2, hour=15))
        scene.drain()
        assert scene.states() == ["held", "ready"]
        scene.app.retry([1])
        scene.drain_until_done()
        assert scene.states() == ["delivered", "delivered"]
        assert [one[11:13] for one in scene.live()] == ["15"]


def test_what_an_attempt_did_write_is_not_looked_for_but_named_to_the_rest(
    toy: Opens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Write] = []
    real = toycrm._made_by

    def made_by(conn: Any, write: Any) -> Any:
        asked.append(write)
        return real(conn, write)

    monkeypatch.setattr(toycrm, "_made_by", made_by)
    with toy(tmp_path, **QUICK) as scene:
        lost = Fault(kind="lost_answer", method="POST", path="/activities", times=1)
        scene.sandbox.faults.arm([lost])
        scene.accept(scene.event("created", "a", 1))
        scene.drain_until_done()
        (write,) = asked
        assert (write.role, write.fields["contact"]) == ("activity", "t1")
        assert len(scene.live()) == 1


def test_a_change_of_a_person_that_failed_is_made_though_the_activity_turns_out_to_be_there(
    toy: Opens, tmp_path: Path
) -> None:
    with toy(tmp_path, **QUICK) as scene:
        _leave_half_done(scene)
        assert scene.states() == ["delivered", "ready"]
        scene.drain_until_done()
        assert scene.states() == ["delivered", "delivered"]
        assert len(scene.live()) == 2
        assert _contact(scene)["phone"] == "+15550100"


def test_nobody_makes_who_may_stand_there_unfound_before_it_is_known_what_became_of_the_first(
    toy: Opens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The CRM's search shows what was made later than the answer could have come."""
    real, hidden = toycrm._search, [True]

    def search(conn: Any, searches: Any) -> Any:
        found = real(conn, searches)
        return [[] for _ in found] if hidden[0] else found

    with toy(tmp_path, **QUICK) as scene:
        lost = Fault(kind="lost_answer", method="POST", path="/contacts", times=1)
        scene.sandbox.faults.arm([lost])
        scene.accept(scene.event("created", "a", 1))
        scene.drain()
        scene.app.store.write(  # its own look-up comes later than the others' tries
            lambda db: db.execute("UPDATE deliveries SET due_at = due_at + 2")
        )
        time.sleep(1.1)
        monkeypatch.setattr(toycrm, "_search", search)
        scene.accept(scene.event("created", "b", 2, hour=11))
        scene.drain()
        assert scene.states() == ["ready", "ready"]
        hidden[0] = False
        scene.drain_until_done()
        assert scene.people() == 1
        assert scene.states() == ["delivered", "delivered"]


def test_what_was_found_is_remembered_also_if_the_process_ends_while_the_rest_is_sent(
    toy: Opens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new attempt takes the place of the one that told what to look for."""

    class Killed(BaseException):
        pass

    def step(name: str) -> None:
        if name == "after_attempt":
            raise Killed

    with toy(tmp_path, **QUICK) as scene:
        _leave_half_done(scene)
        with monkeypatch.context() as patch:
            patch.setattr(sending, "step", step)
            with pytest.raises(Killed):
                scene.drain_until_done()
        scene.drain_until_done()
        assert scene.states() == ["delivered", "delivered"]
        assert len(scene.live()) == 2
        assert _contact(scene)["phone"] == "+15550100"


@pytest.mark.parametrize("status", [422, 500])
def test_a_change_of_a_person_that_was_refused_is_made_when_it_is_tried_again(
    toy: Opens, tmp_path: Path, status: int
) -> None:
    """The activity of the same try is there: the rest must not be taken for done."""
    with toy(tmp_path, **QUICK) as scene:
        scene.accept(scene.event("created", "a", 1))
        scene.drain_until_done()
        times = 1 if status == 422 else 3
        refused = Fault(kind="status", status=status, method="PATCH", path="/contacts", times=times)
        scene.sandbox.faults.arm([refused])
        scene.accept(scene.event("created", "b", 2, hour=11, phone="+15550100"))
        scene.drain()
        scene.app.retry([2])
        scene.drain_until_done()
        assert scene.states() == ["delivered", "delivered"]
        assert len(scene.live()) == 2
        assert {link["role"] for link in scene.app.delivery(2).links} == {"person", "activity"}
        assert _contact(scene)["phone"] == "+15550100"


def test_what_is_left_undone_is_done_also_if_it_could_not_be_looked_up_at_first(
    toy: Opens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, fails = planning.look_up, [True]

    def look_up(desk: Any, lines: Any, made: Any) -> Any:
        users = real(desk, lines, made)
        if lines and fails.pop():
            for line in lines:
                line.answers = [RetryLater("the CRM is not available")]
        fails.append(False)
        return users

    with toy(tmp_path, **QUICK) as scene:
        _leave_half_done(scene)
        monkeypatch.setattr(planning, "look_up", look_up)
        scene.drain_until_done()
        assert scene.states() == ["delivered", "delivered"]
        assert len(scene.live()) == 2
        assert _contact(scene)["phone"] == "+15550100"


def test_what_a_removed_route_may_have_made_is_found_before_another_goes_on_with_it(
    toy: Opens, tmp_path: Path
) -> None:
    with toy(tmp_path, **QUICK) as scene:
        lost = Fault(kind="lost_answer", method="POST", path="/activities", times=1)
        scene.sandbox.faults.arm([lost])
        scene.accept(scene.event("created", "a", 1))
        scene.drain()
        (route,) = scene.app.store.routes()
        assert scene.app.remove_route(route.name) == 0
        scene.app.add_route(feed="cal", connection="crm", preset="linktime")
        scene.accept(scene.event("rescheduled", "a", 2, hour=15))
        scene.drain_until_done()
        assert scene.states() == ["skipped", "delivered"]
        assert scene.app.delivery(1).row.reason == "the route was removed"
        assert [one[11:13] for one in scene.live()] == ["15"]


def test_with_its_connection_also_a_delivery_in_doubt_is_skipped(
    toy: Opens, tmp_path: Path
) -> None:
    with toy(tmp_path, **QUICK) as scene:
        lost = Fault(kind="lost_answer", method="POST", path="/activities", times=1)
        scene.sandbox.faults.arm([lost])
        scene.accept(scene.event("created", "a", 1))
        scene.drain()
        (route,) = scene.app.store.routes()
        scene.app.remove_route(route.name)
        assert scene.states() == ["ready"]
        scene.app.remove_connection("crm")
        assert scene.states() == ["skipped"]


def test_who_retries_what_is_not_held_any_more_has_not_looked_in_the_crm(
    toy: Opens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ended after a person's choice was sent: it is to be looked up."""

    class Killed(BaseException):
        pass

    def step(name: str) -> None:
        if name == "before_settle":
            raise Killed

    def several(*_: object) -> None:
        raise NeedsReview("several fit")

    with toy(tmp_path, **QUICK) as scene:
        with monkeypatch.context() as patch:
            patch.setattr(planning, "decide", several)
            scene.accept(scene.event("created", "a", 1))
            scene.drain()
        assert scene.states() == ["held"]
        scene.app.retry([1])
        with monkeypatch.context() as patch:
            patch.setattr(sending, "step", step)
            with pytest.raises(Killed):
                scene.drain()
        scene.app.store.begin_drain("toy:toy-1", scene.app.clock.now())
        scene.app.retry([1])
        scene.drain_until_done()
        assert scene.states() == ["delivered"]
        assert len(scene.live()) == 1


def test_what_was_sent_last_of_a_long_batch_has_its_whole_time_to_be_committed(
    toy: Opens, tmp_path: Path
) -> None:
    """The first requests went out longer ago than a commit can take."""
    with toy(tmp_path, read_timeout=0.4, settle_after=0.9) as scene:
        slow = Fault(kind="latency", method="POST", path="/contacts", seconds=0.25, times=5)
        late = Fault(kind="late_commit", method="POST", path="/activities", seconds=0.8, times=1)
        scene.sandbox.faults.arm([slow, late])
        guests = [f"p{number}@example.com" for number in range(5)]
        scene.accept(
            *(scene.event("created", one, 1, hour=9 + n, email=one) for n, one in enumerate(guests))
        )
        scene.drain_until_done()
        time.sleep(0.5)
        assert scene.states() == ["delivered"] * 5
        assert len(scene.live()) == 5


def test_what_a_killed_drain_sent_last_has_its_whole_time_to_be_committed(
    toy: Opens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had begun its batch longer ago than a commit can take, and is started again at once."""

    class Killed(BaseException):
        """The process ends; nothing after this runs."""

    def step(name: str) -> None:
        if name == "before_settle":
            raise Killed

    with toy(tmp_path, read_timeout=0.4, settle_after=0.9) as scene:
        slow = Fault(kind="latency", method="POST", path="/contacts", seconds=0.25, times=5)
        late = Fault(kind="late_commit", method="POST", path="/activities", seconds=0.8, times=1)
        scene.sandbox.faults.arm([slow, late])
        scene.accept(
            *(scene.event("created", one, 1, email=f"{one}@example.com") for one in "abcde")
        )
        with monkeypatch.context() as patch:
            patch.setattr(sending, "step", step)
            with pytest.raises(Killed):
                scene.drain()
        scene.drain_until_done()
        time.sleep(0.5)
        assert scene.states() == ["delivered"] * 5
        assert len(scene.live()) == 5


def test_two_halves_of_a_booking_whose_answers_were_lost_end_as_one_that_is_live(
    toy: Opens, tmp_path: Path
) -> None:
    """The move in between came last, so that only then it was known that they are one."""
    with toy(tmp_path, **QUICK) as scene:
        lost = Fault(kind="lost_answer", method="POST", path="/activities", times=2)
        scene.sandbox.faults.arm([lost])
        scene.accept(scene.event("created", "a", 1))
        scene.accept(scene.event("rescheduled", "c", 3, previous="b", hour=15))
        scene.drain()
        assert len(scene.live()) == 2
        scene.accept(scene.event("rescheduled", "b", 2, previous="a", hour=12))
        scene.drain_until_done()
        assert set(scene.states()) == {"delivered"}
        (left,) = scene.live()
        assert "T15:00" in left


def _leave_half_done(scene: Any) -> None:
    """Of a known person's second booking the activity is made unanswered, their phone is not."""
    scene.accept(scene.event("created", "a", 1))
    scene.drain_until_done()
    scene.sandbox.faults.arm(
        [
            Fault(kind="status", status=500, method="PATCH", path="/contacts", times=9),
            Fault(kind="lost_answer", method="POST", path="/activities", times=1),
        ]
    )
    scene.accept(scene.event("created", "b", 2, hour=11, phone="+15550100"))
    scene.drain()
    scene.sandbox.faults.arm([])


def _contact(scene: Any) -> dict[str, Any]:
    (account,) = scene.sandbox.accounts.values()
    (contact,) = [one for one in account.records.values() if one["type"] == "contacts"]
    return dict(contact)

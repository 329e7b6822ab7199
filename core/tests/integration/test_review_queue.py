"""Nothing that is stored, set up or answered oddly stops a lane or loses a delivery."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

from crmwire.engine import Engine
from crmwire.errors import StoreUnavailable
from crmwire.hookspecs import hookimpl
from crmwire.pipeline import writes
from crmwire.sandbox import Fault
from crmwire.store.database import Writer
from crmwire.testing import toycrm

Opens = Callable[..., AbstractContextManager[Any]]


def test_drains_on_new_threads_leave_no_open_files(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        scene.accept(scene.event("created", "a", 1))
        scene.drain()

        def drained() -> int:
            thread = threading.Thread(
                target=scene.drainer.drain, args=("toy:toy-1", threading.Event())
            )
            thread.start()
            thread.join()
            scene.app.store.due_lanes(scene.app.clock.now())
            return len(list(Path("/proc/self/fd").iterdir()))

        def looked() -> int:
            thread = threading.Thread(target=scene.app.store.connections)
            thread.start()
            thread.join()
            return len(list(Path("/proc/self/fd").iterdir()))

        before = drained() + looked()
        for number in range(10):
            scene.accept(scene.event("created", f"b{number}", 1))
            drained()
            looked()
        assert drained() + looked() <= before + 2


def test_what_a_dead_process_worked_on_is_due_at_once_after_a_restart(
    toy: Opens, tmp_path: Path
) -> None:
    with toy(tmp_path) as scene:
        scene.accept(scene.event("created", "a", 1))
        (lane,) = scene.app.store.due_lanes(scene.app.clock.now())
        epoch = scene.app.store.begin_drain(lane, scene.app.clock.now())
        assert scene.app.store.settle_and_claim(lane, epoch, [], limit=9, now=scene.app.clock.now())
        scene.drain()
        assert scene.states() == ["delivered"]


def test_half_a_character_in_the_crm_stops_nothing(
    toy: Opens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Vendors that cut texts in the middle of a character answer with half of it."""
    real: Any = toycrm._search

    def cut(conn: Any, searches: Any) -> Any:
        return [
            [attrs.evolve(one, fields={**one.fields, "phone": "\ud83d"}) for one in records]
            for records in real(conn, searches)
        ]

    with toy(tmp_path) as scene:
        scene.accept(scene.event("created", "a", 1, phone="+15550100"))
        scene.drain()
        monkeypatch.setattr(toycrm, "_search", cut)
        scene.accept(scene.event("created", "b", 2, phone="+15550101"))
        scene.drain()
        assert scene.states() == ["delivered", "delivered"]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE events SET event = '{\"type\": 1}' WHERE id = 1",
        "UPDATE events SET snapshot = 'no json' WHERE id = 1",
        "UPDATE deliveries SET attempt = '{\"writes\": [{}]}', attempt_open = 1 WHERE id = 1",
    ],
)
def test_a_delivery_that_cannot_be_read_is_held_and_stops_no_other(
    toy: Opens, tmp_path: Path, damage: str
) -> None:
    with toy(tmp_path) as scene:
        scene.accept(scene.event("created", "a", 1), scene.event("created", "b", 1, hour=11))
        scene.app.store.write(lambda db: db.execute(damage))
        scene.drain()
        first, second = scene.states()
        assert second == "delivered"
        assert first == "held"
        assert scene.app.delivery(1).row.reason


def test_a_mapping_that_cannot_be_used_any_more_holds_its_deliveries_and_stops_no_other(
    toy: Opens, tmp_path: Path
) -> None:
    with toy(tmp_path) as scene:
        scene.app.add_route(feed="cal", connection="crm", preset="linktime", page="7")
        scene.app.store.write(
            lambda db: db.execute("UPDATE routes SET mapping = '{}' WHERE page = '*'")
        )
        odd = scene.event("created", "a", 1, page="other")
        scene.accept(odd, scene.event("created", "b", 1, hour=11))
        scene.drain()
        assert scene.states() == ["held", "delivered"]
        assert "title" in str(scene.app.delivery(1).row.reason)


def test_a_delivery_on_which_crmwire_fails_is_tried_later_and_stops_no_other(
    toy: Opens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with toy(tmp_path, tries=[60]) as scene:
        real = writes._write_key

        def odd(one: Any, line: Any) -> str:
            if one.claimed.delivery.event.subject_id == "b":
                raise ZeroDivisionError
            return real(one, line)

        monkeypatch.setattr(writes, "_write_key", odd)
        scene.accept(*(scene.event("created", uid, 1, email=f"{uid}@example.com") for uid in "abc"))
        scene.drain()
        assert scene.states() == ["delivered", "ready", "delivered"]
        assert "ZeroDivisionError" in str(scene.app.delivery(2).row.reason)


def test_a_connection_that_is_removed_while_it_works_stays_removed(
    toy: Opens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with toy(tmp_path) as scene:
        real = toycrm._search

        def removing(*arguments: Any) -> Any:
            monkeypatch.setattr(toycrm, "_search", real)
            scene.app.remove_connection("crm")
            return real(*arguments)

        monkeypatch.setattr(toycrm, "_search", removing)
        scene.accept(scene.event("created", "a", 1))
        scene.drain()
        assert scene.app.store.connections() == []
        assert scene.states() == ["skipped"]


def test_a_lane_whose_subjects_wait_for_their_next_try_is_not_due(
    toy: Opens, tmp_path: Path
) -> None:
    with toy(tmp_path, tries=[60]) as scene:
        scene.app.check("crm")
        scene.sandbox.faults.arm([Fault(kind="status", status=500, path="/search")])
        scene.accept(scene.event("created", "a", 1))
        scene.drain()
        scene.accept(scene.event("rescheduled", "a", 2, hour=15))
        assert scene.app.store.due_lanes(scene.app.clock.now()) == []


def test_a_check_during_the_first_drain_does_not_let_a_second_drain_send_the_same(
    toy: Opens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with toy(tmp_path) as scene:
        real = toycrm._search
        monkeypatch.setattr(
            scene.app.openings, "checked", lambda row: scene.app.openings.connection(row)
        )

        def interrupted(*arguments: Any) -> Any:
            monkeypatch.setattr(toycrm, "_search", real)
            found = real(*arguments)
            scene.app.check("crm")
            scene.drainer.drain("toy:toy-1", threading.Event())
            return found

        monkeypatch.setattr(toycrm, "_search", interrupted)
        scene.accept(scene.event("created", "a", 1))
        scene.drain()
        assert scene.people() == 1
        assert len(scene.live()) == 1


def test_an_endless_retry_after_stops_nothing(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        scene.app.check("crm")
        fault = Fault(kind="status", status=429, headers={"Retry-After": "1e300"}, path="/search")
        scene.sandbox.faults.arm([fault])
        scene.accept(scene.event("created", "a", 1))
        scene.drain()
        assert scene.states() == ["ready"]


def test_a_vendor_that_asks_for_no_wait_is_not_asked_over_and_over(
    toy: Opens, tmp_path: Path
) -> None:
    with toy(tmp_path) as scene:
        scene.app.check("crm")
        fault = Fault(kind="status", status=429, headers={"Retry-After": "0"}, path="/search")
        scene.sandbox.faults.arm([fault])
        scene.accept(scene.event("created", "a", 1))
        scene.drainer.drain("toy:toy-1", stopping(0.5))
        assert len(scene.sandbox.requests) < 10


def stopping(seconds: float) -> threading.Event:
    stop = threading.Event()
    threading.Timer(seconds, stop.set).start()
    return stop


def test_the_sweep_goes_on_when_a_hanging_plugin_cannot_be_noted() -> None:
    drained, begun, free = threading.Event(), threading.Event(), threading.Event()

    def drain(lane: str, stop: threading.Event) -> None:
        if lane == "slow":
            begun.set()
            free.wait(5)
        else:
            drained.set()

    def hangs(lane: str, thread: threading.Thread) -> bool:
        raise StoreUnavailable("the disk is full")

    due: list[str] = []
    engine = Engine(drain, due=lambda: due, crm_of=lambda lane: lane, hangs=hangs, sweep=0.01)
    engine.start()
    engine.wake(["slow"])
    assert begun.wait(2)
    threading.Event().wait(0.1)
    due.append("quick")
    assert drained.wait(2)
    free.set()
    assert engine.stop(2)


def test_a_lane_that_has_rested_is_drained_at_once_and_not_with_the_next_sweep() -> None:
    drained = threading.Event()
    rested = time.monotonic() + 0.1

    def due() -> list[str]:
        return ["crm:1"] if time.monotonic() >= rested else []

    engine = Engine(
        lambda lane, stop: drained.set(),
        due=due,
        crm_of=lambda lane: lane,
        hangs=lambda *_: False,
        first_rested=lambda: rested - time.monotonic(),
        sweep=60.0,
    )
    engine.start()
    assert drained.wait(5)
    assert engine.stop(2)


def test_the_first_end_of_a_rest_is_told_in_seconds(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        store, now = scene.app.store, scene.app.clock.now()
        assert store.first_rested(now) is None
        store.pause("late", now + timedelta(seconds=9), "a test")
        store.pause("soon", now + timedelta(seconds=4), "a test")
        store.pause("over", now - timedelta(seconds=4), "a test")
        assert store.first_rested(now) == pytest.approx(4, abs=0.01)


def test_a_write_that_nobody_waits_for_any_more_stops_no_other(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "x.db", threaded=True)
    begun, free = threading.Event(), threading.Event()

    def slow(db: Any) -> None:
        begun.set()
        free.wait(5)

    first = writer.submit(slow)
    assert begun.wait(2)
    given_up = writer.submit(lambda db: 1)
    third = writer.submit(lambda db: 2)
    assert given_up.cancel()
    free.set()
    first.result(2)
    assert third.result(2) == 2
    writer.close()


def test_a_connection_s_zone_counts_as_soon_as_it_is_changed(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        (route,) = scene.app.store.routes()
        assert scene.app.openings.mapping(route).zone is None
        settings = {**scene.app.store.connection("crm").settings, "zone": "Asia/Tokyo"}
        scene.app.change_connection("crm", settings=settings)
        assert scene.app.openings.mapping(route).zone == "Asia/Tokyo"


def test_a_first_check_that_is_not_answered_pauses_the_lane_and_blames_no_plugin(
    toy: Opens, tmp_path: Path
) -> None:
    with toy(tmp_path) as scene:
        scene.sandbox.faults.arm([Fault(kind="status", status=503, path="/me", times=9)])
        scene.accept(scene.event("created", "a", 1))
        scene.drain()
        (row,) = scene.app.store.connections()
        assert (row.state, row.problem) == ("ok", None)
        assert any(paused is not None for paused, _ in scene.app.store.lanes().values())
        assert scene.app.deliveries()[0].tries == 0


def _engine(drain: Callable[..., None], done: threading.Event) -> Engine:
    return Engine(
        drain,
        due=lambda: [] if done.is_set() else ["lane"],
        crm_of=lambda lane: "crm",
        hangs=lambda lane, thread: False,
        sweep=0.02,
    )


def test_a_lane_for_which_the_machine_has_no_thread_is_drained_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done, refusals = threading.Event(), [True]
    real = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        if thread.name.startswith("crmwire-drain") and refusals:
            refusals.pop()
            raise RuntimeError("can't start new thread")
        real(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    engine = _engine(lambda lane, stop: done.set(), done)
    engine.wake(["lane"])
    assert not refusals
    engine.start()
    assert done.wait(5)
    assert engine.stop(5)


def test_a_lane_whose_drain_ends_its_thread_is_drained_again() -> None:
    done, exits = threading.Event(), [True]

    def drain(lane: str, stop: threading.Event) -> None:
        if exits:
            exits.pop()
            raise SystemExit
        done.set()

    engine = _engine(drain, done)
    engine.start()
    assert done.wait(5)
    assert engine.stop(5)


def test_an_observer_that_hangs_sets_its_lane_aside_as_any_hook_does(
    toy: Opens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    monkeypatch.setattr(toycrm, "delivery_changed", hookimpl(_waits_for(gate)), raising=False)
    with toy(tmp_path, read_timeout=0.1) as scene:
        scene.app.check("crm")
        scene.accept(scene.event("created", "a", 1))
        drain = threading.Thread(target=scene.drainer.drain, args=("toy:toy-1", threading.Event()))
        drain.start()
        try:
            ends = time.monotonic() + 5
            while not scene.drainer.hangs("toy:toy-1", drain):
                assert time.monotonic() < ends
                time.sleep(0.02)
            problem = scene.app.store.connection("crm").problem
        finally:
            gate.set()
            drain.join()
        assert "its lane is set aside" in str(problem)
        assert scene.states() == ["delivered"]


def _waits_for(gate: threading.Event) -> Callable[..., None]:
    def delivery_changed(conn: Any, change: Any) -> None:
        gate.wait(20)

    return delivery_changed

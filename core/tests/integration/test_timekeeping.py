"""The machine's clock is set while something waits."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from crmwire import clock as clocks
from crmwire.connections import ConnectionSettings
from crmwire.errors import RetryLater, StoreUnavailable
from crmwire.pipeline import batches
from crmwire.pipeline.outcomes import of_failure
from crmwire.sandbox import Fault
from crmwire.store import clockwork
from crmwire.timekeeping import Timekeeper

Opens = Callable[..., AbstractContextManager[Any]]
DAY = 86_400.0


@pytest.fixture
def turned(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Makes the machine's time of day wrong by so many seconds."""
    return lambda seconds: monkeypatch.setattr(clocks, "clock_offset", lambda: seconds)


def _put_back(scene: Any, turned: Callable[[float], None]) -> tuple[Timekeeper, datetime]:
    """Put the machine's clock back by a day; the keeper that saw it, and the time before."""
    turned(DAY)
    keeper = Timekeeper(scene.app.store, scene.app.clock)
    keeper.begin()
    before = scene.app.clock.now()
    turned(0)
    assert keeper.look() == pytest.approx(-DAY, abs=1)
    return keeper, before


def _waiting(scene: Any) -> float:
    """Seconds until the one delivery is due, by the clock of now."""
    with scene.app.store.read() as db:
        (due,) = db.execute("SELECT due_at FROM deliveries").fetchone()
    return float(due) - scene.app.clock.now().timestamp()


def _due(scene: Any) -> list[float]:
    """Seconds until each delivery is due."""
    now = scene.app.clock.now().timestamp()
    with scene.app.store.read() as db:
        rows = db.execute("SELECT due_at FROM deliveries ORDER BY id").fetchall()
    return [float(due) - now for (due,) in rows]


def _paused(scene: Any) -> float:
    with scene.app.store.read() as db:
        (until,) = db.execute("SELECT max(paused_until) FROM lanes").fetchone()
    return float(until) - scene.app.clock.now().timestamp()


@pytest.mark.parametrize("step", [DAY, -DAY, 3600.0, -3600.0, 400 * DAY])
def test_what_waits_waits_as_long_as_before(
    toy: Opens, tmp_path: Path, turned: Callable[[float], None], step: float
) -> None:
    with toy(tmp_path) as scene:
        keeper = Timekeeper(scene.app.store, scene.app.clock)
        keeper.begin()
        scene.accept(scene.event("created", "a", 1))
        now = scene.app.clock.now().timestamp()
        scene.app.store.write(
            lambda db: db.execute(
                "UPDATE deliveries SET due_at = ?, attempt_open = 1, sent_at = ?", (now + 60, now)
            )
        )
        lane = scene.app.store.connections()[0].lane
        scene.app.store.write(
            lambda db: db.execute("INSERT OR REPLACE INTO lanes (name, epoch, paused_until)"
                                  " VALUES (?, 1, ?)", (lane, now + 30))
        )  # fmt: skip
        turned(step)
        assert _waiting(scene) == pytest.approx(60, abs=2)  # nobody has seen it yet
        assert keeper.look() == pytest.approx(step, abs=1)
        assert scene.app.clock.now().timestamp() == pytest.approx(now + step, abs=2)
        assert _waiting(scene) == pytest.approx(60, abs=2)
        assert _paused(scene) == pytest.approx(30, abs=2)
        turned(0)
        keeper.look()
        assert _waiting(scene) == pytest.approx(60, abs=3)
        assert _paused(scene) == pytest.approx(30, abs=3)
        with scene.app.store.read() as db:
            (sent,) = db.execute("SELECT sent_at FROM deliveries").fetchone()
        assert sent <= scene.app.clock.now().timestamp()


def test_a_clock_put_back_while_nothing_ran_is_seen_at_the_start(
    toy: Opens, tmp_path: Path, turned: Callable[[float], None]
) -> None:
    with toy(tmp_path) as scene:
        turned(DAY)
        scene.accept(scene.event("created", "a", 1))
        scene.app.store.write(lambda db: db.execute("UPDATE deliveries SET due_at = due_at + 60"))
        turned(0)
        keeper = Timekeeper(scene.app.store, scene.app.clock)
        keeper.begin()
        assert _waiting(scene) == pytest.approx(60, abs=2)
        keeper.begin()
        assert _waiting(scene) <= 60


def test_a_clock_that_nobody_sets_moves_nothing(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        keeper = Timekeeper(scene.app.store, scene.app.clock)
        keeper.begin()
        scene.accept(scene.event("created", "a", 1))
        before = _waiting(scene)
        assert keeper.look() == 0.0
        assert _waiting(scene) == pytest.approx(before, abs=1)


def test_what_was_worked_out_before_and_stored_after_is_moved_along_too(
    toy: Opens, tmp_path: Path, turned: Callable[[float], None]
) -> None:
    """A webhook and a pause that came in the very moment in which the clock was put back."""
    with toy(tmp_path) as scene:
        keeper, before = _put_back(scene, turned)
        scene.app.store.accept(scene.feed, [scene.event("created", "a", 1)], before)
        scene.accept(scene.event("rescheduled", "a", 2, hour=15))
        lane = scene.app.store.connections()[0].lane
        scene.app.store.pause(lane, before + timedelta(seconds=5), "a test")
        keeper.look()
        dues = _due(scene)
        assert len(dues) == 2
        assert max(dues) < 3
        assert _paused(scene) == pytest.approx(5, abs=3)
        keeper.look()
        assert _paused(scene) == pytest.approx(5, abs=3)


def test_a_lost_answer_is_looked_up_soon_though_the_clock_was_put_back_after_the_claim(
    toy: Opens, tmp_path: Path
) -> None:
    """What was claimed with its attempt still holds the time of before the clock was set."""
    with toy(tmp_path, read_timeout=0.3, settle_after=1.0) as scene:
        lost = Fault(kind="lost_answer", method="POST", path="/activities", times=1)
        scene.sandbox.faults.arm([lost])
        scene.accept(scene.event("created", "a", 1))
        scene.drain()
        now = scene.app.clock.now().timestamp()
        scene.app.store.write(
            lambda db: db.execute(
                "UPDATE deliveries SET sent_at = ?, due_at = ?", (now + 3600, now)
            )
        )
        scene.drain()
        assert 0 < _waiting(scene) <= 1.0
        scene.app.store.write(
            lambda db: db.execute("UPDATE deliveries SET sent_at = ?", (now - 10,))
        )
        scene.drain_until_done()
        assert scene.states() == ["delivered"]
        assert len(scene.live()) == 1


def test_a_look_up_that_fails_is_repeated_soon_though_the_clock_was_put_back_meanwhile() -> None:
    now = datetime(2026, 11, 21, 10, tzinfo=UTC)
    conn = SimpleNamespace(now=lambda: now, settings=ConnectionSettings(), settle_after=60.0)
    delivery = SimpleNamespace(first_try_at=now, tries=0)
    claimed = SimpleNamespace(delivery=delivery, sent_at=now.timestamp() + 3600)
    outcome = of_failure(
        cast(Any, SimpleNamespace(conn=conn)),
        cast(Any, SimpleNamespace(id=1, claimed=claimed, sent_steady=None)),
        RetryLater("Not shown.", after=15.0),
        attempt_open=True,
    )
    assert outcome.due_at == now.timestamp() + 60


def test_what_a_killed_drain_had_claimed_is_not_kept_from_the_next_by_a_clock_put_back(
    toy: Opens, tmp_path: Path, turned: Callable[[float], None]
) -> None:
    with toy(tmp_path) as scene:
        turned(DAY)
        keeper = Timekeeper(scene.app.store, scene.app.clock)
        keeper.begin()
        scene.accept(scene.event("created", "a", 1))
        store, lane = scene.app.store, scene.app.store.connections()[0].lane
        now = scene.app.clock.now()
        batch = store.settle_and_claim(lane, store.begin_drain(lane, now), (), limit=10, now=now)
        assert batch is not None
        turned(0)
        assert keeper.look() == pytest.approx(-DAY, abs=1)
        scene.drain()
        assert scene.states() == ["delivered"]


def test_what_came_in_the_very_moment_is_moved_along_though_the_daemon_was_killed_then(
    toy: Opens, tmp_path: Path, turned: Callable[[float], None]
) -> None:
    with toy(tmp_path) as scene:
        _, before = _put_back(scene, turned)
        scene.app.store.accept(scene.feed, [scene.event("created", "a", 1)], before)
        lane = scene.app.store.connections()[0].lane
        scene.app.store.pause(lane, before + timedelta(seconds=5), "a test")
        scene.accept(scene.event("created", "b", 2))  # the newest is of the right time
        assert _due(scene)[0] > DAY - 60
        Timekeeper(scene.app.store, scene.app.clock).begin()
        assert max(_due(scene)) < 3
        assert _paused(scene) == pytest.approx(5, abs=3)
        Timekeeper(scene.app.store, scene.app.clock).begin()
        assert _paused(scene) == pytest.approx(5, abs=3)  # moved along once


def test_what_waits_for_a_lost_answer_is_due_by_the_clock_that_holds_when_it_is_settled(
    toy: Opens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock is put back while the others of its batch are carried out."""
    with toy(tmp_path, read_timeout=0.3, settle_after=1.0) as scene:
        lost = Fault(kind="lost_answer", method="POST", path="/activities", times=1)
        scene.sandbox.faults.arm([lost])
        scene.accept(scene.event("created", "a", 1))
        scene.drain()
        now, real = scene.app.clock.now(), scene.app.clock.now
        scene.app.store.write(
            lambda db: db.execute("UPDATE deliveries SET due_at = ?", (now.timestamp(),))
        )
        planned = batches.plan

        def plan(*given: Any, **more: Any) -> None:
            planned(*given, **more)
            monkeypatch.setattr(scene.app.clock, "now", lambda: real() - timedelta(hours=1))

        monkeypatch.setattr(batches, "plan", plan)
        scene.drain()
        assert -1 <= _waiting(scene) <= 1.0


def test_a_record_is_known_again_though_our_clock_is_an_hour_ahead_of_the_crm_s(
    toy: Opens, tmp_path: Path, turned: Callable[[float], None]
) -> None:
    with toy(tmp_path, read_timeout=0.3, settle_after=1.0) as scene:
        turned(3600)
        Timekeeper(scene.app.store, scene.app.clock).begin()
        lost = Fault(kind="lost_answer", method="POST", path="/activities", times=1)
        scene.sandbox.faults.arm([lost])
        scene.accept(scene.event("created", "a", 1))
        scene.drain_until_done()
        assert scene.states() == ["delivered"]
        assert len(scene.live()) == 1


def test_a_clock_whose_moving_along_cannot_be_stored_goes_on_as_before_and_is_seen_again(
    toy: Opens, tmp_path: Path, turned: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with toy(tmp_path) as scene:
        keeper = Timekeeper(scene.app.store, scene.app.clock)
        keeper.begin()
        before = scene.app.clock.now()

        def full(*_: object) -> None:
            raise StoreUnavailable("The disk is full.")

        turned(-DAY)
        with monkeypatch.context() as patch:
            patch.setattr(clockwork, "remember", full)
            with pytest.raises(StoreUnavailable):
                keeper.look()
        assert abs(scene.app.clock.now() - before) < timedelta(seconds=10)
        assert keeper.look() == pytest.approx(-DAY, abs=1)

"""What the issue of the whole promises, with all three CRMs in one process."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crmwire.demo.bookings import FIRST_START, SampleBooking
from crmwire.testing.stage import Stage, stage

CRMS = {"salesforce": "salesforce", "hubspot": "hubspot", "attio": "attio"}
PER_EVENT = {"attio"}


def booking(number: int, person: int | None = None) -> SampleBooking:
    who = number if person is None else person
    return SampleBooking(
        uid=f"bk-{number}",
        email=f"guest{who}@example.com",
        name=f"Guest Number{who}",
        start=FIRST_START + timedelta(minutes=30 * number),
    )


def entries(scene: Stage, crm: str) -> int:
    return sum(len(person.entries) for person in scene.people(crm))


def test_a_hundred_bookings_of_ten_new_people_at_once_make_ten_people(tmp_path: Path) -> None:
    with stage(tmp_path, CRMS) as scene:
        now = datetime.now(UTC)
        bodies = [
            booking(number, number % 10).created(now + timedelta(seconds=1))
            for number in range(100)
        ]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(scene.send, bodies))
        scene.settle(60)
        for crm in CRMS:
            assert len(scene.people(crm)) == 10, crm
            assert entries(scene, crm) == 100, crm


@pytest.mark.parametrize(("crm", "most"), [("salesforce", 5), ("hubspot", 3), ("attio", 301)])
def test_a_backlog_of_a_hundred_bookings_costs_few_calls(
    crm: str, most: int, tmp_path: Path
) -> None:
    with stage(tmp_path, {crm: crm}) as scene:
        now = datetime.now(UTC)
        lane = scene.app.store.connection(crm).lane
        scene.app.store.pause(lane, now + timedelta(hours=1), "test")
        before = len(scene.calls(crm))
        for number in range(100):
            scene.app.accept(
                "feed", booking(number).created(now + timedelta(seconds=1)), trusted=True
            )
        scene.app.store.write(lambda db: db.execute("UPDATE lanes SET paused_until = NULL"))
        scene.daemon.engine.wake([lane])
        scene.settle(60)
        assert len(scene.people(crm)) == 100
        assert entries(scene, crm) == 100
        assert len(scene.calls(crm)) - before <= most


@pytest.mark.parametrize(
    ("crm", "created", "moved", "cancelled"),
    [("salesforce", 2, 1, 1), ("hubspot", 2, 1, 1), ("attio", 2, 1, 1)],
)
def test_the_calls_of_one_booking(
    crm: str, created: int, moved: int, cancelled: int, tmp_path: Path
) -> None:
    with stage(tmp_path, {crm: crm}) as scene:
        now = datetime.now(UTC)
        one = booking(1)
        later = FIRST_START + timedelta(days=2)
        second = now + timedelta(seconds=1)
        bodies = [
            one.created(second),
            one.rescheduled(second + timedelta(seconds=1), to=later, uid="bk-1b"),
            one.cancelled(second + timedelta(seconds=2), start=later, uid="bk-1b"),
        ]
        spent = []
        for body in bodies:
            before = len(scene.calls(crm))
            scene.send(body)
            scene.settle()
            spent.append(len(scene.calls(crm)) - before)
        assert spent == [created, moved, cancelled]
        before = len(scene.calls(crm))
        scene.send(SampleBooking(uid="bk-2", email=one.email, name=one.name).created(second))
        scene.settle()
        assert len(scene.calls(crm)) - before <= 3
        assert len(scene.people(crm)) == 1


@pytest.mark.parametrize("misdeed", ["raise ValueError('boom')", "import sys; sys.exit(3)"])
def test_a_plugin_that_fails_in_one_connection_leaves_the_others_undisturbed(
    misdeed: str, tmp_path: Path
) -> None:
    folder = tmp_path / "home" / "plugins"
    folder.mkdir(parents=True)
    (folder / "bad.py").write_text(
        "from crmwire import hookimpl\n\n@hookimpl\ndef map_event(event):\n    " + misdeed + "\n"
    )
    with stage(tmp_path, {"good": "hubspot", "bad": "hubspot"}) as scene:
        now = datetime.now(UTC)
        row = scene.app.store.connection("bad")
        settings = {**row.settings, "plugins": ["bad.py"]}
        from crmwire.store import setup

        scene.app.store.write(lambda db: setup.update_connection(db, row.id, settings=settings))
        scene.send(booking(1).created(now + timedelta(seconds=1)))
        _wait_for(lambda: bool(scene.rows("delivered")))
        _wait_for(lambda: bool(scene.app.store.connection("bad").problem))
        assert len(scene.people("good")) == 1
        assert "bad.py" in (scene.app.store.connection("bad").problem or "")


def test_a_plugin_that_hangs_is_set_aside_and_named(tmp_path: Path) -> None:
    folder = tmp_path / "home" / "plugins"
    folder.mkdir(parents=True)
    (folder / "slow.py").write_text(
        "import time\nfrom crmwire import hookimpl\n\n@hookimpl\ndef map_event(event):\n"
        "    time.sleep(4)\n"
    )
    with stage(
        tmp_path, {"good": "hubspot", "bad": "hubspot"}, settings={"read_timeout": 0.5}
    ) as scene:
        now = datetime.now(UTC)
        row = scene.app.store.connection("bad")
        settings = {**row.settings, "plugins": ["slow.py"]}
        from crmwire.store import setup

        scene.app.store.write(lambda db: setup.update_connection(db, row.id, settings=settings))
        scene.send(booking(1).created(now + timedelta(seconds=1)))
        _wait_for(lambda: bool(scene.rows("delivered")))
        _wait_for(lambda: bool(scene.daemon.engine.set_aside()))
        problem = scene.app.store.connection("bad").problem or ""
        assert "slow.py" in problem
        assert "not answered" in problem
        scene.settle(15)
        assert len(scene.people("bad")) == 1


def _wait_for(condition, timeout: float = 10.0) -> None:  # type: ignore[no-untyped-def]
    import time

    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)

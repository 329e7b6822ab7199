"""A daemon told to end, stopped for a while, its clock set: everything is carried once."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest

from crmwire import drills

DAY = 86_400
SLOW = {"kind": "latency", "seconds": 0.4}


def sent_until(scene: Any, count: int, path: str) -> None:
    """Send so many, and wait until the vendor is asked for that because of them."""
    before, deadline = scene.requests(path), time.monotonic() + 60
    scene.send_many(count)
    while scene.requests(path) == before:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_sigterm_finishes_what_is_under_way_within_ten_seconds(one_crm: Any) -> None:
    with one_crm(settings={"read_timeout": 30.0, "settle_after": 3.0}) as scene:
        scene.arm(SLOW)
        sent_until(scene, 30, "/batch/")
        began = time.monotonic()
        scene.daemon.process.send_signal(signal.SIGTERM)
        assert scene.daemon.process.wait(15) == 0
        assert time.monotonic() - began < 11
        scene.arm()
        scene.start()
        scene.all_stand()


def test_sigterm_does_not_wait_for_a_vendor_that_says_nothing(one_crm: Any) -> None:
    """What is given back is looked up before it is sent again."""
    with one_crm(settings={"read_timeout": 30.0, "settle_after": 3.0}) as scene:
        # It is done in the end, when nobody listens any more.
        scene.arm({"kind": "late_commit", "seconds": 11, "path": "meetings/batch/create"})
        sent_until(scene, 20, "meetings/batch/create")
        began = time.monotonic()
        scene.daemon.process.send_signal(signal.SIGTERM)
        assert scene.daemon.process.wait(20) == 0
        assert time.monotonic() - began < 12
        time.sleep(2)
        scene.arm()
        scene.start()
        scene.all_stand()


def test_a_daemon_that_was_stopped_for_longer_than_all_waits_doubles_nothing(one_crm: Any) -> None:
    with one_crm(settings={"read_timeout": 0.5, "settle_after": 1.0}) as scene:
        scene.arm(SLOW)
        for path in ("contacts/batch", "meetings/batch"):
            sent_until(scene, 15, path)
            scene.daemon.process.send_signal(signal.SIGSTOP)
            time.sleep(3)
            scene.daemon.process.send_signal(signal.SIGCONT)
            scene.send_many(5)
        scene.arm()
        scene.all_stand()


@pytest.mark.parametrize("steps", [(DAY, 0), (-DAY, 0)], ids=["a day ahead", "a day back"])
def test_a_clock_that_is_set_by_a_day_makes_nothing_twice_and_nothing_stuck(
    steps: tuple[int, ...], one_crm: Any, tmp_path: Path
) -> None:
    """While some are under way, some have lost their answers, and some wait for their next try."""
    told = tmp_path / "wrong"
    told.write_text("0")
    clock = {drills.CLOCK_FILE: str(told)}
    with one_crm(environment=clock, settings={"read_timeout": 1.0, "settle_after": 2.0}) as scene:
        scene.arm(
            {"kind": "lost_answer", "path": "meetings/batch/create", "share": 0.4},
            {"kind": "status", "status": 500, "path": "contacts/batch", "share": 0.3},
            SLOW,
        )
        for step in steps:
            sent_until(scene, 15, "/batch/")
            told.write_text(str(step))
            scene.send_many(10)
            time.sleep(2.5)
        scene.arm()
        began = time.monotonic()
        scene.all_stand()
        assert time.monotonic() - began < 45

"""One that cannot be written among many, and many that are held and tried again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crmwire.demo.bookings import FIRST_START, SampleBooking
from crmwire.store import DeliveryFilter
from crmwire.testing.stage import stage

POISON = {
    "salesforce": ("p@" + "x" * 90 + ".example", "STRING_TOO_LONG"),
    "hubspot": ("nobody at example", "INVALID_EMAIL"),
    "attio": ("nobody at example", ""),
}


@pytest.mark.parametrize("crm", sorted(POISON))
def test_one_poisoned_booking_among_a_hundred_is_held_and_the_others_are_delivered(
    crm: str, tmp_path: Path
) -> None:
    email, code = POISON[crm]
    with stage(tmp_path, {crm: crm}) as scene:
        now = datetime.now(UTC)
        lane = scene.app.store.connection(crm).lane
        scene.app.store.pause(lane, now + timedelta(hours=1), "a test")
        for number in range(100):
            one = SampleBooking(
                uid=f"bk-{number}",
                email=email if number == 37 else f"guest{number}@example.com",
                name=f"Guest Number{number}",
                start=FIRST_START + timedelta(minutes=30 * number),
            )
            scene.app.accept("feed", one.created(now + timedelta(seconds=1)), trusted=True)
        scene.app.store.write(lambda db: db.execute("UPDATE lanes SET paused_until = NULL"))
        scene.daemon.engine.wake([lane])
        scene.settle(90)
        assert len(scene.rows("delivered")) == 99
        (held,) = scene.rows("held")
        assert held.failure == "rejected"
        assert held.reason
        assert held.remedy
        problem = scene.app.delivery(held.id).history[-1]["failure"]
        assert code in problem.get("code", "")
        people = scene.people(crm)
        assert len(people) == 99
        assert {len(person.entries) for person in people} == {1}


def retry(scene: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "crmwire", "retry", "--held", "--connection", "crm"],
        env={**os.environ, **scene.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def count(scene: Any, *states: str) -> int:
    return sum(one.by_state.get(state, 0) for one in scene.app.counts() for state in states)


def test_many_held_ones_that_are_tried_again_and_again_are_not_doubled(
    one_crm: Any, request: pytest.FixtureRequest
) -> None:
    """The command killed and run twice at once, the daemon killed, answers lost on the way.

    The long form is `python -m pytest tests/e2e/test_held_ones.py --held 1000`.
    """
    wanted: int = request.config.getoption("--held")
    dice = random.Random(wanted)
    with one_crm(options=[("limits", "off")]) as scene:
        scene.arm({"kind": "status", "status": 403, "path": "meetings/batch"})
        scene.send_many(wanted)
        deadline = time.monotonic() + 60 + wanted / 4
        while count(scene, "held") < wanted:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        scene.arm({"kind": "lost_answer", "path": "meetings/batch/create", "share": 0.4})
        killed = retry(scene)
        time.sleep(dice.uniform(0.2, 1.0))
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        twice = [retry(scene), retry(scene)]
        while count(scene, "delivered") < wanted // 3 and count(scene, "ready", "working", "held"):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        scene.daemon.kill()
        for one in twice:
            said, problem = one.communicate(timeout=60)
            assert one.returncode in (0, 1), said + problem
        scene.start()
        last = retry(scene)
        said, problem = last.communicate(timeout=60)
        assert last.returncode == 0, said + problem
        time.sleep(0.5)
        scene.arm()
        scene.all_stand()
        assert count(scene, "delivered") == wanted
        assert not scene.app.deliveries(DeliveryFilter(states=("held",)))

"""The switches that let a process kill itself at a step, or have a wrong clock."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from crmwire import drills
from crmwire.hosts import LOOPBACK_SWITCH

PROGRAM = """
from crmwire.drills import step
for number in range(3):
    step("after_claim")
    print(number, flush=True)
"""


def _run(program: str, **more: str) -> subprocess.CompletedProcess[str]:
    left = {name: value for name, value in os.environ.items() if name != LOOPBACK_SWITCH}
    return subprocess.run(
        [sys.executable, "-c", program], env={**left, **more}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def test_a_process_kills_itself_when_it_comes_to_the_step_again() -> None:
    done = _run(PROGRAM, **{LOOPBACK_SWITCH: "1", drills.STOP_AT: "after_claim:2"})
    assert (done.returncode, done.stdout) == (-9, "0\n")


@pytest.mark.parametrize("switch", ["", "0"])
def test_where_loopback_is_not_allowed_nothing_happens(switch: str, tmp_path: Path) -> None:
    (tmp_path / "clock").write_text("5")
    more = {LOOPBACK_SWITCH: switch, drills.STOP_AT: "after_claim"}
    assert _run(PROGRAM, **more).stdout == "0\n1\n2\n"
    program = "from crmwire.drills import clock_offset; print(clock_offset())"
    more = {LOOPBACK_SWITCH: switch, drills.CLOCK_FILE: str(tmp_path / "clock")}
    assert _run(program, **more).stdout == "0.0\n"
    assert _run(program, **{**more, LOOPBACK_SWITCH: "1"}).stdout == "5.0\n"


def test_a_clock_file_that_cannot_be_read_makes_no_clock_wrong(tmp_path: Path) -> None:
    program = "from crmwire.drills import clock_offset; print(clock_offset())"
    more = {LOOPBACK_SWITCH: "1", drills.CLOCK_FILE: str(tmp_path / "none")}
    assert _run(program, **more).stdout == "0.0\n"


def test_every_step_is_come_to_somewhere() -> None:
    source = Path(drills.__file__).parent
    texts = [path.read_text() for path in source.rglob("*.py") if path.name != "drills.py"]
    for step in drills.STEPS:
        assert any(f'step("{step}")' in text for text in texts), step

"""The programs that measure and prove tell how they are used."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("program", ["soak", "bench", "fuzz", "mutation"])
def test_a_program_tells_how_it_is_used(program: str) -> None:
    told = subprocess.run(
        [sys.executable, "-m", program, "--help"], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr
    assert f"python -m {program}" in told.stdout


@pytest.mark.parametrize(
    "command",
    ["soak run --bookings 0", "soak race --people -1", "fuzz parsers --cases 0"],
)
def test_a_run_of_nothing_is_refused_for_it_would_find_nothing(command: str) -> None:
    told = subprocess.run(
        [sys.executable, "-m", *command.split()], capture_output=True, text=True, check=False
    )
    assert told.returncode == 2
    assert "is at least 1" in told.stderr

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

"""The soak in its short form, and the checker put to the test with broken crmwires.

The long form is `make soak`; all broken ones are tried by `python -m soak bugs`.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from crmwire.drills import STEPS
from soak.bugs import BUGS, hunted
from soak.rounds import run
from soak.trouble import Mischief


def test_kills_faults_and_a_full_disk_lose_and_double_nothing(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    seed = request.config.getoption("--kill-seed")
    steps = random.Random(seed).sample([one for one in STEPS if one != "before_login_saved"], 2)
    mischief = Mischief(
        kills=2, steps=tuple(steps), others=("stopped", "full disk", "tokens expire", "locks")
    )
    made = run(
        tmp_path / "round",
        seed=seed,
        bookings=request.config.getoption("--bookings"),
        mischief=mischief,
        calm_after=3,
    )
    assert made.findings == ()
    assert made.unsettled == ()
    assert made.mischief["kill"] == 2


@pytest.mark.parametrize("name", ["not looked up", "no key", "links forgotten", "overwrites"])
def test_a_broken_crmwire_is_found_out(name: str) -> None:
    assert BUGS[name].found
    assert hunted(name, seed=1).findings

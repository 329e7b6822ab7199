"""The soak and its sisters in their short forms, and the checker put to the test.

The long forms are `make soak`, `python -m soak race` and `python -m soak acknowledgements`; all
broken crmwires are tried by `python -m soak bugs`.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from crmwire.drills import STEPS
from soak.acknowledging import acknowledged
from soak.bugs import BUGS, hunted
from soak.counting import counts
from soak.power import compiler
from soak.races import race
from soak.rounds import run
from soak.trouble import Mischief
from soak.world import LINKS


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


def test_nobody_is_doubled_who_books_several_times_at_once(tmp_path: Path) -> None:
    links = tuple(link for link in LINKS if link.crm == "hubspot")
    made = race(tmp_path / "race", lag=1.0, bookings=16, people=4, links=links)
    assert made.ok
    (account,) = counts(tmp_path / "race")
    assert account.companies is not None
    wanted = [account.people.wanted, account.companies.wanted, account.activities.wanted]
    assert wanted == [4, 2, 16]


@pytest.mark.skipif(compiler() is None, reason="needs a C compiler")
def test_what_was_acknowledged_outlives_the_power(tmp_path: Path) -> None:
    made = acknowledged(tmp_path / "acknowledged", number=5, power_cut=True)
    assert made.ok
    assert made.kills == 5


@pytest.mark.parametrize(
    "name", ["not looked up", "no key", "links forgotten", "company key ignored"]
)
def test_a_broken_crmwire_is_found_out(name: str) -> None:
    assert BUGS[name].found
    assert hunted(name, seed=1).findings

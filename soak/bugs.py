"""Broken crmwires, to see that the checker finds them out: `python -m soak bugs`.

Each bug is a patch of one thing that keeps the promises, put in place in a daemon of its own
(`python -m soak.bugs NAME serve …`), and the scenario in which it must show. `sound` is no bug and
must find out nothing, nor must `sound logins`, where several drains find their token too old at
once, and `sound power cut`; `two drains` shows that the epochs alone keep two drains of a lane
apart, and `repeats taken` that a repeat which is taken for new is still one record, by its links.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from soak import broken
from soak.trouble import Mischief
from soak.world import LINKS, Link

Patch = Callable[[], None]
STEPS = ("before_settle", "after_attempt", "before_settle")


_DENSE = Mischief(faults="dense", kills=0, steps=(), others=())


@frozen(kw_only=True)
class Bug:
    """A patch and the run in which it shows. `found`: whether the checker must find something."""

    patch: Patch
    crms: tuple[str, ...] = ("salesforce",)
    bookings: int = 40
    mischief: Mischief = _DENSE
    options: Mapping[str, Mapping[str, str]] = {}
    """The sandboxes' options by CRM, beside those of every run."""
    power_cuts: int = 0
    """So many webhooks, with a power cut after each answer, are the run in which it shows."""
    found: bool = True


def _links(crms: tuple[str, ...]) -> tuple[Link, ...]:
    return tuple(link for link in LINKS if link.crm in crms)


def hunted(name: str, *, seed: int, bookings: int | None = None) -> Any:
    """What a run with this bug comes to: a `rounds.Result`, or one of `acknowledging`."""
    from soak.acknowledging import acknowledged
    from soak.rounds import run

    bug = BUGS[name]
    with tempfile.TemporaryDirectory() as folder:
        if bug.power_cuts:
            return acknowledged(
                Path(folder) / "cut", number=bug.power_cuts, seed=seed, power_cut=True, bug=name
            )
        return run(
            Path(folder) / "round",
            seed=seed,
            bookings=bookings or bug.bookings,
            mischief=bug.mischief,
            links=_links(bug.crms),
            command=("-m", "soak.bugs", name),
            options=bug.options,
            patience=15 if bug.found else 60,
            calm_after=8,
        )


_killed = Mischief(faults="none", kills=4, steps=(), others=())
_stopped = Mischief(faults="dense", kills=0, steps=STEPS, others=())
_calm = Mischief(faults="none", kills=0, steps=(), others=())
_late = Mischief(faults="late", kills=0, steps=(), others=())
_failing = Mischief(faults="failing", kills=0, steps=(), others=())
_slow = Mischief(faults="slow", kills=0, steps=(), others=())
_logins = Mischief(faults="slow", kills=0, steps=(), others=("tokens expire",) * 4)
_rotating = {"hubspot": {"rotation": "yes"}}
_both = ("salesforce", "attio")
BUGS: dict[str, Bug] = {
    "sound": Bug(patch=broken.sound, crms=_both, mischief=_stopped, found=False),
    "sound logins": Bug(
        patch=broken.two_drains,
        crms=("hubspot",),
        bookings=20,
        mischief=_logins,
        options=_rotating,
        found=False,
    ),
    "no key": Bug(patch=broken.no_key, mischief=_calm),
    "answer before commit": Bug(patch=broken.answer_before_commit, mischief=_killed),
    "answer before fsync": Bug(patch=broken.answer_before_fsync, bookings=25, mischief=_killed),
    "sound power cut": Bug(patch=broken.sound, power_cuts=8, found=False),
    "commit without fsync": Bug(patch=broken.commit_without_fsync, power_cuts=8),
    "unlocked refresh": Bug(
        patch=broken.unlocked_refresh,
        crms=("hubspot",),
        bookings=20,
        mischief=_logins,
        options=_rotating,
    ),
    "failed look-up is none": Bug(patch=broken.failure_as_none, bookings=60, mischief=_failing),
    "attempt not stored": Bug(patch=broken.attempt_not_stored, mischief=_stopped),
    "not looked up": Bug(patch=broken.not_looked_up, crms=("attio",)),
    "looked up too soon": Bug(
        patch=broken.looked_up_too_soon, crms=("attio",), bookings=20, mischief=_late
    ),
    "doubt is none": Bug(patch=broken.doubt_is_none, crms=("attio",)),
    "order ignored": Bug(patch=broken.order_ignored, crms=_both),
    "late is new": Bug(patch=broken.late_is_new, mischief=_calm, bookings=60),
    "overwrites": Bug(patch=broken.overwrites, mischief=_calm),
    "repeats taken": Bug(patch=broken.repeats_taken, crms=_both, mischief=_calm, found=False),
    "links forgotten": Bug(patch=broken.links_forgotten, mischief=_calm),
    "failure dropped": Bug(patch=broken.failure_dropped),
    "ids not joined": Bug(patch=broken.ids_not_joined, mischief=_calm),
    "company key ignored": Bug(patch=broken.company_key_ignored, crms=("hubspot",), mischief=_calm),
    "companies not joined": Bug(
        patch=broken.companies_not_joined, crms=("hubspot",), mischief=_calm
    ),
    "companies mixed up": Bug(patch=broken.companies_mixed_up, crms=("hubspot",), mischief=_calm),
    "free mail is a company": Bug(
        patch=broken.free_mail_is_a_company, crms=("attio",), mischief=_calm
    ),
    "no fencing": Bug(patch=broken.no_fencing, crms=_both, mischief=_slow),
    "two drains": Bug(patch=broken.two_drains, crms=_both, mischief=_slow, found=False),
}


def main() -> None:
    """`crmwire`, broken: `python -m soak.bugs NAME serve …`."""
    name = sys.argv.pop(1)
    BUGS[name].patch()
    from crmwire.cli import main as crmwire

    crmwire()


if __name__ == "__main__":
    main()

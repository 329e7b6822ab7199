"""The same people book at once: many senders, all CRMs, search indices that lag behind.

`python -m soak race` sends 100 bookings of 10 people from 8 senders, with HubSpot's search 0, 5
and 30 seconds behind, undisturbed and with the daemon killed on the way. Only HubSpot's sandbox has
an index that lags: Salesforce's and Attio's look-ups read what is stored.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from soak.counting import HEAD, UNDER, counts, line
from soak.rounds import Result, run
from soak.script import crowd
from soak.trouble import Mischief
from soak.world import LINKS, Link

LAGS = (0.0, 5.0, 30.0)
SENDERS = 8


def race(
    folder: Path,
    *,
    lag: float,
    kills: int = 0,
    seed: int = 1,
    bookings: int = 100,
    people: int = 10,
    links: tuple[Link, ...] = LINKS,
) -> Result:
    """One race; its records are left in the folder."""
    return run(
        folder,
        seed=seed,
        bookings=bookings,
        mischief=Mischief(faults="none", kills=kills, steps=(), others=()),
        links=links,
        options={"hubspot": {"search_lag": str(lag)}},
        script=lambda feeds, now: crowd(bookings, people, feeds, now),
        senders=SENDERS,
        patience=120 + 4 * lag,
    )


def report(
    *, lags: Sequence[float] = LAGS, kills: Sequence[int] = (0, 3), seed: int = 1,
    bookings: int = 100, people: int = 10,
) -> bool:  # fmt: skip
    """Run them all and print a table; whether none lost or doubled anything."""
    good = True
    for lag in lags:
        for number in kills:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name) / "race"
                made = race(
                    folder, lag=lag, kills=number, seed=seed, bookings=bookings, people=people
                )
                good = good and made.ok
                killed = f"killed {made.mischief.get('kill', 0)} times" if number else "no kills"
                what = f"{bookings} bookings of {people} people from {SENDERS} senders"
                print(f"\n{what}, search {lag:g} s behind, {killed}: {made.seconds} s")
                print(f"{HEAD}\n{UNDER}")
                for one in counts(folder):
                    print(line(one))
                for finding in made.findings:
                    print(f"  {finding.kind}: {finding.account}: {finding.what}")
                for text in made.unsettled:
                    print(f"  unsettled: {text}", flush=True)
    print(f"\n{'nothing lost or doubled' if good else 'NOT AS PROMISED'}", flush=True)
    return good

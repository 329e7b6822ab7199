"""Two daemons with two data folders on the same accounts: what becomes of people and activities.

`python -m soak daemons` measures it for the same bookings sent to both, and for different bookings
of the same people, at once and with the second daemon told when the first is through. Each daemon
remembers only what it made itself, so this is no promise held but a fact to be known.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from attrs import frozen

from crmwire import drills
from crmwire.app import App
from crmwire.demo.environment import surroundings
from crmwire.store import DeliveryFilter
from soak.counting import HEAD, UNDER, Counts, counts, line
from soak.script import Posting, crowd
from soak.source import Source
from soak.world import LINKS, SECRET, World

LAG = 3.0
"""Seconds that HubSpot's search is behind."""


@frozen(kw_only=True)
class Case:
    """Whether both are told the same bookings, and whether at once."""

    same: bool
    together: bool

    def __str__(self) -> str:
        what = "the same bookings" if self.same else "different bookings of the same people"
        return f"{what}, {'at once' if self.together else 'the second when the first is through'}"


CASES = tuple(
    Case(same=same, together=together) for same in (True, False) for together in (True, False)
)


def two(folder: Path, case: Case, *, bookings: int, people: int, seed: int = 1) -> list[Counts]:
    """Run one case; what stands in the accounts then."""
    shutil.rmtree(folder, ignore_errors=True)
    other = folder / "other"
    other.mkdir(parents=True)
    with surroundings(folder) as environment:
        (folder / "clock").write_text("0")
        environment[drills.CLOCK_FILE] = str(folder / "clock")
        there = {**environment, "CRMWIRE_HOME": str(other / "home")}
        options = {"hubspot": {"search_lag": str(LAG)}}
        with App(folder / "home") as app, App(other / "home") as second:
            worlds = [
                World(folder=folder, environment=environment, app=app, links=LINKS,
                      options=options),
                World(folder=other, environment=there, app=second, links=LINKS, options=options),
            ]  # fmt: skip
            try:
                worlds[0].set_up(seed)
                worlds[1].sandboxes = worlds[0].sandboxes
                worlds[1].connect()
                for world in worlds:
                    world.start()
                _send(worlds, _shared(case, bookings, people), together=case.together)
                worlds[0].keep_records()
                held = Counter(account for world in worlds for account in _held(world))
            finally:
                for world in worlds:
                    world.close()
    both = [world.folder / "webhooks.jsonl" for world in worlds]
    (folder / "webhooks.jsonl").write_text("".join(one.read_text() for one in both))
    return counts(folder, held)


def _held(world: World) -> list[str]:
    """The account of each delivery that waits for a person."""
    accounts = {link.name: f"{link.crm}:{link.token}" for link in world.links}
    rows = world.app.deliveries(DeliveryFilter(states=("held",), limit=1000))
    return [accounts[row.connection] for row in rows]


def _shared(case: Case, bookings: int, people: int) -> list[list[Posting]]:
    """What each daemon is told."""
    feeds = tuple(sorted({link.feed for link in LINKS}))
    now = datetime.now(UTC)
    if case.same:
        return [crowd(bookings, people, feeds, now)] * 2
    every = crowd(2 * bookings, people, feeds, now)
    # Each daemon hears of every person, by each feed.
    return [
        [one for number, one in enumerate(every) if number // (len(feeds) * people) % 2 == half]
        for half in range(2)
    ]


def _send(worlds: Sequence[World], lots: Sequence[list[Posting]], *, together: bool) -> None:
    sources = [
        Source(lot, _addresses(world), world.schemes, SECRET, world.folder / "webhooks.jsonl")
        for world, lot in zip(worlds, lots, strict=True)
    ]
    for world, one in zip(worlds, sources, strict=True):
        one.start()
        one.allow(one.total)
        if not together:
            _settled(world, one)
    for world, one in zip(worlds, sources, strict=True):
        _settled(world, one)
        one.stop()


def _addresses(world: World) -> Callable[[str], str]:
    return lambda feed: f"{world.url}{world.paths[feed]}"


def _settled(world: World, source: Source, patience: float = 120.0) -> None:
    deadline = time.monotonic() + patience
    while not (source.done and world.open_deliveries() == 0):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{world.open_deliveries()} deliveries are still open")
        time.sleep(0.1)


def report(*, bookings: int = 60, people: int = 10, seed: int = 1) -> None:
    """Run all cases and print a table of each."""
    for case in CASES:
        with tempfile.TemporaryDirectory() as name:
            found = two(Path(name) / "two", case, bookings=bookings, people=people, seed=seed)
            print(f"\n{bookings} bookings to each of two daemons, {people} people: {case}")
            print(f"{HEAD}\n{UNDER}")
            for one in found:
                print(line(one), flush=True)

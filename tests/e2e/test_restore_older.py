"""A backup that is older than what the CRMs hold is put back: nothing is made twice.

The daemon is killed while it works; what it wrote since the backup is known to nobody. The source
then sends everything again. The long form is `python -m pytest tests/e2e/test_restore_older.py
--restored 200`.
"""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crmwire import drills
from crmwire.app import App
from crmwire.demo.environment import surroundings
from crmwire.store import DeliveryFilter
from soak.checker import check
from soak.script import drawn
from soak.source import Source
from soak.world import SECRET, Link, World

LINKS = (
    Link(name="salesforce", crm="salesforce", feed="main", token="org"),
    Link(name="salesforce-keyed", crm="salesforce", feed="main", token="org-two"),
    Link(name="hubspot", crm="hubspot", feed="main", token="portal"),
    Link(name="attio", crm="attio", feed="main", token="space", style="per event"),
    Link(
        name="attio-records", crm="attio", feed="main", token="space-two", preset="booking-record"
    ),
)


def sent(world: World, postings: list) -> Source:  # type: ignore[type-arg]
    source = Source(
        postings,
        lambda feed: f"{world.url}{world.paths[feed]}",
        world.schemes,
        SECRET,
        world.folder / "webhooks.jsonl",
    )
    source.start()
    source.allow(len(postings))
    return source


def settled(world: World, patience: float) -> None:
    deadline = time.monotonic() + patience
    while world.open_deliveries():
        assert time.monotonic() < deadline, world.app.deliveries()[:3]
        time.sleep(0.1)


def test_nothing_is_doubled_and_nobody_elses_record_is_written(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    count: int = request.config.getoption("--restored")
    with surroundings(tmp_path) as environment:
        environment[drills.CLOCK_FILE] = str(tmp_path / "clock")
        app = App(tmp_path / "home")
        world = World(folder=tmp_path, environment=environment, app=app, links=LINKS)
        try:
            world.set_up(1)
            world.crmwire("setup", "salesforce-keyed", "--yes")
            world.start()
            postings = drawn(count, count, ("main",), datetime.now(UTC))
            first = sent(world, postings[: len(postings) // 3])
            while first.sent < first.total * 3 // 4:
                time.sleep(0.01)
            world.crmwire("backup", str(tmp_path / "older.db"))
            acknowledged = first.sent
            first.stop() if first.done else None
            while not first.done:
                time.sleep(0.01)
            more = sent(world, postings[len(postings) // 3 : -3])
            while not more.done:
                time.sleep(0.01)
            time.sleep(0.5)
            world.kill()
            world.app.close()
            said = world.crmwire("restore", str(tmp_path / "older.db"))
            assert "put in place" in said
            world.app = App(tmp_path / "home")
            assert acknowledged > 0
            world.start()
            again = sent(world, postings)
            while not again.done:
                time.sleep(0.05)
            settled(world, 60 + count)
            for source in (first, more, again):
                source.stop()
            held = world.app.deliveries(DeliveryFilter(states=("held",), limit=1000))
            world.keep_records()
        finally:
            world.close()
            world.app.close()
    kinds = Counter(one.kind for one in check(tmp_path))
    assert {row.failure for row in held} <= {"needs_review"}
    # An older event may be written over a newer one for a moment: the newer one is not known yet.
    assert set(kinds) <= {"wrong order"} | ({"lost", "wrong state"} if held else set()), kinds
    assert sum(kinds[one] for one in ("lost", "wrong state")) <= len(held)

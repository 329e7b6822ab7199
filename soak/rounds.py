"""One run of everything: from its seed to what the checker says."""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen

from crmwire import drills
from crmwire.app import App
from crmwire.demo.environment import surroundings
from crmwire.store import DeliveryFilter
from soak.checker import as_json, check
from soak.finding import Finding
from soak.script import Posting, drawn
from soak.source import Source
from soak.trouble import Mischief, Trouble
from soak.world import LINKS, SECRET, Link, World

Script = Callable[[tuple[str, ...], datetime], list[Posting]]
"""The webhooks to send, by the feeds and the time of the beginning."""


@frozen(kw_only=True)
class Result:
    """What came of one run."""

    seed: int
    bookings: int
    findings: tuple[Finding, ...]
    unsettled: tuple[str, ...]
    """Deliveries that were still open or held at the end: each is a fault of ours."""
    seconds: float
    webhooks: dict[str, int]
    mischief: dict[str, int]
    vendors: dict[str, Any]
    said: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.findings and not self.unsettled

    def as_json(self) -> dict[str, Any]:
        made = attrs.asdict(self)
        made["findings"] = as_json(list(self.findings))
        return {"ok": self.ok, **made}


def run(
    folder: Path,
    *,
    seed: int,
    bookings: int,
    mischief: Mischief,
    links: tuple[Link, ...] = LINKS,
    command: tuple[str, ...] = ("-m", "crmwire"),
    options: Mapping[str, Mapping[str, str]] = {},
    script: Script | None = None,
    senders: int = 4,
    patience: float = 120.0,
    calm_after: float = 60.0,
) -> Result:
    """Run it in a fresh folder.

    `script` gives the webhooks in the place of bookings drawn from the seed, `options` are those
    of the sandboxes by CRM. `patience` is how long (seconds) the queue may take to empty at the
    end, and `calm_after` how long of that the vendors' faults go on.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    began = time.monotonic()
    feeds = tuple(sorted({link.feed for link in links}))
    with surroundings(folder) as environment:
        environment[drills.CLOCK_FILE] = str(folder / "clock")
        (folder / "clock").write_text("0")
        with App(folder / "home") as app:
            world = World(
                folder=folder, environment=environment, app=app, links=links, command=command,
                options=options,
            )  # fmt: skip
            try:
                world.set_up(seed)
                world.start()
                now = datetime.now(UTC)
                postings = script(feeds, now) if script else drawn(seed, bookings, feeds, now)
                source = Source(
                    postings,
                    lambda feed: f"{world.url}{world.paths[feed]}",
                    world.schemes,
                    SECRET,
                    folder / "webhooks.jsonl",
                    senders=senders,
                )
                trouble = Trouble(world=world, source=source, mischief=mischief, seed=seed)
                source.start()
                trouble.run()
                unsettled = _settled(world, source, trouble, patience, calm_after)
                source.stop()
                vendors = world.keep_records()
            finally:
                world.close()
    made = Result(
        seed=seed,
        bookings=bookings,
        findings=tuple(check(folder)),
        unsettled=unsettled,
        seconds=round(time.monotonic() - began, 1),
        webhooks=dict(sorted(source.answers.items())),
        mischief=dict(sorted(trouble.done.items())),
        vendors=vendors,
        said=tuple(trouble.said),
    )
    (folder / "result.json").write_text(json.dumps(made.as_json(), indent=1, default=str))
    return made


def _settled(
    world: World, source: Source, trouble: Trouble, patience: float, calm_after: float
) -> tuple[str, ...]:
    """Wait until all is sent and carried out; returns what is not."""
    began = time.monotonic()
    while not (source.done and world.open_deliveries() == 0):
        passed = time.monotonic() - began
        if passed > patience:
            break
        if passed > calm_after:
            trouble.disarm()  # some faults are so dense that hardly anything gets through
        time.sleep(0.1)
    trouble.disarm()
    wanted = DeliveryFilter(states=("ready", "working", "held", "dismissed"), limit=1000)
    left = [f"{row.state} {row.connection}: {row.reason}" for row in world.app.deliveries(wanted)]
    lots = [f"{count} × {text}" for text, count in Counter(left).most_common(10)]
    return (*lots, *(() if source.done else ("not everything was acknowledged",)))

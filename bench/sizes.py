"""What a store costs when it holds many past deliveries: `python -m bench.sizes [ROWS ...]`.

Batches of 100 deliveries are accepted, claimed, noted before they are sent, and settled, in turn
on stores with no past, a hundred thousand and a million past deliveries, so that whatever else
the machine does falls on all of them alike. Then each of the daemon's periodic looks, and what
people ask for. A million deliveries take about 5 GB of disk.
"""

from __future__ import annotations

import itertools
import json
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from attrs import define, evolve, field

from bench.figures import figure
from bench.past import SAMPLES, Sampled, database, grow, hubspot, sampled
from crmwire import logs, stored
from crmwire.alerting.kinds import Pace
from crmwire.alerting.watching import look
from crmwire.demo.environment import surroundings
from crmwire.demo.processes import Process, all_stopped
from crmwire.purging import DAY
from crmwire.store import (
    Batch,
    Created,
    DeliveryFilter,
    Outcome,
    Store,
    alerts,
    checks,
    clockwork,
    loading,
    purging,
)
from crmwire.types import Event, Link

ROWS = (0, 100_000, 1_000_000)
ROUNDS = 100
BATCH = 100
AIM = "ratio <= 1.2"
AIMED = ("claim 100", "settle 100", "settle 100 and claim 100")
Timings = dict[str, list[float]]


@define
class Scale:
    """A store with a past, and what one round after the other took on it, in seconds."""

    rows: int
    store: Store
    sample: Sampled
    epoch: int
    event: Event
    attempt: str
    detail: dict[str, Any]
    links: list[Link]
    numbers: Iterator[int] = field(factory=lambda: itertools.count(1))
    settled: tuple[list[Outcome], list[Created]] = ([], [])
    taken: Timings = field(factory=lambda: defaultdict(list))
    worked: Timings = field(factory=lambda: defaultdict(list))
    """The processor's part, which the disk has none in."""

    @classmethod
    def opened(cls, home: Path, sample: Sampled, rows: int) -> Scale:
        store = Store(database(home))
        with store.read() as db:
            row = db.execute(
                "SELECT d.attempt, h.detail, e.event, d.id FROM deliveries d"
                " JOIN history h ON h.delivery = d.id JOIN events e ON e.id = d.event"
                " JOIN aliases a ON a.subject = d.subject WHERE a.alias = ?",
                (f"bk-{SAMPLES[0]}",),
            ).fetchone()
            (claimed,) = loading.load(db, sample.connection, [row[3]])
        made = cls(
            rows=rows,
            store=store,
            sample=sample,
            epoch=store.begin_drain(sample.lane, datetime.now(UTC)),
            event=stored.loads(row[2], Event),
            attempt=row[0],
            detail=json.loads(row[1]),
            links=list(claimed.delivery.subject.links),
        )
        made.check_past()
        return made

    def check_past(self) -> None:
        """The pipeline must be able to read what was copied, with its links and its progress."""
        with self.store.read() as db:
            newest = db.execute("SELECT max(id) FROM deliveries").fetchone()[0]
            ids = [newest - n for n in range(min(self.rows, 3))]
            loaded = loading.load(db, self.sample.connection, ids)
        for one in loaded:
            assert one.delivery.subject.delivered == one.delivery.subject.version
            assert len(one.delivery.subject.links) == len(self.links)
            ids.remove(one.delivery.id)
        assert not ids, ids

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        began, worked = time.perf_counter(), time.thread_time()
        yield
        self.worked[what].append(time.thread_time() - worked)
        self.taken[what].append(time.perf_counter() - began)

    def round(self) -> None:
        """A batch of new bookings comes in, is claimed, noted, carried out and settled."""
        now = datetime.now(UTC)
        events = [self.new_event(now) for _ in range(BATCH)]
        with self.timed("accept 100 events"):
            self.store.accept(self.sample.feed, events, now)
        with self.timed("claim 100"):
            batch = self.next_batch([], [], now)
        assert batch is not None
        assert len(batch.items) == BATCH
        attempts = {item.delivery.id: self.attempt for item in batch.items}
        with self.timed("note what is sent, 100"):
            self.store.save_attempts(self.sample.lane, self.epoch, attempts, now)
        keys = [("contacts", "email", f"{item.delivery.id}@example.com") for item in batch.items]
        with self.timed("ask for records made lately, 100"):
            self.store.remembered(self.sample.lane, keys, now)
            self.store.being_made(self.sample.lane, now - timedelta(minutes=1), now)
        # One more comes in, so that the last settles one batch and claims the next.
        self.store.accept(self.sample.feed, [self.new_event(now) for _ in range(BATCH)], now)
        outcomes, created = self.outcomes(batch)
        with self.timed("settle 100 and claim 100"):
            following = self.next_batch(outcomes, created, now)
        assert following is not None
        assert len(following.items) == BATCH
        outcomes, created = self.outcomes(following)
        with self.timed("settle 100"):
            assert self.next_batch(outcomes, created, now) is None

    def new_event(self, now: datetime) -> Event:
        uid = f"new-{next(self.numbers)}-{random.getrandbits(40):010x}"
        details = self.event.details
        assert details.guest is not None
        guest = evolve(details.guest, email=f"{uid}@example.com")
        return evolve(
            self.event, subject_id=uid, occurred_at=now, details=evolve(details, guest=guest)
        )

    def next_batch(
        self, outcomes: Sequence[Outcome], created: Sequence[Created], now: datetime
    ) -> Batch | None:
        return self.store.settle_and_claim(
            self.sample.lane, self.epoch, outcomes, created, limit=BATCH, now=now
        )

    def outcomes(self, batch: Batch) -> tuple[list[Outcome], list[Created]]:
        """All were delivered, with records of their own."""
        outcomes, created = [], []
        for item in batch.items:
            one = item.delivery
            records = [f"{41 + place}{one.id:010}" for place in range(len(self.links))]
            outcomes.append(
                Outcome(
                    delivery=one.id, state="delivered", chargeable=True, version=one.event.order,
                    links=tuple(
                        evolve(link, record=record, version=one.event.order)
                        for link, record in zip(self.links, records, strict=True)
                    ),
                    detail=self.detail,
                )
            )  # fmt: skip
            email = f"{one.subject.id}@example.com"
            created.append(Created(type="contacts", key="email", value=email, record=records[0]))
        return outcomes, created


def looks(scale: Scale) -> dict[str, Callable[[], object]]:
    """What is asked of a store now and then, by when."""
    store, now = scale.store, datetime.now(UTC)
    moment = now.timestamp()

    def reading(job: Callable[[Any], object]) -> Callable[[], object]:
        def run() -> object:
            with store.read() as db:
                return job(db)

        return run

    return {
        "each second: lanes that are due": lambda: store.due_lanes(now),
        "each second: what is wrong": reading(lambda db: look(db, moment, Pace())),
        "each second: what was told of it": reading(lambda db: alerts.standing(db, moment)),
        "each 30 seconds: checks that are due": reading(lambda db: checks.due_checks(db, moment)),
        "at the start: the newest time": reading(clockwork.latest),
        "for status and metrics: counts": store.counts,
        "the newest 50 deliveries": lambda: store.deliveries(DeliveryFilter()),
        "the newest 50 that are held": lambda: store.deliveries(DeliveryFilter(states=("held",))),
        "one delivery": lambda: store.delivery(1),
        "each hour: old memory, 100 rows, writing": lambda: store.write(
            lambda db: purging.purge_memory(db, moment, BATCH)
        ),
    }


def purges(scale: Scale) -> dict[str, float]:
    """Milliseconds of removing payloads: of finding a hundred and emptying them, when most of the
    store is old; and of a look that finds nothing, when all of it was emptied before."""
    store, moment = scale.store, datetime.now(UTC).timestamp()
    before = moment - 30 * DAY
    finding, emptying, after = [], [], 0
    for _ in range(10):
        began = time.perf_counter()
        with store.read() as db:
            ids = purging.old_events(db, before, after, BATCH)
        finding.append(time.perf_counter() - began)
        if not ids:
            break
        began = time.perf_counter()
        store.write(lambda db, ids=ids: purging.purge_events(db, before, ids))  # type: ignore[misc]
        emptying.append(time.perf_counter() - began)
        after = ids[-1]
    made = {"find 100 old events": _ms(finding)}
    if emptying:
        made["empty 100 events, writing"] = _ms(emptying)
    with store.read() as db:
        began = time.perf_counter()
        assert not purging.old_events(db, moment - 10 * 365 * DAY, 0, BATCH)
        made["look for old events, none there"] = _ms([time.perf_counter() - began])
        began = time.perf_counter()
        assert not purging.old_subjects(db, moment - 10 * 365 * DAY, 0, BATCH)
        made["look for old bookings, none there"] = _ms([time.perf_counter() - began])
    return made


def _ms(taken: Sequence[float]) -> float:
    return round(statistics.median(taken) * 1000, 2)


def measured(rows: Sequence[int] = ROWS, rounds: int = ROUNDS) -> dict[str, Any]:
    """Milliseconds of each step by number of past deliveries, and over those with the fewest."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        environment = stack.enter_context(surroundings(folder))
        scales = []
        for number, (home, sample) in zip(rows, _homes(folder, environment, rows), strict=True):
            scales.append(Scale.opened(home, sample, number))
            stack.callback(scales[-1].store.close)
        for _ in range(3):  # not counted: the caches are empty
            for scale in scales:
                scale.round()
        for scale in scales:
            scale.taken.clear()
            scale.worked.clear()
        for _ in range(rounds):
            for scale in random.sample(scales, len(scales)):
                scale.round()
        made: dict[str, Any] = {"batches": rounds}
        for what in scales[0].taken:
            made[what] = {
                **_compared(what, {scale.rows: scale.taken[what] for scale in scales}),
                "of it processor time": _compared(
                    what, {scale.rows: scale.worked[what] for scale in scales}
                ),
            }
        asked = {scale.rows: looks(scale) for scale in scales}
        periodic: dict[str, Any] = {}
        for what in asked[rows[0]]:
            taken: dict[int, list[float]] = {number: [] for number in rows}
            for _ in range(min(rounds, 20)):
                for number in rows:
                    began = time.perf_counter()
                    asked[number][what]()
                    taken[number].append(time.perf_counter() - began)
            periodic[what] = {f"{number:,}": _ms(one) for number, one in taken.items()}
        made["now and then, milliseconds"] = periodic
        made["removing payloads, milliseconds"] = {
            f"{scale.rows:,}": purges(scale) for scale in scales
        }
        return made


def _compared(what: str, taken: dict[int, list[float]]) -> dict[str, Any]:
    """The middle for each number of rows, and over that with the fewest; and the mean."""
    least = min(taken)
    beside = _ms(taken[least])
    made: dict[str, Any] = {}
    for rows, one in taken.items():
        name = f"{rows:,} past deliveries"
        if rows == least:
            made[name] = figure(_ms(one), "ms")
        else:
            aims = [AIM] if what in AIMED else []
            to = f"times as with {least:,}"
            made[name] = figure(_ms(one), "ms", ratio=_ms(one) / beside, to=to, aims=aims)
        made[f"{name}, mean"] = round(statistics.mean(one) * 1000, 2)
    return made


def _homes(
    folder: Path, environment: dict[str, str], rows: Sequence[int]
) -> Iterator[tuple[Path, Sampled]]:
    """A data folder for each number of past deliveries, all begun with the same few."""
    processes: list[Process] = []
    with all_stopped(processes):
        processes.append(hubspot(folder, environment))
        sample = sampled(folder, processes[0])
    for number in rows:
        home = folder / f"past-{number}"
        shutil.copytree(sample.home, home)
        if number:
            grow(home, number)
        yield home, sample


if __name__ == "__main__":
    logs.configure(quiet=True)
    given = [int(one) for one in sys.argv[1:]]
    print(json.dumps(measured(given or ROWS), indent=2))

"""Broken crmwires, to see that the checker finds them out: `python -m soak bugs`.

Each bug is a patch of one thing that keeps the promises, put in place in a daemon of its own
(`python -m soak.bugs NAME serve …`), and the scenario in which it must show. `sound` is no bug and
must find out nothing; `two drains` shows that the epochs alone keep two drains of a lane apart, and
`repeats taken` that a repeat which is taken for new is still one record, by its links.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import frozen

from soak.trouble import Mischief
from soak.world import LINKS, Link

Patch = Callable[[], None]
STEPS = ("before_settle", "after_attempt", "before_settle", "before_settle")


_DENSE = Mischief(faults="dense", kills=0, steps=(), others=())


@frozen(kw_only=True)
class Bug:
    """A patch and the run in which it shows. `found`: whether the checker must find something."""

    patch: Patch
    crms: tuple[str, ...] = ("salesforce",)
    bookings: int = 40
    mischief: Mischief = _DENSE
    found: bool = True


def _links(crms: tuple[str, ...]) -> tuple[Link, ...]:
    return tuple(link for link in LINKS if link.crm in crms)


def hunted(name: str, *, seed: int, bookings: int | None = None) -> Any:
    """What a run with this bug comes to: a `rounds.Result`."""
    from soak.rounds import run

    bug = BUGS[name]
    with tempfile.TemporaryDirectory() as folder:
        return run(
            Path(folder) / "round",
            seed=seed,
            bookings=bookings or bug.bookings,
            mischief=bug.mischief,
            links=_links(bug.crms),
            command=("-m", "soak.bugs", name),
            patience=25,
            calm_after=12,
        )


# ---------------------------------------------------------------- what is broken


def _sound() -> None:
    pass


def _no_key() -> None:
    """People are never looked for: everyone is new."""
    import attrs

    from crmwire import dedup, defaults

    real = dedup.chosen

    def chosen(draft: Any, answers: Any) -> Any:
        return real(draft, [attrs.evolve(answer, records=()) for answer in answers])

    _replace("chosen", real, chosen, dedup, defaults)


def _answer_before_commit() -> None:
    """The source is answered at once; what it told is stored a while later."""
    import threading

    from crmwire.store import Accepted, Store

    real = Store.accept

    def accept(self: Any, feed: int, events: Any, now: Any) -> Any:
        threading.Timer(0.7, lambda: real(self, feed, events, now)).start()
        return [Accepted(event_id=0) for _ in events]

    Store.accept = accept  # type: ignore[method-assign]


def _failure_as_none() -> None:
    """A look-up that failed counts as one that found nothing."""
    from crmwire.errors import Failure
    from crmwire.hooks import Hooks
    from crmwire.types import Candidates

    real = Hooks.find_records

    def find_records(self: Any, queries: Any) -> Any:
        try:
            answers = list(real(self, queries))
        except Failure as failure:
            answers = [failure] * len(queries)
        return [
            Candidates(query=query, records=()) if isinstance(answer, Failure) else answer
            for query, answer in zip(queries, answers, strict=True)
        ]

    Hooks.find_records = find_records  # type: ignore[method-assign]


def _attempt_not_stored() -> None:
    """Nothing is written down before it is sent."""
    from crmwire.store import Store

    Store.save_attempts = lambda *_: None  # type: ignore[method-assign,assignment]


def _not_looked_up() -> None:
    """A create whose answer was lost is sent again without looking."""
    from crmwire.pipeline import batches

    batches.settle_doubts = lambda desk, planned: []  # type: ignore[assignment]


def _looked_up_too_soon() -> None:
    """What was sent is looked up before it can be known to have been written or not."""
    from crmwire.connections import Connection
    from crmwire.pipeline import batches
    from crmwire.runner import Daemon

    Connection.settle_after = property(lambda self: 0.01)  # type: ignore[assignment,method-assign]
    # Rests and waits would hide it now and then.
    Daemon.__init__.__kwdefaults__["sweep"] = 0.05
    batches.lane_pause = lambda failures: None


def _doubt_is_none() -> None:
    """What an open attempt may have made is said not to be there, without looking."""
    from crmwire.hooks import Hooks

    def find_written(self: Any, writes: Any) -> Any:
        return [() for _ in writes]

    Hooks.find_written = find_written  # type: ignore[method-assign]


def _order_ignored() -> None:
    """Events of a booking are not held back until those before are through."""
    from crmwire.store import work

    def heads(db: Any, connection: int, limit: int, now: float) -> list[int]:
        rows = db.execute(
            "SELECT d.id FROM deliveries d WHERE d.connection = ? AND d.state = 0"
            " AND d.due_at <= ? ORDER BY d.id DESC LIMIT ?",
            (connection, now, limit),
        ).fetchall()
        return [row[0] for row in rows]

    work._heads = heads


def _late_is_new() -> None:
    """A late event is taken for the newest: it revives what was cancelled and moves it back."""
    from crmwire.store import accepting

    accepting._is_late = lambda event, state: False  # type: ignore[assignment]
    accepting.ENDINGS = ()  # type: ignore[assignment]


def _overwrites() -> None:
    """What is to be written only where nothing stands is always written."""
    from crmwire import dedup

    dedup.blank = lambda value: True


def _repeats_taken() -> None:
    """What the source sends again is taken for something new."""
    import secrets

    from crmwire.store import accepting

    accepting.dedupe_key = lambda event: secrets.token_bytes(16)


def _links_forgotten() -> None:
    """It is not remembered which record was made for a booking."""
    from crmwire.store import work

    work.place_link = lambda *_: None


def _failure_dropped() -> None:
    """What the CRM did not take is counted as delivered."""
    import attrs

    from crmwire.pipeline import batches

    real = batches.of_failure

    def of_failure(*arguments: Any, **more: Any) -> Any:
        return attrs.evolve(real(*arguments, **more), state="delivered", attempt_open=False)

    batches.of_failure = of_failure


def _ids_not_joined() -> None:
    """A booking that moved and got another id is taken for another one."""
    import attrs

    from crmwire import intake

    real = intake.accepted

    def accepted(openings: Any, row: Any, events: Any, now: Any) -> Any:
        return real(openings, row, [attrs.evolve(one, previous_ids=()) for one in events], now)

    intake.accepted = accepted


def _two_drains() -> None:
    """Each lane is drained again and again while it is drained."""
    import threading
    import time

    from crmwire.draining import Drainer

    real = Drainer.drain

    def drain(self: Any, lane: str, stop: Any) -> None:
        def later(seconds: float) -> None:
            time.sleep(seconds)
            real(self, lane, stop)

        others = [
            threading.Thread(target=later, args=(seconds,), daemon=True)
            for seconds in (0.2, 0.4, 0.6)
        ]
        for other in others:
            other.start()
        real(self, lane, stop)
        for other in others:
            other.join()

    Drainer.drain = drain  # type: ignore[method-assign]


def _no_fencing() -> None:
    """Two drains of a lane, and nothing that stops the older one."""
    from crmwire.store import work

    work._check_epoch = lambda db, lane, epoch: None

    def save(db: Any, lane: str, epoch: int, attempts: Any, now: float) -> None:
        for delivery, attempt in attempts.items():
            db.execute(
                "UPDATE deliveries SET attempt = ?, attempt_open = 1, sent_at = ? WHERE id = ?",
                (attempt, now, delivery),
            )

    work.save_attempts = save
    _two_drains()


def _replace(name: str, real: object, other: object, *modules: Any) -> None:
    """Put something in the place of a function, wherever it was imported."""
    for module in [*modules, *sys.modules.values()]:
        if getattr(module, "__name__", "").startswith("crmwire") and (
            getattr(module, name, None) is real
        ):
            setattr(module, name, other)


_killed = Mischief(faults="none", kills=6, steps=(), others=())
_stopped = Mischief(faults="dense", kills=0, steps=STEPS, others=())
_calm = Mischief(faults="none", kills=0, steps=(), others=())
_late = Mischief(faults="late", kills=0, steps=(), others=())
_failing = Mischief(faults="failing", kills=0, steps=(), others=())
_slow = Mischief(faults="slow", kills=0, steps=(), others=())
_both = ("salesforce", "attio")
BUGS: dict[str, Bug] = {
    "sound": Bug(patch=_sound, crms=_both, mischief=_stopped, found=False),
    "no key": Bug(patch=_no_key, mischief=_calm),
    "answer before commit": Bug(patch=_answer_before_commit, mischief=_killed),
    "failed look-up is none": Bug(patch=_failure_as_none, bookings=60, mischief=_failing),
    "attempt not stored": Bug(patch=_attempt_not_stored, mischief=_stopped),
    "not looked up": Bug(patch=_not_looked_up, crms=("attio",)),
    "looked up too soon": Bug(
        patch=_looked_up_too_soon, crms=("attio",), bookings=20, mischief=_late
    ),
    "doubt is none": Bug(patch=_doubt_is_none, crms=("attio",)),
    "order ignored": Bug(patch=_order_ignored, crms=_both),
    "late is new": Bug(patch=_late_is_new, mischief=_calm, bookings=60),
    "overwrites": Bug(patch=_overwrites, mischief=_calm),
    "repeats taken": Bug(patch=_repeats_taken, crms=_both, mischief=_calm, found=False),
    "links forgotten": Bug(patch=_links_forgotten, mischief=_calm),
    "failure dropped": Bug(patch=_failure_dropped),
    "ids not joined": Bug(patch=_ids_not_joined, mischief=_calm),
    "no fencing": Bug(patch=_no_fencing, crms=_both, mischief=_slow),
    "two drains": Bug(patch=_two_drains, crms=_both, mischief=_slow, found=False),
}


def main() -> None:
    """`crmwire`, broken: `python -m soak.bugs NAME serve …`."""
    name = sys.argv.pop(1)
    BUGS[name].patch()
    from crmwire.cli import main as crmwire

    crmwire()


if __name__ == "__main__":
    main()

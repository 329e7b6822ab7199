"""What breaks crmwire on purpose: each takes away one thing that keeps the promises."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any


def sound() -> None:
    pass


def no_key() -> None:
    """People are never looked for: everyone is new."""
    import attrs

    from crmwire import dedup, defaults

    real = dedup.chosen

    def chosen(draft: Any, answers: Any) -> Any:
        return real(draft, [attrs.evolve(answer, records=()) for answer in answers])

    _replace("chosen", real, chosen, dedup, defaults)


def answer_before_commit() -> None:
    """The source is answered at once; what it told is stored a while later."""
    import threading

    from crmwire.store import Accepted, Store

    real = Store.accept

    def accept(self: Any, feed: int, events: Any, now: Any) -> Any:
        threading.Timer(0.7, lambda: real(self, feed, events, now)).start()
        return [Accepted(event_id=0) for _ in events]

    Store.accept = accept  # type: ignore[method-assign]


def answer_before_fsync() -> None:
    """The source is answered inside the transaction, before it is committed and made durable.

    What a disk takes for that is made longer, so that a kill can fall into it.
    """
    import time
    from concurrent.futures import Future

    from crmwire.store import Store, accepting

    def accept(self: Any, feed: int, events: Any, now: Any) -> Any:
        answer: Future[Any] = Future()

        def job(db: Any) -> None:
            answer.set_result(accepting.accept(db, feed, events, now.timestamp()))
            time.sleep(0.3)

        self._writer.submit(job)
        return answer.result()

    Store.accept = accept  # type: ignore[method-assign]


def commit_without_fsync() -> None:
    """A commit is left to the kernel, which writes it to the disk when it likes."""
    from crmwire.store import database

    real = database.connect

    def connect(*arguments: Any, **more: Any) -> Any:
        db = real(*arguments, **more)
        db.conn.execute("PRAGMA synchronous = OFF")
        return db

    _replace("connect", real, connect, database)


def unlocked_refresh() -> None:
    """Whoever finds a token too old refreshes it, whether or not somebody else does just now.

    Several drains of the lane ask at once, which by itself does no harm (`two_drains`).
    """
    import contextlib

    from crmwire.logins.stored import StoredLogin

    real = StoredLogin.__init__

    def init(self: Any, *arguments: Any) -> None:
        real(self, *arguments)
        self._turn = contextlib.nullcontext()

    StoredLogin.__init__ = init  # type: ignore[assignment,method-assign]
    StoredLogin._reserved = lambda *_, **__: True  # type: ignore[method-assign]
    two_drains()


def failure_as_none() -> None:
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


def attempt_not_stored() -> None:
    """Nothing is written down before it is sent."""
    from crmwire.store import Store

    Store.save_attempts = lambda *_: None  # type: ignore[method-assign]


def not_looked_up() -> None:
    """A create whose answer was lost is sent again without looking."""
    batches: Any = import_module("crmwire.pipeline.batches")
    batches.settle_doubts = lambda desk, planned: []


def looked_up_too_soon() -> None:
    """What was sent is looked up before it can be known to have been written or not."""
    from crmwire.connections import Connection
    from crmwire.runner import Daemon

    Connection.settle_after = property(lambda self: 0.01)  # type: ignore[assignment,method-assign]
    # Rests and waits would hide it now and then.
    defaults: Any = Daemon.__init__.__kwdefaults__
    defaults["sweep"] = 0.05
    batches: Any = import_module("crmwire.pipeline.batches")
    batches.lane_pause = lambda failures: None


def doubt_is_none() -> None:
    """What an open attempt may have made is said not to be there, without looking."""
    from crmwire.hooks import Hooks

    def find_written(self: Any, writes: Any) -> Any:
        return [() for _ in writes]

    Hooks.find_written = find_written  # type: ignore[method-assign]


def order_ignored() -> None:
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


def late_is_new() -> None:
    """A late event is taken for the newest: it revives what was cancelled and moves it back."""
    from crmwire.store import subjects

    subjects.is_late = lambda event, state: False
    subjects.ENDINGS = ()  # type: ignore[assignment]


def overwrites() -> None:
    """What is to be written only where nothing stands is always written."""
    from crmwire import dedup

    dedup.blank = lambda value: True


def repeats_taken() -> None:
    """What the source sends again is taken for something new."""
    import secrets

    from crmwire.store import accepting

    accepting.dedupe_key = lambda event: secrets.token_bytes(16)


def links_forgotten() -> None:
    """It is not remembered which record was made for a booking."""
    settling: Any = import_module("crmwire.store.settling")
    settling.place_link = lambda *_: None


def failure_dropped() -> None:
    """What the CRM did not take is counted as delivered."""
    import attrs

    concluding: Any = import_module("crmwire.pipeline.concluding")
    real = concluding.of_failure

    def of_failure(*arguments: Any, **more: Any) -> Any:
        return attrs.evolve(real(*arguments, **more), state="delivered", attempt_open=False)

    concluding.of_failure = of_failure


def ids_not_joined() -> None:
    """A booking that moved and got another id is taken for another one."""
    import attrs

    from crmwire import intake

    real = intake.accepted

    def accepted(openings: Any, row: Any, events: Any, now: Any) -> Any:
        return real(openings, row, [attrs.evolve(one, previous_ids=()) for one in events], now)

    intake.accepted = accepted


def company_key_ignored() -> None:
    """Companies are never looked for: each is new."""
    import attrs

    from crmwire import dedup, defaults

    real = dedup.chosen

    def chosen(draft: Any, answers: Any) -> Any:
        if draft.role == "company":
            answers = [attrs.evolve(answer, records=()) for answer in answers]
        return real(draft, answers)

    _replace("chosen", real, chosen, dedup, defaults)


def companies_not_joined() -> None:
    """People are not associated with their companies."""
    from crmwire.pipeline import writes

    real = writes._about

    def about(box: Any, one: Any, line: Any) -> Any:
        return () if line.draft.role == "person" else real(box, one, line)

    writes._about = about


def companies_mixed_up() -> None:
    """All companies of a batch are taken for one."""
    from crmwire.pipeline import folding

    real = folding._fold_key

    def fold_key(line: Any) -> Any:
        key = real(line)
        return ("company", (), "", "") if key is not None and key[0] == "company" else key

    folding._fold_key = fold_key


def free_mail_is_a_company() -> None:
    """Whoever has an address at a mail provider belongs to the provider."""
    domains: Any = import_module("crmwire.filters.domains")
    domains.whitelist = frozenset()


def two_drains() -> None:
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


def no_fencing() -> None:
    """Two drains of a lane, and nothing that stops the older one."""
    work: Any = import_module("crmwire.store.work")
    work.check_epoch = lambda db, lane, epoch: None

    def save(db: Any, lane: str, epoch: int, attempts: Any, now: float, found: Any = None) -> None:
        for delivery, attempt in attempts.items():
            db.execute(
                "UPDATE deliveries SET attempt = ?, attempt_open = 1, sent_at = ? WHERE id = ?",
                (attempt, now, delivery),
            )
            mine = db.execute(
                "SELECT subject, connection FROM deliveries WHERE id = ?", (delivery,)
            ).fetchone()
            work.keep_links(db, *mine, (found or {}).get(delivery, ()))

    work.save_attempts = save
    two_drains()


def _replace(name: str, real: object, other: object, *modules: Any) -> None:
    """Put something in the place of a function, wherever it was imported."""
    for module in [*modules, *sys.modules.values()]:
        if getattr(module, "__name__", "").startswith("crmwire") and (
            getattr(module, name, None) is real
        ):
            setattr(module, name, other)

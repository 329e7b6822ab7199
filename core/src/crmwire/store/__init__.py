"""The store: SQLite, one writer, group commits. No SQL and no SQLite type leaves this package."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

import attrs
from sqlite_utils import Database

from crmwire import stored
from crmwire.errors import StoreUnavailable
from crmwire.store import (
    accepting,
    audit,
    backfills,
    generations,
    logins,
    polls,
    questions,
    setup,
    subjects,
    views,
    work,
)
from crmwire.store.accepting import Accepted
from crmwire.store.audit import AuditEntry
from crmwire.store.backfills import BackfillRow
from crmwire.store.database import RESTORE, Readers, Writer
from crmwire.store.logins import LoginRow
from crmwire.store.migrations import migrations
from crmwire.store.polls import PollRow
from crmwire.store.questions import Question
from crmwire.store.setup import ConnectionRow, FeedRow, RouteRow
from crmwire.store.views import Counts, DeliveryFilter, DeliveryRow, DeliveryView
from crmwire.store.work import ROUTE_REMOVED, Batch, Claimed, Created, Fenced, Outcome

if TYPE_CHECKING:
    from crmwire.store.audit import Action, Detail, Kind
    from crmwire.types import Chunk, Event, Json, Subject

__all__ = [
    "ROUTE_REMOVED",
    "Accepted",
    "AuditEntry",
    "BackfillRow",
    "Batch",
    "Claimed",
    "ConnectionRow",
    "Counts",
    "Created",
    "DeliveryFilter",
    "DeliveryRow",
    "DeliveryView",
    "FeedRow",
    "Fenced",
    "LoginRow",
    "Outcome",
    "PollRow",
    "Question",
    "RouteRow",
    "Store",
]

T = TypeVar("T")
Cached = tuple[datetime, "Json"]
GENERATION_HOLDS = 0.02
CHECKED_SIZE = 1 << 30
"""Bytes of a database that is read whole before the daemon starts: about 2 seconds."""


class Store:
    """All that is remembered. Methods are synchronous and may be called from any thread.

    `threaded` is for the daemon: writes of many threads share commits. What a method returned is
    on disk. Raises throughout: StoreUnavailable if the file cannot be read or committed to.
    """

    def __init__(self, path: Path, *, threaded: bool = False) -> None:
        self.path = path
        self._writer = Writer(path, threaded=threaded)
        self._read = Readers(path)
        self._written = object()  # another one after each job of `write`
        self._generation: tuple[str, object, float] = ("", None, 0.0)
        self.migrate()

    def close(self) -> None:
        self._writer.close()
        self._read.close()

    def migrate(self) -> None:
        """Bring the schema up to date. Raises: StoreUnavailable if it is from a newer crmwire."""

        def job(db: Database) -> None:
            known = {migration.name for migration in migrations._migrations}
            newer = {one.name for one in migrations.applied(db)} - known
            if newer:
                raise StoreUnavailable(
                    f"The database {self.path} is from a newer crmwire ({min(newer)}).",
                    remedy=f"Install that version, or put an older backup back with {RESTORE}.",
                )
            migrations.apply(db)

        with self._read() as db:
            pending = bool(migrations.pending(db)) or not db["_sqlite_migrations"].exists()
        if pending:
            self._writer.run(job)
        else:
            with self._read() as db:
                known = {migration.name for migration in migrations._migrations}
                if {one.name for one in migrations.applied(db)} - known:
                    self._writer.run(job)

    def check(self) -> None:
        """Read the whole database once. Raises: StoreUnavailable if it is damaged.

        One over CHECKED_SIZE is left out: a backup, which takes its time, checks it.
        """
        if self.path.stat().st_size > CHECKED_SIZE:
            return
        with self._read() as db:
            found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise StoreUnavailable(
                f"The database {self.path} is damaged ({found}).",
                remedy=f"Put a backup in its place with {RESTORE}.",
            )

    def truncate_log(self) -> bool:
        """Empty the write-ahead log, so that nothing overwritten is left in it; whether it is.

        Readers that are in the middle of something can keep it from being so.
        """
        return self._writer.truncate_log()

    def write(self, job: Callable[[Database], T]) -> T:
        """Run a job of this package in one transaction (see `setup` and `views`)."""
        try:
            return self._writer.run(job)
        finally:
            self._written = object()

    @contextlib.contextmanager
    def read(self) -> Iterator[Database]:
        with self._read() as db:
            yield db

    # ------------------------------------------------------------ accepting

    def accept(self, feed: int, events: Sequence[Event], now: datetime) -> list[Accepted]:
        """Store events and their deliveries; on disk when this returns."""
        return self.accepting(feed, events, now).result()

    def accepting(
        self, feed: int, events: Sequence[Event], now: datetime
    ) -> Future[list[Accepted]]:
        """As `accept`, for callers that wait otherwise."""
        moment = now.timestamp()
        made = [accepting.ready(event) for event in events]
        return self._writer.submit(lambda db: accepting.accept(db, feed, made, moment))

    def rehearse(
        self, feed: int, events: Sequence[Event], now: datetime
    ) -> list[tuple[int, Claimed]]:
        """What accepting these events would leave to do, by connection; nothing is stored.

        Events that came in before count as new ones.
        """
        moment = now.timestamp()
        fresh = [attrs.evolve(event, webhook_id=f"rehearsal {uuid4()}") for event in events]

        def job(db: Database) -> None:
            found: list[tuple[int, Claimed]] = []
            for one in accepting.accept(db, feed, fresh, moment):
                rows = db.execute(
                    "SELECT id, connection FROM deliveries WHERE event = ?", (one.event_id,)
                ).fetchall()
                for delivery, connection in rows:
                    found += [(connection, c) for c in work.load(db, connection, [delivery])]
            raise _Rehearsed(found)

        try:
            self._writer.run(job)
        except _Rehearsed as done:
            return done.found
        return []

    def begin_backfill(
        self,
        route: int,
        past: str,
        since: datetime,
        *,
        adopt: bool,
        again: bool = False,
        now: datetime,
    ) -> BackfillRow:
        """The unfinished backfill of the same route, past and since, or a new one."""
        start, moment = since.timestamp(), now.timestamp()
        return self._writer.run(
            lambda db: backfills.begin(db, route, past, start, adopt=adopt, again=again, now=moment)
        )

    def take_past(
        self,
        backfill: BackfillRow,
        feed: int,
        chunk: Chunk,
        *,
        finished: bool,
        now: datetime,
    ) -> BackfillRow:
        """Take in a chunk of past events for a backfill's route, and where to go on."""
        return self._writer.run(
            lambda db: backfills.take(
                db,
                backfill,
                feed,
                chunk.events,
                cursor=chunk.cursor,
                total=chunk.total,
                finished=finished,
                now=now.timestamp(),
            )
        )

    def rehearse_past(
        self, route: int, feed: int, events: Sequence[Event], since: datetime, now: datetime
    ) -> Mapping[str, int]:
        """What a backfill would do with these events, as counts; nothing is stored."""
        start, moment = since.timestamp(), now.timestamp()

        def job(db: Database) -> None:
            one = backfills.begin(
                db, route, "rehearsal", start, adopt=False, again=True, now=moment
            )
            made = backfills.take(
                db, one, feed, events, cursor=None, total=None, finished=True, now=moment
            )
            raise _RehearsedPast(made.counts)

        try:
            self._writer.run(job)
        except _RehearsedPast as done:
            return done.counts
        return {}

    def backfill_states(self, backfill: int) -> dict[str, int]:
        """How many deliveries of a backfill are in which state."""
        with self._read() as db:
            return backfills.states(db, backfill)

    def keep_unreadable(self, feed: int, body: bytes, reason: str, now: datetime) -> int:
        moment = now.timestamp()
        return self._writer.run(
            lambda db: accepting.keep_unreadable(db, feed, body, reason, moment)
        )

    # ------------------------------------------------------------ draining

    def begin_drain(self, lane: str) -> int:
        """Start a drain and return its epoch; drains with older epochs are fenced off."""
        return self._writer.run(lambda db: work.begin_drain(db, lane))

    def settle_and_claim(
        self,
        lane: str,
        epoch: int,
        outcomes: Sequence[Outcome],
        created: Sequence[Created] = (),
        *,
        limit: int,
        after: int | None = None,
        now: datetime,
    ) -> Batch | None:
        """Record outcomes and take the next batch, in one transaction. Raises: Fenced."""
        moment = now.timestamp()
        return self._writer.run(
            lambda db: work.settle_and_claim(
                db, lane, epoch, outcomes, created, limit=limit, after=after, now=moment
            )
        )

    def save_attempts(
        self, lane: str, epoch: int, attempts: Mapping[int, str], now: datetime
    ) -> None:
        """Store what is about to be sent. Raises: Fenced."""
        moment = now.timestamp()
        self._writer.run(lambda db: work.save_attempts(db, lane, epoch, attempts, moment))

    def load_deliveries(self, connection: int, ids: Sequence[int]) -> tuple[Claimed, ...]:
        """Deliveries as a batch has them, without claiming them."""
        with self._read() as db:
            return work.load(db, connection, ids)

    def pause(self, lane: str, until: datetime, reason: str, code: str = "") -> None:
        """Let nothing of a lane be claimed until then; `code` is the vendor's."""
        moment = until.timestamp()
        self._writer.run(lambda db: work.pause_lane(db, lane, moment, reason, code))

    def rests(self, lane: str, now: datetime) -> bool:
        """Whether a lane is paused."""
        with self._read() as db:
            return work.rests(db, lane, now.timestamp())

    def due_lanes(self, now: datetime) -> list[str]:
        with self._read() as db:
            return work.due_lanes(db, now.timestamp())

    def remembered(
        self, lane: str, keys: Sequence[tuple[str, str, str]], now: datetime
    ) -> dict[tuple[str, str, str], str]:
        """Records that crmwire created within 24 h, by (type, key, value)."""
        with self._read() as db:
            return work.remembered(db, lane, keys, now.timestamp())

    def forget_record(self, lane: str, type_: str, record: str) -> None:
        """Forget a record that the CRM says is not there."""
        self._writer.run(lambda db: work.forget_record(db, lane, type_, record))

    def linked(
        self, lane: str, records: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], list[work.Owner]]:
        with self._read() as db:
            return work.linked(db, lane, records)

    def being_made(self, lane: str, since: datetime) -> dict[str, float]:
        """Keys of people that attempts sent since then may be making, and when those were sent."""
        with self._read() as db:
            return work.being_made(db, lane, since.timestamp())

    # ------------------------------------------------------------ reading

    def feeds(self) -> list[FeedRow]:
        with self._read() as db:
            return setup.feeds(db)

    def feed(self, name: str) -> FeedRow:
        with self._read() as db:
            return setup.feed(db, name)

    def generation(self) -> str:
        """Another text after each change of feeds, their secrets, routes or lanes.

        What another process changed is seen within GENERATION_HOLDS seconds, what this one
        changed at once.
        """
        text, written, until = self._generation
        if written is not self._written or time.monotonic() > until:
            same, written = written is self._written, self._written
            until = time.monotonic() + GENERATION_HOLDS
            if same:  # the other threads need not look, too
                self._generation = (text, written, until)
            with self._read() as db:
                text = generations.generation(db)
            self._generation = (text, written, until)
        return text

    def feed_by_token(self, token_hash: bytes) -> FeedRow | None:
        with self._read() as db:
            return setup.feed_by_token(db, token_hash)

    def connections(self) -> list[ConnectionRow]:
        with self._read() as db:
            return setup.connections(db)

    def connection(self, name: str) -> ConnectionRow:
        with self._read() as db:
            return setup.connection(db, name)

    def connection_by_id(self, id_: int) -> ConnectionRow:
        with self._read() as db:
            return setup.connection_by_id(db, id_)

    def login(self, connection: int) -> LoginRow | None:
        """What is known of a connection's login; None if it never had a token."""
        with self._read() as db:
            return logins.login(db, connection)

    def routes(self) -> list[RouteRow]:
        with self._read() as db:
            return setup.routes(db)

    def route(self, name: str) -> RouteRow:
        with self._read() as db:
            return setup.route(db, name)

    def route_by_id(self, id_: int) -> tuple[RouteRow, bool]:
        with self._read() as db:
            return setup.route_by_id(db, id_)

    def deliveries(self, wanted: DeliveryFilter) -> list[DeliveryRow]:
        with self._read() as db:
            return views.deliveries(db, wanted)

    def delivery(self, id_: int) -> DeliveryView:
        with self._read() as db:
            return views.delivery(db, id_)

    def matching_ids(self, wanted: DeliveryFilter) -> list[int]:
        with self._read() as db:
            return views.matching_ids(db, wanted)

    def counts(self) -> list[Counts]:
        with self._read() as db:
            return views.counts(db)

    def lanes(self) -> dict[str, tuple[float | None, str | None]]:
        with self._read() as db:
            return views.lanes(db)

    def unreadable(self) -> list[tuple[int, str, float, str]]:
        with self._read() as db:
            return views.unreadable(db)

    def audit(self, since: datetime | None = None, limit: int = 200) -> list[AuditEntry]:
        """Who did what: the newest entries since then, oldest first."""
        with self._read() as db:
            return audit.entries(db, since=stored.timestamp(since), limit=limit)

    def note(self, now: datetime, action: Action, kind: Kind, name: str, **detail: Detail) -> None:
        """Add to the audit what changed nothing in the store (see `audit.record`)."""
        moment = now.timestamp()
        self._writer.run(lambda db: audit.record(db, moment, action, kind, name, **detail))

    def questions(self, feed: int, page: str | None = None) -> list[Question]:
        """The questions that were answered on a page, or on all pages of a feed."""
        with self._read() as db:
            return questions.of_page(db, feed, page)

    def subjects(self, feed: int) -> list[Subject]:
        """What is known of each subject of a feed, without links."""
        with self._read() as db:
            return subjects.of_feed(db, feed)

    # ------------------------------------------------------------ polling

    def polls(self) -> dict[int, PollRow]:
        """How every feed stands that was asked before, by the feed's id."""
        with self._read() as db:
            return polls.rows(db)

    def take_in_poll(
        self, feed: int, events: Sequence[Event], cursor: Json, due_at: float, now: datetime
    ) -> list[Accepted]:
        """Accept what a source told, with how far it was read; on disk when this returns."""
        moment = now.timestamp()
        return self._writer.run(lambda db: polls.take_in(db, feed, events, cursor, due_at, moment))

    def poll_failed(
        self,
        feed: int,
        *,
        failure: str,
        problem: str,
        remedy: str,
        due_at: float,
        now: datetime,
    ) -> None:
        """Remember that a source did not tell; the cursor stays."""
        moment = now.timestamp()
        self._writer.run(
            lambda db: polls.failed(
                db,
                feed,
                failure=failure,
                problem=problem,
                remedy=remedy,
                due_at=due_at,
                now=moment,
            )
        )

    def installation(self) -> str:
        """12 hex digits that tell this data folder from others."""
        with self._read() as db:
            row = db.execute("SELECT value FROM meta WHERE name = 'installation'").fetchone()
        return str(row[0])

    def cache_of(self, connection: int) -> MutableMapping[str, Cached]:
        """A connection's cache that outlives the process."""
        return _Cache(self, connection)


class _Rehearsed(Exception):
    """Carries what a rehearsal found out of the transaction, which is thereby undone."""

    def __init__(self, found: list[tuple[int, Claimed]]) -> None:
        super().__init__()
        self.found = found


class _RehearsedPast(Exception):
    """As `_Rehearsed`, of past events."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        super().__init__()
        self.counts = counts


class _Cache(MutableMapping[str, Cached]):
    """What a connection cached, kept in the store and in memory."""

    def __init__(self, store: Store, connection: int) -> None:
        self._store = store
        self._connection = connection
        with store.read() as db:
            rows = db.execute(
                "SELECT key, expires_at, value FROM cache WHERE connection = ?", (connection,)
            ).fetchall()
        self._memory: dict[str, Cached] = {}
        for key, expires_at, value in rows:
            expires = stored.moment(expires_at)
            assert expires is not None
            self._memory[key] = (expires, json.loads(value))

    def __getitem__(self, key: str) -> Cached:
        return self._memory[key]

    def __setitem__(self, key: str, value: Cached) -> None:
        self._memory[key] = value
        row = (self._connection, key, value[0].timestamp(), json.dumps(value[1]))
        self._store.write(
            lambda db: db.execute("INSERT OR REPLACE INTO cache VALUES (?, ?, ?, ?)", row)
        )

    def __delitem__(self, key: str) -> None:
        del self._memory[key]
        where = (self._connection, key)
        self._store.write(
            lambda db: db.execute("DELETE FROM cache WHERE connection = ? AND key = ?", where)
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._memory)

    def __len__(self) -> int:
        return len(self._memory)

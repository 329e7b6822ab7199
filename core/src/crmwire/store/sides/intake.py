"""What comes in: events of webhooks, polls and backfills."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import attrs
from sqlite_utils import Database

from crmwire.store import accepting, backfills, loading, polls, unreadable
from crmwire.store.accepting import Accepted
from crmwire.store.backfills import BackfillRow
from crmwire.store.loading import Claimed
from crmwire.store.polls import PollRow
from crmwire.store.sides.file import StoreFile

if TYPE_CHECKING:
    from crmwire.types import Chunk, Event, Json


class Intake(StoreFile):
    """Methods for those who take events in. What they returned is on disk."""

    def accept(self, feed: int, events: Sequence[Event], now: datetime) -> list[Accepted]:
        """Store events and their deliveries; on disk when this returns."""
        moment = now.timestamp()
        made = [accepting.ready(event) for event in events]
        return self._writer.run(lambda db: accepting.accept(db, feed, made, moment))

    def rehearse(
        self, feed: int, events: Sequence[Event], now: datetime
    ) -> list[tuple[int, Claimed]]:
        """What accepting these events would leave to do, by connection; nothing is stored.

        Events that came in before count as new ones.
        """
        moment = now.timestamp()
        fresh = [attrs.evolve(event, webhook_id=f"rehearsal {uuid4()}") for event in events]

        def job(db: Database) -> list[tuple[int, Claimed]]:
            found: list[tuple[int, Claimed]] = []
            for one in accepting.accept(db, feed, fresh, moment):
                rows = db.execute(
                    "SELECT id, connection FROM deliveries WHERE event = ?", (one.event_id,)
                ).fetchall()
                for delivery, connection in rows:
                    found += [(connection, c) for c in loading.load(db, connection, [delivery])]
            return found

        return self._undone(job)

    def keep_unreadable(self, feed: int, body: bytes, reason: str, now: datetime) -> int | None:
        """Keep a webhook that could not be read; None if the feed has too many of them already."""
        moment = now.timestamp()
        return self._writer.run(lambda db: unreadable.keep(db, feed, body, reason, moment))

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

        def job(db: Database) -> Mapping[str, int]:
            one = backfills.begin(
                db, route, "rehearsal", start, adopt=False, again=True, now=moment
            )
            made = backfills.take(
                db, one, feed, events, cursor=None, total=None, finished=True, now=moment
            )
            return made.counts

        return self._undone(job)

    def backfill_states(self, backfill: int) -> dict[str, int]:
        """How many deliveries of a backfill are in which state."""
        with self._read() as db:
            return backfills.states(db, backfill)

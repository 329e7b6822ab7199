"""What drains ask and tell: the queue, and the records that were made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from crmwire.store import doubts, lanes, records, work
from crmwire.store.doubts import Making
from crmwire.store.records import Created, Owner
from crmwire.store.settling import Outcome
from crmwire.store.sides.file import StoreFile
from crmwire.store.work import Batch
from crmwire.types import Link


class Drains(StoreFile):
    """Methods for drains, one of which works on a lane at a time."""

    def begin_drain(self, lane: str, now: datetime) -> int:
        """Start a drain and return its epoch; drains with older epochs are fenced off."""
        moment = now.timestamp()
        return self._writer.run(lambda db: lanes.begin_drain(db, lane, moment))

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
        self,
        lane: str,
        epoch: int,
        attempts: Mapping[int, str],
        now: datetime,
        found: Mapping[int, Sequence[Link]] | None = None,
    ) -> None:
        """Store what is about to be sent, and what earlier attempts made. Raises: Fenced."""
        moment = now.timestamp()
        self._writer.run(lambda db: work.save_attempts(db, lane, epoch, attempts, moment, found))

    def pause(self, lane: str, until: datetime, reason: str, code: str = "") -> None:
        """Let nothing of a lane be claimed until then; `code` is the vendor's."""
        moment = until.timestamp()
        self._writer.run(lambda db: lanes.pause_lane(db, lane, moment, reason, code))

    def rests(self, lane: str, now: datetime) -> bool:
        """Whether a lane is paused."""
        with self._read() as db:
            return lanes.rests(db, lane, now.timestamp())

    def first_rested(self, now: datetime) -> float | None:
        """Seconds until the first of the lanes that rest may be drained again; None if none."""
        with self._read() as db:
            moment = lanes.first_rested(db, now.timestamp())
        return None if moment is None else moment - now.timestamp()

    def due_lanes(self, now: datetime) -> list[str]:
        with self._read() as db:
            return lanes.due_lanes(db, now.timestamp())

    def remembered(
        self, lane: str, keys: Sequence[tuple[str, str, str]], now: datetime
    ) -> dict[tuple[str, str, str], str]:
        """Records that crmwire created within 24 h, by (type, key, value)."""
        with self._read() as db:
            return records.remembered(db, lane, keys, now.timestamp())

    def forget_record(self, lane: str, type_: str, record: str) -> None:
        """Forget a record that the CRM says is not there."""
        self._writer.run(lambda db: records.forget_record(db, lane, type_, record))

    def linked(
        self, lane: str, wanted: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], list[Owner]]:
        with self._read() as db:
            return records.linked(db, lane, wanted)

    def being_made(self, lane: str, since: datetime, now: datetime) -> dict[str, Making]:
        """Keys of people and companies that attempts may be making, and when those were sent."""
        with self._read() as db:
            return doubts.being_made(db, lane, since.timestamp(), now.timestamp())

"""What is often done with a store that has a feed, two connections and a route to each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import frozen

from crmwire.store import Batch, Claimed, DeliveryFilter, Outcome, Store, loading
from crmwire.types import Event
from crmwire.vocabulary import Booking, Details, Page, Person

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


@frozen
class Box:
    """The store, and shorter words for it. `now` is when everything happens."""

    store: Store
    now: datetime
    lane: str = "connection:1"

    def event(self, uid: str, verb: str = "created", *, minute: int = 0, hour: int = 12,
              email: str | None = "ada@example.com", page: str | None = None,
              **more: Any) -> Event:  # fmt: skip
        start = NOW.replace(hour=hour)
        details = Details(
            booking=Booking(start=start, end=start + timedelta(minutes=30)),
            guest=Person(email=email, full_name="Ada Byron") if email else None,
            page=Page(id=page) if page else None,
        )
        values: dict[str, Any] = {
            "type": f"booking.{verb}",
            "subject_id": uid,
            "occurred_at": NOW + timedelta(minutes=minute),
            "details": details,
        }
        return Event(**(values | more))

    def accept(self, *events: Event) -> None:
        self.store.accept(1, list(events), self.now)

    def begin(self, lane: str | None = None) -> int:
        return self.store.begin_drain(lane or self.lane, self.now)

    def claim(self, *outcomes: Outcome, epoch: int | None = None, **more: Any) -> Batch | None:
        fresh = self.begin() if epoch is None else epoch
        values: dict[str, Any] = {"limit": 100, "now": self.now}
        return self.store.settle_and_claim(self.lane, fresh, outcomes, **(values | more))

    def settle(self, state: str, **more: Any) -> list[int]:
        """Claim all that is due and settle it so; returns the ids."""
        epoch = self.begin()
        batch = self.claim(epoch=epoch)
        ids = [item.delivery.id for item in batch.items] if batch else []
        outcomes = [Outcome(delivery=one, state=state, **more) for one in ids]  # type: ignore[arg-type]
        self.claim(*outcomes, epoch=epoch, limit=0)
        return ids

    def load(self, connection: int, ids: Sequence[int]) -> tuple[Claimed, ...]:
        """Deliveries as a batch has them, without claiming them."""
        with self.store.read() as db:
            return loading.load(db, connection, ids)

    def states(self, connection: str = "one") -> list[str]:
        rows = self.store.deliveries(DeliveryFilter(connection=connection))
        return [row.state for row in reversed(rows)]

    def run(self, statement: str, *values: Any) -> None:
        self.store.write(lambda db: db.execute(statement, values))

    def rows(self, statement: str, *values: Any) -> list[Any]:
        with self.store.read() as db:
            return [row[0] if len(row) == 1 else row for row in db.execute(statement, values)]

    def do(self, job: Callable[..., Any], *values: Any, **more: Any) -> Any:
        return self.store.write(lambda db: job(db, *values, **more))


@pytest.fixture
def box(store: Store) -> Box:
    return Box(store, NOW)

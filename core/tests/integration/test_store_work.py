"""Claiming and settling: one delivery of a subject at a time, fenced by epochs."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crmwire.errors import StoreUnavailable
from crmwire.store import Batch, Created, DeliveryFilter, Fenced, Outcome, Store, repairs, setup
from crmwire.types import Event, Link
from crmwire.vocabulary import Booking, Details

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
LANE = "connection:1"


def accept(store: Store, *ids: str, verb: str = "created", minute: int = 0) -> None:
    events = [
        Event(
            type=f"booking.{verb}",
            subject_id=id_,
            occurred_at=NOW + timedelta(minutes=minute),
            details=Details(booking=Booking(start=NOW)),
        )
        for id_ in ids
    ]
    store.accept(1, events, NOW)


def claim(store: Store, epoch: int, *outcomes: Outcome, **more: Any) -> Batch | None:
    more = {"limit": 100, "now": NOW, **more}
    return store.settle_and_claim(LANE, epoch, outcomes, **more)


def ids(batch: Batch | None) -> list[int]:
    return [item.delivery.id for item in batch.items] if batch else []


def states(store: Store, connection: str = "one") -> dict[int, str]:
    rows = store.deliveries(DeliveryFilter(connection=connection))
    return {row.id: row.state for row in rows}


def test_a_batch_holds_one_delivery_of_each_subject_and_of_one_connection(store: Store) -> None:
    accept(store, "a", "b")
    accept(store, "a", verb="rescheduled", minute=1)
    batch = claim(store, store.begin_drain(LANE, NOW))
    assert batch is not None
    assert [item.delivery.event.type for item in batch.items] == ["booking.created"] * 2
    assert {item.delivery.connection for item in batch.items} == {"one"}


def test_the_next_of_a_subject_is_claimed_when_the_first_is_settled(store: Store) -> None:
    accept(store, "a")
    accept(store, "a", verb="rescheduled", minute=1)
    epoch = store.begin_drain(LANE, NOW)
    (first,) = ids(claim(store, epoch))
    assert ids(claim(store, epoch)) == []
    link = Link(role="activity", type="Event", record="00U", version=5)
    done = Outcome(delivery=first, state="delivered", version=5, links=(link,))
    batch = claim(store, epoch, done)
    assert batch is not None
    assert [item.delivery.event.type for item in batch.items] == ["booking.rescheduled"]
    assert batch.items[0].delivery.subject.link("activity") == link
    assert batch.items[0].delivery.subject.delivered == 5


def test_held_does_not_block_the_subject_but_ready_later_does(store: Store) -> None:
    accept(store, "a")
    accept(store, "a", verb="rescheduled", minute=1)
    epoch = store.begin_drain(LANE, NOW)
    (first,) = ids(claim(store, epoch))
    later = (NOW + timedelta(seconds=30)).timestamp()
    assert ids(claim(store, epoch, Outcome(delivery=first, state="ready", due_at=later))) == []
    soon = NOW + timedelta(seconds=31)
    (again,) = ids(claim(store, epoch, now=soon))
    assert again == first
    held = Outcome(delivery=first, state="held", reason="no")
    assert len(ids(claim(store, epoch, held, now=soon))) == 1


def test_an_old_epoch_is_fenced_and_its_work_is_ready_again(store: Store) -> None:
    accept(store, "a")
    old = store.begin_drain(LANE, NOW)
    (first,) = ids(claim(store, old))
    new = store.begin_drain(LANE, NOW)
    with pytest.raises(Fenced):
        claim(store, old, Outcome(delivery=first, state="delivered", version=1))
    with pytest.raises(Fenced):
        store.save_attempts(LANE, old, {first: "{}"}, NOW)
    assert ids(claim(store, new)) == [first]


def test_only_a_stored_attempt_is_in_doubt_after_a_restart(store: Store) -> None:
    accept(store, "a", "b")
    epoch = store.begin_drain(LANE, NOW)
    first, _ = ids(claim(store, epoch))
    store.save_attempts(LANE, epoch, {first: '{"writes": []}'}, NOW)
    batch = claim(store, store.begin_drain(LANE, NOW))
    assert batch is not None
    assert [item.attempt_open for item in batch.items] == [True, False]
    assert batch.items[0].sent_at == NOW.timestamp()


def test_the_connections_of_a_lane_take_turns(store: Store) -> None:
    accept(store, "a", "b")
    store.write(lambda db: db.execute("UPDATE connections SET lane = ?", (LANE,)))
    epoch = store.begin_drain(LANE, NOW)
    first = claim(store, epoch, limit=1)
    assert first is not None
    second = claim(store, epoch, limit=1, after=first.connection)
    assert second is not None
    assert second.connection != first.connection


def test_a_paused_lane_and_a_connection_without_login_give_nothing(store: Store) -> None:
    accept(store, "a")
    epoch = store.begin_drain(LANE, NOW)
    store.pause(LANE, NOW + timedelta(seconds=10), "asked to")
    assert claim(store, epoch) is None
    assert LANE not in store.due_lanes(NOW)
    after = NOW + timedelta(seconds=11)
    assert LANE in store.due_lanes(after)
    store.write(lambda db: setup.set_connection_state(db, 1, "needs_login"))
    assert claim(store, epoch, now=after) is None
    assert LANE not in store.due_lanes(after)


def test_what_was_created_is_remembered_for_a_day(store: Store) -> None:
    epoch = store.begin_drain(LANE, NOW)
    made = Created(type="Contact", key="Email", value="a@example.com", record="003")
    store.settle_and_claim(LANE, epoch, [], [made], limit=0, now=NOW)
    key = ("Contact", "Email", "a@example.com")
    assert store.remembered(LANE, [key], NOW + timedelta(hours=23)) == {key: "003"}
    assert store.remembered(LANE, [key], NOW + timedelta(hours=25)) == {}
    store.forget_record(LANE, "Contact", "003")
    assert store.remembered(LANE, [key], NOW) == {}


def test_retry_makes_held_deliveries_ready_and_delivered_ones_only_when_asked(
    store: Store,
) -> None:
    accept(store, "a", "b")
    epoch = store.begin_drain(LANE, NOW)
    held, done = ids(claim(store, epoch))
    claim(
        store,
        epoch,
        Outcome(delivery=held, state="held", reason="no"),
        Outcome(delivery=done, state="delivered", version=1),
        limit=0,
    )
    moment = NOW.timestamp()
    assert store.write(lambda db: repairs.retry(db, [held, done], moment))[0] == [held]
    assert store.write(lambda db: repairs.retry(db, [done], moment, again=True))[0] == [done]
    batch = claim(store, epoch)
    assert batch is not None
    assert [item.delivery.again for item in batch.items] == [False, True]


def test_dismissing_the_head_lets_the_followers_go(store: Store) -> None:
    accept(store, "a")
    accept(store, "a", verb="rescheduled", minute=1)
    epoch = store.begin_drain(LANE, NOW)
    (first,) = ids(claim(store, epoch))
    later = (NOW + timedelta(hours=1)).timestamp()
    claim(store, epoch, Outcome(delivery=first, state="ready", due_at=later), limit=0)
    store.write(lambda db: repairs.dismiss(db, [first], "ada", NOW.timestamp()))
    assert states(store)[first] == "dismissed"
    assert len(ids(claim(store, epoch))) == 1


def test_counts_tell_open_and_finished_deliveries(store: Store) -> None:
    accept(store, "a", "b")
    epoch = store.begin_drain(LANE, NOW)
    first, _ = ids(claim(store, epoch))
    claim(store, epoch, Outcome(delivery=first, state="delivered", version=1), limit=0)
    one, two = store.counts()
    assert (one.by_state["working"], one.by_state["delivered"]) == (1, 1)
    assert two.by_state["ready"] == 2


def test_a_removed_route_skips_what_waits_for_it(store: Store) -> None:
    accept(store, "a")
    store.write(lambda db: setup.remove_route(db, 1, NOW.timestamp()))
    rows = store.deliveries(DeliveryFilter(connection="one"))
    assert [(row.state, row.reason) for row in rows] == [("skipped", "the route was removed")]


@pytest.mark.parametrize("threaded", [False, True])
def test_a_store_that_is_closed_while_others_write_refuses_them(
    threaded: bool, tmp_path: Path
) -> None:
    store = Store(tmp_path / "a.db", threaded=threaded)
    refused: list[StoreUnavailable] = []

    def write() -> None:
        try:
            while True:
                store.write(lambda db: db.execute("INSERT OR REPLACE INTO meta VALUES ('x', 'y')"))
        except StoreUnavailable as error:
            refused.append(error)

    writers = [threading.Thread(target=write) for _ in range(4)]
    for one in writers:
        one.start()
    time.sleep(0.05)
    store.close()
    for one in writers:
        one.join(10)
    assert len(refused) == 4

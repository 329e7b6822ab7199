"""Accepting events: subjects through all their ids, tombstones, repeats."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmwire.store import Store, setup
from crmwire.types import Event
from crmwire.vocabulary import Booking, Details, Page, Person

START = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


def booked(
    verb: str,
    uid: str,
    minute: int,
    *,
    previous: tuple[str, ...] = (),
    hour: int | None = 9,
    partial: bool = False,
    page: str = "7",
) -> Event:
    """A booking's event that happened `minute` minutes after noon."""
    start = None if hour is None else START.replace(hour=hour)
    details = (
        Details()
        if partial
        else Details(
            booking=Booking(start=start, end=start and start + timedelta(minutes=30)),
            guest=Person(email="ada@example.com", full_name="Ada Byron"),
            page=Page(id=page, title="Intro"),
        )
    )
    return Event(
        type=f"booking.{verb}",
        subject_id=uid,
        previous_ids=previous,
        occurred_at=NOW + timedelta(minutes=minute),
        partial=partial,
        details=details,
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "crmwire.db")
    yield store
    store.close()


def set_up(store: Store, *, pages: tuple[str, ...] = ("*",), since: datetime = NOW) -> int:
    """A feed with one connection and a route for each page."""

    def job(db: Any) -> int:
        feed = setup.insert_feed(
            db, name="cal", team="default", source="calcom", token_hash=b"t", settings={},
            allow_unsigned=True, since=None, now=0.0,
        )  # fmt: skip
        connection = setup.insert_connection(
            db, name="crm", team="default", crm="toy", settings={}, now=0.0
        )
        for page in pages:
            setup.insert_route(
                db, name=f"r{page}", team="default", feed=feed, page=page, connection=connection,
                preset="x", mapping={}, fingerprint="", options={}, rows={}, zone=None,
                since=since.timestamp(),
            )  # fmt: skip
        return feed

    return store.write(job)


def subjects(store: Store) -> list[tuple[Any, ...]]:
    with store.read() as db:
        return db.execute(
            "SELECT status, version, details FROM subjects WHERE merged_into IS NULL"
        ).fetchall()


def test_an_event_is_accepted_once_however_often_it_is_sent(store: Store) -> None:
    feed = set_up(store)
    first = store.accept(feed, [booked("created", "a", 1)], NOW)
    again = store.accept(feed, [booked("created", "a", 1)], NOW)
    assert not first[0].duplicate
    assert first[0].deliveries == 1
    assert again[0].duplicate
    assert again[0].event_id == first[0].event_id
    assert again[0].deliveries == 0


def test_the_senders_own_id_tells_repeats_apart(store: Store) -> None:
    feed = set_up(store)
    one = booked("created", "a", 1)
    sent = [attrs.evolve(one, webhook_id="w1"), attrs.evolve(one, webhook_id="w1")]
    answers = store.accept(feed, sent, NOW)
    assert [answer.duplicate for answer in answers] == [False, True]


def test_an_exact_page_beats_the_route_for_all_pages(store: Store) -> None:
    feed = set_up(store, pages=("*", "7"))
    store.accept(feed, [booked("created", "a", 1), booked("created", "b", 1, page="8")], NOW)
    with store.read() as db:
        routes = db.execute(
            "SELECT r.page FROM deliveries d JOIN routes r ON r.id = d.route ORDER BY d.id"
        ).fetchall()
    assert routes == [("7",), ("*",)]


def test_an_event_before_the_routes_since_is_skipped_with_that_reason(store: Store) -> None:
    feed = set_up(store, since=NOW + timedelta(minutes=10))
    answer = store.accept(feed, [booked("created", "a", 1)], NOW)[0]
    assert answer.lanes == frozenset()
    with store.read() as db:
        assert db.execute("SELECT state, reason FROM deliveries").fetchall() == [
            (3, "happened before the route's `since`")
        ]


def test_an_ignored_event_is_recorded_and_delivered_nowhere(store: Store) -> None:
    feed = set_up(store)
    event = Event(type="OOO_CREATED", subject_id="x", occurred_at=NOW, ignored="no booking")
    answer = store.accept(feed, [event], NOW)[0]
    assert answer.ignored == "no booking"
    assert answer.deliveries == 0


def test_a_partial_event_is_merged_over_what_is_known(store: Store) -> None:
    feed = set_up(store)
    store.accept(feed, [booked("created", "a", 1)], NOW)
    store.accept(feed, [booked("no_show", "a", 5, partial=True)], NOW)
    status, _, details = subjects(store)[0]
    assert status == "no_show"
    assert "ada@example.com" in details


def test_a_reschedule_that_names_no_previous_times_gets_the_known_ones(store: Store) -> None:
    feed = set_up(store)
    store.accept(feed, [booked("created", "a", 1), booked("rescheduled", "a", 2, hour=15)], NOW)
    details = subjects(store)[0][2]
    assert '"previous_start":"2026-12-01T09:00:00+00:00"' in details


def test_a_late_created_does_not_revive_a_cancelled_booking(store: Store) -> None:
    feed = set_up(store)
    store.accept(feed, [booked("cancelled", "a", 5), booked("created", "a", 1)], NOW)
    assert [row[0] for row in subjects(store)] == ["cancelled"]


def test_a_new_id_is_live_although_the_old_one_was_cancelled_before(store: Store) -> None:
    """The host asks to move the booking: the old id is cancelled, the guest books a new one."""
    feed = set_up(store)
    events = [
        booked("created", "a", 1),
        booked("cancelled", "a", 2),
        booked("rescheduled", "b", 3, previous=("a",), hour=16),
    ]
    for order in itertools.permutations(events):
        path = store.path.with_name(f"{'-'.join(str(events.index(one)) for one in order)}.db")
        fresh = Store(path)
        feed = set_up(fresh)
        for event in order:
            fresh.accept(feed, [event], NOW)
        assert [row[0] for row in subjects(fresh)] == ["active"], order
        fresh.close()


HISTORIES: list[list[Event]] = [
    [
        booked("created", "a", 1),
        booked("rescheduled", "a", 2, hour=15),
        booked("cancelled", "a", 3),
    ],
    [
        booked("created", "a", 1),
        booked("rescheduled", "b", 2, previous=("a",), hour=15),
        booked("cancelled", "b", 3),
    ],
    [
        booked("created", "a", 1),
        booked("rescheduled", "b", 2, previous=("a",), hour=15),
        booked("rescheduled", "c", 3, previous=("b",), hour=16),
    ],
    [
        booked("created", "a", 1),
        booked("rescheduled", "b", 2, previous=("a",), hour=15),
        booked("no_show", "b", 3, partial=True),
        booked("cancelled", "b", 4),
    ],
]  # fmt: skip


@pytest.mark.parametrize("history", HISTORIES, ids=["one id", "two ids", "three ids", "no show"])
def test_all_orders_of_arrival_end_in_one_subject_in_the_same_state(
    history: list[Event], tmp_path: Path
) -> None:
    ends = set()
    for number, order in enumerate(itertools.permutations(history)):
        store = Store(tmp_path / f"{number}.db")
        feed = set_up(store)
        for event in order:
            store.accept(feed, [event], NOW)
        with store.read() as db:
            rows = db.execute(
                "SELECT status, json_extract(details, '$.booking.start') FROM subjects"
                " WHERE merged_into IS NULL"
            ).fetchall()
            loose = db.execute(
                "SELECT count(*) FROM deliveries d JOIN subjects s ON s.id = d.subject"
                " WHERE s.merged_into IS NOT NULL"
            ).fetchone()[0]
        assert len(rows) == 1, order
        assert loose == 0
        ends.add(tuple(rows[0]))  # not its version, which counts what became known
        store.close()
    assert len(ends) == 1


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(events=st.lists(st.sampled_from([e for h in HISTORIES for e in h]), max_size=8))
def test_any_repetition_accepts_each_event_once(
    events: list[Event], tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = Store(tmp_path_factory.mktemp("db") / "crmwire.db")
    feed = set_up(store)
    fresh = sum(not store.accept(feed, [event], NOW)[0].duplicate for event in events)
    with store.read() as db:
        assert db.execute("SELECT count(*) FROM events").fetchone()[0] == fresh
        assert db.execute("SELECT count(*) FROM deliveries").fetchone()[0] == fresh
    store.close()


def test_a_rehearsal_stores_nothing(store: Store) -> None:
    feed = set_up(store)
    found = store.rehearse(feed, [booked("created", "a", 1)], NOW)
    assert [claimed.delivery.event.type for _, claimed in found] == ["booking.created"]
    with store.read() as db:
        assert db.execute("SELECT count(*) FROM events").fetchone()[0] == 0


def test_many_threads_share_commits_and_each_gets_its_own_answer(tmp_path: Path) -> None:
    store = Store(tmp_path / "crmwire.db", threaded=True)
    feed = set_up(store)

    def accept(number: int) -> bool:
        events = [booked("created", f"u{number % 50}", 1)]
        return store.accept(feed, events, NOW)[0].duplicate

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(accept, range(200)))
    assert answers.count(False) == 50
    store.close()


def test_half_a_character_is_replaced_not_refused(store: Store) -> None:
    feed = set_up(store)
    event = booked("created", "a\ud800", 1)
    assert not store.accept(feed, [event], NOW)[0].duplicate
    assert store.accept(feed, [event], NOW)[0].duplicate

"""Events of the past, halves of a move, links that meet, and attempts nobody heard the end of."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import attrs
import pytest

from crmwire.store import clockwork, doubts, forgetting, merging, records, setup
from crmwire.store.doubts import Making
from crmwire.types import Chunk, Event

DAY = 1440


def begin(box: Any, route: int = 1, **more: Any) -> Any:
    values = {"adopt": False, "now": box.now, **more}
    return box.store.begin_backfill(route, "past", box.now - timedelta(days=30), **values)


def take(box: Any, one: Any, *events: Event, finished: bool = False, **chunk: Any) -> Any:
    values = {"cursor": None, "total": None, **chunk}
    made = Chunk(events=events, **values)
    return box.store.take_past(one, 1, made, finished=finished, now=box.now)


# ---------------------------------------------------------------- backfills


def test_a_backfill_is_gone_on_with_until_it_is_finished_or_given_up(box: Any) -> None:
    first = begin(box)
    assert (first.listed, first.adopt, first.finished, first.cursor) == (0, False, False, None)
    assert begin(box, adopt=True) == attrs.evolve(first, adopt=True)
    assert begin(box, route=2).id != first.id
    going = take(box, first, box.event("a", minute=-5), cursor={"page": 2}, total=9)
    assert (going.counts, going.listed, going.cursor, going.total) == (
        {"carried": 1},
        1,
        {"page": 2},
        9,
    )
    assert begin(box, adopt=False) == attrs.evolve(going, adopt=False)
    done = take(box, going, box.event("b", "cancelled", minute=-4), finished=True)
    assert (done.total, done.listed, done.finished) == (9, 2, True)
    assert box.store.backfill_states(first.id) == {"ready": 2}
    assert begin(box).id == first.id  # its deliveries wait still
    box.settle("delivered")
    assert box.store.backfill_states(first.id) == {"delivered": 2}
    second = begin(box)
    assert second.id != first.id
    third = begin(box, again=True)
    assert third.id not in (first.id, second.id)
    assert box.rows("SELECT finished_at FROM backfills WHERE id = ?", second.id) == [
        box.now.timestamp()
    ]


def test_each_past_event_has_one_fate(box: Any) -> None:
    box.run("UPDATE routes SET since = 9e9")
    box.accept(box.event("early", minute=-9))
    assert box.states() == ["skipped"]
    one = begin(box)
    told = take(box, one, box.event("early", minute=-9))
    assert told.counts == {"carried": 1}  # it was not meant for the route then
    assert box.states() == ["ready"]
    assert box.states("two") == ["skipped"]
    assert take(box, told, box.event("early", minute=-9)).counts == {"carried": 1, "known": 1}
    assert box.rows("SELECT connection, count FROM counters WHERE state = 3 ORDER BY 1") == [
        (1, 0),
        (2, 1),
    ]
    once_more = take(box, one, box.event("long ago", minute=-31 * DAY))
    assert once_more.counts == {"early": 1}
    ignored = take(box, one, box.event("x", ignored="of no kind that is carried"))
    assert ignored.counts == {"ignored": 1}


def test_an_event_that_came_before_the_route_was_made_is_carried_by_its_backfill(box: Any) -> None:
    box.accept(box.event("a", minute=-9, page="7"))
    box.run("DELETE FROM deliveries WHERE connection = 1")
    assert take(box, begin(box), box.event("a", minute=-9, page="7")).counts == {"carried": 1}
    assert box.states() == ["ready"]


def test_an_event_whose_text_is_gone_is_known_and_not_told_again(box: Any) -> None:
    box.accept(box.event("a", minute=-9))
    box.run("DELETE FROM deliveries")
    box.run("UPDATE events SET snapshot = NULL")
    assert take(box, begin(box), box.event("a", minute=-9)).counts == {"known": 1}
    assert box.states() == []


def test_events_of_pages_that_another_route_carries_are_elsewhere(box: Any) -> None:
    box.do(
        setup.insert_route, name="of 7", team="default", feed=1, page="7", connection=1,
        preset="x", mapping={}, fingerprint="", options={}, rows={}, zone=None, since=0.0,
    )  # fmt: skip
    one = begin(box)
    assert take(box, one, box.event("a", page="7")).counts == {"elsewhere": 1}
    box.accept(box.event("b", page="7"))
    assert take(box, one, box.event("b", page="7")).counts == {"elsewhere": 1}
    assert take(box, begin(box, route=3), box.event("a", page="7")).counts == {"carried": 1}


def test_a_forgotten_booking_is_not_brought_back(box: Any) -> None:
    box.accept(box.event("a"))
    box.do(forgetting.forget_subject, 1, "ada@example.com", "me", 5.0)
    assert take(box, begin(box), box.event("a", minute=-1)).counts == {"ignored": 1}


@pytest.mark.parametrize(
    ("verb", "hour", "fate"),
    [("created", 12, "known"), ("created", 14, "carried"), ("cancelled", 12, "carried")],
)
def test_a_booking_that_is_told_otherwise_is_carried_if_it_stands_otherwise(
    verb: str, hour: int, fate: str, box: Any
) -> None:
    box.accept(box.event("a", minute=-9))
    past = box.event("a", verb, minute=-8, hour=hour, webhook_id="of a list")
    assert take(box, begin(box), past).counts == {fate: 1}
    assert len(box.store.subjects(1)) == 1


def test_what_has_ended_is_not_begun_again_by_an_older_telling(box: Any) -> None:
    box.accept(box.event("a", "cancelled", minute=-9))
    past = box.event("a", minute=-20, hour=15, webhook_id="of a list")
    assert take(box, begin(box), past).counts == {"known": 1}
    ended = box.event("a", "rejected", minute=-8, webhook_id="of another")
    assert take(box, begin(box, again=True), ended).counts == {"known": 1}


def test_a_telling_without_times_is_of_the_booking_as_it_is(box: Any) -> None:
    box.accept(box.event("a", minute=-9))
    details = attrs.evolve(box.event("a").details, booking=None)
    past = box.event("a", minute=-8, details=details, webhook_id="of a list")
    assert take(box, begin(box), past).counts == {"known": 1}


def test_a_booking_that_only_another_connection_was_told_of_is_carried(box: Any) -> None:
    box.accept(box.event("a", minute=-9))
    box.run("DELETE FROM deliveries WHERE connection = 1")
    past = box.event("a", minute=-8, webhook_id="of a list")
    assert take(box, begin(box), past).counts == {"carried": 1}


def test_a_rehearsal_counts_and_leaves_nothing(box: Any) -> None:
    events = [
        box.event("a"),
        box.event("a", "rescheduled", minute=5, hour=15),
        box.event("b", minute=-99999),
    ]
    since = box.now - timedelta(days=30)
    assert box.store.rehearse_past(1, 1, events, since, box.now) == {"carried": 2, "early": 1}
    assert box.rows("SELECT count(*) FROM events") == [0]
    assert box.rows("SELECT count(*) FROM backfills") == [0]
    box.accept(events[0])
    found = box.store.rehearse(1, events[:2], box.now)
    assert [(connection, c.delivery.event.type) for connection, c in found] == [
        (1, "booking.created"),
        (2, "booking.created"),
        (1, "booking.rescheduled"),
        (2, "booking.rescheduled"),
    ]
    assert box.rows("SELECT count(*) FROM events") == [1]


# ---------------------------------------------------------------- halves of a move


def joined(box: Any, *events: Event) -> list[tuple[str, str]]:
    box.run("UPDATE routes SET join_within = 10")
    for event in events:
        box.accept(event)
    return [
        (json.loads(text)["type"].partition(".")[2], json.loads(text)["subject_id"])
        for text in box.rows("SELECT event FROM events ORDER BY id")
    ]


def test_a_booking_cancelled_and_made_anew_within_the_time_is_one_that_moved(box: Any) -> None:
    events = [box.event("a"), box.event("a", "cancelled", minute=20)]
    assert joined(box, *events, box.event("b", minute=30, hour=15)) == [
        ("created", "a"),
        ("cancelled", "a"),
        ("rescheduled", "b"),
    ]
    assert box.rows("SELECT DISTINCT subject FROM events") == [1]
    # A repeat of what is part of a move already, and a half a second too late, are no move.
    late = box.event("c", minute=30, hour=16)
    late = attrs.evolve(late, occurred_at=late.occurred_at + timedelta(seconds=1))
    assert joined(box, late)[-1] == ("created", "c")


def test_the_half_that_is_told_first_may_be_the_new_one(box: Any) -> None:
    told = joined(
        box,
        box.event("a"),
        box.event("b", minute=20, hour=15),
        box.event("a", "cancelled", minute=25),
    )
    assert told[-1] == ("rescheduled", "b")
    assert box.rows("SELECT DISTINCT subject FROM events") == [1]


@pytest.mark.parametrize(
    "other",
    [
        {"email": "bob@example.com"},
        {"email": None},
        {"page": "8"},
        {"previous_ids": ("z",)},
        {"partial": True},
    ],
)
def test_halves_of_other_guests_or_pages_or_of_a_source_that_names_links_stay_two(
    other: dict[str, Any], box: Any
) -> None:
    events = [box.event("a"), box.event("a", "cancelled", minute=20)]
    assert joined(box, *events, box.event("b", minute=21, **other))[-1] == ("created", "b")


def test_of_two_that_were_cancelled_the_nearest_in_time_is_the_one_that_moved(box: Any) -> None:
    told = joined(
        box,
        box.event("a"),
        box.event("b", hour=13),
        box.event("a", "cancelled", minute=18),
        box.event("b", "cancelled", minute=20),
        box.event("c", minute=21, hour=15),
    )
    assert told[-1] == ("rescheduled", "c")
    (subject,) = box.rows("SELECT subject FROM aliases WHERE alias = 'c'")
    assert box.rows("SELECT subject FROM aliases WHERE alias = 'b'") == [subject]


def test_old_halves_are_not_kept(box: Any) -> None:
    joined(box, box.event("a"), box.event("a", "cancelled", minute=1))
    assert len(box.rows("SELECT alias FROM halves")) == 2
    later = attrs.evolve(box, now=box.now + timedelta(days=2, seconds=1))
    joined(later, box.event("z", email="z@example.com"))
    assert box.rows("SELECT alias FROM halves") == ["z"]


def test_a_feed_without_such_a_route_joins_nothing(box: Any) -> None:
    box.run("UPDATE routes SET join_within = 10 WHERE id = 1")
    box.run("UPDATE routes SET page = '7' WHERE id = 1")
    for event in (
        box.event("a"),
        box.event("a", "cancelled", minute=1),
        box.event("b", minute=2, hour=15),
    ):
        box.accept(event)
    assert box.rows("SELECT DISTINCT subject FROM events ORDER BY 1") == [1, 2]


# ---------------------------------------------------------------- links that meet


def links(box: Any, subject: int = 1) -> dict[tuple[str, str], tuple[str, int, bool]]:
    with box.store.read() as db:
        found = records.links_of(db, 1, [subject]).get(subject, [])
    return {(one.role, one.item): (one.record, one.version, one.retired) for one in found}


def test_of_two_records_in_one_place_the_newer_keeps_it_and_the_older_is_still_to_be_marked(
    box: Any,
) -> None:
    for record, version in (("new", 5), ("old", 3), ("newest", 6)):
        box.do(records.place_link, 1, 1, "activity", "", "Event", record, version, None)
    assert links(box) == {
        ("activity", ""): ("newest", 6, False),
        ("activity", "~old"): ("old", 3, True),
        ("activity", "~new"): ("new", 5, True),
    }
    box.do(records.place_link, 1, 1, "activity", "", "Event", "newest", 7, None)
    assert links(box)["activity", ""] == ("newest", 7, False)


def test_a_record_that_comes_back_into_its_place_is_not_to_be_marked_any_more(box: Any) -> None:
    """Two halves of a booking were made at once, and their lost answers found one by one."""
    for record, version in (("first", 3), ("second", 5), ("first", 5)):
        box.do(records.place_link, 1, 1, "activity", "", "Event", record, version, None)
    assert links(box) == {
        ("activity", ""): ("first", 5, False),
        ("activity", "~second"): ("second", 5, True),
    }


def test_what_another_subject_was_to_mark_is_still_to_be_marked(box: Any) -> None:
    box.accept(box.event("a"), box.event("b", hour=13))
    for record, version in (("x", 3), ("y", 4)):
        box.do(records.place_link, 2, 1, "activity", "", "Event", record, version, None)
    box.do(merging.merge, 2, 1)
    assert links(box) == {
        ("activity", ""): ("y", 4, False),
        ("activity", "~x"): ("x", 3, True),
    }


def test_what_another_subject_was_to_mark_is_not_marked_where_it_has_its_place(box: Any) -> None:
    box.accept(box.event("a"), box.event("b", hour=13))
    box.do(records.place_link, 1, 1, "activity", "", "Event", "x", 5, None)
    for record, version in (("x", 3), ("y", 4)):
        box.do(records.place_link, 2, 1, "activity", "", "Event", record, version, None)
    box.do(merging.merge, 2, 1)
    assert links(box) == {
        ("activity", ""): ("x", 5, False),
        ("activity", "~y"): ("y", 4, True),
    }


@pytest.mark.parametrize("role", ["person", "company"])
def test_people_and_companies_are_replaced_and_never_marked(role: str, box: Any) -> None:
    for record, version in (("a", 5), ("b", 5), ("c", 4)):
        box.do(records.place_link, 1, 1, role, "", "Contact", record, version, None)
    assert links(box) == {(role, ""): ("b", 5, False)}


def test_two_subjects_that_are_one_share_links_progress_and_the_queue(box: Any) -> None:
    box.accept(box.event("a"), box.event("b", hour=13))
    for subject, record, version in ((1, "x", 5), (2, "y", 7)):
        box.do(records.place_link, subject, 1, "activity", "", "Event", record, version, None)
    box.run("INSERT INTO progress VALUES (1, 1, 9), (1, 2, 4), (2, 2, 8)")
    box.run("UPDATE deliveries SET due_at = 9e9 WHERE id = 1")
    box.do(merging.merge, 2, 1)
    assert links(box) == {
        ("activity", ""): ("y", 7, False),
        ("activity", "~x"): ("x", 5, True),
    }
    assert links(box, 2) == {}
    assert box.rows("SELECT * FROM progress ORDER BY connection") == [(1, 1, 9), (2, 1, 8)]
    assert box.rows("SELECT due_at FROM deliveries WHERE connection = 1") == [9e9, 9e9]
    assert [one.id for one in box.store.subjects(1)] == [1]


def test_what_crmwire_made_is_remembered_for_a_day_and_by_the_account(box: Any) -> None:
    key = ("Contact", "Email", "ada@example.com")
    made = records.Created(type="Contact", key="Email", value="ada@example.com", record="9")
    box.do(records.remember, "lane", [made], 1000.0)

    def known(lane: str, now: float) -> dict[tuple[str, str, str], str]:
        with box.store.read() as db:
            return records.remembered(db, lane, [key, ("Lead", "Email", "ada@example.com")], now)

    assert known("lane", 1000.0 + 86399) == {key: "9"}
    assert known("lane", 1000.0 + 86400) == {}
    assert known("other", 1001.0) == {}
    for connection in (1, 2):
        box.do(records.place_link, 1, connection, "person", "", "Contact", "9", 1, None)
    with box.store.read() as db:
        assert records.linked(db, box.lane, [("Contact", "9"), ("Lead", "9")]) == {
            ("Contact", "9"): [(1, 1, "person", "")]
        }
    box.do(records.forget_record, "lane", "Contact", "9")
    assert known("lane", 1001.0) == {}
    assert box.rows("SELECT connection FROM links") == [1, 2]
    box.do(records.forget_record, box.lane, "Contact", "9")
    assert box.rows("SELECT connection FROM links") == [2]


# ---------------------------------------------------------------- doubts


def open_attempt(box: Any, id_: int, attempt: Any, *, state: int = 4, sent: float = 50.0) -> None:
    text = attempt if isinstance(attempt, str) or attempt is None else json.dumps(attempt)
    box.run(
        "UPDATE deliveries SET attempt = ?, attempt_open = 1, state = ?, sent_at = ? WHERE id = ?",
        text, state, sent, id_,
    )  # fmt: skip


def write(action: str = "create", role: str = "person", **fields: Any) -> dict[str, Any]:
    return {"write": {"action": action, "role": role, "key": "Email=A@x.org", "fields": fields}}


def test_held_deliveries_that_may_have_made_records_are_known(box: Any) -> None:
    box.accept(*(box.event(uid) for uid in "abcdef"))
    for id_, attempt in (
        (1, {"writes": [write("update"), write()]}),
        (3, {"writes": [write("update")]}),
        (5, "no JSON"),
        (7, ["a list"]),
        (9, None),
        (11, {"writes": ["no write", {"write": 1}]}),
    ):
        open_attempt(box, id_, attempt)
    with box.store.read() as db:
        assert doubts.held_in_doubt(db, 1, [1, 2, 3, 4, 5, 6]) == {1: [1]}
        assert doubts.held_in_doubt(db, 2, [1]) == {}
    open_attempt(box, 1, {"writes": [write()]}, state=0)
    with box.store.read() as db:
        assert doubts.held_in_doubt(db, 1, [1]) == {}


def test_the_keys_of_what_unanswered_attempts_may_be_making_are_known(box: Any) -> None:
    box.accept(box.event("a"), box.event("b"), box.event("c"))
    open_attempt(box, 1, {"writes": [write(Name=" Ada ", Age=5), write(role="activity")]})
    open_attempt(box, 3, {"writes": [write(), write("update", Phone="1")]}, sent=60.0)
    open_attempt(box, 5, {"writes": [write(Late="x")]}, sent=40.0)
    with box.store.read() as db:
        found = doubts.being_made(db, box.lane, 40.0, 100.0)
        assert doubts.being_made(db, "connection:2", 0.0, 100.0) == {}
        later = doubts.being_made(db, box.lane, 60.0, 100.0)
    ada = {"person:name=ada": Making(lately=50.0), "email=a@x.org": Making(lately=60.0)}
    assert (found, later) == (ada, {})
    open_attempt(box, 1, {"writes": [write()]}, state=0)
    open_attempt(box, 3, {"writes": [write()]}, state=1, sent=60.0)
    with box.store.read() as db:
        both = ((50.0, 1, 1), (60.0, 1, 2))
        found = doubts.being_made(db, box.lane, 55.0, 100.0)
        assert found == {"email=a@x.org": Making(lately=60.0, open=both)}
        found = doubts.being_made(db, box.lane, 90.0, 100.0)
        assert found == {"email=a@x.org": Making(open=both)}
        assert doubts.being_made(db, box.lane, 90.0, 3655.0) == {
            "email=a@x.org": Making(open=((60.0, 1, 2),))
        }


# ---------------------------------------------------------------- clocks


def test_what_is_held_in_doubt_lies_in_no_future_when_the_clock_is_set_and_put_back(
    box: Any,
) -> None:
    """Whoever makes the same person waits for as long as it may be under way."""
    box.accept(box.event("a"))
    open_attempt(box, 1, {"writes": [write()]}, sent=950.0)
    box.do(clockwork.shift, 9000.0, 10_000.0)
    box.do(clockwork.shift, -9000.0, 1000.0)
    with box.store.read() as db:
        assert doubts.being_made(db, box.lane, 960.0, 1000.0) == {}


def test_what_was_sent_before_the_clock_was_put_forward_may_still_be_under_way(box: Any) -> None:
    box.accept(box.event("a"), box.event("b"))
    open_attempt(box, 1, {"writes": [write()]}, state=0, sent=950.0)
    open_attempt(box, 3, {"writes": [write()]}, state=0, sent=9990.0)
    box.do(clockwork.shift, 9000.0, 10_000.0)
    with box.store.read() as db:
        assert doubts.being_made(db, box.lane, 9940.0, 10_000.0) == {
            "email=a@x.org": Making(lately=9990.0, open=((950.0, 1, 1), (9990.0, 1, 2)))
        }
        assert doubts.being_made(db, box.lane, 9995.0, 13_560.0) == {
            "email=a@x.org": Making(open=((9990.0, 1, 2),))
        }
    (first, second) = box.load(1, [1, 3])
    assert (first.sent_at, first.sent_until) == (950.0, 9950.0)
    assert (second.sent_at, second.sent_until) == (9990.0, None)
    box.do(clockwork.shift, -9000.0, 1000.0)
    (first, second) = box.load(1, [1, 3])
    assert (first.sent_at, first.sent_until) == (950.0, 950.0)
    assert second.sent_at == 990.0


def test_what_waited_already_is_not_moved_twice_when_the_clock_was_put_back(box: Any) -> None:
    box.run(
        "INSERT INTO lanes (name, paused_until, reason) VALUES ('a', 5000, ''), ('b', 6000, '')"
    )
    box.do(clockwork.shift_rest, -3600.0, 1000.0, frozenset({5000.0}))
    assert box.rows("SELECT paused_until FROM lanes ORDER BY name") == [5000, 2400]

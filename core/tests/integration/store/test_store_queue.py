"""Subjects and the queue: what is claimed, with what, by whom, and what is known of it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import attrs
import pytest

from crmwire.store import Fenced, Outcome, clockwork, copies, logins, setup
from crmwire.types import Link
from crmwire.vocabulary import Details

# ---------------------------------------------------------------- what is claimed


def test_a_claimed_delivery_comes_with_all_that_is_known_of_it(box: Any) -> None:
    box.accept(box.event("x", ignored="of no kind that is carried"), box.event("y"))
    box.accept(box.event("a", minute=1))
    link = Link(role="person", item="i", type="Contact", record="9", version=4, url="http://x")
    batch = box.claim()
    assert batch.connection == 1
    one = batch.items[1]
    delivery, subject = one.delivery, one.delivery.subject
    assert (delivery.id, delivery.event_id, delivery.state) == (3, 3, "working")
    assert (delivery.connection, delivery.route, subject.feed) == ("one", "to one", "cal")
    assert (delivery.tries, delivery.late, delivery.again) == (0, False, False)
    assert (subject.id, subject.status, subject.links) == (2, "active", ())
    assert subject.delivered < subject.version == delivery.event.order
    assert subject.details == delivery.event.details
    assert delivery.first_try_at == box.now
    assert (one.route, one.attempt, one.attempt_open, one.sent_at) == (1, None, False, None)
    assert (one.chosen, one.route_removed, one.shadowed_by, one.adopt) == (None, False, None, False)
    assert box.states() == ["working", "working"]
    assert [row.by_state["working"] for row in box.store.counts()] == [2, 0]
    epoch = box.begin()
    assert box.states() == ["ready", "ready"]
    box.claim(epoch=epoch)
    box.store.save_attempts(box.lane, epoch, {3: '{"writes": []}'}, box.now)
    box.claim(
        Outcome(
            delivery=3, state="ready", links=(link,), version=7, chargeable=True, attempt_open=None
        ),
        epoch=epoch,
        limit=0,
    )
    (again,) = box.load(1, [3])
    assert again.delivery.subject.links == (link,)
    assert again.delivery.subject.delivered == 7
    assert again.delivery.tries == 1
    assert (again.attempt, again.attempt_open) == ({"writes": []}, True)
    assert again.sent_at == box.now.timestamp()


def test_what_a_connection_has_seen_never_goes_back(box: Any) -> None:
    box.accept(box.event("a"), box.event("b"))
    for version in (7, 5, 8):
        box.settle("ready", version=version)
    assert {one.delivery.subject.delivered for one in box.load(1, [1, 3])} == {8}
    assert box.load(2, [2])[0].delivery.subject.delivered < 0


def test_an_attempt_is_stored_by_the_drain_that_works_on_it_or_not_at_all(box: Any) -> None:
    box.accept(box.event("a"))
    old = box.begin()
    with pytest.raises(Fenced):  # it is not claimed
        box.store.save_attempts(box.lane, old, {1: "{}"}, box.now)
    box.claim(epoch=old)
    with pytest.raises(Fenced):  # it is another connection's
        box.store.save_attempts(box.lane, old, {2: "{}"}, box.now)
    epoch = box.begin()
    for attempts in ({1: "{}"}, {}):
        with pytest.raises(Fenced):
            box.store.save_attempts(box.lane, old, attempts, box.now)
    box.claim(epoch=epoch)
    box.run("UPDATE deliveries SET epoch = ? WHERE id = 1", old)
    with pytest.raises(Fenced):
        box.store.save_attempts(box.lane, epoch, {1: "{}"}, box.now)
    box.run("UPDATE deliveries SET epoch = ? WHERE id = 1", epoch)
    box.run("UPDATE connections SET lane = 'other' WHERE id = 1")
    with pytest.raises(Fenced):
        box.store.save_attempts(box.lane, epoch, {1: "{}"}, box.now)
    assert box.rows("SELECT attempt FROM deliveries WHERE id = 1") == [None]
    box.run("UPDATE connections SET lane = ? WHERE id = 1", box.lane)
    box.store.save_attempts(box.lane, epoch, {1: '{"x": "\ud800"}'}, box.now)
    assert box.rows("SELECT attempt_open, sent_at FROM deliveries WHERE id = 1") == [
        (1, box.now.timestamp())
    ]


def test_a_delivery_that_cannot_be_read_is_held_and_stops_no_other(box: Any) -> None:
    box.accept(box.event("a"), box.event("b"))
    box.run("UPDATE events SET event = '{}' WHERE id = 1")
    assert [one.delivery.id for one in box.claim().items] == [3]
    assert box.states() == ["held", "working"]
    row = box.store.delivery(1).row
    assert row.reason == "what is stored of it cannot be read"
    assert row.remedy == "Update crmwire, then retry."


def test_what_was_not_charged_has_not_begun_its_time_and_what_failed_waits_with_its_followers(
    box: Any,
) -> None:
    box.accept(box.event("a"))
    box.accept(box.event("a", "rescheduled", minute=5, hour=15))
    later = box.now.timestamp() + 60
    box.settle("ready", due_at=later, reason="slow", failure="retry_later", code="429")
    rows = box.rows("SELECT due_at, tries, first_try_at, failure, code FROM deliveries"
                    " WHERE connection = 1 ORDER BY id")  # fmt: skip
    assert rows == [(later, 0, None, "retry_later", "429"), (later, 0, None, None, None)]
    box.run("UPDATE deliveries SET due_at = 1 WHERE connection = 1")
    box.settle("held", due_at=later)
    assert box.rows("SELECT due_at FROM deliveries WHERE id = 3") == [box.now.timestamp()]
    assert box.rows("SELECT due_at FROM deliveries WHERE id = 4") == [box.now.timestamp()]


def test_links_are_kept_and_taken_away_as_the_outcome_says(box: Any) -> None:
    box.accept(box.event("a"))
    links = tuple(
        Link(role=role, item=item, type="T", record=f"{role}{item}", version=1)
        for role in ("person", "activity")
        for item in ("x", "y")
    )
    box.settle("ready", links=links)
    box.settle("delivered", unlinked=(("person", "x"), ("activity", "y")))
    (one,) = box.load(1, [1])
    assert sorted(link.record for link in one.delivery.subject.links) == ["activityx", "persony"]
    counters = box.rows("SELECT connection, state, count FROM counters")
    assert counters == [(1, 2, 1)]


# ---------------------------------------------------------------- subjects


def subject(box: Any) -> Any:
    (one,) = box.store.subjects(1)
    return one


def test_a_part_of_a_booking_that_nobody_told_of_is_of_an_unknown_one_until_it_is_told(
    box: Any,
) -> None:
    moved = box.event("a", "rescheduled", minute=5, hour=15, partial=True)
    box.accept(moved)
    assert subject(box).status == "unknown"
    box.accept(box.event("a"))
    assert subject(box).status == "active"
    assert subject(box).details.booking.start.hour == 15
    assert subject(box).details.guest.email == "ada@example.com"


def test_bookings_that_turn_out_to_be_one_are_as_the_newest_known_one_stands(box: Any) -> None:
    box.accept(box.event("a", "no_show", minute=1))
    box.accept(box.event("b", "updated", minute=2, partial=True, details=Details()))
    box.accept(box.event("c", "completed", minute=5))
    box.accept(box.event("d", "updated", minute=6, partial=True, details=Details()))
    box.accept(box.event("c", "updated", minute=3, previous_ids=("a", "b", "d"), partial=True))
    assert subject(box).status == "completed"
    assert box.rows("SELECT current FROM subjects WHERE merged_into IS NULL") == ["c"]


def test_unknown_bookings_that_turn_out_to_be_one_stay_unknown(box: Any) -> None:
    for uid, minute in (("a", 2), ("b", 4)):
        box.accept(box.event(uid, "updated", minute=minute, partial=True, details=Details()))
    box.accept(box.event("a", "updated", minute=3, previous_ids=("b",), partial=True))
    assert subject(box).status == "unknown"
    assert box.rows("SELECT current FROM subjects WHERE merged_into IS NULL") == ["b"]


def test_of_one_moment_the_beginning_is_the_older_whichever_is_told_first(box: Any) -> None:
    for verbs in (("rescheduled", "created"), ("created", "requested")):
        for order in (verbs, verbs[::-1]):
            uid = "-".join(order)
            hours = {"requested": 11, "created": 12, "rescheduled": 15}
            for verb in order:
                box.accept(box.event(uid, verb, hour=hours[verb]))
    assert [one.details.booking.start.hour for one in box.store.subjects(1)] == [15, 15, 12, 12]


def test_an_event_without_details_is_stored_without_any(box: Any) -> None:
    box.accept(box.event("a", "cancelled", details=Details()))
    (text,) = box.rows("SELECT event FROM events")
    assert "details" not in json.loads(text)
    assert box.rows("SELECT length(dedupe) FROM events") == [16]


def test_the_half_of_a_move_that_ends_the_old_booking_tells_only_when_it_was(box: Any) -> None:
    box.run("UPDATE routes SET join_within = 10")
    box.accept(box.event("a"), box.event("b", minute=20, hour=15))
    box.accept(box.event("a", "cancelled", minute=25))
    event = json.loads(box.rows("SELECT event FROM events ORDER BY id DESC LIMIT 1")[0])
    assert (event["subject_id"], event["previous_ids"], event["partial"]) == ("b", ["a"], True)
    assert set(event["details"]) == {"booking"}
    assert {key for key, value in event["details"]["booking"].items() if value} == {
        "previous_start",
        "previous_end",
    }
    assert subject(box).status == "active"


# ---------------------------------------------------------------- and the rest


def test_what_was_skipped_for_another_reason_is_not_carried_by_a_backfill(box: Any) -> None:
    box.accept(box.event("a", minute=-9))
    box.settle("skipped", reason="the filter says so")
    since = box.now - timedelta(days=1)
    assert box.store.rehearse_past(1, 1, [box.event("a", minute=-9)], since, box.now) == {
        "known": 1
    }
    box.run("UPDATE deliveries SET state = 4, reason = 'happened before the route''s `since`'")
    assert box.store.rehearse_past(1, 1, [box.event("a", minute=-9)], since, box.now) == {
        "known": 1
    }


def test_a_clock_put_back_moves_what_lies_in_the_future_and_is_open(box: Any) -> None:
    box.accept(*(box.event(uid) for uid in "abcd"))
    box.run("UPDATE deliveries SET due_at = 900, changed_at = 900, sent_at = 900")
    box.run("UPDATE deliveries SET due_at = 5000, changed_at = 5000, first_try_at = 5000,"
            " sent_at = 5000, attempt_open = 1 WHERE id IN (3, 5, 7)")  # fmt: skip
    box.run("UPDATE deliveries SET attempt_open = 0 WHERE id = 5")
    box.run("UPDATE deliveries SET state = 2 WHERE id = 7")
    box.run(
        "INSERT INTO created VALUES ('l', 'T', 'k', 'a', 'r', 900), ('l', 'T', 'k', 'b', 'r', 5000)"
    )
    box.run("INSERT INTO lanes (name, paused_until, reason) VALUES ('a', 900, ''), ('b', 5000, '')")
    box.do(clockwork.shift, -3600.0, 1000.0)
    rows = box.rows("SELECT due_at, changed_at, first_try_at, sent_at FROM deliveries"
                    " WHERE connection = 1 ORDER BY id")  # fmt: skip
    assert rows == [
        (900, 900, None, 900),
        (1400, 1000, 1400, 1400),
        (1400, 1000, 1400, 5000),
        (5000, 5000, 5000, 5000),
    ]
    assert box.rows("SELECT at FROM created ORDER BY value") == [900, 1400]
    assert box.rows("SELECT paused_until FROM lanes ORDER BY name") == [900, 1400]
    with box.store.read() as db:
        assert clockwork.waits(db) == {900.0, 1400.0}


def test_a_clock_put_forward_moves_all_that_waits_and_what_was_made_of_late(box: Any) -> None:
    box.accept(box.event("a"))
    box.run("UPDATE deliveries SET due_at = 900, changed_at = 900, sent_at = 900, attempt_open = 1")
    for value, at in (("a", 900), ("b", -86400)):
        box.run("INSERT INTO created VALUES ('l', 'T', 'k', ?, 'r', ?)", value, at)
    box.run("INSERT INTO lanes (name, paused_until, reason) VALUES ('a', 900, '')")
    box.do(clockwork.shift, 3600.0, 5000.0)
    assert box.rows("SELECT due_at, changed_at, sent_at FROM deliveries WHERE id = 1") == [
        (4500, 900, 900)
    ]
    assert box.rows("SELECT at FROM created ORDER BY value") == [4500, -86400]
    assert box.rows("SELECT paused_until FROM lanes") == [4500]
    with box.store.read() as db:
        assert clockwork.latest(db) == box.now.timestamp()
    box.run("UPDATE events SET received_at = 10")
    box.run("DELETE FROM history")
    with box.store.read() as db:
        assert clockwork.latest(db) == 5000.0


def test_what_was_changed_by_the_clock_of_before_is_moved_with_what_waits_behind_it(
    box: Any,
) -> None:
    box.accept(box.event("a"), box.event("b"))
    box.run("UPDATE deliveries SET due_at = 5000, changed_at = 900")
    box.run("UPDATE deliveries SET changed_at = 5000 WHERE id = 1")
    box.do(clockwork.shift_rest, -3600.0, 1000.0, frozenset())
    assert box.rows("SELECT due_at, changed_at FROM deliveries ORDER BY id") == [
        (1400, 1000),
        (5000, 900),
        (5000, 900),
        (5000, 900),
    ]


def test_the_newest_event_is_the_one_that_came_last(box: Any) -> None:
    with box.store.read() as db:
        assert copies.newest_event(db) is None
    box.accept(box.event("a"))
    later = attrs.evolve(box, now=box.now + timedelta(seconds=5))
    later.accept(box.event("b"))
    with box.store.read() as db:
        assert copies.newest_event(db) == later.now.timestamp()


def test_a_secret_of_any_letters_can_be_looked_up() -> None:
    assert len(logins.hashed("\ud800")) == 32
    assert logins.hashed("a") != logins.hashed("b")


def test_a_removed_route_skips_what_waits_and_what_comes_back(box: Any) -> None:
    box.accept(box.event("a"), box.event("b"))
    epoch = box.begin()
    box.claim(epoch=epoch, limit=1)
    assert box.do(setup.remove_route, 1, 5.0) == 1
    assert box.states() == ["working", "skipped"]
    box.claim(Outcome(delivery=1, state="ready", reason="slow"), epoch=epoch, limit=0)
    assert box.states() == ["skipped", "skipped"]
    assert box.store.delivery(1).row.reason == "the route was removed"
    assert box.rows("SELECT state, count FROM counters WHERE connection = 1") == [(3, 2)]


def test_a_removed_route_leaves_what_is_in_doubt_to_be_looked_up(box: Any) -> None:
    box.accept(box.event("a"))
    epoch = box.begin()
    box.claim(epoch=epoch)
    assert box.do(setup.remove_route, 1, 5.0) == 0
    doubt = Outcome(delivery=1, state="ready", reason="lost", attempt_open=True)
    box.claim(doubt, epoch=epoch, limit=0)
    assert box.states() == ["ready"]


def test_two_connections_of_one_account_are_one_lane(box: Any) -> None:
    box.accept(box.event("a"))
    assert sorted(box.store.due_lanes(box.now)) == ["connection:1", "connection:2"]
    box.run("UPDATE connections SET lane = 'toy:9'")
    assert box.store.due_lanes(box.now) == ["toy:9"]
    assert box.store.due_lanes(box.now - timedelta(seconds=1)) == []
    box.begin("toy:9")
    assert not box.store.rests("toy:9", box.now)
    later = box.now + timedelta(seconds=5)
    box.store.pause("toy:9", later, "too many")
    box.store.pause("toy:9", box.now, "fewer")  # a later end stays
    assert box.store.rests("toy:9", later - timedelta(seconds=1))
    assert not box.store.rests("toy:9", later)
    assert (box.store.due_lanes(box.now), box.store.due_lanes(later)) == ([], ["toy:9"])
    box.do(setup.set_connection_state, 1, "needs_login")
    box.do(setup.set_problem, 2, "slow", paused_until=later.timestamp() + 5)
    assert box.store.due_lanes(later) == []
    assert box.store.due_lanes(later + timedelta(seconds=5)) == ["toy:9"]


def test_an_event_that_comes_late_makes_a_newer_version_only_if_it_tells_something(
    box: Any,
) -> None:
    box.accept(box.event("a", minute=5))
    before = subject(box).version
    box.accept(box.event("a", "updated", minute=1))
    assert subject(box).version == before
    box.accept(box.event("a", "updated", minute=2, page="7"))
    assert (subject(box).version, subject(box).details.page.id) == (before + 1, "7")


@pytest.mark.parametrize("verb", ["cancelled", "rejected"])
def test_what_has_ended_stays_so_whatever_comes_after_under_the_same_id(
    verb: str, box: Any
) -> None:
    box.accept(box.event("a"), box.event("a", verb, minute=5))
    box.accept(box.event("a", "rescheduled", minute=9, hour=15))
    assert subject(box).status == verb
    box.accept(box.event("b", "rescheduled", minute=10, hour=16, previous_ids=("a",)))
    assert subject(box).status == "active"


def test_after_a_restore_what_goes_on_with_a_booking_nobody_knows_may_stand_already(
    box: Any,
) -> None:
    at = box.now.timestamp()
    box.run("INSERT INTO meta VALUES ('restored_at', ?)", repr(at - 9 * 86400))
    box.accept(box.event("a"), box.event("b", "rescheduled"), box.event("c", "rescheduled"))
    box.run("INSERT INTO progress VALUES (1, 3, 5)")
    lost = [one.lost is not None for one in box.load(1, [1, 3, 5])]
    assert lost == [False, True, False]

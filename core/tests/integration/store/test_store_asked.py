"""What people ask the store about deliveries, and what they do to them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from crmwire.errors import ConfigurationError, UnknownName
from crmwire.store import DeliveryFilter, repairs, setup, views
from crmwire.types import Link


def ids(box: Any, **wanted: Any) -> list[int]:
    rows = box.store.deliveries(DeliveryFilter(**wanted))
    found = [row.id for row in rows]
    if "limit" not in wanted:
        assert box.store.matching_ids(DeliveryFilter(**wanted)) == sorted(found)
    return found


def test_deliveries_are_listed_by_all_that_is_asked_for(box: Any) -> None:
    box.accept(*(box.event(uid) for uid in "abc"))
    held = box.settle("held", reason="Phone is WRONG", failure="rejected")
    assert ids(box) == [6, 5, 4, 3, 2, 1]
    assert ids(box, limit=2) == [6, 5]
    assert ids(box, after=4) == [6, 5]
    assert ids(box, connection="one") == [5, 3, 1]
    assert ids(box, route="to two") == [6, 4, 2]
    assert ids(box, states=("held",)) == sorted(held, reverse=True)
    assert ids(box, states=("held", "ready")) == [6, 5, 4, 3, 2, 1]
    assert ids(box, states=("held", "ready"), limit=2) == [6, 5]
    assert ids(box, failure="rejected", reason="is wrong") == sorted(held, reverse=True)
    assert ids(box, reason="no such") == []
    assert ids(box, connection="two", failure="rejected") == []
    with pytest.raises(ConfigurationError, match="no state 'done'"):
        ids(box, states=("held", "done"))


def test_what_was_skipped_or_dismissed_is_listed_with_all_else_newest_first(box: Any) -> None:
    box.accept(*(box.event(uid) for uid in "abc"))
    first = box.settle("skipped", reason="superseded")
    box.store.write(lambda db: repairs.dismiss(db, [6], "ada", 1.0))
    assert ids(box, states=("skipped",)) == sorted(first, reverse=True)
    assert ids(box, states=("dismissed",)) == [6]
    assert ids(box, states=("dismissed", "skipped"), limit=2)[0] == 6
    assert ids(box, reason="superseded", after=min(first)) == sorted(first, reverse=True)[:-1]


def test_one_delivery_is_told_with_its_event_its_links_and_what_became_of_it(box: Any) -> None:
    box.accept(box.event("a"))
    link = Link(role="person", item="", type="contact", record="9", version=1)
    box.settle("delivered", links=(link,), detail={"made": 1})
    view = box.store.delivery(1)
    assert (view.row.state, view.row.route, view.feed, view.late, view.attempt_open) == (
        "delivered",
        "to one",
        "cal",
        False,
        False,
    )
    assert view.event["subject_id"] == "a"
    assert view.links == (
        {"role": "person", "item": "", "type": "contact", "record": "9", "url": None},
    )
    assert [(one["state"], one.get("made")) for one in view.history][-1] == ("delivered", 1)
    assert box.store.delivery(2).links == ()
    with pytest.raises(UnknownName, match="no delivery 9"):
        box.store.delivery(9)


def test_deliveries_are_counted_by_state_with_the_age_of_the_oldest_that_waits(box: Any) -> None:
    box.accept(*(box.event(uid) for uid in "abc"))
    box.settle("held")
    box.do(repairs.dismiss, [1], "ada", 5.0)
    one, two = box.store.counts()
    assert (one.connection, two.connection) == ("one", "two")
    assert {state: number for state, number in one.by_state.items() if number} == {
        "held": 2,
        "dismissed": 1,
    }
    assert (one.oldest_waiting, two.oldest_waiting) == (None, box.now.timestamp())
    assert two.by_state["ready"] == 3
    box.do(setup.delete_connection, 1, 5.0)
    assert [row.connection for row in box.store.counts()] == ["two"]


def test_what_nobody_can_retry_or_dismiss_is_said(box: Any) -> None:
    box.accept(box.event("a"), box.event("b"))
    for job in (repairs.retry, lambda db, ids, now: repairs.dismiss(db, ids, "ada", now)):
        with pytest.raises(UnknownName, match="no delivery 9"):
            box.do(job, [9], 5.0)
    epoch = box.begin()
    box.claim(epoch=epoch)
    with pytest.raises(ConfigurationError, match="is being worked on"):
        box.do(repairs.dismiss, [1], "ada", 5.0)
    assert box.do(repairs.retry, [1], 5.0) == ([], set())
    box.do(setup.remove_route, 2, 5.0)
    assert box.states("two") == ["skipped", "skipped"]
    assert box.do(repairs.dismiss, [2, 4], "ada", 5.0) == []
    assert box.do(repairs.retry, [2, 4], 5.0) == ([], set())


def test_a_removed_routes_delivery_is_not_retried_and_says_why(box: Any) -> None:
    box.accept(box.event("a"), box.event("b"))
    box.settle("held")
    box.do(setup.remove_route, 1, 5.0)
    with pytest.raises(ConfigurationError, match="route of delivery 1 was removed"):
        box.do(repairs.retry, [1], 5.0)
    assert box.do(repairs.retry, [1, 3], 5.0) == ([], set())
    assert box.states() == ["held", "held"]


def test_what_an_event_told_that_is_no_longer_kept_is_not_told_again(box: Any) -> None:
    box.accept(box.event("a"), box.event("b"))
    box.settle("delivered")
    box.run("UPDATE events SET snapshot = NULL WHERE id = 1")
    with pytest.raises(ConfigurationError, match="no longer kept"):
        box.do(repairs.retry, [1], 5.0, again=True)
    assert box.do(repairs.retry, [1, 3], 5.0, again=True) == ([3], {box.lane})


def test_a_retry_begins_anew_and_what_waits_behind_it_follows(box: Any) -> None:
    box.accept(box.event("a"), box.event("b"))
    box.settle("held", failure="needs_review", attempt_open=True, chargeable=True)
    box.accept(box.event("a", "rescheduled", minute=5))
    box.run("UPDATE deliveries SET due_at = 9e9 WHERE state = 0")
    assert box.do(repairs.retry, [1], 7.0, use={"person": "9"}) == ([1], {box.lane})
    rows = box.rows("SELECT id, state, due_at, tries, attempt_open, again, chosen FROM deliveries"
                    " WHERE connection = 1 ORDER BY id")  # fmt: skip
    assert rows == [
        (1, 0, 7.0, 0, 0, 0, json.dumps({"person": "9"})),
        (3, 4, rows[1][2], 1, 1, 0, None),
        (5, 0, 7.0, 0, 0, 0, None),
    ]
    view = box.store.delivery(1)
    assert view.history[-1]["use"] == {"person": "9"}
    assert view.history[-1]["by"] == "retry"
    # What waits for its next try keeps the tries that it had, and what was chosen for it.
    box.run("UPDATE deliveries SET tries = 3, first_try_at = 2.0 WHERE id = 1")
    box.do(repairs.retry, [1], 8.0)
    assert box.rows("SELECT tries, first_try_at, due_at, chosen FROM deliveries WHERE id = 1") == [
        (3, 2.0, 8.0, json.dumps({"person": "9"}))
    ]
    assert "use" not in box.store.delivery(1).history[-1]
    # What was delivered is told again only if that is asked for.
    box.do(repairs.dismiss, [3, 5], "ada", 8.0)
    box.settle("delivered")
    assert box.do(repairs.retry, [1], 9.0) == ([], set())
    assert box.do(repairs.retry, [1], 9.0, again=True) == ([1], {box.lane})
    assert box.rows("SELECT again, tries FROM deliveries WHERE id = 1") == [(1, 0)]
    assert box.rows("SELECT state, count FROM counters WHERE connection = 1 ORDER BY state") == [
        (2, 0),
        (5, 2),
    ]


def test_what_is_dismissed_lets_the_next_go_and_says_by_whom(box: Any) -> None:
    box.accept(box.event("z"), box.event("a"))
    box.accept(box.event("a", "rescheduled", minute=5))
    box.run("UPDATE deliveries SET due_at = 9e9")
    assert box.do(repairs.dismiss, [3], "ada", 7.0) == [3]
    assert box.states() == ["ready", "dismissed", "ready"]
    assert box.rows("SELECT id FROM deliveries WHERE due_at = 7.0") == [5]
    view = box.store.delivery(3)
    assert (view.row.reason, view.history[-1]["by"]) == ("dismissed by ada", "ada")


def test_lanes_and_unreadable_webhooks_are_listed(box: Any) -> None:
    for number in range(3):
        box.store.keep_unreadable(1, b"x", f"reason {number}", box.now)
    assert [(row[1], row[3]) for row in box.store.unreadable()] == [
        ("cal", "reason 2"),
        ("cal", "reason 1"),
        ("cal", "reason 0"),
    ]
    with box.store.read() as db:
        assert [row[3] for row in views.unreadable(db, 1)] == ["reason 2"]
    box.begin()
    box.store.pause(box.lane, box.now, "too many")
    assert box.store.lanes() == {box.lane: (box.now.timestamp(), "too many")}


@pytest.mark.parametrize("asked", ["deliveries", "matching_ids"])
def test_what_changes_its_state_meanwhile_is_listed_all_the_same(
    box: Any, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    """Each state is looked for by its own index: it must not slip from one into the other."""
    box.accept(box.event("a"))
    box.run("UPDATE deliveries SET state = 1")

    def states(wanted: DeliveryFilter) -> Iterator[int]:
        yield 0
        box.run("UPDATE deliveries SET state = 0")
        yield 1

    monkeypatch.setattr(views, "_states", states)
    assert len(getattr(box.store, asked)(DeliveryFilter(states=("ready", "working")))) == 2


def test_what_is_delivered_meanwhile_is_counted_once(
    box: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.accept(box.event("a"))

    class Delivering(list[str]):
        """Once asked for a state's name, it lets what waits be delivered."""

        asked = False

        def __getitem__(self, index: Any) -> Any:
            if not self.asked:
                self.asked = True
                box.settle("delivered")
            return super().__getitem__(index)

    monkeypatch.setattr(views, "STATES", Delivering(views.STATES))
    assert [sum(one.by_state.values()) for one in box.store.counts()] == [1, 1]

"""How logins, polls and troubles stand, row by row."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import attrs

from crmwire.store import alerts, logins, polls
from crmwire.vocabulary import Details, Person

DAY = 86400.0

# ---------------------------------------------------------------- logins


def login(box: Any, connection: int = 1) -> Any:
    with box.store.read() as db:
        return logins.login(db, connection)


def test_a_login_is_refreshed_by_one_at_a_time_and_counts_its_generations(box: Any) -> None:
    assert login(box) is None
    box.run("INSERT INTO cache VALUES (1, 'a', 1, '1'), (2, 'a', 1, '1')")
    for connection in (1, 2):
        box.do(
            logins.logged_in, connection, "refreshable", 100.0, expires_at=200.0,
            base_url="https://a", scopes=["x", "y"],
        )  # fmt: skip
    assert box.rows("SELECT count(*) FROM cache") == [0]  # it was read as somebody else
    begun = login(box)
    assert (begun.kind, begun.number, begun.generation, begun.obtained_at) == (
        "refreshable", 1, 1, 100.0,
    )  # fmt: skip
    assert (begun.expires_at, begun.base_url, begun.scopes) == (200.0, "https://a", ("x", "y"))
    assert (begun.lease, begun.lease_until, begun.retry_at, begun.problem) == (None,) * 4

    def lease(holder: str, now: float, generation: int = 1) -> Any:
        return box.do(logins.take_lease, 1, generation, holder, now, now + 10)

    assert lease("me", 100.0)
    assert lease("me", 101.0)
    assert not lease("other", 110.9)
    assert not lease("other", 200.0, generation=2)
    assert lease("other", 111.0)  # who held it is late
    assert (login(box).lease, login(box).lease_until) == ("other", 121.0)
    box.do(logins.give_back, 1, "me")
    box.do(logins.not_refreshed, 1, 1, "me", problem={"a": 1}, retry_at=9.0)
    assert login(box).lease == "other"
    box.do(logins.not_refreshed, 1, 1, "other", problem={"a": 1}, retry_at=9.0)
    failed = login(box)
    assert (failed.lease, failed.lease_until) == (None, None)
    assert (failed.problem, failed.retry_at) == ({"a": 1}, 9.0)
    box.do(logins.forget_problem, 1)
    assert (login(box).problem, login(box).retry_at) == (None, None)
    assert lease("me", 300.0)
    box.do(logins.give_back, 1, "me")
    assert lease("other", 300.0)
    new = {"expires_at": 900.0, "base_url": None, "scopes": []}
    assert not box.do(logins.refreshed, 1, 2, 301.0, **new)
    assert box.do(logins.refreshed, 1, 1, 301.0, **new)
    done = login(box)
    assert (done.generation, done.number, done.obtained_at, done.expires_at) == (2, 1, 301.0, 900.0)
    assert (done.base_url, done.scopes, done.lease) == ("https://a", ("x", "y"), None)
    other = {"expires_at": None, "base_url": "https://b", "scopes": ["z"]}
    assert box.do(logins.refreshed, 1, 2, 400.0, **other)
    assert (login(box).base_url, login(box).scopes, login(box).expires_at) == (
        "https://b", ("z",), None,
    )  # fmt: skip
    assert login(box, 2) == attrs.evolve(begun, connection=2)
    box.do(logins.logged_in, 1, "static", 500.0)
    again = login(box)
    assert (again.kind, again.number, again.generation) == ("static", 2, 4)
    assert (again.base_url, again.scopes) == (None, ())
    with box.store.read() as db:
        assert [logins.number(db, one) for one in (1, 2, 9)] == [2, 1, 0]
    box.do(logins.forget, 1)
    assert login(box) is None
    assert login(box, 2) is not None


# ---------------------------------------------------------------- polls


def test_how_far_a_source_was_read_is_kept_with_what_it_told(box: Any) -> None:
    assert box.store.polls() == {}
    box.store.poll_failed(
        1, failure="retry_later", problem="p", remedy="r", due_at=50.0, now=box.now
    )
    row = box.store.polls()[1]
    at = box.now.timestamp()
    assert (row.cursor, row.due_at, row.asked_at, row.answered_at) == (None, 50.0, at, None)
    assert (row.told, row.failures, row.failure, row.problem, row.remedy) == (
        0, 1, "retry_later", "p", "r",
    )  # fmt: skip
    box.store.poll_failed(1, failure="x", problem="q", remedy="s", due_at=60.0, now=box.now)
    assert (box.store.polls()[1].failures, box.store.polls()[1].problem) == (2, "q")
    answers = box.store.take_in_poll(1, [box.event("a"), box.event("a")], {"c": 1}, 70.0, box.now)
    assert [one.duplicate for one in answers] == [False, True]
    row = box.store.polls()[1]
    assert (row.cursor, row.due_at, row.answered_at, row.told) == ({"c": 1}, 70.0, at, 1)
    assert (row.failures, row.failure, row.problem, row.remedy) == (0, None, None, None)
    box.store.take_in_poll(1, [box.event("a"), box.event("b")], 2, 80.0, box.now)
    assert (box.store.polls()[1].told, box.store.polls()[1].cursor) == (2, 2)
    box.do(polls.ask_soon, 2)
    assert box.store.polls()[1].due_at == 80.0
    box.do(polls.ask_soon, 1)
    assert box.store.polls()[1].due_at == 0.0
    box.run("UPDATE feeds SET removed_at = 1")
    assert box.store.polls() == {}
    assert box.store.take_in_poll(1, [box.event("c")], 3, 90.0, box.now) == []


# ---------------------------------------------------------------- troubles


def test_troubles_stand_until_they_are_over_and_everybody_was_told(box: Any) -> None:
    one, two = (
        box.do(alerts.insert_target, name=name, team="*", kind="webhook", service="", digest="off",
               now=1.0)
        for name in ("one", "two")
    )  # fmt: skip

    def notice(target: int, event: str = "trouble", **more: Any) -> Any:
        values: dict[str, Any] = {"kind": "k", "uid": uuid4().hex, "title": "t", "body": "b"}
        return alerts.NewNotice(target=target, event=event, data={}, **values, **more)  # type: ignore[arg-type]

    def record(now: float, **made: Any) -> None:
        box.do(alerts.record, alerts.Decision(**made), now)

    def standing(now: float) -> Any:
        with box.store.read() as db:
            return alerts.standing(db, now)

    def opening(about: str) -> Any:
        return alerts.Opening(about=about, kind="k", team="t", name="n")

    assert alerts.Decision().empty
    assert not alerts.Decision(well=(1,)).empty
    record(10.0, openings=(opening("a"), opening("a"), opening("b")))
    record(11.0, notices=(notice(one, begun=("a", "b")), notice(two, begun=("a",))), well=(2,))
    stands = standing(12.0)
    assert [
        (row.id, row.about, row.opened_at, row.well_since, row.closed_at) for row in stands.troubles
    ] == [(1, "a", 10.0, None, None), (2, "b", 10.0, 11.0, None)]
    assert (stands.troubles[0].kind, stands.troubles[0].team, stands.troubles[0].name) == (
        "k", "t", "n",
    )  # fmt: skip
    assert stands.told == {(one, 1): None, (one, 2): None, (two, 1): None}
    assert stands.recent == {(one, "trouble", "k"): [11.0], (two, "trouble", "k"): [11.0]}
    assert stands.lately == {(one, "a"): 1, (one, "b"): 1, (two, "a"): 1}
    assert [target.name for target in stands.targets] == ["one", "two"]
    record(13.0, closings=((1, "mended"), (2, "gone")), silent=((one, 2),))
    stands = standing(14.0)
    assert [(row.id, row.closed_at, row.ended) for row in stands.troubles] == [(1, 13.0, "mended")]
    record(15.0, notices=(notice(one, "well", ended=(1,)),))
    assert standing(16.0).told == {(one, 1): 15.0, (two, 1): None}
    record(17.0, back=(1,))
    back = standing(18.0).troubles[0]
    assert (back.well_since, back.closed_at, back.ended) == (None, None, None)
    box.run("UPDATE troubles SET opened_at = ? WHERE id = 2", -2 * DAY)
    assert standing(18.0).lately == {(one, "a"): 1, (two, "a"): 1}  # it began long ago
    box.run("UPDATE troubles SET opened_at = 10 WHERE id = 2")
    assert standing(11.0 + DAY).recent == {(one, "well", "k"): [15.0]}
    assert standing(10.9 + DAY).lately == {(one, "a"): 1, (one, "b"): 1, (two, "a"): 1}
    assert standing(11.0 + DAY).lately == {}
    record(18.0, closings=((1, "mended"),), silent=((one, 1), (two, 1)))
    assert standing(19.0).troubles == ()
    with box.store.read() as db:
        assert alerts.open_troubles(db) == []
    box.run("UPDATE notices SET done_at = 20 WHERE target = ?", one)
    box.do(alerts.purge, 13.0 + alerts.KEPT_FOR)
    assert box.rows("SELECT id FROM troubles") == [1, 2]
    box.do(alerts.purge, 13.5 + alerts.KEPT_FOR)
    assert box.rows("SELECT id FROM troubles") == [1]
    assert box.rows("SELECT DISTINCT trouble FROM told") == [1]
    box.do(alerts.purge, 20.5 + alerts.KEPT_FOR)
    assert box.rows("SELECT target FROM notices") == [two]


# ---------------------------------------------------------------- subjects that join


def test_three_bookings_that_turn_out_to_be_one_keep_what_each_told(box: Any) -> None:
    def told(uid: str, minute: int, *before: str, **details: Any) -> Any:
        return box.event(uid, "updated", minute=minute, previous_ids=before,
                         details=Details(**details))  # fmt: skip

    box.accept(told("a", 1, guest=Person(email="ada@example.com")))
    box.accept(told("b", 2, guests=(Person(email="bob@example.com"),)))
    box.accept(told("c", 3, hosts=(Person(email="host@example.com"),)))
    box.accept(told("d", 4, "a", "b", "c"))
    (one,) = box.store.subjects(1)
    assert one.details.guest.email == "ada@example.com"
    assert [guest.email for guest in one.details.guests] == ["bob@example.com"]
    assert [host.email for host in one.details.hosts] == ["host@example.com"]
    assert set(box.rows("SELECT subject FROM aliases")) == {one.id}
    assert box.rows("SELECT current, status FROM subjects WHERE id = ?", one.id) == [
        ("d", "active")
    ]


def test_events_are_the_same_by_their_senders_id_or_else_by_what_they_are(box: Any) -> None:
    def new(*events: Any) -> list[bool]:
        return [not one.duplicate for one in box.store.accept(1, list(events), box.now)]

    plain = box.event("a")
    assert new(plain, plain, box.event("a", hour=15), box.event("a", minute=1)) == [
        True, False, False, True,
    ]  # fmt: skip
    named = attrs.evolve(plain, webhook_id="w1")
    assert new(named, named, attrs.evolve(box.event("a", minute=9), webhook_id="w1")) == [
        True, False, False,
    ]  # fmt: skip
    assert new(attrs.evolve(plain, webhook_id="w2"), box.event("b")) == [True, True]
    assert new(attrs.evolve(named, type="booking.updated"), attrs.evolve(plain, item="2")) == [
        True, True,
    ]  # fmt: skip

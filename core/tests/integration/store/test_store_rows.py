"""What is stored of what people set up, and of alerts: names, numbers, what is there no more."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from crmwire.errors import ConfigurationError, UnknownName
from crmwire.store import alerts, audit, setup
from crmwire.types import ConnectionReport


def test_names_and_numbers_that_are_not_there_are_said_with_those_that_are(box: Any) -> None:
    looks: list[tuple[Callable[[], object], str]] = [
        (lambda: box.store.connection("x"), "There are: one, two."),
        (lambda: box.store.route("x"), "There are: to one, to two."),
        (lambda: box.store.feed("x"), "There are: cal."),
        (lambda: box.store.connection_by_id(9), ""),
        (lambda: box.store.route_by_id(9), ""),
    ]
    for look, told in looks:
        with pytest.raises(UnknownName) as unknown:
            look()
        assert unknown.value.remedy == told
    box.do(setup.delete_connection, 1, 5.0)
    box.do(setup.delete_connection, 2, 5.0)
    with pytest.raises(UnknownName) as unknown:
        box.store.connection("one")
    assert unknown.value.remedy == "There is none yet: `crmwire connection add`."


def test_a_name_and_a_place_are_given_once(box: Any) -> None:
    route = {
        "team": "default", "feed": 1, "preset": "x", "mapping": {}, "fingerprint": "",
        "options": {}, "rows": {}, "zone": None, "since": 0.0,
    }  # fmt: skip
    with pytest.raises(ConfigurationError, match="'to one' already carries page '\\*'"):
        box.do(setup.insert_route, name="other", page="*", connection=1, **route)
    with pytest.raises(ConfigurationError, match="a route 'to one' already"):
        box.do(setup.insert_route, name="to one", page="7", connection=1, **route)
    with pytest.raises(ConfigurationError, match="a connection 'one' already"):
        box.do(setup.insert_connection, name="one", team="t", crm="toy", settings={}, now=0.0)
    box.do(setup.remove_route, 1, 5.0)
    assert box.do(setup.insert_route, name="to one", page="*", connection=1, **route) == 3
    assert [row.name for row in box.store.routes()] == ["to one", "to two"]
    row, stands = box.store.route_by_id(1)
    assert (row.page, row.feed, row.connection, stands) == ("*", "cal", "one", False)
    assert box.store.route_by_id(3)[1] is True


def test_a_removed_connection_leaves_its_name_and_its_history(box: Any) -> None:
    box.accept(box.event("a"))
    box.do(setup.put_secret, "connection/1", "token", "k", b"x")
    box.do(setup.put_secret, "connection/2", "token", "k", b"x")
    box.do(setup.delete_connection, 1, 5.0)
    assert [row.name for row in box.store.connections()] == ["two"]
    assert [row.name for row in box.store.routes()] == ["to two"]
    assert box.rows("SELECT owner FROM secrets") == ["connection/2"]
    gone = box.store.connection_by_id(1)
    assert (gone.name, gone.state) == ("one (removed 1)", "removed")
    assert box.states("one (removed 1)") == ["skipped"]
    assert box.rows("SELECT connection, state, count FROM counters") == [(1, 3, 1)]
    box.do(setup.set_connection_state, 1, "ok")
    box.do(setup.set_problem, 1, "x")
    box.do(setup.set_working, 1)
    box.do(setup.set_report, 1, ConnectionReport(account_id="x", account_name="x"), "lane")
    assert box.store.connection_by_id(1) == gone
    assert box.do(setup.insert_connection, name="one", team="t", crm="toy", settings={}, now=0.0)


def test_a_removed_feed_leaves_its_events_and_takes_no_more(box: Any) -> None:
    box.accept(box.event("a"))
    box.do(setup.put_secret, "feed/1", "signing", "k", b"x")
    assert box.store.feed_by_token(b"t").name == "cal"
    for feed in (1, 2):
        box.run("INSERT INTO polls (feed, cursor, due_at) VALUES (?, 'null', 1)", feed)
    box.do(setup.delete_feed, 1, 5.0)
    assert (box.store.feeds(), box.store.routes()) == ([], [])
    assert box.store.feed_by_token(b"t") is None
    assert box.rows("SELECT count(*) FROM secrets") == [0]
    assert box.rows("SELECT feed FROM polls") == [2]
    assert box.states() == ["skipped"]


def test_a_login_that_works_says_so_but_not_of_what_was_disconnected(box: Any) -> None:
    box.do(setup.set_connection_state, 1, "needs_login", problem="p", remedy="r", cause="vault")
    box.do(setup.set_problem, 1, "other")  # one that waits for a login keeps its own problem
    assert box.store.connection("one").problem == "p"
    box.do(setup.set_working, 1)
    row = box.store.connection("one")
    assert (row.state, row.problem, row.remedy) == ("ok", None, None)
    box.do(setup.set_problem, 1, "slow", remedy="wait", paused_until=7.0, cause="hangs")
    row = box.store.connection("one")
    assert (row.state, row.problem, row.remedy, row.paused_until) == ("ok", "slow", "wait", 7.0)
    box.do(setup.set_connection_state, 1, "disconnected")
    box.do(setup.set_working, 1)
    assert box.store.connection("one").state == "disconnected"
    assert box.store.connection("two").state == "ok"


def test_a_report_that_another_version_wrote_is_as_none(box: Any) -> None:
    report = ConnectionReport(account_id="9", account_name="Nine")
    assert box.store.connection("one").report is None
    box.do(setup.set_report, 1, report, "toy:9")
    row = box.store.connection("one")
    assert (row.report, row.lane, row.owner) == (report, "toy:9", "connection/1")
    assert box.store.connection("two").report is None
    box.run("UPDATE connections SET report = '{\"account_id\": []}' WHERE id = 1")
    assert box.store.connection("one").report is None


def test_secrets_are_kept_by_owner_and_name(box: Any) -> None:
    with box.store.read() as db:
        assert setup.any_secret(db) is None
    for owner, name, blob in (
        ("a", "x", b"1"),
        ("a", "y", b"2"),
        ("b", "x", b"3"),
        ("a", "x", b"4"),
    ):
        box.do(setup.put_secret, owner, name, "k", blob)
    box.do(setup.delete_secret, "a", "y")
    with box.store.read() as db:
        assert setup.get_secrets(db, "a") == {"x": ("k", b"4")}
        assert setup.get_secrets(db, "b") == {"x": ("k", b"3")}
        assert setup.any_secret(db) is not None


def test_who_acts_is_the_user_of_the_process_and_who_is_behind_sudo(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 0)
    root = audit.acting_user()
    assert root == pwd.getpwuid(0).pw_name
    monkeypatch.setenv("SUDO_USER", "ada")
    assert audit.acting_user() == f"{root} (sudo: ada)"
    monkeypatch.setattr(os, "getuid", lambda: 3_999_999)
    assert audit.acting_user() == "3999999"  # nobody's name, and nobody becomes root by a variable


# ---------------------------------------------------------------- alerts


def add_target(box: Any, name: str, **more: Any) -> int:
    values = {"team": "*", "kind": "webhook", "service": "", "digest": "off", "now": 1.0, **more}
    return int(box.do(alerts.insert_target, name=name, **values))


def notice(target: int, **more: Any) -> alerts.NewNotice:
    values: dict[str, Any] = {
        "event": "trouble", "kind": "k", "uid": uuid4().hex, "title": "t", "body": "b", "data": {},
    }  # fmt: skip
    return alerts.NewNotice(target=target, **(values | more))


def test_targets_are_found_by_name_and_hear_of_their_team(box: Any) -> None:
    with box.store.read() as db, pytest.raises(UnknownName) as unknown:
        alerts.target(db, "x")
    assert unknown.value.remedy == "There is none yet: `crmwire alert add`."
    add_target(box, "b")
    add_target(box, "a", team="sales", digest="daily")
    with pytest.raises(ConfigurationError, match="an alert 'a' already"):
        add_target(box, "a")
    with box.store.read() as db, pytest.raises(UnknownName) as unknown:
        alerts.target(db, "x")
    assert unknown.value.remedy == "There are: a, b."
    with box.store.read() as db:
        all_, sales = alerts.target(db, "b"), alerts.target(db, "a")
    assert (sales.owner, sales.team, sales.digest) == ("alert/2", "sales", "daily")
    assert [sales.hears_of(team) for team in ("sales", "other", "")] == [True, False, True]
    assert all_.hears_of("other")


def test_a_removed_target_takes_what_it_was_told_with_it(box: Any) -> None:
    one, two = add_target(box, "one"), add_target(box, "two")
    for target in (one, two):
        box.do(setup.put_secret, f"alert/{target}", "address", "k", b"x")
        box.do(alerts.add_notice, notice(target), 1.0)
    box.do(alerts.delete_target, one)
    assert box.rows("SELECT owner FROM secrets") == ["alert/2"]
    assert box.rows("SELECT target FROM notices") == [two]
    made = alerts.Decision(notices=(notice(one), notice(two)))
    box.do(alerts.record, made, 2.0)
    assert box.rows("SELECT target FROM notices") == [two, two]  # nobody is told who is not there


def test_a_notice_is_sent_once_and_counts_its_tries(box: Any) -> None:
    target = add_target(box, "one")
    first, second = (int(box.do(alerts.add_notice, notice(target), 1.0)) for _ in range(2))

    def due(now: float) -> list[int]:
        with box.store.read() as db:
            return [one.id for one in alerts.due_notices(db, now)]

    def stands(id_: int) -> Any:
        with box.store.read() as db:
            row = alerts.notice(db, id_)
        assert row is not None
        return (row.tries, row.done_at, row.outcome, row.problem, row.taken_until)

    def problem() -> Any:
        with box.store.read() as db:
            row = alerts.target(db, "one")
        return (row.problem, row.failing_since)

    assert (due(0.5), due(1.0)) == ([], [first])
    assert box.do(alerts.take_notice, first, 1.0, 30.0) == 1
    assert box.do(alerts.take_notice, first, 29.0, 60.0) is None
    assert (due(29.0), due(30.0)) == ([], [first])
    assert box.do(alerts.take_notice, first, 30.0, 60.0) == 2
    box.do(alerts.notice_failed, first, 1, 31.0, "late", 40.0)  # another attempt has begun
    assert stands(first) == (2, None, None, None, 60.0)
    box.do(alerts.notice_failed, first, 2, 31.0, "refused", 40.0)
    assert stands(first) == (2, None, None, "refused", None)
    assert problem() == ("refused", 31.0)
    assert (due(39.0), due(40.0)) == ([], [first])
    box.do(alerts.take_notice, first, 40.0, 60.0)
    box.do(alerts.notice_failed, first, 3, 41.0, "gone", None)
    assert stands(first) == (3, 41.0, "failed", "gone", None)
    assert problem() == ("gone", 31.0)
    box.do(alerts.notice_failed, first, 3, 50.0, "again", None)
    box.do(alerts.notice_sent, first, 50.0)
    assert stands(first) == (3, 41.0, "failed", "gone", None)  # what is done stays so
    assert problem() == ("gone", 31.0)
    assert due(41.0) == [second]
    box.do(alerts.take_notice, second, 42.0, 60.0)
    box.do(alerts.notice_sent, second, 43.0)
    assert stands(second) == (1, 43.0, "sent", None, None)
    assert problem() == (None, None)
    assert due(99.0) == []
    assert box.do(alerts.take_notice, second, 99.0, 100.0) is None
    with box.store.read() as db:
        assert alerts.notice(db, 99) is None
        assert [one.id for one in alerts.notices(db)] == [second, first]
        assert [one.id for one in alerts.notices(db, 1)] == [second]


def test_a_digest_that_was_not_sent_yet_is_outdated_by_the_next(box: Any) -> None:
    one, two = add_target(box, "one"), add_target(box, "two")
    for target in (one, two):
        box.do(alerts.record, alerts.Decision(notices=(notice(target, event="digest"),)), 1.0)
    box.do(alerts.record, alerts.Decision(notices=(notice(one),)), 2.0)
    box.do(alerts.record, alerts.Decision(notices=(notice(one, event="digest"),)), 3.0)
    assert box.rows("SELECT target, done_at, outcome FROM notices ORDER BY id") == [
        (one, 3.0, "superseded"),
        (two, None, None),
        (one, None, None),
        (one, None, None),
    ]

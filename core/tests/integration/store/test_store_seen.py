"""What is noticed and kept for alerts, checks, logins and old payloads."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import attrs
import pytest

from crmwire.errors import StoreUnavailable
from crmwire.store import (
    Outcome,
    alerts,
    checks,
    copies,
    logins,
    purging,
    setup,
    sights,
    unreadable,
)

DAY = 86400.0

# ---------------------------------------------------------------- checks


def check(owner: str, at: float, next_at: float, state: str = "ok", *levels: str) -> Any:
    return checks.CheckRow(
        owner=owner,
        checked_at=at,
        next_at=next_at,
        state=state,
        findings=tuple({"level": level, "text": "é"} for level in levels),
    )


def test_what_a_check_found_is_kept_until_the_next_and_errors_are_counted(box: Any) -> None:
    rows = [
        check("connection/1", 1.0, 2.0, "error", "error", "warning", "error"),
        check("connection/2", 1.0, 2.0, "login", "error"),
        check("feed/1", 1.0, 3.0, "login", "error"),
        check("feed/2", 1.0, 3.0, "vault", "warning"),
        check("feed/3", 1.0, 3.0, "warning", "error"),
    ]
    for row in [check("connection/1", 0.0, 9.0), *rows]:
        box.do(checks.save_check, row)
    with box.store.read() as db:
        assert checks.checks(db) == {row.owner: row for row in rows}
        assert sorted(checks.failed_checks(db)) == [
            ("connection/1", "error", 2),
            ("feed/1", "login", 1),
            ("feed/2", "vault", 0),
        ]
    assert "é" in box.rows("SELECT findings FROM checks")[0]


def test_who_is_due_is_checked_and_nobody_who_waits_for_a_login(box: Any) -> None:
    def due(now: float) -> list[tuple[str, str, float | None]]:
        with box.store.read() as db:
            return checks.due_checks(db, now)

    everybody = [("connection/1", "one", None), ("connection/2", "two", None)]
    assert due(0.0) == [*everybody, ("feed/1", "cal", None)]
    box.do(checks.save_check, check("connection/1", 10.0, 50.0))
    box.do(checks.save_check, check("feed/1", 10.0, 40.0))
    assert due(39.0) == [("connection/2", "two", None)]
    assert due(50.0) == [
        ("connection/2", "two", None),
        ("feed/1", "cal", 40.0),
        ("connection/1", "one", 50.0),
    ]
    box.do(setup.set_connection_state, 2, "needs_login")
    box.do(setup.delete_feed, 1, 1.0)
    assert due(50.0) == [("connection/1", "one", 50.0)]


def test_a_check_is_hastened_unless_it_was_done_a_few_minutes_ago(box: Any) -> None:
    box.do(checks.save_check, check("connection/1", 1000.0, 9000.0))
    box.do(checks.hasten, ["connection/1", "connection/2"], 1600.0)
    with box.store.read() as db:
        found = checks.checks(db)
    assert found["connection/1"].next_at == 9000.0
    assert found["connection/2"] == check("connection/2", 0.0, 1600.0, "never")
    box.do(checks.hasten, ["connection/1", "connection/2"], 1601.0)
    with box.store.read() as db:
        found = checks.checks(db)
    assert found["connection/1"] == check("connection/1", 1000.0, 1601.0)
    assert found["connection/2"].next_at == 1600.0


# ---------------------------------------------------------------- sights


def test_refused_webhooks_are_counted_until_one_is_taken(box: Any) -> None:
    def refused(since: float = 0.0) -> dict[int, int]:
        with box.store.read() as db:
            return sights.refused(db, since)

    box.do(sights.save_intakes, {}, {1: 5.0})
    with box.store.read() as db:
        assert sights.with_health(db) == set()  # who never refused anything costs nothing
    box.do(sights.save_intakes, {1: (2, 10.0), 2: (1, 10.0)}, {})
    box.do(sights.save_intakes, {1: (3, 9.0)}, {})
    assert refused() == {1: 5, 2: 1}
    assert refused(10.0) == {}
    box.do(sights.save_intakes, {}, {1: 10.0})
    assert refused() == {2: 1}
    box.do(sights.save_intakes, {1: (1, 12.0)}, {})
    assert refused() == {1: 6, 2: 1}
    box.do(sights.save_intakes, {}, {1: 13.0})
    assert refused() == {2: 1}
    box.do(sights.save_intakes, {1: (1, 14.0)}, {})
    assert refused() == {1: 1, 2: 1}


def test_the_newest_event_of_a_feed_tells_when_it_was_last_heard_of(box: Any) -> None:
    with box.store.read() as db:
        assert sights.last_event(db, 1) is None
    box.accept(box.event("a"))
    box.run("UPDATE events SET received_at = 7.0")
    box.accept(box.event("b"))
    box.run("UPDATE events SET received_at = 5.0 WHERE id = 2")
    with box.store.read() as db:
        assert sights.last_event(db, 1) == 5.0
        assert sights.last_event(db, 2) is None


def test_what_is_held_failing_and_waiting_is_counted_by_connection(box: Any) -> None:
    box.accept(*(box.event(uid) for uid in "abc"))
    box.settle("held", failure="rejected", code="X", remedy="mend it")
    box.accept(*(box.event(uid) for uid in "def"))
    epoch = box.begin()
    items = box.claim(epoch=epoch).items
    first, failures = items[0], ("retry_later", "rejected", "retry_later")
    outcomes = [
        Outcome(delivery=one.delivery.id, state="ready", failure=failure, chargeable=True)
        for one, failure in zip(items, failures, strict=True)
    ]
    box.claim(*outcomes, epoch=epoch, limit=0)
    tried = box.rows("SELECT first_try_at FROM deliveries WHERE id = ?", first.delivery.id)[0]
    with box.store.read() as db:
        assert sights.held(db) == [(1, "rejected", "X", 3)]
        assert sights.example(db, 1, "rejected", "X")[0] == "mend it"
        assert json.loads(sights.example(db, 1, "rejected", "X")[1])["type"] == "booking.created"
        assert sights.example(db, 1, "rejected", "Y") == ("", "")
        assert sights.example(db, 2, "rejected", "X") == ("", "")
        assert sights.waiting(db, 1) == 3
        assert sights.waiting(db, 2) == 6
        assert sights.failing(db, tried + 1) == [(1, 2, tried)]
        assert sights.failing(db, tried) == []


def test_held_deliveries_without_a_code_are_named_by_nothing(box: Any) -> None:
    box.accept(box.event("a"))
    box.settle("held")
    with box.store.read() as db:
        assert sights.held(db) == [(1, "", "", 1)]
        assert sights.example(db, 1, "", "")[0] == ""
        assert "created" in sights.example(db, 1, "", "")[1]


def test_more_waiting_deliveries_than_are_counted_are_told_as_one_more(
    box: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sights, "MOST_COUNTED", 2)
    box.accept(*(box.event(uid) for uid in "abcd"))
    with box.store.read() as db:
        assert sights.waiting(db, 1) == 3


def test_lanes_that_rest_are_told_with_their_reason(box: Any) -> None:
    box.begin()
    box.store.pause(box.lane, box.now, "too many", "429")
    at = box.now.timestamp()
    with box.store.read() as db:
        assert sights.paused(db, at - 1) == {box.lane: (at, "too many", "429")}
        assert sights.paused(db, at) == {}


# ---------------------------------------------------------------- unreadable webhooks


def test_unreadable_webhooks_are_kept_up_to_a_number_of_each_feed(
    box: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unreadable, "MOST_KEPT", 2)
    made = [box.store.keep_unreadable(1, b"%d" % n, f"why {n}", box.now) for n in range(3)]
    assert made == [1, 2, None]
    with box.store.read() as db:
        assert [(row.id, row.feed, row.body) for row in unreadable.some(db, 5)] == [
            (2, "cal", b"1"),
            (1, "cal", b"0"),
        ]
        assert [row.id for row in unreadable.some(db, 1)] == [2]
        assert unreadable.all_ids(db, None) == [1, 2]
        assert unreadable.all_ids(db, "cal") == [1, 2]
        assert unreadable.all_ids(db, "other") == []
        found = unreadable.one(db, 1)
        assert found is not None
        assert (found.reason, found.received_at) == ("why 0", box.now.timestamp())
        assert unreadable.one(db, 9) is None
    box.do(unreadable.remove, [1])
    assert box.rows("SELECT id FROM unreadable") == [2]


# ---------------------------------------------------------------- logins begun


def test_a_login_that_was_begun_is_taken_once_and_forgotten_with_its_connection(box: Any) -> None:
    begun = logins.Begun(
        connection=1, redirect_uri="https://a", settings={"x": 1}, number=1, browser=None,
        expires_at=99.0,
    )  # fmt: skip
    keys = [logins.hashed(text) for text in "abc"]
    other = logins.hashed("other")
    box.do(logins.begin, "login_states", other, attrs.evolve(begun, connection=2), 5.0)
    for key in keys:
        box.do(logins.begin, "login_states", key, begun, 5.0)
        box.do(setup.put_secret, logins.owner_of(key), "verifier", "k", b"x")
    assert box.do(logins.look, "login_states", keys[0]) == begun
    assert box.do(logins.take, "login_states", keys[0]) == begun
    assert box.do(logins.take, "login_states", keys[0]) is None
    assert box.do(logins.look, "login_tickets", keys[1]) is None
    box.do(logins.forget_begun, 9)
    assert box.do(logins.look, "login_states", keys[1]) == begun
    box.do(logins.forget_begun, 1)
    assert box.do(logins.look, "login_states", keys[1]) is None
    assert box.rows("SELECT owner FROM secrets") == [logins.owner_of(keys[0])]
    assert box.do(logins.look, "login_states", other).connection == 2


# ---------------------------------------------------------------- settled, purged, restored


def test_what_a_newer_drain_took_is_not_settled_by_the_one_before(box: Any) -> None:
    box.accept(box.event("a"))
    (done,) = box.settle("delivered")
    epoch = box.begin()
    box.claim(Outcome(delivery=done, state="held", reason="late"), epoch=epoch)
    assert box.store.delivery(done).row.state == "delivered"
    assert box.store.delivery(done).row.reason is None


def test_how_long_payloads_are_kept_is_set_and_taken_back(box: Any) -> None:
    with box.store.read() as db:
        assert purging.retention(db) is None
    box.do(purging.set_retention, 30)
    box.do(purging.set_retention, 40)
    with box.store.read() as db:
        assert purging.retention(db) == 40
    box.do(purging.set_retention, None)
    with box.store.read() as db:
        assert purging.retention(db) is None


def test_what_is_asked_no_more_is_removed_so_many_at_a_time(box: Any) -> None:
    for number in range(3):
        box.run("INSERT INTO cache VALUES (1, ?, ?, '1')", str(number), 10.0 + number)
        box.run("INSERT INTO created VALUES ('l', 'T', 'k', ?, 'r', ?)", str(number), float(number))
        box.run("INSERT INTO halves VALUES (1, x'00', 'created', ?, 1, ?)", str(number), 20.0)
        box.store.keep_unreadable(1, b"x", "r", box.now)
    box.run("UPDATE unreadable SET received_at = id")
    assert box.do(purging.purge_memory, 12.0, 9) == 2
    assert box.rows("SELECT key FROM cache") == ["2"]
    assert box.do(purging.purge_memory, DAY + 1.0, 2) == 2
    assert box.rows("SELECT value FROM created ORDER BY 1") == ["1", "2"]
    assert len(box.rows("SELECT alias FROM halves")) == 1
    assert box.do(purging.purge_webhooks, 3.0, 1) == 1
    assert box.rows("SELECT id FROM unreadable") == [2, 3]
    assert box.do(purging.purge_webhooks, 3.0, 9) == 1
    assert box.rows("SELECT id FROM unreadable") == [3]


def test_after_a_backup_was_put_back_what_may_stand_already_is_known(box: Any) -> None:
    box.accept(box.event("a", minute=-5000), box.event("b", minute=5000))
    assert [item.lost for item in box.load(1, [1, 3])] == [None, None]
    at = box.now.timestamp()
    box.run("UPDATE events SET received_at = ?", at - 60)
    box.do(copies.mark_restored, at, "a file")
    box.run("UPDATE events SET received_at = ?", at + 10)
    first, second = box.load(1, [1, 3])
    assert (first.lost.since, first.lost.until) == (at - 60, at)
    assert second.lost is None  # it is of after that time, by every clock
    box.run("UPDATE events SET received_at = ? WHERE id = 2", at - 10)
    assert [item.lost.since for item in box.load(1, [1, 3])] == [at - 60] * 2
    box.run("DELETE FROM meta WHERE name = 'lost_since'")  # as one restored it before
    assert [item.lost.since for item in box.load(1, [1, 3])] == [0.0] * 2
    (entry,) = box.store.audit()
    assert (entry.action, entry.name, entry.at) == ("restored", "a file", at)


def test_a_change_of_what_people_set_up_is_kept(box: Any) -> None:
    box.do(
        setup.update_route, 1, preset="y", mapping={"a": 1}, fingerprint="f", options={"o": 1},
        rows={"r": 1}, zone="Europe/Paris", join_within=7.0,
    )  # fmt: skip
    row = box.store.route("to one")
    assert (row.preset, row.mapping, row.fingerprint, row.options, row.rows) == (
        "y",
        {"a": 1},
        "f",
        {"o": 1},
        {"r": 1},
    )
    assert (row.zone, row.join_within) == ("Europe/Paris", 7.0)
    assert box.store.route("to two").preset == "x"
    box.do(setup.update_feed, 1, settings={"s": 1}, allow_unsigned=False)
    assert (box.store.feed("cal").settings, box.store.feed("cal").allow_unsigned) == (
        {"s": 1},
        False,
    )
    made = box.do(
        alerts.insert_target,
        name="a",
        team="*",
        kind="webhook",
        service="",
        digest="daily",
        now=1.0,
    )
    box.do(alerts.record, alerts.Decision(digests=((made, 9.0),)), 1.0)
    box.do(alerts.update_target, made, digest="weekly", service="hook")
    with box.store.read() as db:
        target = alerts.target(db, "a")
    assert (target.digest, target.service, target.digest_at) == ("weekly", "hook", None)
    box.store.note(box.now, "rotated", "key", "k9", secrets=3)
    (entry,) = box.store.audit()
    assert (entry.action, entry.name, entry.detail) == ("rotated", "k9", {"secrets": 3})


def test_a_database_whose_log_stays_is_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Keeping:
        """What SQLite says if it cannot change the mode: the one that it is in."""

        def execute(self, statement: str) -> Keeping:
            return self

        def fetchone(self) -> tuple[str]:
            return ("wal",)

        def close(self) -> None:
            pass

    monkeypatch.setattr(sqlite3, "connect", lambda *_, **__: Keeping())
    with pytest.raises(StoreUnavailable, match="Another command of crmwire uses"):
        copies.folded(tmp_path / "x.db")
    monkeypatch.undo()
    with contextlib.closing(sqlite3.connect(tmp_path / "x.db")) as conn:
        conn.execute("CREATE TABLE t (x)")
    assert copies.folded(tmp_path / "x.db")

"""A login that is lost in the middle of the work, and one that is ended on purpose."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from crmwire.errors import NeedsLogin
from crmwire.sandbox import CLIENT_ID, CLIENT_SECRET, Fault
from crmwire.sandbox.loginpage import press
from crmwire.store import DeliveryFilter

BOOKINGS = 200


def log_in(toy: Any, account: str = "sandbox") -> Any:
    """Log the conftest's connection in, as a person does."""
    url = toy.app.store.connection("crm").settings["host"]
    chosen = {"client_id": CLIENT_ID, "login_host": url}
    toy.app.prepare_login("crm", crm="toy", settings=chosen)
    started = toy.app.begin_login(
        "crm",
        redirect_uri="http://localhost:8765/oauth/callback",
        settings=chosen,
        secrets={"client_secret": CLIENT_SECRET},
    )
    return toy.app.finish_login(urlsplit(press(started.address, account=account)).query)


def booked(toy: Any, count: int) -> None:
    """So many bookings of as many people, and then each one moved."""
    for verb, minute, hour in (("created", 0, 9), ("rescheduled", 5, 11)):
        toy.accept(
            *(
                toy.event(verb, f"b{number}", minute, hour=hour, email=f"g{number}@example.com")
                for number in range(count)
            )
        )


def test_a_login_revoked_amid_200_bookings_loses_and_doubles_nothing(
    toy: Callable[..., AbstractContextManager[Any]], tmp_path: Path
) -> None:
    with toy(tmp_path) as one:
        log_in(one)
        booked(one, BOOKINGS)
        calls = 0
        real = one.sandbox.commit

        def commit(*arguments: Any) -> None:
            nonlocal calls
            calls += 1
            real(*arguments)
            if calls == 90:  # in the middle of a batch
                one.sandbox.logins.end("sandbox", "the admin revoked it")

        one.sandbox.commit = commit
        one.drain()
        row = one.app.store.connection("crm")
        assert row.state == "needs_login"
        assert "the admin revoked it" in (row.problem or "")
        assert row.remedy == "Run `crmwire connect toy --name crm`."
        waiting = one.app.store.counts()[0].by_state
        assert waiting["ready"] > BOOKINGS
        assert waiting["held"] == waiting["working"] == 0
        before = len(one.sandbox.requests)
        one.drain()
        assert one.app.store.due_lanes(one.app.clock.now()) == []
        assert len(one.sandbox.requests) == before  # nothing is tried in vain

        made = log_in(one)
        assert made.again
        one.drain_until_done(60.0)
        rows = one.app.deliveries(DeliveryFilter(limit=1000))
        assert Counter(row.state for row in rows) == {"delivered": 2 * BOOKINGS}
        assert one.people() == BOOKINGS
        live = one.live()
        assert len(live) == BOOKINGS
        assert {start[11:13] for start in live} == {"11"}  # the move came after the making


def test_another_user_of_the_same_account_goes_on_with_the_same_records(
    toy: Callable[..., AbstractContextManager[Any]], tmp_path: Path
) -> None:
    with toy(tmp_path) as one:
        log_in(one)
        one.accept(one.event("created", "b1", 0))
        one.drain_until_done()
        one.sandbox.logins.end("sandbox", "the user was deactivated")
        one.accept(one.event("rescheduled", "b1", 5, hour=13))
        one.drain()
        assert one.app.store.connection("crm").state == "needs_login"
        routes = [row.id for row in one.app.store.routes()]
        log_in(one)
        one.drain_until_done()
        assert [row.id for row in one.app.store.routes()] == routes
        assert one.people() == 1
        assert [start[11:13] for start in one.live()] == ["13"]


def test_a_lane_waits_while_the_login_is_down_and_uses_up_no_try(
    toy: Callable[..., AbstractContextManager[Any]], tmp_path: Path
) -> None:
    with toy(tmp_path) as one:
        log_in(one)
        one.accept(one.event("created", "b1", 0))
        one.sandbox.logins.expire("sandbox")
        one.sandbox.faults.arm([Fault(kind="status", path="^/oauth/token", status=503)])
        one.drain()
        assert one.states() == ["ready"]
        assert one.app.deliveries()[0].tries == 0
        assert one.app.store.connection("crm").state == "ok"


def test_a_refusal_of_the_token_before_last_does_not_stop_the_lane(
    toy: Callable[..., AbstractContextManager[Any]], tmp_path: Path
) -> None:
    """Somebody logs in while a batch with the old token is on its way."""
    with toy(tmp_path) as one:
        one.app.set_token("crm", "wrong")
        one.accept(one.event("created", "b1", 0))
        real = one.sandbox.account_of

        def account_of(request: Any) -> Any:
            found = real(request)
            if found is None and request.headers.get("authorization") == "Bearer wrong":
                one.app.set_token("crm", "sandbox")
            return found

        one.sandbox.account_of = account_of
        one.drain_until_done()
        assert one.states() == ["delivered"]
        assert one.app.store.connection("crm").state == "ok"


class TestDisconnect:
    def test_the_login_ends_here_and_at_the_vendor_and_the_rest_stays(
        self, toy: Callable[..., AbstractContextManager[Any]], tmp_path: Path
    ) -> None:
        with toy(tmp_path) as one:
            log_in(one)
            one.accept(one.event("created", "b1", 0))
            one.drain_until_done()
            made = one.app.disconnect("crm")
            assert (made.revoked, made.waiting) == (True, 0)
            row = one.app.store.connection("crm")
            assert (row.state, row.problem) == ("disconnected", "It was disconnected.")
            assert one.app.vault.all(row.owner) == {}
            assert [consent.ended for consent in one.sandbox.logins.consents] == ["revoked"]
            assert one.people() == 1
            assert len(one.app.store.routes()) == 1
            assert one.states() == ["delivered"]

            before = len(one.sandbox.requests)
            one.accept(one.event("rescheduled", "b1", 5, hour=13))
            one.drain()
            assert one.states() == ["delivered", "ready"]
            assert len(one.sandbox.requests) == before
            log_in(one)
            one.drain_until_done()
            assert one.states() == ["delivered", "delivered"]
            assert one.people() == 1

    def test_a_token_that_cannot_be_revoked_is_removed_all_the_same(self, bench: Any) -> None:
        bench.connect()
        bench.sandbox.faults.arm([Fault(kind="status", path="^/oauth/revoke", status=503)])
        made = bench.app.disconnect("crm")
        assert made.revoked is False
        assert "503" in made.problem
        assert bench.secrets() == {}
        with pytest.raises(NeedsLogin, match="no token"):
            bench.open().http.get("me")

    def test_a_token_that_somebody_typed_in_is_theirs_to_end(self, bench: Any) -> None:
        bench.app.add_connection(
            "crm", crm="toy", token="first-account", settings=bench.settings()
        )  # fmt: skip
        assert bench.app.disconnect("crm").revoked is None
        assert bench.secrets() == {}
        assert not any(call["path"] == "/oauth/revoke" for call in bench.sandbox.requests)

    def test_the_vendor_is_told_the_app_and_the_refresh_token(self, bench: Any) -> None:
        bench.connect()
        token = bench.secrets()["refresh_token"]
        bench.app.disconnect("crm")
        [call] = [call for call in bench.sandbox.requests if call["path"] == "/oauth/revoke"]
        assert f"token={token}" in call["body"]
        assert f"client_secret={CLIENT_SECRET}" in call["body"]

    def test_a_refresh_under_way_brings_no_login_back(self, bench: Any) -> None:
        bench.connect()
        bench.sandbox.faults.arm([Fault(kind="latency", path="^/oauth/token", seconds=0.6)])
        bench.sandbox.logins.expire("first-account")
        conn, ended = bench.open(), threading.Event()

        def ask() -> None:
            with pytest.raises(NeedsLogin):
                conn.http.get("me")
            ended.set()

        thread = threading.Thread(target=ask)
        thread.start()
        while not bench.token_calls()[1:]:
            pass
        bench.app.disconnect("crm")
        thread.join(10)
        assert ended.is_set()
        assert bench.secrets() == {}
        assert bench.state() == "disconnected"

    def test_a_connection_that_is_removed_ends_its_login_too(self, bench: Any) -> None:
        bench.connect()
        bench.app.remove_connection("crm")
        assert [one.ended for one in bench.sandbox.logins.consents] == ["revoked"]

    def test_a_connection_can_be_removed_while_its_vendor_is_down(self, bench: Any) -> None:
        bench.connect()
        bench.sandbox.faults.arm([Fault(kind="cut_before", path="^/oauth/revoke")])
        bench.app.remove_connection("crm")
        assert bench.app.store.connections() == []

    def test_the_audit_tells_who_connected_as_whom_and_what_was_ended(self, bench: Any) -> None:
        bench.connect()
        bench.app.disconnect("crm")
        bench.connect()
        entries = [one for one in bench.app.store.audit() if one.name == "crm"]
        assert [one.action for one in entries] == [
            "added", "connected", "disconnected", "connected",
        ]  # fmt: skip
        assert entries[1].detail == {"crm": "toy", "account": "Example Ltd 1", "user": "u1"}
        assert entries[2].detail == {"crm": "toy", "revoked": "yes"}
        assert not any(secret in str(entries) for secret in bench.secrets().values())

    def test_a_connection_can_be_disconnected_twice(self, bench: Any) -> None:
        bench.connect()
        bench.app.disconnect("crm")
        assert bench.app.disconnect("crm").revoked is None

"""Staying logged in: when a token is replaced, by whom, and what happens when that fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from crmwire import clock as clocks
from crmwire import keeping
from crmwire.errors import NeedsLogin, PluginBroken, RetryLater, StoreUnavailable
from crmwire.logins import stored
from crmwire.logins.stored import StoredLogin
from crmwire.sandbox import Fault
from crmwire.store import clockwork
from crmwire.store import logins as stored_logins
from crmwire.timekeeping import Timekeeper

WORKER = Path(__file__).parent / "refreshing_worker.py"


def later(bench: Any, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let our clock, not the vendor's, be that much later."""
    real = type(bench.app.clock).now
    moved = timedelta(seconds=seconds)
    monkeypatch.setattr(bench.app.clock, "now", lambda: real(bench.app.clock) + moved)


def refreshes(bench: Any) -> int:
    return sum(call["grant_type"] == ["refresh_token"] for call in bench.token_calls())


class TestWhen:
    def test_a_token_is_replaced_five_minutes_before_its_end(
        self, bench: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bench.connect()
        later(bench, monkeypatch, 1800 - 310)
        bench.open().http.get("me")
        assert refreshes(bench) == 0
        later(bench, monkeypatch, 1800 - 290)
        bench.open().http.get("me")
        assert refreshes(bench) == 1
        bench.open().http.get("me")
        assert refreshes(bench) == 1

    def test_a_token_that_lives_shorter_than_the_margin_is_used_all_the_same(
        self, bench: Any
    ) -> None:
        bench.sandbox.logins.policy.access_life = 60.0
        bench.connect()
        for _ in range(3):
            bench.open().http.get("me")
        assert refreshes(bench) == 0

    def test_a_token_of_unknown_life_is_replaced_when_it_is_refused(self, bench: Any) -> None:
        bench.sandbox.logins.policy.access_life = None
        bench.connect()
        assert bench.login().expires_at is None
        bench.sandbox.logins.expire("first-account")
        assert bench.open().http.get("me").status == 200
        assert refreshes(bench) == 1

    def test_a_refused_write_is_sent_again_once_and_made_once(self, bench: Any) -> None:
        bench.connect()
        bench.sandbox.logins.expire("first-account")
        bench.open().http.post("contacts", {"email": "ada@example.com"})
        assert [one["action"] for one in bench.sandbox.commits] == ["create"]

    def test_fresh_tokens_that_are_refused_too_are_a_lost_login(self, bench: Any) -> None:
        bench.connect()
        bench.sandbox.faults.arm([Fault(kind="status", path="^/me", status=401)])
        before = len(bench.sandbox.requests)
        with pytest.raises(NeedsLogin):
            bench.open().http.get("me")
        paths = [call["path"] for call in bench.sandbox.requests[before:]]
        assert paths == ["/me", *["/oauth/token", "/me"] * 3]

    def test_a_login_that_cannot_be_refreshed_is_lost_with_its_token(self, bench: Any) -> None:
        bench.sandbox.logins.policy.refreshable = False
        bench.connect()
        bench.sandbox.logins.expire("first-account")
        with pytest.raises(NeedsLogin):
            bench.open().http.get("me")
        assert refreshes(bench) == 0


class TestOldAndNew:
    """The refusal of an old token says nothing of a new one."""

    def test_a_token_that_another_replaced_meanwhile_is_simply_used(self, bench: Any) -> None:
        bench.connect()
        old = bench.secrets()["access_token"]
        bench.open().login.refresh()
        assert bench.open().login.renewed(old)
        assert refreshes(bench) == 1

    def test_a_static_token_that_was_replaced_meanwhile_too(self, bench: Any) -> None:
        bench.app.add_connection(
            "crm", crm="toy", token="wrong", settings=bench.settings()
        )  # fmt: skip
        conn = bench.open()
        assert not conn.login.renewed("wrong")
        bench.app.set_token("crm", "first-account")
        assert conn.login.renewed("wrong")

    def test_an_old_refusal_does_not_undo_a_new_login(self, bench: Any) -> None:
        bench.connect()
        row, number = bench.app.store.connection("crm"), bench.login().number
        bench.connect()
        told = bench.app.store.write(
            lambda db: stored_logins.lost(db, row.id, number, problem="old", remedy="")
        )
        assert not told
        assert bench.state() == "ok"


class TestRotation:
    @pytest.fixture(autouse=True)
    def _rotating(self, bench: Any) -> None:
        bench.sandbox.logins.policy.rotation = True

    def test_the_new_refresh_token_is_kept(self, bench: Any) -> None:
        bench.connect()
        for _ in range(3):
            before = bench.secrets()["refresh_token"]
            bench.open().login.refresh()
            assert bench.secrets()["refresh_token"] != before
        assert bench.open().http.get("me").status == 200

    def test_it_is_on_disk_before_anybody_uses_the_token(
        self, bench: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What cannot be committed is not used, and not lost either."""
        bench.connect()
        conn, real = bench.open(), bench.app.store.write
        bench.sandbox.logins.expire("first-account")
        full = [True]

        def write(job: Callable[..., Any]) -> Any:
            if full[0] and job.__qualname__.startswith("StoredLogin._save"):
                raise StoreUnavailable("The disk is full.")
            return real(job)

        monkeypatch.setattr(bench.app.store, "write", write)
        used = len([call for call in bench.sandbox.requests if call["path"] == "/me"])
        with pytest.raises(StoreUnavailable):
            conn.http.get("me")
        calls = [call for call in bench.sandbox.requests if call["path"] == "/me"]
        assert len(calls) == used + 1  # the refused one; none with the token that is not kept
        full[0] = False
        assert conn.http.get("me").status == 200
        assert refreshes(bench) == 1

    def test_a_lost_answer_ends_in_a_login_and_in_no_loop(self, bench: Any) -> None:
        """The vendor has rotated, we do not know to what: asking again ends the login."""
        bench.connect()
        bench.sandbox.logins.expire("first-account")
        bench.sandbox.faults.arm([Fault(kind="lost_answer", path="^/oauth/token", times=1)])
        conn = bench.open()
        with pytest.raises(RetryLater) as caught:
            conn.http.get("me")
        assert caught.value.pause
        conn.login.try_again()
        for _ in range(3):
            with pytest.raises(NeedsLogin, match="invalid_grant"):
                conn.http.get("me")
        assert len(bench.token_calls()) == 3  # the login, the lost one, the refused one
        bench.connect()
        assert bench.open().http.get("me").status == 200

    def test_a_hundred_threads_refresh_once(self, bench: Any) -> None:
        bench.connect()
        bench.sandbox.logins.expire("first-account")
        conn = bench.open()
        gate = threading.Barrier(100)

        def ask(_: int) -> int:
            gate.wait()
            return int(conn.http.get("me").status)

        with ThreadPoolExecutor(100) as pool:
            assert set(pool.map(ask, range(100))) == {200}
        assert refreshes(bench) == 1

    def test_a_hundred_threads_in_each_of_four_processes_refresh_once(self, bench: Any) -> None:
        bench.connect()
        bench.sandbox.logins.expire("first-account")
        go = bench.folder / "go"
        workers = [_worker(bench, "100", str(go)) for _ in range(4)]
        for worker in workers:
            assert worker.stdout.readline().strip() == "ready"
        go.touch()
        said = [worker.communicate(timeout=120)[0].split() for worker in workers]
        assert said == [["200"] * 100] * 4
        assert refreshes(bench) == 1
        assert bench.login().generation == 3  # made, logged in, refreshed

    def test_who_is_killed_between_refresh_and_save_leaves_a_login_to_be_asked_for(
        self, bench: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bench.connect()
        bench.sandbox.logins.expire("first-account")
        _killed_while_refreshing(bench)
        assert bench.login().lease is not None
        later(bench, monkeypatch, 70)  # the lease of the dead ends
        conn = bench.open()
        for _ in range(3):
            with pytest.raises(NeedsLogin):
                conn.http.get("me")
        assert refreshes(bench) == 2
        bench.connect()
        assert bench.open().http.get("me").status == 200


def test_who_is_killed_between_refresh_and_save_without_rotation_leaves_no_trace(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.connect()
    bench.sandbox.logins.expire("first-account")
    _killed_while_refreshing(bench)
    later(bench, monkeypatch, 70)
    assert bench.open().http.get("me").status == 200
    assert refreshes(bench) == 2


def test_who_waits_for_a_dead_one_takes_over_when_its_lease_ends(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.connect()
    bench.sandbox.logins.expire("first-account")
    row, now = bench.app.store.connection("crm"), bench.app.clock.now().timestamp()
    bench.app.store.write(
        lambda db: stored_logins.take_lease(
            db, row.id, bench.login().generation, "dead", now, now + 0.5
        )
    )
    started = time.monotonic()
    assert bench.open().http.get("me").status == 200
    assert time.monotonic() - started >= 0.4
    assert refreshes(bench) == 1


def test_a_lease_of_a_clock_that_was_set_back_is_not_waited_for_long(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.connect()
    bench.sandbox.logins.expire("first-account")
    row, now = bench.app.store.connection("crm"), bench.app.clock.now().timestamp()
    bench.app.store.write(
        lambda db: stored_logins.take_lease(
            db, row.id, bench.login().generation, "dead", now, now + 86400
        )
    )
    monkeypatch.setattr(stored, "longest", lambda conn: 0.5)
    assert bench.open().http.get("me").status == 200
    assert refreshes(bench) == 1


class TestTrouble:
    """The token endpoint is not itself."""

    @pytest.mark.parametrize(
        "fault",
        [
            Fault(kind="status", path="^/oauth/token", status=500),
            Fault(kind="status", path="^/oauth/token", status=503, body={"error": "invalid_grant"}),
            Fault(kind="status", path="^/oauth/token", status=429),
            Fault(kind="html", path="^/oauth/token", status=502),
            Fault(kind="html", path="^/oauth/token", status=200),
            Fault(kind="status", path="^/oauth/token", status=200, body={"token_type": "x"}),
            Fault(kind="status", path="^/oauth/token", status=200, body=["x"]),
            Fault(
                kind="status",
                path="^/oauth/token",
                status=200,
                body={"access_token": "two lines\r\nX: y", "token_type": "x"},
            ),
            Fault(
                kind="status",
                path="^/oauth/token",
                status=302,
                headers={"Location": "https://evil.example.net/"},
            ),
            Fault(kind="cut_before", path="^/oauth/token"),
            Fault(kind="cut_short", path="^/oauth/token"),
        ],
        ids=lambda fault: f"{fault.kind} {fault.status} {str(fault.body)[:12]}",
    )
    def test_it_passes_and_the_lane_waits(self, bench: Any, fault: Fault) -> None:
        bench.connect()
        bench.sandbox.logins.expire("first-account")
        bench.sandbox.faults.arm([fault])
        conn = bench.open()
        with pytest.raises(RetryLater) as caught:
            conn.http.get("me")
        assert caught.value.pause
        assert caught.value.after
        assert caught.value.sent == "no"
        asked = len(bench.token_calls())
        with pytest.raises(RetryLater):  # before its time nobody is asked again
            conn.http.get("me")
        assert len(bench.token_calls()) == asked
        bench.sandbox.faults.arm([])
        conn.login.try_again()
        assert conn.http.get("me").status == 200
        assert bench.state() == "ok"

    def test_a_token_that_still_holds_is_used_meanwhile(
        self, bench: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bench.connect()
        bench.sandbox.faults.arm([Fault(kind="status", path="^/oauth/token", status=503)])
        later(bench, monkeypatch, 1800 - 60)
        assert bench.open().http.get("me").status == 200
        assert bench.open().http.get("me").status == 200
        assert refreshes(bench) == 1

    def test_retry_after_is_kept_to(self, bench: Any) -> None:
        bench.connect()
        bench.sandbox.logins.expire("first-account")
        fault = Fault(
            kind="status", path="^/oauth/token", status=429, headers={"Retry-After": "77"}
        )
        bench.sandbox.faults.arm([fault])
        with pytest.raises(RetryLater) as caught:
            bench.open().http.get("me")
        assert caught.value.after == 77

    def test_another_refresh_on_its_way_is_waited_for(
        self, bench: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As Salesforce says it: the same token is being refreshed by somebody else."""
        bench.connect()
        bench.sandbox.logins.expire("first-account")
        busy = Fault(
            kind="status",
            path="^/oauth/token",
            status=400,
            times=2,
            body={"error": "slow_down", "error_description": "already being processed"},
        )
        bench.sandbox.faults.arm([busy])
        conn = bench.open()
        monkeypatch.setattr(
            conn.hooks,
            "classify_login_error",
            lambda status, headers, body: RetryLater("being processed", after=0.1),
        )
        assert conn.http.get("me").status == 200
        assert refreshes(bench) == 3

    def test_a_refusal_is_remembered_until_somebody_logs_in_or_checks(self, bench: Any) -> None:
        bench.connect()
        bench.sandbox.logins.end("first-account", "the user was frozen")
        for _ in range(3):
            with pytest.raises(NeedsLogin, match="frozen"):
                bench.open().http.get("me")
        assert refreshes(bench) == 1
        assert not bench.app.check("crm").ok
        assert refreshes(bench) == 2
        bench.sandbox.logins.restore("first-account")
        bench.sandbox.logins.expire("first-account")
        assert bench.app.check("crm").ok
        assert bench.state() == "ok"


class TestIdle:
    def test_what_is_left_of_a_login_that_nobody_finished_goes(
        self, bench: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bench.begin()

        def left() -> int:
            with bench.app.store.read() as db:
                found = db.execute("SELECT count(*) FROM secrets WHERE owner LIKE 'login/%'")
                return int(found.fetchone()[0])

        assert left() == 2  # the app's secret and the verifier
        later(bench, monkeypatch, 2 * 3600)
        keeping.keep_alive(bench.app.openings)
        assert left() == 0

    def test_a_login_that_is_not_used_is_refreshed_before_the_vendor_ends_it(
        self, bench: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bench.connect()
        assert keeping.keep_alive(bench.app.openings) == []
        later(bench, monkeypatch, 31 * 86400)
        assert keeping.keep_alive(bench.app.openings) == ["crm"]
        assert keeping.keep_alive(bench.app.openings) == []
        assert refreshes(bench) == 1

    def test_one_that_is_lost_is_said_to_be(
        self, bench: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bench.connect()
        bench.sandbox.logins.end("first-account")
        later(bench, monkeypatch, 31 * 86400)
        assert keeping.keep_alive(bench.app.openings) == []
        assert bench.state() == "needs_login"

    def test_static_tokens_and_connections_that_wait_are_left_alone(
        self, bench: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bench.app.add_connection(
            "static", crm="toy", token="first-account", settings=bench.settings()
        )  # fmt: skip
        bench.begin("waiting")
        later(bench, monkeypatch, 31 * 86400)
        assert keeping.keep_alive(bench.app.openings) == []


def _worker(bench: Any, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(WORKER), *arguments],
        env={**os.environ, "CRMWIRE_HOME": str(bench.folder / "home")},
        stdout=subprocess.PIPE,
        text=True,
    )


def _killed_while_refreshing(bench: Any) -> None:
    """A process asks for a token and is killed when the vendor has answered, before it saved."""
    worker = _worker(bench, "die")
    assert worker.wait(30) == -signal.SIGKILL
    assert worker.stdout is not None
    worker.stdout.close()
    assert refreshes(bench) == 1


def test_the_place_where_the_worker_dies_is_there() -> None:
    assert callable(StoredLogin._save)


def test_a_plugin_that_fails_on_a_refusal_does_not_lose_the_login(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.connect()
    bench.sandbox.logins.expire("first-account")
    bench.sandbox.faults.arm(
        [Fault(kind="status", path="^/oauth/token", status=400, times=1, body={"error": "x"})]
    )
    conn = bench.open()

    def broken(status: int, headers: Any, body: str) -> None:
        raise PluginBroken("It failed.")

    monkeypatch.setattr(conn.hooks, "classify_login_error", broken)
    with pytest.raises(PluginBroken):
        conn.http.get("me")
    assert bench.login().problem is None
    assert conn.http.get("me").status == 200


class TestAgain:
    """A newer token is refused as well."""

    def test_a_token_that_ends_on_its_way_is_renewed_as_well(
        self, bench: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Twice within one call: the login is not lost for it."""
        bench.connect()
        bench.sandbox.logins.expire("first-account")
        conn = bench.open()
        real, ends = conn.login.renewed, iter((True, False))

        def renewed(refused: str) -> bool:
            made = real(refused)
            if next(ends):
                bench.sandbox.logins.expire("first-account")
            return made

        monkeypatch.setattr(conn.login, "renewed", renewed)
        assert conn.http.get("me").status == 200
        assert refreshes(bench) == 2
        assert bench.state() == "ok"


class TestClock:
    """The machine's clock is put back while a refresh has to wait, or just had to."""

    def test_a_wait_that_is_over_is_not_waited_for_again_while_the_clock_is_put_back(
        self, bench: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its end is moved along in the transaction after which the new time counts."""
        bench.connect()
        bench.sandbox.logins.expire("first-account")
        bench.sandbox.faults.arm([Fault(kind="status", path="^/oauth/token", status=429, times=1)])
        keeper = Timekeeper(bench.app.store, bench.app.clock)
        keeper.begin()
        monkeypatch.setattr(stored, "RETRY", 0.2)
        conn = bench.open()
        with pytest.raises(RetryLater):
            conn.http.get("me")
        time.sleep(0.3)
        held, real = threading.Event(), clockwork.waits

        def slowly(db: Any) -> frozenset[float]:
            held.set()
            time.sleep(0.5)  # until this is committed
            return real(db)

        monkeypatch.setattr(clockwork, "waits", slowly)
        monkeypatch.setattr(clocks, "clock_offset", lambda: -86_400.0)
        setting = threading.Thread(target=keeper.look)
        setting.start()
        assert held.wait(5)
        try:
            assert conn.http.get("me").status == 200
        finally:
            setting.join()

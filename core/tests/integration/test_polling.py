"""Feeds that are asked: everything once, in spite of failures, restarts and repeats."""

from __future__ import annotations

import importlib.metadata
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from attrs import define

from crmwire import ConfigurationError, NeedsLogin, PluginBroken, discovery, hookimpl
from crmwire.app import App
from crmwire.demo.environment import surroundings
from crmwire.polling import Poller
from crmwire.runner import Daemon
from crmwire.sandbox import Fault, SandboxServer, SandboxSettings
from crmwire.testing import toysource
from crmwire.testing.toycalendar import ToyCalendar
from crmwire.types import Chunk

POINT = importlib.metadata.EntryPoint(
    name="toycal", value="crmwire.testing.toysource", group="crmwire.source"
)


@define
class Polled:
    """A crmwire with one polled feed and the toy CRM, and the calendar that it asks."""

    app: App
    calendar: ToyCalendar
    poller: Poller
    woken: list[str]

    def ask(self) -> bool:
        return self.poller.ask(self.app.store.feed("cal"))

    def ask_all(self) -> None:
        while self.ask():
            pass

    def happen(self, *bodies: dict[str, Any]) -> None:
        self.calendar.happen(*bodies)

    def standing(self) -> Any:
        return self.app.store.polls()[self.app.store.feed("cal").id]

    def states(self) -> list[tuple[str, str]]:
        return [(one.event_type, one.state) for one in reversed(self.app.deliveries())]


def body(number: int, what: str = "booked", minutes: float = 1.0, **booking: Any) -> dict[str, Any]:
    at = datetime.now(UTC) + timedelta(minutes=minutes)
    start = datetime(2027, 3, 1, 9, tzinfo=UTC) + timedelta(days=number)
    told = {"id": f"b{number}", "page": "intro", "email": "ada@example.com", "name": "Ada"}
    told |= {"start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat()}
    return {"id": f"h{number}{what}", "what": what, "at": at.isoformat(),
            "booking": {**told, **booking}}  # fmt: skip


@pytest.fixture
def opened(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, toy_installed: None
) -> Iterator[Callable[..., AbstractContextManager[Polled]]]:
    with_toy: Any = discovery.entry_points
    monkeypatch.setattr(
        discovery,
        "entry_points",
        lambda *, group: [*with_toy(group=group), *([POINT] if group == "crmwire.source" else [])],
    )
    with ExitStack() as stack:
        stack.enter_context(surroundings(tmp_path))
        calendar = ToyCalendar(SandboxSettings(tokens=("a-token",)))
        url = stack.enter_context(SandboxServer(calendar)).url

        @contextmanager
        def open_(*, route: bool = True, **settings: Any) -> Iterator[Polled]:
            with App(tmp_path / "home", threaded=True) as app:
                if not app.store.feeds():
                    app.add_feed(
                        "cal",
                        source="toycal",
                        signing_secret="s",
                        settings={"host": url, "poll_every": 1, **settings},
                        api_token="a-token",
                    )
                    app.add_connection("crm", crm="toy", token="t", settings={"host": url})
                    if route:
                        app.add_route(feed="cal", connection="crm", preset="linktime")
                woken: list[str] = []
                yield Polled(app, calendar, Poller(app.openings, woken.extend), woken)

        yield open_


Opened = Callable[..., AbstractContextManager[Polled]]


def test_what_the_source_tells_becomes_deliveries(opened: Opened) -> None:
    with opened() as polled:
        polled.happen(body(1), body(2), body(3))
        assert polled.ask()
        assert not polled.ask()
        assert polled.states() == [("booking.created", "ready")] * 3
        assert polled.woken
        assert polled.standing().told == 3


def test_the_cursor_is_kept_over_a_restart(opened: Opened) -> None:
    with opened() as polled:
        polled.happen(body(1), body(2), body(3))
        polled.ask()
    with opened() as polled:
        polled.ask()
        assert len(polled.states()) == 3
        queries = [one["query"] for one in polled.calendar.requests]
        assert "after=0" in queries[0]
        assert "after=2" in queries[1]


def test_a_crash_between_asking_and_storing_loses_and_doubles_nothing(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened() as polled:
        polled.happen(body(1), body(2))
        store = polled.app.store

        def crash(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(store, "take_in_poll", crash)
            with pytest.raises(KeyboardInterrupt):
                polled.ask()
        assert polled.states() == []
        polled.ask_all()
        polled.ask_all()
        assert len(polled.states()) == 2


def test_events_and_cursor_are_stored_together_or_not_at_all(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crmwire.store import polls

    def broken(*_: object, **__: object) -> str:
        raise ValueError("the cursor cannot be written")

    with opened() as polled:
        polled.happen(body(1))
        with monkeypatch.context() as patched:
            patched.setattr(polls, "json", SimpleNamespace(dumps=broken, loads=json.loads))
            with pytest.raises(ValueError, match="cannot be written"):
                polled.ask()
        assert polled.states() == []
        assert polled.app.store.polls() == {}


def test_what_is_told_twice_counts_once(opened: Opened) -> None:
    with opened() as polled:
        polled.happen(body(1), body(1), body(2))
        polled.ask_all()
        assert len(polled.states()) == 2
        assert polled.standing().told == 2


def test_what_happened_before_the_feed_is_not_asked_for(opened: Opened) -> None:
    with opened() as polled:
        polled.happen(body(1, minutes=-60), body(2))
        polled.ask_all()
        assert len(polled.states()) == 1


def test_what_happened_before_the_route_is_skipped_with_that_reason(opened: Opened) -> None:
    with opened(route=False) as polled:
        polled.happen(body(1, minutes=1), body(2, minutes=9))
        since = datetime.now(UTC) + timedelta(minutes=5)
        polled.app.add_route(feed="cal", connection="crm", preset="linktime", since=since)
        polled.ask_all()
        assert polled.states() == [("booking.created", "skipped"), ("booking.created", "ready")]
        (skipped,) = polled.app.deliveries(_only("skipped"))
        assert "since" in (skipped.reason or "")


def test_a_webhook_and_the_poll_that_tells_it_again_are_one_event(opened: Opened) -> None:
    with opened() as polled:
        webhook = json.dumps(body(1)).encode()
        polled.happen(json.loads(webhook))
        polled.app.accept("cal", webhook, trusted=True)
        polled.ask_all()
        assert len(polled.states()) == 1


class TestFailures:
    """The feed says what is wrong, is asked again later, and loses nothing."""

    def failed(self, polled: Polled, times: int = 1) -> Any:
        row = polled.app.store.feed("cal")
        for _ in range(times):
            polled.poller._work(row)
        return polled.standing()

    def test_a_refused_token_is_told_of(self, opened: Opened) -> None:
        with opened() as polled:
            polled.app.set_feed_token("cal", "wrong")
            standing = self.failed(polled)
            assert standing.failure == "needs_login"
            assert "crmwire feed token cal" in standing.remedy
            with pytest.raises(NeedsLogin):
                polled.ask()

    def test_a_new_token_is_tried_at_once(self, opened: Opened) -> None:
        with opened() as polled:
            polled.happen(body(1))
            polled.app.set_feed_token("cal", "wrong")
            assert self.failed(polled).due_at > datetime.now(UTC).timestamp() + 20
            polled.app.set_feed_token("cal", "a-token")
            assert polled.poller.step() == ["cal"]
            until(lambda: len(polled.states()) == 1)
            assert polled.standing().failure is None

    def test_a_source_that_is_down_is_asked_less_and_less_often(self, opened: Opened) -> None:
        with opened() as polled:
            polled.happen(body(1))
            polled.calendar.faults.arm([Fault(kind="status", status=500)])
            waits = []
            for _ in range(3):
                standing = self.failed(polled)
                waits.append(standing.due_at - standing.asked_at)
            assert standing.failures == 3
            assert waits == sorted(waits)
            polled.calendar.faults.arm([])
            polled.ask_all()
            assert polled.standing().failures == 0
            assert len(polled.states()) == 1

    def test_retry_after_is_kept_to(self, opened: Opened) -> None:
        with opened() as polled:
            headers = {"Retry-After": "77"}
            polled.calendar.faults.arm([Fault(kind="status", status=429, headers=headers)])
            standing = self.failed(polled)
            assert 76 < standing.due_at - standing.asked_at < 78

    def test_a_plugin_that_fails_is_named(
        self, opened: Opened, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def event_of(body: object) -> None:
            raise LookupError("no such key")

        with opened() as polled:
            polled.happen(body(1))
            monkeypatch.setattr(toysource, "event_of", event_of)
            standing = self.failed(polled)
            assert standing.failure == "plugin_broken"
            assert "toycal failed in poll" in standing.problem

    def test_a_source_that_does_not_go_on_is_stopped(
        self, opened: Opened, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        @hookimpl
        def poll() -> Chunk:
            return Chunk(cursor=None, more=True)

        monkeypatch.setattr(toysource, "poll", poll)
        with opened() as polled, pytest.raises(PluginBroken, match="does not go on"):
            polled.ask()

    def test_what_cannot_be_kept_stops_only_this_feed(
        self, opened: Opened, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        @hookimpl
        def poll() -> Chunk:
            return Chunk(cursor=object())  # type: ignore[arg-type]

        monkeypatch.setattr(toysource, "poll", poll)
        with opened() as polled:
            assert self.failed(polled).failure == "plugin_broken"


def test_the_daemon_asks_by_itself_and_delivers(opened: Opened) -> None:
    with opened() as polled:
        daemon = Daemon(polled.app, sweep=0.05)
        daemon.start()
        try:
            polled.happen(body(1), body(2), body(3))
            until(lambda: len(polled.states()) == 3)
            polled.happen(body(4))
            until(lambda: len(polled.states()) == 4)
        finally:
            daemon.stop()


def test_a_feed_that_is_removed_while_it_is_asked_takes_nothing(opened: Opened) -> None:
    with opened() as polled:
        polled.happen(body(1))
        row = polled.app.store.feed("cal")
        polled.app.remove_feed("cal")
        now = datetime.now(UTC)
        assert polled.app.store.take_in_poll(row.id, [], 7, 0.0, now) == []
        assert polled.app.store.polls() == {}


def test_a_removed_feed_is_not_asked_any_more(opened: Opened) -> None:
    with opened() as polled:
        polled.app.remove_feed("cal")
        assert polled.poller.step() == []


def test_settings_that_the_source_cannot_use_are_refused(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    @hookimpl
    def feed_api() -> None:
        raise ConfigurationError("`workspace` is missing.")

    with opened() as polled:
        monkeypatch.setattr(toysource, "feed_api", feed_api)
        with pytest.raises(ConfigurationError, match="workspace"):
            polled.app.add_feed("two", source="toycal", signing_secret="s")
        with pytest.raises(ConfigurationError, match="workspace"):
            polled.app.change_feed("cal", settings={}, allow_unsigned=False)


def _only(state: str) -> Any:
    from crmwire.store import DeliveryFilter

    return DeliveryFilter(states=(state,))


def until(reached: Callable[[], bool], timeout: float = 10.0) -> None:
    deadline = time.monotonic() + timeout
    while not reached():
        assert time.monotonic() < deadline, "it did not come in time"
        time.sleep(0.02)


def test_status_tells_how_the_polling_stands(opened: Opened) -> None:
    from click.testing import CliRunner

    from crmwire.cli.commands import cli
    from crmwire.cli.state import State

    def said() -> str:
        result = CliRunner().invoke(cli, ["status"], obj=State(), standalone_mode=False)
        return result.output

    with opened() as polled:
        polled.happen(body(1))
        polled.ask_all()
        assert "1 events so far" in said()
        polled.app.set_feed_token("cal", "wrong")
        polled.poller._work(polled.app.store.feed("cal"))
        assert "cal: its source cannot be asked. The source does not accept" in said()
        (wrong,) = [one.trouble for one in polled.app.wrong_now()]
        assert wrong.seen.command == "crmwire check cal"


def test_a_source_that_hangs_does_not_keep_the_daemon_from_stopping(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crmwire import polling

    monkeypatch.setattr(polling, "PATIENCE", 0.2)
    with opened() as polled:
        polled.happen(body(1))
        polled.calendar.faults.arm([Fault(kind="latency", seconds=3.0)])
        assert polled.poller.step() == ["cal"]
        assert polled.poller.step() == []  # it is being asked
        started = time.monotonic()
        polled.poller.stop()
        assert time.monotonic() - started < 1.0
        assert polled.poller.step() == []


def test_a_polled_feed_is_added_with_its_token(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from crmwire.cli.commands import cli
    from crmwire.cli.state import State

    def run(*words: str, given: str = "") -> str:
        done = CliRunner().invoke(cli, [*words], input=given, obj=State())
        assert done.exit_code == 0, done.output
        return done.output

    address = "https://calendars.example.com/private-7f/basic.ics"
    with surroundings(tmp_path):
        add = ("feed", "add", "--source", "ics")
        said = run(*add, "open", "--set", f"url={address}")
        assert "is asked by the daemon" in said
        secret = address.replace("7f", "secret")
        run(*add, "team", "--set", "secret_url=true", given=secret)
        assert secret not in run("export")
        listed = run("feed", "list").splitlines()[1:]
        assert all(line.split()[3:] == ["(asked", "by", "the", "daemon)", "-"] for line in listed)
        run("feed", "token", "team", given=secret + "?again")
        with App(tmp_path / "home") as app:
            hooks = app.openings.source(app.store.feed("team"))
            assert hooks.feed.token == secret + "?again"
            assert hooks.is_polled()


def test_a_feed_that_is_not_polled_is_looked_at_once(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened() as polled:
        polled.app.add_feed("plain", source="calcom", signing_secret="s")
        openings, looked = polled.app.openings, []
        real = openings.source
        monkeypatch.setattr(openings, "source", lambda row: looked.append(row.name) or real(row))
        polled.app.store.write(lambda db: db.execute("UPDATE polls SET due_at = 9e9"))
        for _ in range(5):
            polled.poller.step()
        assert looked.count("plain") == 1

"""What hooks that ask a source's API get as `feed`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from crmwire import ConfigurationError, NeedsLogin, NotAllowed, PluginBroken, RetryLater, hookimpl
from crmwire.feeds import OpenFeed
from crmwire.hooks import SourceHooks, manager
from crmwire.hookspecs import SourceSpecs
from crmwire.pacing import Pacer
from crmwire.sandbox import Fault, SandboxServer, SandboxSettings
from crmwire.testing import toysource
from crmwire.testing.annotations import differences, implementations
from crmwire.testing.clock import HurryingClock
from crmwire.testing.toycalendar import ToyCalendar
from crmwire.types import Chunk, Feed, FeedApi, Limit

SINCE = datetime(2026, 11, 1, tzinfo=UTC)


def body(number: int, what: str = "booked", **more: Any) -> dict[str, Any]:
    start = SINCE + timedelta(days=number)
    booking = {"id": f"b{number}", "page": "intro", "email": "ada@example.com", "name": "Ada"}
    booking |= {"start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat()}
    at = (SINCE + timedelta(minutes=number)).isoformat()
    return {"id": f"h{number}", "what": what, "at": at, "booking": booking, **more}


@pytest.fixture
def calendar(monkeypatch: pytest.MonkeyPatch) -> Iterator[ToyCalendar]:
    monkeypatch.setenv("CRMWIRE_ALLOW_LOOPBACK", "1")
    sandbox = ToyCalendar(SandboxSettings(tokens=("a-token",)))
    with SandboxServer(sandbox) as server:
        sandbox.url = server.url
        yield sandbox


def opened(host: str | None, token: str | None = "a-token", plugin: object = toysource,
           **settings: Any) -> SourceHooks:  # fmt: skip
    hooks = SourceHooks(manager(SourceSpecs, [("toycal", plugin)]), "feed toy")
    settings |= {"host": host} if host else {}
    hooks.feed = Feed(name="toy", source="toycal", settings=settings, since=SINCE, token=token)
    clock = HurryingClock()
    hooks.open_feed = OpenFeed(hooks, clock=clock, pacer=lambda api: Pacer(clock))
    return hooks


def test_the_toy_source_has_the_types_of_the_specification() -> None:
    assert differences(toysource, SourceSpecs) == []


def test_a_source_is_asked_a_chunk_at_a_time(calendar: ToyCalendar) -> None:
    calendar.happen(body(1), body(2), body(3))
    hooks = opened(calendar.url)
    first = hooks.poll(None)
    second = hooks.poll(first.cursor)
    assert [event.subject_id for event in first.events] == ["b1", "b2"]
    assert first.more
    assert [event.subject_id for event in second.events] == ["b3"]
    assert not second.more
    assert hooks.list_past(SINCE + timedelta(minutes=2), None).total == 2


def test_the_token_is_sent_as_the_source_says(calendar: ToyCalendar) -> None:
    assert opened(calendar.url).check_feed() == ()
    with pytest.raises(NeedsLogin, match="crmwire feed token toy"):
        opened(calendar.url, "another").check_feed()


def test_without_a_token_nothing_is_asked(calendar: ToyCalendar) -> None:
    with pytest.raises(NeedsLogin, match="has no token"):
        opened(calendar.url, None).check_feed()
    assert calendar.requests == []


@pytest.mark.parametrize(
    "host", ["https://example.net", "https://nottoycal.example.com", "http://toycal.example.com"]
)
def test_the_token_goes_to_no_other_host(host: str) -> None:
    with pytest.raises(ConfigurationError):
        opened(host).check_feed()


def test_a_source_without_an_api_cannot_be_asked() -> None:
    hooks = {**implementations(toysource)}
    del hooks["feed_api"]
    with pytest.raises(ConfigurationError, match="has no API"):
        opened(None, plugin=SimpleNamespace(**hooks)).poll(None)


def test_a_source_that_needs_no_token_gets_none(calendar: ToyCalendar) -> None:
    @hookimpl
    def feed_api(feed: Feed) -> FeedApi | None:
        return FeedApi(base_url="https://a.example", host_suffixes=("a.example",), public=True)

    hooks = {**implementations(toysource), "feed_api": feed_api}
    with pytest.raises(NeedsLogin):
        opened(calendar.url, plugin=SimpleNamespace(**hooks)).check_feed()
    assert calendar.requests[0]["account"] is None


@pytest.mark.parametrize(
    ("status", "failure", "said"),
    [
        (401, NeedsLogin, "does not accept the feed's token"),
        (403, NotAllowed, "The source does not allow"),
        (429, RetryLater, "The source asks for fewer requests"),
        (503, RetryLater, "The source is not available"),
    ],
)
def test_refusals_name_what_happens_next(
    calendar: ToyCalendar, status: int, failure: type[Exception], said: str
) -> None:
    calendar.faults.arm([Fault(kind="status", status=status)])
    with pytest.raises(failure, match=said):
        opened(calendar.url).check_feed()


def test_the_plugin_may_say_otherwise(calendar: ToyCalendar) -> None:
    @hookimpl
    def classify_feed_error(feed: Feed, status: int) -> NotAllowed:
        return NotAllowed("The plan of this account has no API.")

    plugin = SimpleNamespace(**implementations(toysource), classify_feed_error=classify_feed_error)
    calendar.faults.arm([Fault(kind="status", status=402)])
    with pytest.raises(NotAllowed, match="The plan of"):
        opened(calendar.url, plugin=plugin).check_feed()


def test_requests_are_paced(calendar: ToyCalendar) -> None:
    @hookimpl
    def feed_api(feed: Feed) -> FeedApi | None:
        limit = Limit(name="calls", calls=2, seconds=60.0)
        return FeedApi(base_url="https://a.example", host_suffixes=("a.example",), limits=(limit,))

    hooks = opened(
        calendar.url,
        plugin=SimpleNamespace(**{**implementations(toysource), "feed_api": feed_api}),
    )
    hooks.poll(None)
    hooks.poll(None)
    with pytest.raises(RetryLater) as caught:
        hooks.poll(None)
    assert caught.value.after is not None
    assert 50 < caught.value.after <= 61
    assert len(calendar.requests) == 2


def test_an_answer_of_another_kind_is_the_plugins_fault(calendar: ToyCalendar) -> None:
    @hookimpl
    def poll(feed: OpenFeed) -> Any:
        return Chunk(events=("not an event",))  # type: ignore[arg-type]

    plugin = SimpleNamespace(**{**implementations(toysource), "poll": poll})
    with pytest.raises(PluginBroken, match="where Event belongs"):
        opened(calendar.url, plugin=plugin).poll(None)

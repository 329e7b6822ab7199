"""Checks of sources that are asked: by `poll`, or for what is past by `list_past`."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from crmwire.errors import ConfigurationError, Failure, NeedsLogin, RetryLater
from crmwire.hooks import SourceHooks
from crmwire.sandbox import Fault
from crmwire.store.accepting import dedupe_key
from crmwire.testing.event_shapes import misfits
from crmwire.testing.source_contract_base import SourceBase
from crmwire.types import Chunk, Event, Json

MOST_CHUNKS = 1000
Ask = Callable[[SourceHooks, Json], Chunk]


class ApiChecks(SourceBase):
    """A source that is asked tells everything once, goes on where it was, and names failures."""

    def _asked(self) -> list[tuple[str, Ask]]:
        """Each hook that asks the source, or skip."""
        asked: list[tuple[str, Ask]] = []
        if self.is_asked("poll"):
            asked.append(("poll", lambda hooks, cursor: hooks.poll(cursor)))
        if self.is_asked("list_past"):
            asked.append(("list_past", lambda hooks, cursor: hooks.list_past(self.since, cursor)))
        if not asked:
            pytest.skip("the source is not asked for anything")
        assert self.sandbox is not None, "give a sandbox of the API (made_sandbox)"
        return asked

    def test_all_that_is_told_is_in_order(self) -> None:
        """Events that core can keep; cursors that JSON can; an end."""
        for name, ask in self._asked():
            events, cursors = self._all(ask, self.hooks)
            assert events, f"{name} tells nothing: let the sandbox have something to tell"
            for event in events:
                assert misfits(event) == [], name
            for cursor in cursors:
                assert json.loads(json.dumps(cursor)) == cursor, f"{name}: a cursor is plain data"

    def test_it_goes_on_from_a_cursor_that_was_kept(self) -> None:
        """Other hooks, made anew, go on where the first ones were."""
        for name, ask in self._asked():
            whole, _ = self._all(ask, self.hooks)
            first = ask(self.hooks, None)
            events = list(first.events)
            cursor, more = json.loads(json.dumps(first.cursor)), first.more
            for _ in range(MOST_CHUNKS):
                if not more:
                    break
                chunk = ask(self.feed_hooks(), cursor)
                events += chunk.events
                cursor, more = json.loads(json.dumps(chunk.cursor)), chunk.more
            assert _keys(events) == _keys(whole), name

    def test_asked_again_it_tells_nothing_new(self) -> None:
        """What is told twice has the same keys, so that it counts once."""
        if not self.is_asked("poll"):
            pytest.skip("the source is not polled")
        for _, ask in self._asked()[:1]:
            events, cursors = self._all(ask, self.hooks)
            again, _ = self._all(ask, self.hooks, cursors[-1])
            assert _keys(again) <= _keys(events)

    def test_a_wrong_token_is_a_lost_login(self) -> None:
        """The source's refusal is named, so that people are told what to do."""
        for name, ask in self._asked():
            api = self.hooks.feed_api()
            assert api is not None
            if api.public:
                continue
            with pytest.raises(NeedsLogin):
                ask(self.feed_hooks(token="nobody-knows-me"), None)  # noqa: S106
            assert name

    def test_the_token_goes_to_no_other_host(self) -> None:
        """A host outside the plugin's own suffixes is refused before anything is sent."""
        for _, ask in self._asked():
            api = self.hooks.feed_api()
            assert api is not None
            for suffix in api.host_suffixes:
                for form in ("https://{}.example.net", "https://not{}", "http://{}"):
                    with pytest.raises(ConfigurationError):
                        ask(self.feed_hooks(host=form.format(suffix)), None)

    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_trouble_is_tried_again_later(self, status: int) -> None:
        """Limits and outages of the source are waited for."""
        for _, ask in self._asked():
            assert self.sandbox is not None
            self.sandbox.faults.arm([Fault(kind="status", status=status)])
            with pytest.raises(RetryLater):
                ask(self.feed_hooks(), None)
            self.sandbox.faults.arm([])

    @pytest.mark.parametrize("kind", ["html", "cut_short", "cut_before"])
    def test_an_answer_that_cannot_be_read_is_a_failure(self, kind: str) -> None:
        """A page of a proxy, a broken connection: never a fault of the plugin."""
        for _, ask in self._asked():
            assert self.sandbox is not None
            self.sandbox.faults.arm([Fault(kind=kind, status=200)])  # type: ignore[arg-type]
            with pytest.raises(Failure) as caught:
                ask(self.feed_hooks(), None)
            assert caught.value.kind == "retry_later", caught.value
            self.sandbox.faults.arm([])

    def test_the_check_of_the_feed_sees_the_token(self) -> None:
        """`crmwire check` finds a feed that works, and one whose token is refused."""
        self._asked()
        if not self.is_asked("check_feed"):
            pytest.skip("the plugin does not check feeds")
        assert all(finding.level != "error" for finding in self.hooks.check_feed())
        api = self.hooks.feed_api()
        if api is not None and not api.public:
            try:
                findings = self.feed_hooks(token="nobody-knows-me").check_feed()  # noqa: S106
            except Failure:
                return
            assert any(finding.level == "error" for finding in findings)

    def _all(
        self, ask: Ask, hooks: SourceHooks, cursor: Json = None
    ) -> tuple[list[Event], list[Json]]:
        """All events from a cursor on, and the cursors that were given."""
        events: list[Event] = []
        cursors: list[Json] = []
        for _ in range(MOST_CHUNKS):
            chunk = ask(hooks, cursor)
            events += chunk.events
            cursor = chunk.cursor
            cursors.append(cursor)
            if not chunk.more:
                return events, cursors
        raise AssertionError("there is no end: `more` never becomes false")


def _keys(events: list[Event]) -> set[bytes]:
    return set(map(dedupe_key, events))

"""Checks of what a source plugin says of itself."""

from __future__ import annotations

import re
from typing import Any

from crmwire.hooks import PURE
from crmwire.hookspecs import SourceSpecs
from crmwire.testing.annotations import differences, implementations
from crmwire.testing.purity import watched
from crmwire.testing.source_contract_base import SourceBase
from crmwire.vocabulary import EVENT_TYPES


class SourceHookChecks(SourceBase):
    """A plugin is what it says, and its pure hooks are pure."""

    def test_every_needed_hook_is_there(self) -> None:
        """A source says what it is, and either reads webhooks or is polled."""
        there = implementations(self.plugin).keys()
        assert "source_info" in there
        assert there & {"parse_webhook", "poll"}, "nothing ever comes in"

    def test_annotations_are_those_of_the_specification(self) -> None:
        """Arguments may be left out; what is there has the name and the type of the spec."""
        assert differences(self.plugin, SourceSpecs) == []

    def test_what_it_says_of_itself_makes_sense(self) -> None:
        """Its key, title, events and signature fit together."""
        info = self.hooks.source_info()
        assert re.fullmatch(r"[a-z][a-z0-9_]*", info.key)
        assert info.title
        assert info.page
        assert info.setup, "people must be told what to do at the source"
        assert info.events
        assert set(info.events) <= EVENT_TYPES
        assert len(set(info.events)) == len(info.events)
        assert info.poll_every > 0
        if self.takes_webhooks() and info.signature is not None:
            assert "sig" in re.compile(info.signature.pattern).groupindex
            assert "{signature}" in info.signature.template
            assert info.signature.tolerance is None or info.signature.tolerance > 0

    def test_pages_have_titles(self) -> None:
        """`list_pages` gives texts by texts."""
        for page, title in self.hooks.list_pages().items():
            assert isinstance(page, str)
            assert isinstance(title, str)

    def test_pure_hooks_use_no_network_clock_or_disk(self) -> None:
        """Pure hooks give the same answer each time, out of what they are given alone."""
        for name, call in self._pure_calls():
            assert name.partition("(")[0] in PURE
            first = call()
            with watched() as seen:
                again = call()
            assert not seen, f"{name} is not pure: {seen[0]}"
            assert repr(first) == repr(again), f"{name} answers differently the second time"

    def _pure_calls(self) -> list[tuple[str, Any]]:
        hooks = self.hooks
        calls: list[tuple[str, Any]] = [
            ("source_info", hooks.source_info),
            ("list_pages", hooks.list_pages),
            ("feed_api", hooks.feed_api),
        ]
        calls += [
            (
                f"classify_feed_error({status})",
                lambda status=status: hooks.classify_feed_error(status, {}, "{"),
            )
            for status in (400, 401, 402, 403, 404, 422, 429, 500, 503)
        ]
        if self.takes_webhooks():
            for name, body in self.samples().items():
                request = self.request(body)
                calls += [
                    (
                        f"parse_webhook({name})",
                        lambda request=request: hooks.parse_webhook(request),
                    ),
                    (
                        f"verify_webhook({name})",
                        lambda request=request: hooks.verify_webhook(request),
                    ),
                ]
        return calls

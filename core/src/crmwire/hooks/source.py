"""The hooks of a feed, typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from crmwire.errors import Failure, PluginBroken
from crmwire.hooks.calling import Face
from crmwire.types import Chunk, Event, FeedApi

if TYPE_CHECKING:
    from datetime import datetime

    from crmwire.feeds import OpenFeed
    from crmwire.types import Feed, Finding, Json, SourceInfo, WebhookRequest


class SourceHooks(Face):
    """The hooks of one feed."""

    feed: Feed
    open_feed: OpenFeed

    def source_info(self) -> SourceInfo:
        info: SourceInfo = self._required("source_info", self._call("source_info"))
        return info

    def verify_webhook(self, request: WebhookRequest) -> bool | None:
        answer: bool | None = self._call("verify_webhook", feed=self.feed, request=request)
        return answer

    def parse_webhook(self, request: WebhookRequest) -> Sequence[Event]:
        answer: Sequence[Event] = self._required(
            "parse_webhook", self._call("parse_webhook", feed=self.feed, request=request)
        )
        return answer

    def list_pages(self) -> Mapping[str, str]:
        answer: Mapping[str, str] | None = self._call("list_pages", feed=self.feed)
        return answer or {}

    def feed_api(self) -> FeedApi | None:
        answer = self._call("feed_api", feed=self.feed)
        if answer is None:
            return None
        api: FeedApi = self._typed("feed_api", answer, FeedApi)
        return api

    def classify_feed_error(
        self, status: int, headers: Mapping[str, str], body: str
    ) -> Failure | None:
        answer: Failure | None = self._call(
            "classify_feed_error", feed=self.feed, status=status, headers=headers, body=body
        )
        return answer

    def is_polled(self) -> bool:
        """Whether the source is asked: it can be, and the settings say where.

        Raises: ConfigurationError.
        """
        return bool(self.chain("poll")) and self.feed_api() is not None

    def poll(self, cursor: Json) -> Chunk:
        return self._chunk("poll", self._call("poll", feed=self.open_feed, cursor=cursor), cursor)

    def list_past(self, since: datetime, cursor: Json) -> Chunk:
        answer = self._call("list_past", feed=self.open_feed, since=since, cursor=cursor)
        return self._chunk("list_past", answer, cursor)

    def check_feed(self) -> Sequence[Finding]:
        answer: Sequence[Finding] | None = self._call("check_feed", feed=self.open_feed)
        return answer or ()

    def implements(self, hook: str) -> bool:
        """Whether any plugin of this feed answers that hook."""
        return bool(getattr(self.pm.hook, hook).get_hookimpls())

    def _chunk(self, hook: str, answer: Any, before: Json) -> Chunk:
        chunk: Chunk = self._typed(hook, self._required(hook, answer), Chunk)
        for event in chunk.events:
            self._typed(hook, event, Event)
        if chunk.more and chunk.cursor == before:
            raise PluginBroken(
                f"{hook} of {self._owner} says that there is more, and does not go on.",
                remedy="Update the plugin.",
            )
        if chunk.total is not None and not 0 <= chunk.total < 2**63:
            return attrs.evolve(chunk, total=None)  # only shown, and no number of things
        return chunk

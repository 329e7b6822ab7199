"""Hooks of a feed: those of source plugins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from crmwire.hookspecs.marks import hookspec

if TYPE_CHECKING:
    from crmwire.errors import Failure
    from crmwire.feeds import OpenFeed
    from crmwire.types import (
        Chunk,
        Event,
        Feed,
        FeedApi,
        Finding,
        Json,
        SourceInfo,
        WebhookRequest,
    )


class SourceSpecs:
    """Hooks of one feed."""

    @hookspec(firstresult=True)
    def source_info(self) -> SourceInfo | None:
        """Say what this source is: title, events, signature scheme, what a page is called.

        Pure. Implemented by: every source plugin. Added in 0.1.
        """

    @hookspec(firstresult=True)
    def verify_webhook(self, feed: Feed, request: WebhookRequest) -> bool | None:
        """Return True if the webhook truly comes from the source.

        Pure. Default: core's verifier with the scheme of `source_info`.
        Raises: WebhookRefused. Added in 0.1.
        """

    @hookspec(firstresult=True)
    def parse_webhook(self, feed: Feed, request: WebhookRequest) -> Sequence[Event] | None:
        """Turn a webhook into events.

        An unknown kind gives an event with `ignored` set to the reason. Pure.
        Raises: UnreadableWebhook if the body is not what the source sends. Added in 0.1.
        """

    @hookspec(firstresult=True)
    def list_pages(self, feed: Feed) -> Mapping[str, str] | None:
        """Give the titles of the feed's pages by id, as far as its settings tell.

        Pure. Default: None. Added in 0.1.
        """

    # ------------------------------------------------------------ the source's own API

    @hookspec(firstresult=True)
    def feed_api(self, feed: Feed) -> FeedApi | None:
        """Say where the source's API is: `feed.http` of the hooks below goes there.

        Pure. Implemented by: sources that are asked for something. Default: None, and `feed.http`
        refuses. Raises: ConfigurationError if the feed's settings do not tell. Added in 0.1.
        """

    @hookspec(firstresult=True)
    def classify_feed_error(
        self, feed: Feed, status: int, headers: Mapping[str, str], body: str
    ) -> Failure | None:
        """Name what a refusal of the source's API means: which failure, and what to do.

        `headers` have lower-case names. Pure. Default: by the status. Added in 0.1.
        """

    @hookspec(firstresult=True)
    def poll(self, feed: OpenFeed, cursor: Json) -> Chunk | None:
        """Ask the source what happened since `cursor`; None the first time.

        Called by the daemon every `poll_every` seconds, and at once while a chunk says `more`;
        not for a feed to which `feed_api` answers None.
        The first time, begin at `feed.since`. What came before may be told again: an event with
        the same `webhook_id` counts once, so look back far enough that nothing is missed.
        I/O by `feed.http`. Raises: let its failures pass. Implemented by: sources without
        webhooks. Default: none. Added in 0.1.
        """

    @hookspec(firstresult=True)
    def list_past(self, feed: OpenFeed, since: datetime, cursor: Json) -> Chunk | None:
        """List what was booked at or after `since`, a chunk at a time; cursor None is the start.

        Called by `crmwire backfill`, until a chunk has no `more`; it may go on after days with a
        cursor that was kept. A booking is told as it is now: by what made it, and, if it does not
        stand any more, by what ended it. `subject_id` and `previous_ids` are those of the
        webhooks; `occurred_at` is when it happened, `version` orders it among webhooks.
        I/O by `feed.http`. Raises: let its failures pass. Implemented by: sources that can list.
        Default: none. Added in 0.1.
        """

    @hookspec(firstresult=True)
    def check_feed(self, feed: OpenFeed) -> Sequence[Finding] | None:
        """Find out whether the feed works: its token, its settings, what it may read.

        Called by `crmwire check`. I/O by `feed.http`. Raises: let its failures pass; they become
        findings. Default: None. Added in 0.1.
        """

"""Jicoo for crmwire. Facts: developer.jicoo.com, read 2026-11."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmwire import hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from crmwire.errors import Failure
    from crmwire.feeds import OpenFeed
    from crmwire.types import Chunk, Event, Feed, FeedApi, Finding, Json, SourceInfo, WebhookRequest


@hookimpl
def source_info() -> SourceInfo | None:
    from crmwire_jicoo.info import INFO

    return INFO


@hookimpl
def verify_webhook(feed: Feed, request: WebhookRequest) -> bool | None:
    from crmwire_jicoo.signing import verified

    return verified(feed, request)


@hookimpl
def parse_webhook(feed: Feed, request: WebhookRequest) -> Sequence[Event] | None:
    from crmwire_jicoo.webhooks import events

    return events(feed, request)


@hookimpl
def feed_api(feed: Feed) -> FeedApi | None:
    from crmwire_jicoo.info import API

    return API


@hookimpl
def classify_feed_error(
    feed: Feed, status: int, headers: Mapping[str, str], body: str
) -> Failure | None:
    from crmwire_jicoo.past import failure

    return failure(status)


@hookimpl
def list_past(feed: OpenFeed, since: datetime, cursor: Json) -> Chunk | None:
    from crmwire_jicoo.past import chunk

    return chunk(feed, since, cursor)


@hookimpl
def check_feed(feed: OpenFeed) -> Sequence[Finding] | None:
    from crmwire_jicoo.past import findings

    return findings(feed)

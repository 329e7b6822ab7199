"""Calendly for crmwire. Facts: developer.calendly.com, read 2026-11."""

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
    from crmwire_calendly.info import INFO

    return INFO


@hookimpl
def parse_webhook(feed: Feed, request: WebhookRequest) -> Sequence[Event] | None:
    from crmwire_calendly.webhooks import events

    return events(request)


@hookimpl
def feed_api(feed: Feed) -> FeedApi | None:
    from crmwire_calendly.info import api

    return api(feed)


@hookimpl
def classify_feed_error(
    feed: Feed, status: int, headers: Mapping[str, str], body: str
) -> Failure | None:
    from crmwire_calendly.api import failure

    return failure(status, headers, body)


@hookimpl
def list_past(feed: OpenFeed, since: datetime, cursor: Json) -> Chunk | None:
    from crmwire_calendly.past import chunk

    return chunk(feed, since, cursor)


@hookimpl
def check_feed(feed: OpenFeed) -> Sequence[Finding] | None:
    from crmwire_calendly.checking import findings

    return findings(feed)

"""Calendars: iCalendar files and messages (RFC 5545, RFC 5546), and feeds that are polled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmwire.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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


@hookimpl
def source_info() -> SourceInfo | None:
    from crmwire.sources.ics.info import INFO

    return INFO


@hookimpl
def list_pages(feed: Feed) -> Mapping[str, str] | None:
    from crmwire.sources.ics.settings import settings_of

    page = settings_of(feed).page
    return {page: page} if page else {}


@hookimpl
def feed_api(feed: Feed) -> FeedApi | None:
    from crmwire.sources.ics.info import api

    return api(feed)


@hookimpl
def parse_webhook(feed: Feed, request: WebhookRequest) -> Sequence[Event] | None:
    from crmwire.sources.ics.messages import events
    from crmwire.sources.ics.settings import settings_of

    return events(settings_of(feed), request)


@hookimpl
def poll(feed: OpenFeed, cursor: Json) -> Chunk | None:
    from crmwire.sources.ics.polling import asked

    return asked(feed, cursor)


@hookimpl
def check_feed(feed: OpenFeed) -> Sequence[Finding] | None:
    from crmwire.sources.ics.polling import findings

    return findings(feed)

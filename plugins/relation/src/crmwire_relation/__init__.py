"""Re:lation (Ingage) for crmwire: an inbox's messages, asked for again and again.

Facts: developer.ingage.jp (API v2), faq.relationapp.jp 15260, 15261 and 15145, read 2026-11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmwire import hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crmwire import Failure
    from crmwire.feeds import OpenFeed
    from crmwire.types import Chunk, Feed, FeedApi, Finding, Json, SourceInfo


@hookimpl
def source_info() -> SourceInfo | None:
    from crmwire_relation.info import INFO

    return INFO


@hookimpl
def feed_api(feed: Feed) -> FeedApi | None:
    from crmwire_relation.info import api

    return api(feed)


@hookimpl
def list_pages(feed: Feed) -> Mapping[str, str] | None:
    from crmwire_relation.settings import settings_of

    settings = settings_of(feed)
    return {str(settings.inbox): settings.title or f"Inbox {settings.inbox}"}


@hookimpl
def classify_feed_error(
    feed: Feed, status: int, headers: Mapping[str, str], body: str
) -> Failure | None:
    from crmwire_relation.errors import failure

    return failure(feed.name, status, headers)


@hookimpl
def poll(feed: OpenFeed, cursor: Json) -> Chunk | None:
    from crmwire_relation.polling import asked

    return asked(feed, cursor)


@hookimpl
def check_feed(feed: OpenFeed) -> Sequence[Finding] | None:
    from crmwire_relation.checking import findings

    return findings(feed)

"""Any tool's webhooks, described by the feed's settings: no code is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmwire.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crmwire.types import Event, Feed, SourceInfo, WebhookRequest


@hookimpl
def source_info() -> SourceInfo | None:
    from crmwire.sources.webhook.info import INFO

    return INFO


@hookimpl
def list_pages(feed: Feed) -> Mapping[str, str] | None:
    from crmwire.sources.webhook.settings import settings_of

    return dict(settings_of(feed).pages)


@hookimpl
def verify_webhook(feed: Feed, request: WebhookRequest) -> bool | None:
    from crmwire.signatures import verify
    from crmwire.sources.webhook.settings import settings_of

    own = settings_of(feed).signature
    if own is None:
        return None  # core verifies with the scheme of `source_info`
    verify(own, feed, request)
    return True


@hookimpl
def parse_webhook(feed: Feed, request: WebhookRequest) -> Sequence[Event] | None:
    from crmwire.sources.webhook.reading import events
    from crmwire.sources.webhook.settings import settings_of

    return events(settings_of(feed), request)

"""Cal.com for crmwire. Facts: cal.com/help/webhooks and Cal.com's repository, read 2026-11."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmwire import hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmwire.types import Event, Feed, SourceInfo, WebhookRequest


@hookimpl
def source_info() -> SourceInfo | None:
    from crmwire_calcom.info import INFO

    return INFO


@hookimpl
def parse_webhook(feed: Feed, request: WebhookRequest) -> Sequence[Event] | None:
    from crmwire_calcom.webhooks import events

    return events(request)

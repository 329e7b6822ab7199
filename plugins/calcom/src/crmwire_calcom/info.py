"""What Cal.com is as a source."""

from __future__ import annotations

import re

from crmwire import ConfigurationError
from crmwire.types import Feed, FeedApi, Limit, SignatureScheme, SourceInfo

INFO = SourceInfo(
    key="calcom",
    title="Cal.com",
    events=(
        "booking.requested",
        "booking.created",
        "booking.rescheduled",
        "booking.cancelled",
        "booking.rejected",
        "booking.reassigned",
        "booking.updated",
        "booking.no_show",
        "booking.no_show_cleared",
        "booking.completed",
    ),
    page="event type",
    settings=("self_hosted",),
    # Hex HMAC-SHA256 of the raw body, no prefix and no timestamp; without a secret at Cal.com's
    # side the header holds the words "no-secret-provided" (cal.com/help/webhooks, read 2026-11).
    signature=SignatureScheme(header="X-Cal-Signature-256"),
    setup=(
        "In Cal.com, open Settings, Developer, Webhooks and make a webhook with this address and"
        " secret. Switch on the booking triggers (also location and reassigned), Meeting ended and"
        " Booking no-show updated, and leave the custom payload template off."
    ),
)

# 120 requests a minute for an API key (cal.com/docs/api-reference/v2, read 2026-11).
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")
_LIMITS = (Limit(name="calls", calls=120, seconds=60.0),)


def api(feed: Feed) -> FeedApi:
    """Cal.com's API v2; of a Cal.com that runs on a host of its own, if the feed says which.

    Raises: ConfigurationError.
    """
    own = feed.settings.get("self_hosted")
    host = own.strip().lower() if isinstance(own, str) else ""
    if own is not None and not _HOST.fullmatch(host):
        raise ConfigurationError(
            f"The setting self_hosted is {own!r}, which is no host.",
            remedy="Give the name alone, such as cal.example.com.",
        )
    return FeedApi(
        base_url=f"https://{host}/api/v2" if host else "https://api.cal.com/v2",
        host_suffixes=(host,) if host else ("api.cal.com",),
        limits=_LIMITS,
        token_hint="Make an API key in Cal.com: Settings, Developer, API keys.",  # noqa: S106
    )

"""What Calendly is as a source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmwire import ConfigurationError
from crmwire.types import FeedApi, Limit, SignatureScheme, SourceInfo

if TYPE_CHECKING:
    from crmwire.types import Feed

SCOPES = ("user", "organization")

INFO = SourceInfo(
    key="calendly",
    title="Calendly",
    events=(
        "booking.created",
        "booking.rescheduled",
        "booking.updated",
        "booking.cancelled",
        "booking.no_show",
        "booking.no_show_cleared",
    ),
    page="event type",
    settings=("scope",),
    # `t=1700000000,v1=hex`: HMAC-SHA256 over "t.body". The page's sample code takes what is three
    # minutes old at most (developer.calendly.com, Webhook signatures, read 2026-11).
    signature=SignatureScheme(
        header="Calendly-Webhook-Signature",
        pattern=r"(?:^|,)\s*(?:t=(?P<t>[0-9]+)|v1=(?P<sig>[^,\s]+))",
        template="t={timestamp},v1={signature}",
        signed="{timestamp}.{body}",
        tolerance=180.0,
    ),
    setup=(
        "Calendly has no screen for webhooks: make the subscription with one call of its API, POST"
        " /webhook_subscriptions with this address as `url`, the secret as `signing_key`, the"
        " scope user or organization, and the events invitee.created, invitee.canceled,"
        " invitee_no_show.created and invitee_no_show.deleted. It needs the plan Standard or"
        " higher."
    ),
)

API = FeedApi(
    base_url="https://api.calendly.com",
    host_suffixes=("api.calendly.com",),
    # Requests of one user in a minute on paid plans are more; this leaves room for others.
    limits=(Limit(name="calls", calls=60, seconds=60.0),),
    token_hint="Make one in Calendly under Integrations, API and webhooks.",  # noqa: S106
)


def api(feed: Feed) -> FeedApi:
    """Calendly's API. Raises: ConfigurationError if the feed's setting `scope` is none."""
    if feed.settings.get("scope", "user") not in SCOPES:
        raise ConfigurationError(
            f"The setting scope is {' or '.join(SCOPES)}, not {feed.settings['scope']!r}."
        )
    return API

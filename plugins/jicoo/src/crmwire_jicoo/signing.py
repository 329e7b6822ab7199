"""Whether a webhook is truly Jicoo's; and what to do where its signature does not match."""

from __future__ import annotations

from crmwire import WebhookRefused
from crmwire.signatures import verify
from crmwire.types import Feed, WebhookRequest
from crmwire_jicoo.info import DECODED_SECRET, SIGNATURE

REMEDY = (
    "Copy the signing secret from Jicoo's webhook once more, and see that nothing between Jicoo"
    " and crmwire rewrites the body. Integrations are known whose signatures did not match for a"
    " reason nobody found: then allow unsigned webhooks for this feed by name, and keep its"
    " address secret."
)


def verified(feed: Feed, request: WebhookRequest) -> bool:
    """Whether one of the feed's secrets made the signature, as it is or decoded.

    Raises: WebhookRefused; never silently taken.
    """
    try:
        verify(SIGNATURE, feed, request)
    except WebhookRefused as refused:
        prefixed = any(secret.startswith("whsec_") for secret in feed.secrets)
        if prefixed and _decoded(feed, request):
            return True
        raise WebhookRefused(refused.message, remedy=refused.remedy or REMEDY) from None
    return True


def _decoded(feed: Feed, request: WebhookRequest) -> bool:
    try:
        verify(DECODED_SECRET, feed, request)
    except WebhookRefused:
        return False
    return True

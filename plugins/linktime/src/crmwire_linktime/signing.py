"""Whether a webhook is truly LinkTime's, by any of the forms that its signature may have.

Each form proves the secret; to take several lets nobody in who does not know it.
"""

from __future__ import annotations

import attrs

from crmwire import WebhookRefused
from crmwire.signatures import verify
from crmwire.types import Feed, SignatureScheme, WebhookRequest
from crmwire_linktime.info import SIGNATURE

TOLERANCE = 300.0
"""Seconds that a signed time may differ from now. Guess: as in Standard Webhooks."""

_DATED = attrs.evolve(
    SIGNATURE,
    signed="{timestamp}.{body}",
    timestamp_header="X-LinkTime-Timestamp",
    tolerance=TOLERANCE,
)
FORMS: tuple[SignatureScheme, ...] = tuple(
    attrs.evolve(scheme, encoding=encoding)
    for scheme in (SIGNATURE, _DATED)
    for encoding in ("hex", "base64")
)
"""The body alone or with the time before it, each in hex (of either case) and base64."""


def verified(feed: Feed, request: WebhookRequest) -> bool:
    """Whether one of the feed's secrets made the signature, in one of the forms.

    Raises: WebhookRefused, as the likeliest form refuses it.
    """
    for form in FORMS[1:]:
        try:
            verify(form, feed, request)
        except WebhookRefused:
            continue
        return True
    verify(FORMS[0], feed, request)
    return True

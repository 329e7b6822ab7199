"""What Jicoo is as a source."""

from __future__ import annotations

import attrs

from crmwire.types import FeedApi, Limit, SignatureScheme, SourceInfo

SIGNATURE = SignatureScheme(
    header="Jicoo-Webhook-Signature",
    pattern=r"(?:^|,)\s*(?:t=(?P<t>[0-9]+)|v1=(?P<sig>[^,\s]+))",
    template="t={timestamp},v1={signature}",
    signed="{timestamp}.{body}",
    # Guess: the documents name no age; public integrations allow five minutes.
    tolerance=300.0,
)
"""`t=1700000000,v1=hex`: HMAC-SHA256 over "t.body" (doc-356016, How to use webhook)."""

DECODED_SECRET = attrs.evolve(SIGNATURE, secret_prefix="whsec_")  # noqa: S106
"""Guess: a secret of the form `whsec_…` may be meant as base64, as elsewhere."""

INFO = SourceInfo(
    key="jicoo",
    title="Jicoo",
    events=("booking.requested", "booking.created", "booking.rescheduled", "booking.cancelled"),
    page="booking page",
    settings=("hosts", "hosts."),
    signature=SIGNATURE,
    setup=(
        "In Jicoo (Pro plan), open the team's settings, Webhooks, and make one with this address"
        " and all events. Jicoo shows a signing secret then: run `crmwire feed add` once more with"
        " the same name and give that secret."
    ),
)

API = FeedApi(
    base_url="https://api.jicoo.com",
    host_suffixes=("api.jicoo.com",),
    header="X-Jicoo-Api-Key",
    template="{token}",
    # Guess: no limit is documented.
    limits=(Limit(name="calls", calls=60, seconds=60.0),),
    token_hint="Make an API key in Jicoo's developer settings.",  # noqa: S106
)

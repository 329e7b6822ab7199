"""What LinkTime is as a source."""

from __future__ import annotations

from crmwire.types import FeedApi, Limit, SignatureScheme, SourceInfo

SIGNATURE = SignatureScheme(
    header="X-LinkTime-Signature", pattern=r"^(?:(?:sha256|v1)[=,])?(?P<sig>[^\s,]+)$"
)
"""HMAC-SHA256 of the raw body in hex, with or without a prefix; what is known is HMAC-SHA256.

How the digest is written, and whether the time is signed too, stands in no text that could be
read (linktime.io/docs/developers/webhooks). `signing` takes the other usual forms as well.
"""

INFO = SourceInfo(
    key="linktime",
    title="LinkTime",
    events=("booking.created", "booking.rescheduled", "booking.cancelled"),
    page="event type",
    settings=(),
    signature=SIGNATURE,
    setup=(
        "In LinkTime, open Settings, Webhooks, make one with this address and the booking events,"
        " then run `crmwire feed add` once more with the same name and give the secret that"
        " LinkTime shows."
    ),
)

API = FeedApi(
    base_url="https://linktime.io/api/v1",
    host_suffixes=("linktime.io",),
    # Guess: no limit is documented.
    limits=(Limit(name="calls", calls=60, seconds=60.0),),
    token_hint="Make an API key in LinkTime: Settings, API Keys (Pro or Business).",  # noqa: S106
)

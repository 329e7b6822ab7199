"""What the source for any tool's webhooks is."""

from __future__ import annotations

from crmwire.types import SignatureScheme, SourceInfo
from crmwire.vocabulary import BOOKING_EVENTS, TICKET_EVENTS

STANDARD = SignatureScheme(
    header="webhook-signature",
    pattern=r"(?:^| )v1,(?P<sig>[^ ]+)",
    template="v1,{signature}",
    encoding="base64",
    signed="{id}.{timestamp}.{body}",
    id_header="webhook-id",
    timestamp_header="webhook-timestamp",
    secret_prefix="whsec_",  # noqa: S106  (what such secrets begin with)
    tolerance=300,
)
"""Standard Webhooks 1.0.0 (github.com/standard-webhooks/standard-webhooks, read 2026-11)."""

INFO = SourceInfo(
    key="webhook",
    title="Webhook",
    events=BOOKING_EVENTS + TICKET_EVENTS,
    signature=STANDARD,
    setup=(
        "Let the tool send its webhooks to this address, signed as Standard Webhooks says or as"
        " the feed's setting `signature` does."
    ),
)

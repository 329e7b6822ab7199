"""What Cal.com is as a source."""

from __future__ import annotations

from crmwire.types import SignatureScheme, SourceInfo

INFO = SourceInfo(
    key="calcom",
    title="Cal.com",
    events=(
        "booking.requested",
        "booking.created",
        "booking.rescheduled",
        "booking.cancelled",
        "booking.rejected",
        "booking.no_show",
        "booking.no_show_cleared",
        "booking.completed",
    ),
    page="event type",
    # Hex HMAC-SHA256 of the raw body, no prefix and no timestamp; without a secret at Cal.com's
    # side the header holds the words "no-secret-provided" (cal.com/help/webhooks, read 2026-11).
    signature=SignatureScheme(header="X-Cal-Signature-256"),
    setup=(
        "In Cal.com, open Settings, Developer, Webhooks and make a webhook with this address and"
        " secret. Switch on the booking triggers, Meeting ended and Booking no-show updated, and"
        " leave the custom payload template off."
    ),
)

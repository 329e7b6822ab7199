"""What Re:lation is as a source, and where its API is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmwire.types import FeedApi, Limit, SourceInfo
from crmwire_relation.settings import settings_of

if TYPE_CHECKING:
    from crmwire.types import Feed

INFO = SourceInfo(
    key="relation",
    title="Re:lation",
    events=("ticket.message_received", "ticket.message_sent", "ticket.note_added"),
    page="inbox",
    setup=(
        "In Re:lation, open System settings, API tokens, and make a token. The inbox's number"
        " stands in the address of the page that shows the inbox."
    ),
    poll_every=60.0,
    once=("subdomain", "inbox"),
)

HEADERS = {"Content-Type": "application/json"}
"""Every request says so, or it is refused with 415 (developer.ingage.jp, read 2026-11)."""

TOKEN_HINT = "It is made in Re:lation under System settings, API tokens."  # noqa: S105


def api(feed: Feed) -> FeedApi:
    """The API of a feed's own subdomain: 60 requests a minute (developer.ingage.jp, read 2026-11).

    Raises: ConfigurationError.
    """
    return FeedApi(
        base_url=f"https://{settings_of(feed).subdomain}.relationapp.jp",
        host_suffixes=("relationapp.jp",),
        limits=(Limit(name="calls", calls=60, seconds=60.0),),
        token_hint=TOKEN_HINT,
    )

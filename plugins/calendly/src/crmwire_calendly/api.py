"""Calendly's API v2: where things are, and what its refusals mean."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from crmwire.errors import Failure, NeedsLogin, NotAllowed, RetryLater
from crmwire.feeds import OpenFeed
from crmwire.reading import Object, a_text, an_object

CHUNK = 20
"""Scheduled events that are asked for at a time; each costs one more call for its invitees."""
MOST = 100
"""The most that Calendly lists at a time."""


def failure(status: int, headers: Mapping[str, str], body: str) -> Failure | None:
    """What a refusal means, where the status alone does not say what to do."""
    if status == 401:
        return NeedsLogin(
            "Calendly does not accept the feed's token.",
            remedy="Make a new personal access token and give it to `crmwire feed token`.",
            code="HTTP 401",
        )
    if status == 403:
        return NotAllowed(
            "Calendly does not let this token's user see that.",
            remedy="Only owners and admins see their whole organization: take their token, or set"
            ' the feed\'s setting `scope` to "user".',
            code="HTTP 403",
        )
    if status == 429:
        # Seconds until the window ends (API rate limits, read 2026-11).
        reset = headers.get("x-ratelimit-reset", "")
        after = min(float(reset), 86400.0) if reset.isascii() and reset.isdigit() else 60.0
        return RetryLater("Calendly asks for fewer requests.", after=after, pause=True, code="429")
    return None


def me(feed: OpenFeed) -> Object:
    """Who the token belongs to: `uri`, `current_organization`, `name`."""
    return an_object(an_object(feed.http.get("users/me").json()).get("resource"))


def whose(feed: OpenFeed, user: Object) -> dict[str, str]:
    """The parameter that says whose bookings are listed, by the feed's setting `scope`."""
    if feed.settings.get("scope") == "organization":
        return {"organization": a_text(user.get("current_organization")) or ""}
    return {"user": a_text(user.get("uri")) or ""}


def path_of(uri: str) -> str:
    """The path of an address of the API, so that it is asked for at the feed's own host."""
    try:
        return urlsplit(uri).path.strip("/")
    except ValueError:
        return ""

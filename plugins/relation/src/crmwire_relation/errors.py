"""What the API's refusals mean (developer.ingage.jp, error responses, read 2026-11)."""

from __future__ import annotations

import email.utils
from collections.abc import Mapping

from crmwire import Failure, NeedsLogin, Rejected, RetryLater

MINUTE = 60.0


def failure(feed: str, status: int, headers: Mapping[str, str]) -> Failure | None:
    """The failure of a status; None where core's own answer is right.

    A limit that is used up is a 403 here, not a 429.
    """
    code = f"HTTP {status}"
    match status:
        case 401:
            return NeedsLogin(
                "Re:lation does not accept the feed's token.",
                remedy="Make one under System settings, API tokens, and give it with"
                f" `crmwire feed token {feed}`.",
                code=code,
            )
        case 403 | 429:
            return RetryLater(
                "Re:lation's limit of requests a minute is used up.",
                after=until_reset(headers),
                pause=True,
                code=code,
            )
        case 404:
            return Rejected(
                "Re:lation has no such inbox.",
                remedy="Check the feed's settings subdomain and inbox.",
                code=code,
            )
        case 503:
            return RetryLater("Re:lation is being maintained.", pause=True, code=code)
    return None


def until_reset(headers: Mapping[str, str]) -> float:
    """Seconds until the limit is free again, by the answer's own clock."""
    try:
        reset = float(headers["x-ratelimit-reset"])
        now = email.utils.parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError, TypeError, OverflowError):
        return MINUTE
    return min(max(reset - now, 1.0), MINUTE)

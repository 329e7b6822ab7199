"""What a refusal means: how long to wait, and which failure it is."""

from __future__ import annotations

import email.utils
from collections.abc import Mapping
from datetime import datetime

from crmwire.errors import Failure, NeedsLogin, NotAllowed, Rejected, RetryLater
from crmwire.http.messages import Response

LONGEST_RETRY_AFTER = 24 * 3600.0
"""Seconds of `Retry-After` that are believed; then the vendor is asked again."""


def failure_by_status(status: int, response: Response, called: str = "CRM") -> Failure:
    """What a status means where the plugin does not say otherwise."""
    code, text = f"HTTP {status}", response.text[:300]
    if status == 401:
        return NeedsLogin(code=code)
    if status == 403:
        return NotAllowed(code=code)
    if status == 429:
        return RetryLater(f"The {called} asks for fewer requests.", code=code, pause=True)
    if status in (502, 503, 504):
        return RetryLater(f"The {called} is not available.", code=code, pause=True)
    if status >= 500 or status in (408, 423, 425):
        return RetryLater(f"The {called} answered with status {status}.", code=code)
    return Rejected(f"The {called} refused the request: {text or status}", code=code)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by `Retry-After`, given in seconds or as a date (RFC 9110, 10.2.3).

    A date is measured against the answer's own `Date`, so that a wrong clock here does no harm.
    """
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        return min(max(0.0, float(value)), LONGEST_RETRY_AFTER)
    except ValueError:
        pass
    try:
        until = email.utils.parsedate_to_datetime(value)
        start = email.utils.parsedate_to_datetime(headers["date"])
        return min(max(0.1, (until - start).total_seconds()), LONGEST_RETRY_AFTER)
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


def date_of(headers: Mapping[str, str]) -> datetime | None:
    """The time of day by the server's clock, in whole seconds (RFC 9110, 6.6.1)."""
    try:
        date = email.utils.parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError, TypeError, OverflowError):
        return None
    return date if date.tzinfo else None


def without_secrets(content: bytes, authorised: Mapping[str, str]) -> bytes:
    """A refusal without the token it was asked with: some echo it, and refusals are kept."""
    for value in authorised.values():
        for part in (value, *value.split()):
            if len(part) >= 8:
                content = content.replace(part.encode(), b"(secret)")
    return content

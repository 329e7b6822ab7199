"""What calendars are as a source, and where a polled one is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmwire.sources.ics.settings import settings_of, split
from crmwire.types import FeedApi, Limit, SignatureScheme, SourceInfo

if TYPE_CHECKING:
    from crmwire.types import Feed

INFO = SourceInfo(
    key="ics",
    title="Calendar",
    events=("booking.created", "booking.rescheduled", "booking.cancelled", "booking.updated"),
    page="calendar",
    # Nobody signs calendars: whoever hands them on to the feed's address sends its secret along.
    signature=SignatureScheme(
        header="Authorization",
        pattern=r"^Bearer (?P<sig>.+)$",
        template="Bearer {signature}",
        algorithm="static",
    ),
    setup=(
        "Hand calendar messages on to this address with the secret as `Authorization: Bearer`,"
        " read files with `crmwire ingest`, or set `url` and the calendar is asked for."
    ),
    poll_every=300.0,
)

LIMITS = (Limit(name="calls", calls=10, seconds=60.0),)
TOKEN_HINT = "It is the calendar's secret address."  # noqa: S105


def api(feed: Feed) -> FeedApi | None:
    """The one host of a polled calendar; None where it is not polled.

    Raises: ConfigurationError.
    """
    settings = settings_of(feed)
    if settings.secret_url and not feed.token:
        return FeedApi(
            base_url="https://calendar.invalid",
            host_suffixes=("calendar.invalid",),
            token_hint=TOKEN_HINT,
        )
    url = feed.token if settings.secret_url else settings.url
    if not url:
        return None
    origin, host, _ = split(url)
    return FeedApi(
        base_url=origin,
        host_suffixes=(host,),
        template="",
        limits=LIMITS,
        token_hint=TOKEN_HINT,
        public=not settings.secret_url,
    )

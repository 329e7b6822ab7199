"""What a team sets for a calendar."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from attrs import frozen

from crmwire import feed_settings
from crmwire.errors import ConfigurationError

if TYPE_CHECKING:
    from crmwire.types import Feed


@frozen(kw_only=True)
class Settings:
    """`url` is a calendar that is asked for every `poll_every` seconds; with `secret_url`, its
    address is the feed's token instead, since many such addresses are secrets. `page` names the
    calendar for routes; by default it is what the calendar calls itself. `own` are the team's own
    addresses, which are never the guest's. `zone` is where times without a zone are. Events of a
    whole day are no bookings unless `all_day` says so.
    """

    url: str | None = None
    secret_url: bool = False
    page: str | None = None
    own: tuple[str, ...] = ()
    zone: str = "UTC"
    all_day: bool = False


def settings_of(feed: Feed) -> Settings:
    """A feed's settings, checked. Raises: ConfigurationError with every problem."""
    settings = feed_settings.settings_of(feed, Settings)
    try:
        ZoneInfo(settings.zone)
    except (ValueError, LookupError, OSError):
        raise ConfigurationError(
            f"{settings.zone!r} is no time zone.", remedy="Write it as Europe/London."
        ) from None
    if settings.url and settings.secret_url:
        raise ConfigurationError(
            "A calendar's address is either `url` or, with `secret_url`, the feed's token."
        )
    if settings.url:
        split(settings.url)
    return settings


def split(url: str) -> tuple[str, str, str]:
    """Origin, host and path of a calendar's address; webcal is https.

    Raises: ConfigurationError, which does not repeat the address: it may be a secret.
    """
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        host, port, parts = "", "", urlsplit("")
    if parts.scheme not in ("https", "http", "webcal") or not host:
        raise ConfigurationError(
            "The calendar's address is no web address.", remedy="It begins with https:// ."
        )
    scheme = "https" if parts.scheme == "webcal" else parts.scheme
    path = parts.path.lstrip("/") + (f"?{parts.query}" if parts.query else "")
    return f"{scheme}://{host}{port}", host, path

"""Which hosts a token may be sent to: https, and a suffix that the plugin names."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from crmwire.errors import ConfigurationError

LOOPBACK_SWITCH = "CRMWIRE_ALLOW_LOOPBACK"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def checked_base_url(url: str, suffixes: tuple[str, ...]) -> str:
    """Return `url` without a trailing slash if requests may go there.

    A suffix `hubapi.com` allows that host and those below it. Loopback hosts are allowed, also
    without https, only while the environment sets CRMWIRE_ALLOW_LOOPBACK=1.
    Raises: ConfigurationError.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        raise ConfigurationError(f"{url!r} is not a URL.") from None
    if parts.username or parts.password:
        raise ConfigurationError(f"The URL of {host!r} must not hold a user name or password.")
    if host in _LOOPBACK and parts.scheme in ("http", "https"):
        if os.environ.get(LOOPBACK_SWITCH) == "1":
            return url.rstrip("/")
        raise ConfigurationError(
            f"{host!r} is this machine.",
            remedy=f"Set {LOOPBACK_SWITCH}=1 to talk to a sandbox here.",
        )
    if parts.scheme != "https":
        raise ConfigurationError(f"{url!r} is not https.", remedy="Use an https address.")
    if not host.isascii() or not any(
        host == suffix or host.endswith("." + suffix) for suffix in suffixes
    ):
        raise ConfigurationError(
            f"{host!r} is not a host of this CRM.",
            remedy=f"Use a host that ends in {' or '.join(suffixes)}.",
        )
    return url.rstrip("/")

"""The names that people give: of feeds, connections, routes and time zones."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from crmwire.errors import ConfigurationError


def checked_name(name: str) -> None:
    """Raises: ConfigurationError if a feed, connection or route cannot be called so."""
    if not name or not all(letter.isalnum() or letter in "-_.:@" for letter in name):
        raise ConfigurationError(
            f"{name!r} is not a name.", remedy="Use letters, digits and - _ . : @ only."
        )


def checked_zone(name: str | None) -> None:
    """Raises: ConfigurationError if there is no time zone of that name."""
    if name is None:
        return
    try:
        ZoneInfo(name)
    except (ValueError, LookupError, OSError):
        raise ConfigurationError(
            f"There is no time zone {name!r}.", remedy="Write it as Europe/London or UTC."
        ) from None

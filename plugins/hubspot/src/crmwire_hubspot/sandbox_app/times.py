"""Instants as HubSpot writes and reads them."""

from __future__ import annotations

from datetime import UTC, date, datetime

from crmwire_hubspot.values import instant, read_instant


def now() -> datetime:
    """The time of day, cut to milliseconds."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def stamp(moment: datetime) -> str:
    """ISO 8601 in UTC; `.000` is dropped."""
    return instant(moment)


def datetime_text(value: str) -> str | None:
    """A written datetime as it is stored: milliseconds or ISO 8601 in, ISO out; None if neither."""
    if not value.lstrip("-").isdigit() and "T" not in value:
        return None
    moment = read_instant(value)
    return None if moment is None else stamp(moment)


def date_text(value: str) -> str | None:
    """A written date as it is stored: `YYYY-MM-DD`, or milliseconds of exactly midnight UTC."""
    if value.lstrip("-").isdigit():
        moment = read_instant(value)
        if moment is None or (moment.hour, moment.minute, moment.second) != (0, 0, 0):
            return None
        return moment.date().isoformat()
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        return None

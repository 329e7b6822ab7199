"""Times and days as text, in the zone that fits."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from jinja2.runtime import Context
from jinja2.utils import pass_context

ZONES = "zones"
"""The name under which core offers a list of zones; expressions cannot read it."""


@pass_context
def local(context: Context, value: object, zone: str | None = None) -> str | None:
    moment = _moment(value)
    if not isinstance(moment, datetime):
        return None if moment is None else moment.isoformat()
    there = moment.astimezone(_zone(context, zone))
    return f"{there:%Y-%m-%d %H:%M} {there.tzname()}"


@pass_context
def day(context: Context, value: object, zone: str | None = None) -> str | None:
    moment = _moment(value)
    if not isinstance(moment, datetime):
        return None if moment is None else moment.isoformat()
    return moment.astimezone(_zone(context, zone)).date().isoformat()


def iso(value: object) -> str | None:
    moment = _moment(value)
    if not isinstance(moment, datetime):
        return None if moment is None else moment.isoformat()
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _moment(value: object) -> datetime | date | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("it takes a time, and this text is none") from None
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError("the time has no zone")
    if value is None or isinstance(value, date):
        return value
    raise TypeError(f"it takes a time, not {type(value).__name__}")


def _zone(context: Context, given: str | None) -> ZoneInfo:
    offered = context.resolve_or_missing(ZONES)
    wanted = [given, *(offered if isinstance(offered, list | tuple) else ())]
    for name in wanted:
        if isinstance(name, str) and name:
            try:
                return ZoneInfo(name)
            except (LookupError, ValueError, OSError):
                continue
    return ZoneInfo("UTC")

"""HubSpot's limits: those it publishes, and what its answers say is left of them.

Sources: developers.hubspot.com/docs, "API usage guidelines", read 2026-11; headers as seen in
published answers of the live service.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

from crmwire.types import Finding, Limit, LimitState

CALLS = Limit(name="calls", calls=100, seconds=10.0)
"""The lowest tier; `check_connection` learns the account's own from the headers."""
SEARCH = Limit(name="search", calls=5, seconds=1.0)

TIERS = {
    100: "Free or Starter",
    110: "OAuth app",
    190: "Professional or Enterprise",
    200: "API limit increase",
    250: "API limit increase",
}
BY_DAY = {
    (190, 625_000): "Professional",
    (190, 1_000_000): "Enterprise",
}
"""Tiers that only their calls of a day tell apart."""
HOUR = 3_600.0
"""Seconds until it is tried again while it is not known when the account's day ends."""
WARN_AT = 0.9
"""The share of the day's calls from which `check` warns."""
_EARLY = 2 * HOUR
"""Calls that are used up so soon after midnight are rather those of the day before."""
_AFTER_MIDNIGHT = 60.0


def day_over_in(headers: Mapping[str, str], zone: str) -> float:
    """Seconds until the day's calls are counted anew: at midnight in the account's time zone.

    The time of day is the answer's own `Date`. `zone` is empty while the account was not asked.
    """
    try:
        now = parsedate_to_datetime(headers["date"]).astimezone(ZoneInfo(zone))
    except (LookupError, TypeError, ValueError, OSError, OverflowError):
        return HOUR
    midnight = datetime.combine(now.date(), time(), tzinfo=now.tzinfo)
    if (now.astimezone(UTC) - midnight.astimezone(UTC)).total_seconds() < _EARLY:
        return HOUR
    following = datetime.combine(now.date() + timedelta(days=1), time(), tzinfo=now.tzinfo)
    left = following.astimezone(UTC) - now.astimezone(UTC)
    return left.total_seconds() + _AFTER_MIDNIGHT


def read_limits(headers: Mapping[str, str], zone: str = "") -> list[LimitState]:
    """What is left, by an answer's headers; names are lower-cased. Search answers tell the day's
    only, error answers may tell nothing."""
    states: list[LimitState] = []
    left = _number(headers, "x-hubspot-ratelimit-remaining")
    window = _number(headers, "x-hubspot-ratelimit-interval-milliseconds")
    if left is not None:
        seconds = (window or 10_000) / 1000
        states.append(LimitState(name="calls", remaining=left, resets_in=seconds, rolling=True))
    today = _number(headers, "x-hubspot-ratelimit-daily-remaining")
    whole_day = _number(headers, "x-hubspot-ratelimit-daily")
    if today is not None:
        names = ("daily",) if today > 0 else ("daily", "calls", "search")
        over_in = day_over_in(headers, zone)
        states += [
            LimitState(name=name, remaining=today, resets_in=over_in, total=whole_day)
            for name in names
        ]
    return states


def account_limits(headers: Mapping[str, str]) -> tuple[str, tuple[Limit, ...]]:
    """The account's tier and limits, by the headers of an ordinary answer."""
    most = _number(headers, "x-hubspot-ratelimit-max")
    window = _number(headers, "x-hubspot-ratelimit-interval-milliseconds") or 10_000
    if not most:
        return "", (CALLS, SEARCH)
    limits = [Limit(name="calls", calls=most, seconds=window / 1000), SEARCH]
    day = _number(headers, "x-hubspot-ratelimit-daily")
    if day:
        limits.append(Limit(name="daily", calls=day, seconds=86_400.0))
    tier = BY_DAY.get((most, day or 0)) or TIERS.get(most) or f"{most} calls in {window // 1000} s"
    return tier, tuple(limits)


def about_calls(
    tier: str, limits: Sequence[Limit], headers: Mapping[str, str], budget: float | None
) -> Iterator[Finding]:
    """The account's tier and limits for people, and a warning when the day is nearly used up."""
    if not tier:
        return
    calls = next(limit for limit in limits if limit.name == "calls")
    message = f"{tier}: {calls.calls} calls in {calls.seconds:g} s"
    day = _number(headers, "x-hubspot-ratelimit-daily")
    left = _number(headers, "x-hubspot-ratelimit-daily-remaining")
    if not day or left is None:
        yield Finding(level="ok", subject="API calls", message=f"{message}, none by the day.")
        return
    share = (day - left) / day
    message += f"; {day - left} of the day's {day} were used ({share:.0%}), by whomever."
    if budget is not None:
        message += f" At {budget:.0%} crmwire waits."
    if share < WARN_AT and (budget is None or share < budget):
        yield Finding(level="ok", subject="API calls", message=message)
        return
    yield Finding(
        level="warning",
        subject="API calls",
        message=message,
        remedy="Cut other integrations, or raise the account's limit in HubSpot; "
        "deliveries go on after midnight in the account's time zone, nothing is lost.",
    )


def _number(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "").strip()
    return int(text) if text.isdecimal() and len(text) < 16 else None

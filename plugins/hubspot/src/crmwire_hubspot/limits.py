"""HubSpot's limits: those it publishes, and what its answers say is left of them.

Sources: developers.hubspot.com/docs, "API usage guidelines", read 2026-11; headers as seen in
published answers of the live service.
"""

from __future__ import annotations

from collections.abc import Mapping

from crmwire.types import Limit, LimitState

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
_DAY_IS_OVER_IN = 3_600.0
"""Seconds until it is tried again when the day's calls are used up: the day ends at midnight in
the account's time zone, which the headers do not tell."""


def read_limits(headers: Mapping[str, str]) -> list[LimitState]:
    """What is left, by an answer's headers; names are lower-cased. Search answers tell the day's
    only, error answers may tell nothing."""
    states: list[LimitState] = []
    left = _number(headers, "x-hubspot-ratelimit-remaining")
    window = _number(headers, "x-hubspot-ratelimit-interval-milliseconds")
    if left is not None:
        seconds = (window or 10_000) / 1000
        states.append(LimitState(name="calls", remaining=left, resets_in=seconds))
    today = _number(headers, "x-hubspot-ratelimit-daily-remaining")
    whole_day = _number(headers, "x-hubspot-ratelimit-daily")
    if today is not None:
        names = ("daily",) if today > 0 else ("daily", "calls", "search")
        states += [
            LimitState(name=name, remaining=today, resets_in=_DAY_IS_OVER_IN, total=whole_day)
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


def _number(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "").strip()
    return int(text) if text.isdigit() else None

"""A portal's limits: ten seconds, one second of searches, the day; and their headers."""

from __future__ import annotations

import time
from collections import deque
from typing import Literal

import attrs
from attrs import define

from crmwire_hubspot.sandbox_app.refusals import Refusal

Count = Literal["calls", "search", "exempt"]
INTERVAL = 10.0


@define(kw_only=True)
class Windows:
    """Counts the calls of one portal. While off, nothing is counted and nothing refused.

    `daily` is None where no limit of the day holds: for apps that log in by OAuth.
    """

    on: bool = True
    burst: int = 100
    searches: int = 5
    daily: int | None = 250_000
    calls: deque[float] = attrs.field(factory=deque)
    searched: deque[float] = attrs.field(factory=deque)
    today: int = 0

    def take(self, count: Count) -> None:
        """Count one call. Raises: Refusal with 429.

        Guess: a refused call does not count, and a burst's 429 has no Retry-After.
        """
        if not self.on:
            return
        now = time.monotonic()
        _forget(self.calls, now - INTERVAL)
        _forget(self.searched, now - 1.0)
        if self.daily is not None and self.today >= self.daily:
            raise Refusal(
                429,
                "You have reached your daily limit.",
                category=None,
                more={"errorType": "RATE_LIMIT", "policyName": "DAILY"},
            )
        if count == "calls" and len(self.calls) >= self.burst:
            raise Refusal(
                429,
                "You have reached your ten_secondly_rolling limit.",
                category=None,
                more={"errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"},
            )
        if count == "search" and len(self.searched) >= self.searches:
            raise Refusal(429, "You have reached your secondly limit.", category="RATE_LIMITS")
        self.today += 1
        if count == "calls":
            self.calls.append(now)
        if count == "search":
            self.searched.append(now)

    def headers(self, count: Count) -> dict[str, str]:
        """What an answer tells of the limits; those outside the burst tell of the day only."""
        told: dict[str, str] = {}
        if self.daily is not None:
            told |= {
                "X-HubSpot-RateLimit-Daily": str(self.daily),
                "X-HubSpot-RateLimit-Daily-Remaining": str(max(0, self.daily - self.today)),
            }
        if count == "calls":
            left = max(0, self.burst - len(self.calls))
            told |= {
                "X-HubSpot-RateLimit-Max": str(self.burst),
                "X-HubSpot-RateLimit-Remaining": str(left),
                "X-HubSpot-RateLimit-Interval-Milliseconds": str(int(INTERVAL * 1000)),
                "X-HubSpot-RateLimit-Secondly": str(self.burst // 10),
                "X-HubSpot-RateLimit-Secondly-Remaining": str(min(left, self.burst // 10 - 1)),
            }
        return told


def _forget(times: deque[float], before: float) -> None:
    while times and times[0] <= before:
        times.popleft()

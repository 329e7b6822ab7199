"""Clocks for tests: one that hurries through waits, one that holds the time of day."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

NAP = 0.01
"""Seconds that a hurrying clock really sleeps at most."""


class HurryingClock:
    """The machine's time, but whoever waits for a repeat or a turn is woken at once.

    Pacing still holds, since it looks at the time again after each sleep.
    """

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(min(seconds, NAP))


class HeldClock:
    """A time that moves only when somebody sleeps, or when it is told to."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._passed = 0.0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        return self._passed

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._passed += max(0.0, seconds)

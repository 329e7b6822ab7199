"""Time, as something that can be held still in tests."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol

from crmwire.drills import clock_offset


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> datetime:
        """The time of day, aware and in UTC."""

    def monotonic(self) -> float:
        """Seconds that never go back; only differences mean anything."""

    def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""


class SystemClock:
    """The machine's own clock; held, its time of day goes on evenly though somebody sets it."""

    def __init__(self) -> None:
        self.course: tuple[float, float] | None = None
        """The time of day and the monotonic time at which it was held; None: it is not."""

    def now(self) -> datetime:
        held = self.course
        if held is None:
            return datetime.fromtimestamp(_time_of_day(), UTC)
        return datetime.fromtimestamp(held[0] + time.monotonic() - held[1], UTC)

    def hold(self) -> None:
        """Take the time of day as it is now, and go on evenly from it."""
        self.course = (_time_of_day(), time.monotonic())

    def ahead(self) -> float:
        """Seconds by which the machine's time of day is ahead of what `now` says."""
        return 0.0 if self.course is None else _time_of_day() - self.now().timestamp()

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def _time_of_day() -> float:
    return time.time() + clock_offset()

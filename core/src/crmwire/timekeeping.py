"""A clock that is set, forwards or backwards, while something waits.

What waits is stored with the time of day at which it is due, so that it survives a restart. If the
clock is then put back by a day, it would wait a day longer; put forward, it would be due at once,
and a write whose answer was lost would be looked up before it can have been committed. So the time
of day is compared with a clock that nobody sets, and what waits is moved along.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from crmwire.store import clockwork

if TYPE_CHECKING:
    from crmwire.clock import Clock
    from crmwire.store import Store

log = structlog.get_logger("crmwire.timekeeping")

LEAST = 2.0
"""Seconds by which a clock must have been set to be seen; smaller corrections do no harm."""


class Timekeeper:
    """Looks at the clocks now and then, and moves along what waits."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._last: tuple[float, float] | None = None

    def begin(self) -> None:
        """At the start: the clock may have been put back while nothing ran."""
        now = self._clock.now().timestamp()
        with self._store.read() as db:
            newest = clockwork.last_event(db)
        if newest is not None and newest - now >= LEAST:
            self._shift(now - newest, now)
        self._last = (now, self._clock.monotonic())

    def look(self) -> float:
        """Compare the clocks; returns the seconds by which the time of day was set since."""
        now, steady = self._clock.now().timestamp(), self._clock.monotonic()
        if self._last is None:
            self._last = (now, steady)
        step = (now - self._last[0]) - (steady - self._last[1])
        if abs(step) < LEAST:
            # A slow correction adds up to nothing: it is compared from look to look.
            self._last = (now, steady)
            return 0.0
        self._shift(step, now)
        self._last = (now, steady)
        return step

    def _shift(self, step: float, now: float) -> None:
        self._store.write(lambda db: clockwork.shift(db, step, now))
        log.warning("clock_was_set", seconds=round(step, 1))

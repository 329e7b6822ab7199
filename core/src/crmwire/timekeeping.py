"""A clock that is set, forwards or backwards, while something waits.

What waits is stored with the time of day at which it is due, so that it survives a restart. If the
clock is then put back by a day, it would wait a day longer; put forward, it would be due at once,
and a write whose answer was lost would be looked up before it can have been committed. So the
daemon's time of day goes on as a clock does that nobody sets; now and then the two are compared,
what waits is moved along, and only then the new time counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from crmwire.clock import SystemClock
from crmwire.store import clockwork

if TYPE_CHECKING:
    from crmwire.clock import Clock
    from crmwire.store import Store

log = structlog.get_logger("crmwire.timekeeping")

LEAST = 2.0
"""Seconds by which a clock must have been set to be seen; smaller corrections do no harm."""
REST = 3
"""Looks after a clock was put back in which what was noted in between is moved along too."""


class Timekeeper:
    """Holds the clock on its course, and moves along what waits when it was set.

    A clock that is not the machine's own is left alone.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._rest: tuple[float, frozenset[float], int] | None = None

    def begin(self) -> None:
        """At the start: the clock may have been put back while nothing ran."""
        if not isinstance(self._clock, SystemClock):
            return
        self._clock.hold()
        now = self._clock.now().timestamp()
        with self._store.read() as db:
            newest = clockwork.latest(db)
        if newest - now >= LEAST:
            self._store.write(lambda db: clockwork.shift(db, now - newest, now))
            log.warning("clock_was_set", seconds=round(now - newest, 1))
        with self._store.read() as db:
            rest = clockwork.remembered(db)
        if rest is not None:  # the last daemon ended before it could
            self._rest = (*rest, 1)
            self._shift_rest(now)

    def look(self) -> float:
        """Compare the clocks; returns the seconds by which the time of day was set since."""
        clock = self._clock
        if not isinstance(clock, SystemClock):
            return 0.0
        step = clock.ahead()
        if abs(step) < LEAST:
            clock.hold()
            self._shift_rest(clock.now().timestamp())
            return 0.0

        def job(db: Any) -> frozenset[float]:
            clockwork.shift(db, step, clock.now().timestamp() + step)
            clock.hold()
            known = clockwork.waits(db)
            if step < 0:
                clockwork.remember(db, step, known)
            else:
                clockwork.forget(db)
            return known

        course = clock.course
        try:
            known = self._store.write(job)
        except BaseException:
            clock.course = course  # nothing was moved: the new time must not count yet
            raise
        self._rest = (step, known, REST) if step < 0 else None
        log.warning("clock_was_set", seconds=round(step, 1))
        return step

    def _shift_rest(self, now: float) -> None:
        """Move along what was worked out before the clock was put back and stored after."""
        if self._rest is None:
            return
        step, known, left = self._rest

        def job(db: Any) -> None:
            clockwork.shift_rest(db, step, now, known)
            if left == 1:
                clockwork.forget(db)

        self._store.write(job)
        self._rest = (step, known, left - 1) if left > 1 else None

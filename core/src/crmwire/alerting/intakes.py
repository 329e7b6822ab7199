"""Which feeds refused webhooks and which took some, counted in memory and saved at each look.

So a flood of bad signatures costs one write a second, and not a commit each.
"""

from __future__ import annotations

import threading


class Intakes:
    """Counts of one process; methods may be called from any thread. Times in seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._refused: dict[int, tuple[int, float]] = {}
        self._taken: dict[int, float] = {}
        self._failed: set[int] = set()

    def refused(self, feed: int, now: float) -> None:
        """A webhook of this feed was refused: its signature is wrong, old or missing."""
        with self._lock:
            count, _ = self._refused.get(feed, (0, now))
            self._refused[feed] = (count + 1, now)

    def taken(self, feed: int, now: float) -> None:
        """A webhook of this feed was signed as it should be."""
        with self._lock:
            self._taken[feed] = now

    def failed(self, feed: int) -> None:
        """A webhook of this feed could not be looked at: its plugin or its secrets are at fault."""
        with self._lock:
            self._failed.add(feed)

    def drained(self) -> tuple[dict[int, tuple[int, float]], dict[int, float], set[int]]:
        """What was counted since the last call: refusals with their last time, takings, faults."""
        with self._lock:
            made = self._refused, self._taken, self._failed
            self._refused, self._taken, self._failed = {}, {}, set()
        return made

"""Counting what the daemon does: a number in memory for each, read only when somebody asks."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter

DRAIN_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds, in seconds, of how long batches are counted under."""


class Durations:
    """How long things took: their number by bucket (the last one has no bound), and their sum."""

    def __init__(self) -> None:
        self.counts = [0] * (len(DRAIN_BUCKETS) + 1)
        self.sum = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(DRAIN_BUCKETS, seconds)] += 1
        self.sum += seconds


class Tallies:
    """Counts of one process since it began; methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._webhooks: Counter[tuple[str, str]] = Counter()
        self._deliveries: Counter[tuple[str, str]] = Counter()
        self._drains: dict[str, Durations] = {}

    def webhook(self, feed: str, became: str) -> None:
        """A webhook of a feed was accepted, a duplicate, ignored, unreadable, refused, failed."""
        with self._lock:
            self._webhooks[feed, became] += 1

    def delivery(self, connection: str, became: str) -> None:
        """A delivery was settled: delivered, skipped, held, or is to be retried."""
        with self._lock:
            self._deliveries[connection, became] += 1

    def drained(self, lane: str, seconds: float) -> None:
        """A batch of a lane was carried out, in so many seconds."""
        with self._lock:
            self._drains.setdefault(lane, Durations()).add(seconds)

    def webhooks(self) -> dict[tuple[str, str], int]:
        with self._lock:
            return dict(self._webhooks)

    def deliveries(self) -> dict[tuple[str, str], int]:
        with self._lock:
            return dict(self._deliveries)

    def drains(self) -> dict[str, tuple[list[int], float]]:
        """Of each lane: how many batches by bucket, and the seconds they took together."""
        with self._lock:
            return {lane: (list(one.counts), one.sum) for lane, one in self._drains.items()}

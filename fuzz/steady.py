"""Whether a process that goes on and on holds more and more memory."""

from __future__ import annotations

import gc
import sys

from fuzz.tally import Tally, resident

FIRST, SECOND = 0.2, 0.6
"""Parts of a run after which is looked: caches have been filled, and then as much again."""


class Steady:
    """Looks at the memory twice in a run and at its end.

    What the process holds (`resident`) grows with its largest moments and with how the allocator
    cuts its pages; what is alive (blocks of Python's, once garbage was collected) only with a leak.
    """

    def __init__(self, count: int) -> None:
        self._at = {int(count * FIRST), int(count * SECOND), count}
        self._seen: list[tuple[int, int, int]] = []

    def after(self, done: int) -> None:
        """So many cases are done, each number of them told once and in their order."""
        if any(one <= done for one in self._at):
            self._at = {one for one in self._at if one > done}
            gc.collect()
            self._seen.append((done, resident(), sys.getallocatedblocks()))

    def tell(self, tally: Tally) -> None:
        """Put what was seen among the run's measures."""
        if len(self._seen) < 3:
            return
        (_, *_), (half, memory, blocks), (end, last, left) = self._seen[-3:]
        tally.measures["memory, MB"] = [round(one[1] / 1e6, 1) for one in self._seen]
        tally.measures["  looked at after"] = [one[0] for one in self._seen]
        tally.measures["  grown in the last part, bytes a case"] = round(
            (last - memory) / (end - half), 1
        )
        tally.measures["  living blocks grown in it, a case"] = round(
            (left - blocks) / (end - half), 4
        )

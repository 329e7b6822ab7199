"""The vendor's limits: reads and writes of a second, and the list of notes on its own.

docs.attio.com/rest-api/guides/rate-limiting (read 2026-11).
"""

from __future__ import annotations

import math
from collections import deque
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Literal

from crmwire_attio.sandbox_app.answers import too_many

Kind = Literal["read", "write", "notes"]
CALLS: dict[Kind, int] = {"read": 100, "write": 25, "notes": 10}


class Windows:
    """Counts the calls of one workspace.

    Guess: windows slide, and a refused call counts for nothing.
    """

    def __init__(self) -> None:
        self._seen: dict[Kind, deque[float]] = {kind: deque() for kind in CALLS}

    def admit(self, kinds: tuple[Kind, ...], now: datetime) -> None:
        """Count a call under all of its limits. Raises: Refusal if one of them is reached."""
        at = now.timestamp()
        for kind in kinds:
            seen = self._seen[kind]
            while seen and seen[0] <= at - 1.0:
                seen.popleft()
            if len(seen) >= CALLS[kind]:
                next_second = datetime.fromtimestamp(math.floor(at) + 1, UTC)
                raise too_many(format_datetime(next_second, usegmt=True))
        for kind in kinds:
            self._seen[kind].append(at)

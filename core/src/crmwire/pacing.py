"""How fast requests may go: the vendor's published windows, and what its answers say.

One `Pacer` serves all connections of a lane, since limits belong to the CRM account.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from typing import TYPE_CHECKING

from crmwire.errors import RetryLater

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crmwire.clock import Clock
    from crmwire.types import Limit, LimitState

LONGEST_WAIT = 2.0
"""Seconds a call waits for its turn in place; longer waits pause the lane instead."""

LONGEST_CLOSED = 26 * 3600.0
"""Seconds for which an answer can close a limit: a day of the longest kind, and some more."""

MARGIN = 0.1
"""Seconds by which a window is held longer: vendors count arrivals, and ways differ in length."""

BUDGET_PAUSE = 900.0
"""Seconds for which nothing is sent once the budget is spent, before the limit is read again."""
USED_UP = "LIMIT_USED_UP"
"""The code of a failure that comes from here: nothing was sent."""
UNANSWERED = "none"
"""In the place of a status: no answer came."""
EVERY_CALL = "*"
"""The name under which all calls are held back."""


class Pacer:
    """Lets calls through so that no window of any limit is overrun."""

    def __init__(self, clock: Clock, limits: Iterable[Limit] = ()) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._limits: dict[str, list[Limit]] = {}
        self._calls: dict[Limit, deque[float]] = {}
        self._closed_until: dict[str, float] = {}
        self._states: dict[str, LimitState] = {}
        self._answers: Counter[str] = Counter()
        self._spent = ""
        """Why all calls are held back, while they are."""
        self._budgeted: set[str] = set()
        """What is closed since a budget is spent, not the limit itself."""
        self.set_limits(limits)

    def set_limits(self, limits: Iterable[Limit]) -> None:
        """Replace the limits of the same names, as `check_connection` learns them."""
        with self._lock:
            fresh: dict[str, list[Limit]] = {}
            for limit in limits:
                fresh.setdefault(limit.name, []).append(limit)
                self._calls.setdefault(limit, deque(maxlen=limit.calls))
            self._limits.update(fresh)

    def learn(self, states: Iterable[LimitState], *, share: float | None = None) -> None:
        """Close a limit until it resets, when an answer says that nothing is left of it.

        `share` of a limit whose total is known may be used, by whomever; then it counts as used
        up, and is looked at again after BUDGET_PAUSE.
        """
        with self._lock:
            for state in states:
                self._states[state.name] = state
                if state.remaining <= 0 and state.resets_in:
                    self._close(state.name, self._room_in(state, state.resets_in))
                elif share is not None and state.total:
                    used = state.total - state.remaining
                    if used >= share * state.total:
                        self._spent = (
                            f"{used} of {state.total} calls of the {state.name} limit are used, by"
                            f" all that use the account; this connection stops at {share:.0%}."
                        )
                        for name in (state.name, EVERY_CALL):
                            self._close(name, state.resets_in or BUDGET_PAUSE)
                            self._budgeted.add(name)

    def _room_in(self, state: LimitState, length: float) -> float:
        """Seconds until a used up window has room again: when our oldest call leaves it, at most.

        What others have called is not known; with no call of ours it may be the whole window.
        """
        now = self._clock.monotonic()
        ours = [
            at
            for limit in self._limits.get(state.name, ())
            for at in self._calls[limit]
            if state.rolling and limit.seconds == length and at > now - length
        ]
        return min(ours) + length + MARGIN - now if ours else length

    def count(self, status: int | None) -> None:
        """Count a call by the status of its answer; None if none came."""
        with self._lock:
            self._answers[UNANSWERED if status is None else str(status)] += 1

    def calls(self) -> dict[str, int]:
        """How many calls were made since the process began, by status."""
        with self._lock:
            return dict(self._answers)

    def left(self) -> list[LimitState]:
        """What the answers last told of each limit."""
        with self._lock:
            return sorted(self._states.values(), key=lambda state: state.name)

    def close(self, name: str, seconds: float) -> None:
        """Let no call of that limit through for so long."""
        with self._lock:
            self._close(name, seconds)

    def forget_budget(self) -> None:
        """Let through what a budget held back: it may be another now, and the next answer tells
        whether that is spent too."""
        with self._lock:
            for name in self._budgeted:
                self._closed_until.pop(name, None)
            self._budgeted.clear()

    def _close(self, name: str, seconds: float) -> None:
        until = self._clock.monotonic() + min(seconds, LONGEST_CLOSED)
        self._closed_until[name] = max(until, self._closed_until.get(name, 0.0))

    def take(self, name: str) -> None:
        """Wait for a turn under the limit of that name.

        Raises: RetryLater (with `pause`) if the turn is further off than LONGEST_WAIT.
        """
        while True:
            with self._lock:
                delay = self._delay(name)
                if delay <= 0:
                    now = self._clock.monotonic()
                    for limit in self._limits.get(name, ()):
                        self._calls[limit].append(now)
                    return
            if delay > LONGEST_WAIT:
                spent = self._spent if self._is_closed(EVERY_CALL) else ""
                raise RetryLater(
                    spent or f"The {name} limit of the account is used up.",
                    remedy="Nothing is lost: it goes on by itself. Raise `budget_share` or the"
                    " vendor's limit, or let other programs call less."
                    if spent
                    else "",
                    after=delay,
                    pause=True,
                    code=USED_UP,
                )
            self._clock.sleep(delay)

    def _is_closed(self, name: str) -> bool:
        return self._closed_until.get(name, 0.0) > self._clock.monotonic()

    def _delay(self, name: str) -> float:
        now = self._clock.monotonic()
        closed = self._closed_until
        delay = max(closed.get(name, 0.0), closed.get(EVERY_CALL, 0.0)) - now
        for limit in self._limits.get(name, ()):
            calls = self._calls[limit]
            if len(calls) == limit.calls:
                delay = max(delay, calls[0] + limit.seconds + MARGIN - now)
        return delay

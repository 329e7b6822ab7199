"""Mishaps on purpose, for programs that prove what a crash leaves behind.

Two switches of the environment, heeded only where sandboxes are too (CRMWIRE_ALLOW_LOOPBACK=1):
`CRMWIRE_STOP_AT=STEP` or `STEP:N` makes the process kill itself the N-th time it comes to that
step, as `kill -9` would; `CRMWIRE_CLOCK_FILE=PATH` names a file with the seconds by which the time
of day is wrong. Where they are not set, each costs one look at a constant.
"""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

STOP_AT, CLOCK_FILE = "CRMWIRE_STOP_AT", "CRMWIRE_CLOCK_FILE"
STEPS = (
    "before_accept",  # a webhook is read, nothing is stored
    "after_accept",  # it is stored, the sender has no answer
    "after_claim",  # deliveries are claimed, nothing was asked
    "before_attempt",  # it is planned, the attempt is not stored
    "after_attempt",  # the attempt is stored, nothing was sent
    "before_settle",  # it was sent and answered, the outcome is not stored
    "after_settle",  # the outcome is stored
    "before_login_saved",  # the vendor gave other tokens, they are not stored
)

_allowed = os.environ.get("CRMWIRE_ALLOW_LOOPBACK") == "1"
_step, _, _count = (os.environ.get(STOP_AT, "") if _allowed else "").partition(":")
_left = int(_count) if _count.isdecimal() else 1
_clock = os.environ.get(CLOCK_FILE, "") if _allowed else ""
_lock = threading.Lock()


def step(name: str) -> None:
    """Note that the process comes to a step; kill it there if that was asked for."""
    global _left
    if name == _step:
        with _lock:
            _left -= 1
            if _left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


def clock_offset() -> float:
    """Seconds by which the time of day is to be wrong."""
    if not _clock:
        return 0.0
    try:
        return float(Path(_clock).read_text())
    except (OSError, ValueError):
        return 0.0

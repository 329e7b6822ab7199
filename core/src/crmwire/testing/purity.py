"""Watching code that must use no network, clock or disk."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

CLOCK = frozenset(
    {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "sleep"}
)
DISK = frozenset(
    {"open", "stat", "lstat", "listdir", "scandir", "mkdir", "unlink", "remove", "rename"}
)


@contextlib.contextmanager
def watched(*, disk: bool = True) -> Iterator[list[str]]:
    """Note each call of this thread to the network, the clock or (if `disk`) the file system.

    Calls are seen however they are reached, since the interpreter itself reports them; imports
    are not counted.
    """
    seen: list[str] = []

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        if event != "c_call":
            return
        kind = _kind(argument)
        if kind and (disk or kind != "disk") and not _importing(frame):
            code = frame.f_code
            name = getattr(argument, "__qualname__", repr(argument))
            seen.append(f"{kind}: {name} in {code.co_filename}:{frame.f_lineno}")

    before, collecting = sys.getprofile(), gc.isenabled()
    gc.disable()  # what a collection calls back is not the watched code's
    sys.setprofile(profile)
    try:
        yield seen
    finally:
        sys.setprofile(before)
        if collecting:
            gc.enable()


def _kind(function: Any) -> str | None:
    name = getattr(function, "__name__", "")
    module = getattr(function, "__module__", None)
    owner = getattr(function, "__self__", None)
    if module == "time" and name in CLOCK:
        return "clock"
    if getattr(function, "__qualname__", "") in ("datetime.now", "datetime.utcnow", "date.today"):
        return "clock"
    if module == "_socket" or type(owner).__module__ in ("_socket", "socket"):
        return "network"
    if module in ("_io", "io", "posix", "nt") and name in DISK:
        return "disk"
    if module == "_posixsubprocess":
        return "disk"
    return None


def _importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False

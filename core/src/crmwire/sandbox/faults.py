"""Faults that a sandbox can be told to show, drawn from a seed."""

from __future__ import annotations

import random
import re
import threading
from typing import Any, Literal

import attrs
from attrs import define, frozen

FaultKind = Literal[
    "status", "html", "latency", "timeout", "cut_before", "cut_short", "lost_answer", "late_commit"
]


@frozen(kw_only=True)
class Fault:
    """One kind of trouble, for the requests that match.

    `status`: answer so (with `headers` and `body`), nothing done. `html`: a page instead of
    JSON, nothing done. `latency`: wait `seconds`, then go on. `timeout`: do nothing, answer
    nothing, close the connection after `seconds`. `cut_before`: close the connection without
    reading on. `cut_short`: do it, answer half. `lost_answer`: do it, close without an answer.
    `late_commit`: answer nothing, do it after `seconds`.
    `share` of the matching requests are hit (0 to 1), at most `times` of them. `skip` lets the
    first so many through.
    """

    kind: FaultKind
    path: str = ""
    method: str = ""
    status: int = 500
    headers: dict[str, str] = attrs.field(factory=dict)
    body: Any = None
    seconds: float = 0.0
    share: float = 1.0
    times: int | None = None
    skip: int = 0


@define
class _Armed:
    fault: Fault
    seen: int = 0
    hits: int = 0


class Faults:
    """The faults that are armed; each request asks once which of them it meets."""

    def __init__(self, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._armed: list[_Armed] = []
        self._random = random.Random(seed)

    def arm(self, faults: list[Fault], *, seed: int | None = None) -> None:
        """Replace all armed faults."""
        with self._lock:
            self._armed = [_Armed(fault) for fault in faults]
            if seed is not None:
                self._random.seed(seed)

    def draw(self, method: str, path: str) -> Fault | None:
        """The fault that this request meets, if any; the first that hits wins."""
        with self._lock:
            for armed in self._armed:
                fault = armed.fault
                if fault.method and fault.method != method:
                    continue
                if fault.path and not re.search(fault.path, path):
                    continue
                if fault.times is not None and armed.hits >= fault.times:
                    continue
                armed.seen += 1
                if armed.seen <= fault.skip:
                    continue
                if fault.share < 1.0 and self._random.random() >= fault.share:
                    continue
                armed.hits += 1
                return fault
        return None

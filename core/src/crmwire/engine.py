"""The embedded engine: threads that drain lanes, one drain of a lane at a time."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Collection, Iterable
from typing import Protocol

import structlog
from attrs import define

log = structlog.get_logger("crmwire.engine")

MOST_THREADS = 32
SWEEP = 1.0
"""Seconds between two looks for due lanes that no wake-up told of."""
LEAST_PAUSE = 0.005
"""Seconds between two looks, however soon a lane has rested."""


class Drain(Protocol):
    """What the engine runs for a lane; it returns when nothing is due or `stop` is set."""

    def __call__(self, lane: str, stop: threading.Event) -> None: ...


@define(eq=False)
class _Run:
    thread: threading.Thread
    again: bool = False
    aside: bool = False


class Engine:
    """Wakes lanes and drains them on threads.

    At most half of the threads serve one CRM, so that a slow one leaves room for the others. A
    lane whose drain hangs is set aside: it keeps its thread, which no longer counts, and is not
    drained again before that thread has ended.
    """

    def __init__(
        self,
        drain: Drain,
        *,
        due: Callable[[], Iterable[str]],
        crm_of: Callable[[str], str],
        hangs: Callable[[str, threading.Thread], bool],
        rests: Callable[[str], bool] = lambda lane: False,
        first_rested: Callable[[], float | None] = lambda: None,
        threads: int = MOST_THREADS,
        sweep: float = SWEEP,
    ) -> None:
        self._drain = drain
        self._due = due
        self._crm_of = crm_of
        self._hangs = hangs
        self._rests = rests
        self._first_rested = first_rested
        self._threads = threads
        self._sweep = sweep
        self._lock = threading.Condition()
        self._waiting: dict[str, None] = {}
        self._runs: dict[str, _Run] = {}
        self._stop = threading.Event()
        self._sweeper: threading.Thread | None = None

    def start(self) -> None:
        """Begin to sweep and to drain."""
        self._sweeper = threading.Thread(target=self._watch, name="crmwire-sweep", daemon=True)
        self._sweeper.start()

    def wake(self, lanes: Collection[str]) -> None:
        """Drain these lanes soon; call it after the commit. Waking twice does no harm.

        One that is known to rest is left to the sweep, so that events that come in while a vendor
        is down cost no thread each.
        """
        with self._lock:
            for lane in lanes:
                run = self._runs.get(lane)
                if run is not None:
                    run.again = True
                elif not self._rests(lane):
                    self._waiting.setdefault(lane)
            ready = self._start_waiting()
        self._start(ready)

    def set_aside(self) -> frozenset[str]:
        """The lanes whose drain hangs."""
        with self._lock:
            return frozenset(lane for lane, run in self._runs.items() if run.aside)

    def stop(self, timeout: float) -> bool:
        """Let drains finish their batch, for so many seconds; whether all did."""
        self._stop.set()
        with self._lock:
            self._waiting.clear()
            return self._lock.wait_for(
                lambda: all(run.aside for run in self._runs.values()), timeout
            )

    # ------------------------------------------------------------ inside

    def _start_waiting(self) -> list[threading.Thread]:
        """Drains for as many waiting lanes as there are threads; the lock is held.

        Whoever has called starts them, without the lock: that takes a while.
        """
        made: list[threading.Thread] = []
        if self._stop.is_set() or not self._waiting:
            return made
        active = [lane for lane, run in self._runs.items() if not run.aside]
        by_crm: dict[str, int] = {}
        for lane in active:
            crm = self._crm_of(lane)
            by_crm[crm] = by_crm.get(crm, 0) + 1
        room = self._threads - len(active)
        for lane in list(self._waiting):
            if room <= 0:
                break
            crm = self._crm_of(lane)
            if by_crm.get(crm, 0) >= max(1, self._threads // 2):
                continue
            del self._waiting[lane]
            thread = threading.Thread(
                target=self._run, args=(lane,), name=f"crmwire-drain {lane}", daemon=True
            )
            self._runs[lane] = _Run(thread)
            by_crm[crm] = by_crm.get(crm, 0) + 1
            room -= 1
            made.append(thread)
        return made

    def _start(self, threads: Iterable[threading.Thread]) -> None:
        """Start drains; the sweep wakes the lanes of those for which the machine has no thread."""
        for thread in threads:
            try:
                thread.start()
            except (RuntimeError, MemoryError) as error:
                with self._lock:
                    for lane, run in list(self._runs.items()):
                        if run.thread is thread:
                            del self._runs[lane]
                    self._lock.notify_all()
                with contextlib.suppress(Exception):
                    log.error("no_thread", thread=thread.name, error=str(error))

    def _run(self, lane: str) -> None:
        while True:
            with self._lock:
                self._runs[lane].again = False
            try:
                self._drain(lane, self._stop)
            except BaseException as error:  # noqa: BLE001  (the sweep starts it again)
                with contextlib.suppress(Exception):  # a lane that cannot be told of goes on too
                    log.error("drain_failed", lane=lane, error=f"{type(error).__name__}: {error}")
            with self._lock:
                if self._runs[lane].again and not self._stop.is_set():
                    continue
                del self._runs[lane]
                ready = self._start_waiting()
                self._lock.notify_all()
            self._start(ready)
            return

    def _watch(self) -> None:
        while not self._stop.wait(self._pause()):
            with contextlib.suppress(Exception):
                self.wake([lane for lane in self._due() if not self._is_running(lane)])
            with self._lock:
                runs = list(self._runs.items())
            for lane, run in runs:
                try:
                    hangs = self._hangs(lane, run.thread)
                except Exception as error:  # noqa: BLE001  (the sweep must go on)
                    log.error("watch_failed", lane=lane, error=f"{type(error).__name__}: {error}")
                    continue
                ready = []
                with self._lock:
                    if hangs is not run.aside:
                        run.aside = hangs
                        ready = self._start_waiting()
                        self._lock.notify_all()
                self._start(ready)

    def _pause(self) -> float:
        """Seconds until the next sweep: it comes at once when a lane has rested."""
        rested = None
        with contextlib.suppress(Exception):
            rested = self._first_rested()
        return self._sweep if rested is None else min(self._sweep, max(rested, LEAST_PAUSE))

    def _is_running(self, lane: str) -> bool:
        with self._lock:
            return lane in self._runs

"""What is kept no longer: payloads older than the data folder's retention, and idle memory."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import structlog
from attrs import frozen

from crmwire.errors import ConfigurationError, CrmwireError
from crmwire.store import audit
from crmwire.store import purging as stored

if TYPE_CHECKING:
    from collections.abc import Callable

    from crmwire.clock import Clock
    from crmwire.store import Store

log = structlog.get_logger("crmwire.purge")

DAY = 86_400.0
EVERY = 3600.0
"""Seconds between two purges."""
BATCH = 100
"""Rows in one transaction, so that bookings that come in meanwhile do not wait."""
PAUSE = 0.02
"""Seconds between two transactions."""
LONGEST = 3650


@frozen(kw_only=True)
class Purged:
    """How much was removed."""

    events: int = 0
    subjects: int = 0
    webhooks: int = 0


def set_retention(store: Store, days: int | None, now: float) -> None:
    """Keep payloads for so many days, or (None) as long as the data folder.

    Raises: ConfigurationError if it is no number of days.
    """
    if days is not None and not 1 <= days <= LONGEST:
        raise ConfigurationError(f"Payloads are kept for 1 to {LONGEST} days, or without end.")

    def job(db: Any) -> None:
        before = stored.retention(db)
        stored.set_retention(db, days)
        if before != days:
            told = {"before": before or "off", "days": days or "off"}
            audit.record(db, now, "changed", "setting", "retention", **told)

    store.write(job)


def purge(store: Store, clock: Clock, stop: threading.Event | None = None) -> Purged:
    """Remove what is older than the retention, in small transactions."""
    stop = stop or threading.Event()
    now = clock.now().timestamp()
    while store.write(lambda db: stored.purge_memory(db, now, BATCH)) == BATCH:
        if stop.wait(PAUSE):
            return Purged()
    with store.read() as db:
        days = stored.retention(db)
    if days is None:
        return Purged()
    before = now - days * DAY
    webhooks = 0
    while done := store.write(lambda db: stored.purge_webhooks(db, before, BATCH)):
        webhooks += done
        if stop.wait(PAUSE):
            break
    made = Purged(
        events=_all(store, stop, before, stored.old_events, stored.purge_events),
        subjects=_all(store, stop, before, stored.old_subjects, stored.purge_subjects),
        webhooks=webhooks,
    )
    if made != Purged():
        store.truncate_log()
    return made


def _all(
    store: Store,
    stop: threading.Event,
    before: float,
    find: Callable[[Any, float, int, int], list[int]],
    remove: Callable[[Any, float, list[int]], int],
) -> int:
    """Look for what is old on a reader, so that only what is removed keeps the writer busy."""
    done = after = 0
    while not stop.is_set():
        with store.read() as db:
            ids = find(db, before, after, BATCH)
        if not ids:
            break
        done += store.write(lambda db, ids=ids: remove(db, before, ids))  # type: ignore[misc]
        after = ids[-1]
        stop.wait(PAUSE)
    return done


class Purger:
    """Purges now and then, on a thread of the daemon."""

    def __init__(self, store: Store, clock: Clock, *, every: float = EVERY) -> None:
        self._store, self._clock, self._every = store, clock, every
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._work, name="crmwire-purge", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    def _work(self) -> None:
        wait = min(60.0, self._every)
        while not self._stop.wait(wait):
            wait, started = self._every, time.monotonic()
            try:
                made = purge(self._store, self._clock, self._stop)
            except CrmwireError as error:  # the next one does it
                log.warning("purge_failed", problem=error.message)
                continue
            if made != Purged():
                took = round(time.monotonic() - started, 2)
                log.info(
                    "purged",
                    events=made.events,
                    subjects=made.subjects,
                    webhooks=made.webhooks,
                    seconds=took,
                )

"""Asking the sources that send no webhooks, each as often as it says, on threads of the daemon.

What a source tells and how far it was read are stored in one transaction, so that a crash
neither loses an event nor tells it twice; what is told twice by the source itself counts once.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

import structlog

from crmwire.errors import CrmwireError, NeedsLogin, PluginBroken, RetryLater, StoreUnavailable
from crmwire.store.polls import PollRow

if TYPE_CHECKING:
    from crmwire.hooks import SourceHooks
    from crmwire.opening import Openings
    from crmwire.store import FeedRow

log = structlog.get_logger("crmwire.polling")

TRIES = (30.0, 120.0, 600.0, 1800.0, 3600.0)
"""Seconds until a source that fails is asked again; the last one for all further failures."""
JITTER = 0.2
AT_ONCE = 4
"""Feeds that are asked at the same time."""
PATIENCE = 5.0
"""Seconds in which sources may still answer when the daemon is told to stop."""
EVERY = "poll_every"
"""The feed's setting of that name replaces what the source says."""
LEAST = 1.0
"""Seconds between two askings, whatever a setting says."""


class Poller:
    """Asks every feed that is due, and gives what it tells to the lanes."""

    def __init__(
        self,
        openings: Openings,
        wake: Callable[[Collection[str]], None],
        *,
        sweep: float = 1.0,
    ) -> None:
        self._openings = openings
        self._wake = wake
        self._sweep = sweep
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._changed = threading.Condition()
        self._asked: set[int] = set()
        self._never: dict[int, FeedRow] = {}
        """Feeds that are not polled, as they were when that was found out."""

    def start(self) -> None:
        self._thread = threading.Thread(target=self._watch, name="crmwire-polls", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask nobody any more, and let what is asked now end, for at most PATIENCE seconds.

        What takes longer is given up with the process, and asked for again after the next start.
        """
        self._stop.set()
        with self._changed:
            self._changed.wait_for(lambda: not self._asked, PATIENCE)

    def step(self) -> list[str]:
        """Begin to ask every feed that is due; returns their names."""
        now = self._openings.clock.now().timestamp()
        known = self._openings.store.polls()
        begun = []
        for row in self._openings.store.feeds():
            standing = known.get(row.id, PollRow(feed=row.id))
            if standing.due_at > now or not self._is_polled(row):
                continue
            with self._changed:
                if self._stop.is_set() or len(self._asked) >= AT_ONCE:
                    break
                if row.id in self._asked:
                    continue
                self._asked.add(row.id)
            # Daemon threads: a source that hangs must not keep the process from ending.
            name = f"crmwire-poll {row.name}"
            threading.Thread(target=self._work, args=(row,), name=name, daemon=True).start()
            begun.append(row.name)
        return begun

    def ask(self, row: FeedRow) -> bool:
        """Ask one feed for one chunk and store it; whether there is more.

        Raises: a Failure if the source does not tell, StoreUnavailable.
        """
        store, clock = self._openings.store, self._openings.clock
        hooks = self._openings.source(row)
        before = store.polls().get(row.id, PollRow(feed=row.id)).cursor
        chunk = hooks.poll(before)
        now = clock.now()
        due = now.timestamp() + (0.0 if chunk.more else _every(row, hooks))
        answers = store.take_in_poll(row.id, chunk.events, chunk.cursor, due, now)
        fresh = sum(not one.duplicate for one in answers)
        if fresh:
            log.info("polled", feed=row.name, events=fresh)
        self._wake(frozenset().union(*(one.lanes for one in answers)))
        return chunk.more

    # ------------------------------------------------------------ inside

    def _is_polled(self, row: FeedRow) -> bool:
        """Whether a feed is asked; found out once, and anew when its settings change."""
        if self._never.get(row.id) == row:
            return False
        try:
            polled = self._openings.source(row).is_polled()
        except CrmwireError:  # its plugin does not load: `check` tells of it
            polled = False
        if not polled:
            self._never[row.id] = row
        return polled

    def _work(self, row: FeedRow) -> None:
        try:
            while not self._stop.is_set() and self._asked_well(row):
                pass
        except Exception as error:  # noqa: BLE001  (the feed is asked again later)
            if not self._stop.is_set():  # else the store may be closed already
                log.error("poll_broke", feed=row.name, error=f"{type(error).__name__}: {error}")
        finally:
            with self._changed:
                self._asked.discard(row.id)
                self._changed.notify_all()

    def _asked_well(self, row: FeedRow) -> bool:
        """Ask once; whether to ask at once again."""
        try:
            return self.ask(row)
        except StoreUnavailable as error:
            log.error("poll_not_stored", feed=row.name, error=str(error))
        except CrmwireError as error:
            self._failed(row, error)
        except Exception as error:  # noqa: BLE001  (events that cannot be stored: a plugin's fault)
            reason = f"{type(error).__name__}: {error}"
            self._failed(row, PluginBroken(f"What {row.source} told cannot be kept ({reason})."))
        return False

    def _failed(self, row: FeedRow, error: CrmwireError) -> None:
        now = self._openings.clock.now()
        before = self._openings.store.polls().get(row.id, PollRow(feed=row.id))
        wait = TRIES[min(before.failures, len(TRIES) - 1)] * random.uniform(1 - JITTER, 1 + JITTER)
        if isinstance(error, RetryLater) and error.after is not None:
            wait = error.after
        kind = getattr(error, "kind", "configuration")
        level = log.warning if isinstance(error, NeedsLogin | PluginBroken) else log.info
        level("poll_failed", feed=row.name, failure=kind, reason=error.message)
        self._openings.store.poll_failed(
            row.id,
            failure=kind,
            problem=error.message,
            remedy=error.remedy,
            due_at=now.timestamp() + wait,
            now=now,
        )

    def _watch(self) -> None:
        while not self._stop.wait(self._sweep):
            try:
                self.step()
            except Exception as error:  # noqa: BLE001  (the next sweep must come)
                log.error("polls_failed", error=f"{type(error).__name__}: {error}")


def _every(row: FeedRow, hooks: SourceHooks) -> float:
    """Seconds until a feed is asked again, if all went well."""
    own = row.settings.get(EVERY)
    if isinstance(own, int | float) and not isinstance(own, bool):
        return max(LEAST, float(own))
    return max(LEAST, hooks.source_info().poll_every)

"""The daemon's look at the store each second: troubles begin and end, messages go out."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import structlog

from crmwire.alerting.deciding import decided
from crmwire.alerting.intakes import Intakes
from crmwire.alerting.kinds import DAY, Pace
from crmwire.alerting.sending import Sender
from crmwire.alerting.watching import look
from crmwire.store import alerts, checks, sights

if TYPE_CHECKING:
    from sqlite_utils import Database

    from crmwire.clock import Clock
    from crmwire.store import Store
    from crmwire.store.alerts import Decision, TroubleRow
    from crmwire.vault import Vault

log = structlog.get_logger("crmwire.alerts")


class Watcher:
    """Sees what is wrong and lets people know. One runs on a data folder: the daemon's."""

    def __init__(self, store: Store, vault: Vault, clock: Clock, pace: Pace | None = None) -> None:
        self._store = store
        self._clock = clock
        self._pace = pace or Pace()
        self._sender = Sender(store, vault, clock, self._pace)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._purged = float("-inf")
        self.intakes = Intakes()

    def start(self) -> None:
        """Look each second, on a thread."""
        self._thread = threading.Thread(target=self._work, name="crmwire-alerts", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> None:
        """End the thread; what is being sent is waited for so long, then ends by itself."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5.0)
        self._sender.stop(timeout)

    def step(self) -> Decision:
        """Look once: remember what changed, and send what is due."""
        self.save_intakes()
        made = self.decide()
        self._sender.step()
        self._purge()
        return made

    def decide(self) -> Decision:
        """Look once and remember what changed, without sending anything."""
        now = self._clock.now().timestamp()
        with self._store.read() as db:
            sight = look(db, now, self._pace)
            standing = alerts.standing(db, now)
            made = decided(sight, standing, now, self._pace, lambda row: _going_on(db, row))
        if not made.empty:
            self._store.write(lambda db: alerts.record(db, made, now))
            for opening in made.openings:
                log.warning("trouble_began", kind=opening.kind, about=opening.name)
            for _, ended in made.closings:
                log.info("trouble_ended", how=ended)
        return made

    def save_intakes(self) -> None:
        """Keep what the receiver counted."""
        refused, taken, failed = self.intakes.drained()
        if taken:
            with self._store.read() as db:
                watched = sights.with_health(db)
            taken = {feed: at for feed, at in taken.items() if feed in watched}
        if refused or taken:
            self._store.write(lambda db: sights.save_intakes(db, refused, taken))
        if failed:  # a check says what is wrong, and is soon made
            now = self._clock.now().timestamp()
            owners = [f"feed/{feed}" for feed in failed]
            self._store.write(lambda db: checks.hasten(db, owners, now))

    # ------------------------------------------------------------ inside

    def _work(self) -> None:
        said = ""
        while not self._stop.wait(self._pace.look):
            try:
                self.step()
                said = ""
            except Exception as error:  # noqa: BLE001  (whatever it is, the next look must come)
                if said != (said := f"{type(error).__name__}: {error}"):
                    log.error("look_failed", error=said)

    def _purge(self) -> None:
        now = self._clock.monotonic()
        if now - self._purged > DAY:
            self._purged = now
            moment = self._clock.now().timestamp()
            self._store.write(lambda db: alerts.purge(db, moment))


def _going_on(db: Database, row: TroubleRow) -> int | None:
    """How many deliveries of a connection wait, now that it works again."""
    thing, _, rest = row.about.partition("/")
    if thing != "connection" or row.kind in ("held", "not_allowed", "check"):
        return None
    return sights.waiting(db, int(rest.partition("/")[0]))

"""Draining a lane: batch after batch, each settled with the claim of the next."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from crmwire.drills import step
from crmwire.errors import (
    CrmwireError,
    Failure,
    NeedsLogin,
    PluginBroken,
    RetryLater,
    StoreUnavailable,
)
from crmwire.hooks import culprit_of_thread
from crmwire.pacing import USED_UP
from crmwire.pipeline import Desk, Planned, Result, carry_out
from crmwire.pipeline.outcomes import Pause, lane_pause, of_failure
from crmwire.store import Batch, Fenced, Outcome, logins, setup
from crmwire.tallies import Tallies
from crmwire.vault import KeyMissing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from crmwire.opening import Openings

log = structlog.get_logger("crmwire.drain")

BATCH = 100
KEY_MISSING = "KEY_MISSING"
"""The code of a failure that is the vault's, not a plugin's."""
LOOK_AGAIN = 0.2
"""Seconds for which a lane that rests is not looked at for each event that comes in."""
BROKEN_PAUSE = 30.0
"""Seconds a connection rests after its plugin failed to load or raised in a whole batch."""


class Drainer:
    """Drains lanes for the engine, and tells of those that hang."""

    def __init__(self, openings: Openings, tallies: Tallies | None = None) -> None:
        self._openings = openings
        self._tallies = tallies or Tallies()
        self._store = openings.store
        self._clock = openings.clock
        self._busy: dict[str, Desk] = {}
        self._told: dict[str, Desk] = {}
        """Desks of the batches whose observers are told next."""
        self._hanging: dict[str, Desk] = {}
        self._rested: dict[str, float] = {}
        self._down: set[str] = set()
        """Lanes of which nothing came through when last tried; one delivery finds out."""
        self.wake: Callable[[Collection[str]], None] = lambda lanes: None
        """Told of a lane that took over deliveries; set by who runs the engine."""

    def drain(self, lane: str, stop: threading.Event) -> None:
        """Work until nothing of the lane is due, the lane is paused, or `stop` is set."""
        if self._store.rests(lane, self._clock.now()):
            # Each event that comes in meanwhile wakes the lane; it must not cost a commit.
            self._rested[lane] = self._clock.monotonic()
            return
        try:
            epoch = self._store.begin_drain(lane, self._clock.now())
            result, last, singly = Result(), None, 0
            while True:
                most = 1 if singly > 0 or lane in self._down else BATCH
                batch = self._store.settle_and_claim(
                    lane,
                    epoch,
                    result.outcomes,
                    result.created,
                    limit=0 if stop.is_set() else most,
                    after=last,
                    now=self._clock.now(),
                )
                if result.outcomes:
                    step("after_settle")
                self._observe(lane, result)
                if result.moved_to is not None:
                    self.wake([result.moved_to])
                if batch is None:
                    return
                last = batch.connection
                login = self._store.login(last)
                began = self._clock.monotonic()
                result = self._carry_out(lane, batch, epoch)
                self._tallies.drained(lane, self._clock.monotonic() - began)
                singly = max(singly - 1, result.odd)
                if _nothing_came_through(result):
                    self._down.add(lane)
                else:
                    self._down.discard(lane)
                self._rest(lane, last, result, login.number if login is not None else 0)
        except Fenced:
            log.info("drain_fenced", lane=lane)
        finally:
            self._busy.pop(lane, None)
            self._told.pop(lane, None)

    def rests(self, lane: str) -> bool:
        """Whether a lane rested when it was looked at, a moment ago."""
        seen = self._rested.get(lane)
        return seen is not None and self._clock.monotonic() - seen < LOOK_AGAIN

    def hangs(self, lane: str, thread: threading.Thread) -> bool:
        """Whether a drain has shown no sign for twice its deadline; its plugin is then named."""
        desk = self._busy.get(lane)
        if desk is None:
            self._hanging.pop(lane, None)
            return False
        silent = self._clock.monotonic() - desk.conn.last_sign
        if silent <= 2 * desk.conn.settings.read_timeout:
            self._hanging.pop(lane, None)
            return False
        if self._hanging.get(lane) is desk:  # said already, and not each second again
            return True
        self._hanging[lane] = desk
        plugin = culprit_of_thread(desk.conn.hooks.pm, thread.ident or 0)
        self._tell(
            desk.connection_id,
            f"Plugin {plugin} has not answered for {silent:.0f} s; its lane is set aside.",
            f"Update or remove the plugin {plugin}, then restart crmwire.",
            cause="hangs",
        )
        log.error("lane_set_aside", lane=lane, plugin=plugin, connection=desk.conn.name)
        return True

    # ------------------------------------------------------------ inside

    def _carry_out(self, lane: str, batch: Batch, epoch: int) -> Result:
        try:
            desk = self._openings.desk(batch.connection, lane)
        except CrmwireError as error:
            return self._given_back(batch, error)
        if desk.lane != lane:
            # The account became known just now; its own lane takes the deliveries.
            result = self._given_back(batch, None)
            result.moved_to = desk.lane
            return result
        self._busy[lane] = desk
        desk.conn.alive()
        result = Result()
        size = max(1, desk.conn.info.batch)
        for start in range(0, len(batch.items), size):
            part = Batch(connection=batch.connection, items=batch.items[start : start + size])
            made = self._tried(desk, part, epoch)
            if part.items[-1] is not batch.items[-1]:
                # The next part finds what this one made; it must not wait for the whole batch.
                self._store.settle_and_claim(
                    lane, epoch, made.outcomes, made.created, limit=0, now=self._clock.now()
                )
            _add(result, made)
            rest = batch.items[start + size :]
            if rest and _nothing_came_through(made):
                left = Batch(connection=batch.connection, items=rest)
                _add(result, self._given_back(left, None))
                break
        if (told := self._busy.pop(lane, None)) is not None:
            self._told[lane] = told
        return result

    def _tried(self, desk: Desk, batch: Batch, epoch: int) -> Result:
        """Carry out a part; what nobody foresaw fails the one delivery at fault, and no other."""
        try:
            return carry_out(desk, batch, epoch)
        except (Fenced, StoreUnavailable):
            raise
        except (Failure, KeyMissing) as error:
            return self._given_back(batch, error)
        except Exception as error:  # noqa: BLE001  (one odd delivery must not stop its lane)
            log.error("batch_failed", connection=desk.conn.name, error=type(error).__name__)
            if len(batch.items) > 1:
                result = self._given_back(batch, None)
                result.odd = len(batch.items)
                return result
            odd = PluginBroken(
                f"crmwire failed on it ({type(error).__name__}: {error}).",
                remedy="Look at its mapping; report the error if that is in order.",
            )
            one = Planned(claimed=batch.items[0])
            return Result(outcomes=[of_failure(desk, one, odd, attempt_open=None)])

    def _given_back(self, batch: Batch, error: CrmwireError | None) -> Result:
        """Make the deliveries ready again, none of them tried."""
        result = Result(
            outcomes=[
                Outcome(
                    delivery=item.delivery.id,
                    state="ready",
                    attempt_open=None,
                    reason=error.message if error else None,
                    remedy=error.remedy if error else None,
                )
                for item in batch.items
            ]
        )
        if isinstance(error, NeedsLogin):
            result.needs_login = error
        elif isinstance(error, PluginBroken):
            result.broken = error
        elif isinstance(error, RetryLater):
            # The check before the first delivery was not answered: the vendor's, not the plugin's.
            seconds = BROKEN_PAUSE if error.after is None else error.after
            result.pause = lane_pause([error]) or Pause(
                seconds=seconds, reason=error.message, code=error.code
            )
        elif error is not None:
            code = KEY_MISSING if isinstance(error, KeyMissing) else ""
            result.broken = PluginBroken(error.message, remedy=error.remedy, code=code)
        return result

    def _rest(self, lane: str, connection: int, result: Result, login: int) -> None:
        """Let the connection or the lane rest before its next batch is claimed.

        `login` is the number of the login that the batch began with: the refusal of an old one
        says nothing of a new one.
        """
        now = self._clock.now()
        if result.needs_login is not None:
            failure = result.needs_login
            remedy = failure.remedy or "Give the connection a new token."
            if self._store.write(
                lambda db: logins.lost(
                    db, connection, login, problem=failure.message, remedy=remedy
                )
            ):
                log.error("login_lost", lane=lane, problem=failure.message)
        elif result.broken is not None:
            broken = result.broken
            until = (now + timedelta(seconds=BROKEN_PAUSE)).timestamp()
            whole = all(outcome.state == "ready" for outcome in result.outcomes)
            cause = "vault" if broken.code == KEY_MISSING else "plugin"
            self._tell(connection, broken.message, broken.remedy, until if whole else None, cause)
            log.error("plugin_failed", lane=lane, problem=broken.message)
        else:
            row = self._store.connection_by_id(connection)
            if row.state == "ok" and row.problem is not None and result.outcomes:
                self._store.write(lambda db: setup.set_problem(db, connection, None))
        pause = result.pause
        if isinstance(pause, Pause):
            until_ = now + timedelta(seconds=pause.seconds)
            self._store.pause(lane, until_, pause.reason, pause.code)
            log.warning("lane_paused", lane=lane, seconds=pause.seconds, reason=pause.reason)

    def _tell(
        self,
        connection: int,
        problem: str,
        remedy: str,
        paused_until: float | None = None,
        cause: str = "plugin",
    ) -> None:
        self._store.write(
            lambda db: setup.set_problem(
                db, connection, problem, remedy=remedy, paused_until=paused_until, cause=cause
            )
        )

    def _observe(self, lane: str, result: Result) -> None:
        desk = self._told.pop(lane, None)
        if desk is not None and result.changes:
            desk.conn.alive()
            self._busy[lane] = desk  # an observer that hangs is seen as any other hook is
        self._tell_changes(result)
        self._busy.pop(lane, None)

    def _tell_changes(self, result: Result) -> None:
        for change in result.changes:
            became = "retried" if change.after == "ready" else change.after
            self._tallies.delivery(change.connection, became)
            log.info(
                "delivery_changed",
                delivery=change.delivery,
                connection=change.connection,
                event_type=change.event_type,
                state=change.after,
                failure=change.failure or None,
            )
            conn = self._openings.opened(change.connection)
            if conn is not None:
                conn.hooks.delivery_changed(change)


def _nothing_came_through(result: Result) -> bool:
    """Whether the vendor seems to be down, so that thousands that wait need not all find out.

    It is not so while we hold calls back ourselves: then all that fit go out when the time comes.
    """
    return (
        result.pause is not None
        and result.pause.code != USED_UP
        and all(outcome.state == "ready" for outcome in result.outcomes)
    )


def _add(result: Result, made: Result) -> None:
    result.outcomes += made.outcomes
    result.created += made.created
    result.changes += made.changes
    if made.pause is not None and (
        result.pause is None or result.pause.seconds < made.pause.seconds
    ):
        result.pause = made.pause
    result.needs_login = result.needs_login or made.needs_login
    result.broken = result.broken or made.broken
    result.odd += made.odd

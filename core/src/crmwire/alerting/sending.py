"""Notices on their way: each is sent by a child process, tried again, and given up at last."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from typing import IO, TYPE_CHECKING, Any

import structlog
from attrs import frozen

from crmwire.alerting.addresses import ADDRESS, SIGNING
from crmwire.alerting.kinds import Pace
from crmwire.errors import ConfigurationError
from crmwire.store import alerts
from crmwire.store.alerts import NoticeRow, TargetRow

if TYPE_CHECKING:
    from crmwire.clock import Clock
    from crmwire.store import Store
    from crmwire.vault import Vault

log = structlog.get_logger("crmwire.alerts")

MOST_AT_ONCE = 4
_MARGIN = 30.0
"""Seconds beyond a child's own limit before another may send its notice."""
_HIDDEN = ("CRMWIRE_KEYS", "CRMWIRE_KEY_FILE")


@frozen(kw_only=True)
class _Running:
    notice: NoticeRow
    attempt: int
    target: TargetRow
    process: subprocess.Popen[str]


class Sender:
    """Sends what is due, a few at once, the notices of one target in order."""

    def __init__(self, store: Store, vault: Vault, clock: Clock, pace: Pace) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock
        self._pace = pace
        self._running: list[_Running] = []

    def step(self) -> None:
        """See what became of those under way, and start those that are due."""
        self._running = [one for one in self._running if not self._ended(one)]
        room = MOST_AT_ONCE - len(self._running)
        if room <= 0:
            return
        now = self._clock.now().timestamp()
        with self._store.read() as db:
            due = alerts.due_notices(db, now)[:room]
            targets = {row.id: row for row in alerts.targets(db)} if due else {}
        busy = {one.notice.id for one in self._running}
        for notice in due:
            if notice.target in targets and notice.id not in busy:
                self._start(notice, targets[notice.target], now)

    def send_now(self, target: TargetRow, notice: alerts.NewNotice) -> str | None:
        """Send one message and wait for it; None if it arrived, else what went wrong."""
        now = self._clock.now().timestamp()
        until = now + self._pace.sending + _MARGIN
        id_ = self._store.write(lambda db: alerts.add_notice(db, notice, now, taken_until=until))
        with self._store.read() as db:
            row = alerts.notice(db, id_)
        assert row is not None
        try:
            process = self._spawned(row, target, 1, None)
        except ConfigurationError as error:
            self._failed(row, 1, error.message, None)
            return error.message
        process.wait()
        with self._store.read() as db:
            made = alerts.notice(db, id_)
        if made is None or made.outcome == "sent":
            return None
        if made.outcome is None:
            self._failed(row, 1, _BROKEN, None)
            return _BROKEN
        return made.problem or _BROKEN

    def stop(self, timeout: float = 5.0) -> None:
        """Wait a little for those under way; they finish without us too."""
        end = time.monotonic() + timeout
        for one in self._running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                one.process.wait(max(0.0, end - time.monotonic()))
        for one in [one for one in self._running if not self._ended(one)]:
            # Whoever stays in this process takes its end in, so that nothing is left of it.
            threading.Thread(target=one.process.wait, name="crmwire-alert", daemon=True).start()
        self._running = []

    # ------------------------------------------------------------ inside

    def _start(self, notice: NoticeRow, target: TargetRow, now: float) -> None:
        until = now + self._pace.sending + _MARGIN
        attempt = self._store.write(lambda db: alerts.take_notice(db, notice.id, now, until))
        if attempt is None:
            return
        retry_at = self._retry_at(notice, now)
        try:
            process = self._spawned(notice, target, attempt, retry_at)
        except (ConfigurationError, OSError) as error:
            self._failed(notice, attempt, str(error), retry_at)
            return
        self._running.append(
            _Running(notice=notice, attempt=attempt, target=target, process=process)
        )

    def _spawned(
        self, notice: NoticeRow, target: TargetRow, attempt: int, retry_at: float | None
    ) -> subprocess.Popen[str]:
        """Start a child for a notice. Raises: KeyMissing if the address cannot be read."""
        secrets = self._vault.all(target.owner)
        job: dict[str, Any] = {
            "database": str(self._store.path),
            "notice": notice.id,
            "attempt": attempt,
            "kind": target.kind,
            "address": secrets.get(ADDRESS, ""),
            "secret": secrets.get(SIGNING, ""),
            "event": notice.event,
            "uid": notice.uid,
            "title": notice.title,
            "body": notice.body,
            "data": notice.data,
            "retry_at": retry_at,
            "limit": self._pace.sending,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "crmwire.alerting.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            env={name: value for name, value in os.environ.items() if name not in _HIDDEN},
            start_new_session=True,  # Ctrl-C in the daemon's terminal must not end it
        )
        assert process.stdin is not None
        _write(process.stdin, json.dumps(job))
        return process

    def _ended(self, one: _Running) -> bool:
        """Whether a child has ended; one that recorded nothing has failed."""
        if one.process.poll() is None:
            return False
        with self._store.read() as db:
            made = alerts.notice(db, one.notice.id)
        if made is None:
            return True
        now = self._clock.now().timestamp()
        problem = made.problem
        unanswered = made.outcome is None and made.taken_until is not None
        if unanswered and made.tries == one.attempt:
            problem = _BROKEN
            self._failed(one.notice, one.attempt, _BROKEN, self._retry_at(one.notice, now))
        if made.outcome == "sent":
            log.info("alert_sent", alert=one.target.name, notice=one.notice.event)
        else:
            log.warning("alert_not_sent", alert=one.target.name, problem=problem)
        return True

    def _failed(
        self, notice: NoticeRow, attempt: int, problem: str, retry_at: float | None
    ) -> None:
        now = self._clock.now().timestamp()
        self._store.write(
            lambda db: alerts.notice_failed(db, notice.id, attempt, now, problem, retry_at)
        )

    def _retry_at(self, notice: NoticeRow, now: float) -> float | None:
        """When a notice is tried again if this try fails; None: it is given up then."""
        tries = self._pace.tries
        at = now + tries[min(notice.tries, len(tries) - 1)]
        return None if at > notice.created_at + self._pace.give_up_after else at


_BROKEN = "The sending process ended without a result."


def _write(pipe: IO[str], text: str) -> None:
    for write in (lambda: pipe.write(text), pipe.close):
        with contextlib.suppress(OSError):  # if the child has gone, it counts as failed
            write()

"""The daily check of each connection and feed, spread over the day and remembered."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING

import structlog

from crmwire.checking import HOUR, check_connection, check_feed
from crmwire.errors import CrmwireError
from crmwire.store import checks
from crmwire.store.checks import CheckRow

if TYPE_CHECKING:
    from crmwire.opening import Openings

log = structlog.get_logger("crmwire.checks")

LOOK = 30.0
"""Seconds between two looks for checks that are due."""


class Rechecker:
    """Checks what is due, one after the other, on a thread of the daemon.

    What was never checked is checked within the first hour, so that a restart asks nobody at once.
    """

    def __init__(self, openings: Openings, *, look: float = LOOK, first: float = HOUR) -> None:
        self._openings = openings
        self._look = look
        self._first = first
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._work, name="crmwire-checks", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Begin no other check; one under way ends by itself."""
        self._stop.set()

    def step(self) -> list[str]:
        """Do what is due; returns the owners (`connection/ID`, `feed/ID`) that were checked."""
        now = self._openings.clock.now().timestamp()
        with self._openings.store.read() as db:
            due = checks.due_checks(db, now)
        checked = []
        for owner, name, since in due:
            if self._stop.is_set():
                break
            if since is None:
                self._plan(owner, now)
                continue
            try:
                check = check_connection if owner.startswith("connection/") else check_feed
                made = check(self._openings, name)
            except CrmwireError as error:  # it was removed meanwhile, or the store is full
                log.warning("check_failed", name=name, error=type(error).__name__)
                continue
            checked.append(owner)
            level = log.info if made.ok else log.warning
            level("checked", name=name, state=made.state)
        return checked

    # ------------------------------------------------------------ inside

    def _plan(self, owner: str, now: float) -> None:
        row = CheckRow(
            owner=owner,
            checked_at=0.0,
            next_at=now + self._first * random.random(),
            state="never",
            findings=(),
        )
        self._openings.store.write(lambda db: checks.save_check(db, row))

    def _work(self) -> None:
        while not self._stop.wait(self._look):
            try:
                self.step()
            except Exception as error:  # noqa: BLE001  (the next look must come)
                log.error("checks_failed", error=f"{type(error).__name__}: {error}")

"""Keeping logins alive that their vendor ends when they are not used."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import structlog

from crmwire.errors import CrmwireError, NeedsLogin
from crmwire.store import logins

if TYPE_CHECKING:
    from crmwire.opening import Openings
    from crmwire.store import ConnectionRow

log = structlog.get_logger("crmwire.login")

LOOK = 3600.0
"""Seconds between two looks; logins live for weeks."""


def keep_alive(openings: Openings) -> list[str]:
    """Refresh the logins that were not refreshed for as long as their CRM allows; their names.

    What was left of logins that nobody finished is removed.
    A login that turns out to be lost is said to be; what fails for now is tried with the next look.
    """
    now = openings.clock.now().timestamp()
    openings.store.write(lambda db: logins.remove_expired(db, now))
    kept = []
    for row in openings.store.connections():
        if row.state != "ok":
            continue
        try:
            if _idle(openings, row):
                openings.connection(row).login.refresh()
                kept.append(row.name)
        except NeedsLogin as failure:
            _lost(openings, row, failure)
        except CrmwireError as error:
            log.warning("login_not_kept", connection=row.name, problem=error.message)
    return kept


def _idle(openings: Openings, row: ConnectionRow) -> bool:
    login = openings.store.login(row.id)
    if login is None or login.kind != "authorization_code":
        return False
    oauth = openings.connection(row).scheme.oauth
    if oauth is None or oauth.keep_alive is None or not oauth.refreshable:
        return False
    return openings.clock.now().timestamp() - login.obtained_at >= oauth.keep_alive


def _lost(openings: Openings, row: ConnectionRow, failure: NeedsLogin) -> None:
    login = openings.store.login(row.id)
    number = 0 if login is None else login.number
    remedy = failure.remedy or f"Run `crmwire connect {row.crm} --name {row.name}`."
    openings.store.write(
        lambda db: logins.lost(db, row.id, number, problem=failure.message, remedy=remedy)
    )
    log.error("login_lost", connection=row.name, problem=failure.message)


class Keeper:
    """Looks after idle logins on a thread of the daemon."""

    def __init__(self, openings: Openings, *, look: float = LOOK) -> None:
        self._openings = openings
        self._look = look
        self._stop = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._work, name="crmwire-logins", daemon=True).start()

    def stop(self) -> None:
        """Begin nothing new."""
        self._stop.set()

    def _work(self) -> None:
        while not self._stop.wait(self._look):
            try:
                keep_alive(self._openings)
            except Exception as error:  # noqa: BLE001  (the next look must come)
                log.error("logins_not_kept", error=f"{type(error).__name__}: {error}")

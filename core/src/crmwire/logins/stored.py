"""The login of a stored connection: tokens out of the vault, refreshed one at a time.

Any number of threads and processes may ask for a token. Who finds it too old takes a lease in
the store, asks the vendor, and commits what came before anybody uses it; the others wait for the
lease to end and read again. A refresh that failed for now is not tried again before its time, one
that was refused not before somebody logs in.
"""

from __future__ import annotations

import math
import secrets
import threading
from typing import TYPE_CHECKING, Any

import structlog

from crmwire.drills import step
from crmwire.errors import CrmwireError, Failure, NeedsLogin, PluginBroken, RetryLater
from crmwire.http import SHORT_WAIT
from crmwire.logins import grants
from crmwire.logins.answers import Tokens
from crmwire.logins.endpoint import longest
from crmwire.store import logins

if TYPE_CHECKING:
    from crmwire.connections import Connection
    from crmwire.store import LoginRow, Store
    from crmwire.vault import Vault

log = structlog.get_logger("crmwire.login")

POLL = 0.05
"""Seconds between two looks whether another has refreshed."""
RETRY = 10.0
"""Seconds after a refresh that failed for now, if the vendor does not say how long."""
PATIENCE = 3
"""How often "another refresh is on its way" is waited for in place."""


class StoredLogin:
    """Tokens of one connection, shared with all threads and processes on the data folder."""

    def __init__(self, conn: Connection, store: Store, vault: Vault, connection: int) -> None:
        self._conn = conn
        self._store = store
        self._vault = vault
        self._id = connection
        self._owner = f"connection/{connection}"
        self._holder = secrets.token_hex(8)
        self._turn = threading.Lock()
        self._known: tuple[int, int, str | None] | None = None
        self._unsaved: tuple[int, Tokens] | None = None

    # ------------------------------------------------------------ what requests ask for

    def token(self) -> str | None:
        row = self._store.login(self._id)
        if row is None:
            return self._vault.get(self._owner, grants.TOKEN)
        if self._too_old(row):
            return self._refreshed(row)
        self._raise_refusal(row)
        return self._access(row)

    def renewed(self, refused: str) -> bool:
        row = self._store.login(self._id)
        current = self._access(row) if row else self._vault.get(self._owner, grants.TOKEN)
        if current and current != refused:
            return True
        if row is None or not self._refreshable(row):
            return False
        return self._refreshed(row, refused=True) not in (None, refused)

    def base_url(self) -> str | None:
        row = self._store.login(self._id)
        return None if row is None else row.base_url

    def number(self) -> int:
        row = self._store.login(self._id)
        return 0 if row is None else row.number

    def scopes(self) -> tuple[str, ...] | None:
        row = self._store.login(self._id)
        return row.scopes or None if row is not None else None

    def try_again(self) -> None:
        self._store.write(lambda db: logins.forget_problem(db, self._id))

    def refresh(self) -> None:
        """Get another access token now, though the old one may do: against a login's idle end.

        Raises: NeedsLogin, RetryLater.
        """
        row = self._store.login(self._id)
        if row is not None and self._refreshable(row):
            self._refreshed(row, refused=True)

    # ------------------------------------------------------------ when

    def _now(self) -> float:
        return self._conn.now().timestamp()

    def _too_old(self, row: LoginRow) -> bool:
        """Whether it is time for another access token; the margin is for the way there."""
        if row.expires_at is None or self._conn.scheme.oauth is None:
            return False
        margin = min(self._conn.scheme.oauth.margin, (row.expires_at - row.obtained_at) / 4)
        return self._now() >= row.expires_at - margin and self._refreshable(row)

    def _refreshable(self, row: LoginRow) -> bool:
        if row.kind in (logins.STATIC, logins.NOBODY) or self._conn.scheme.oauth is None:
            return False
        return grants.can_refresh(self._conn, row.kind, self._vault.all(self._owner))

    def _raise_refusal(self, row: LoginRow) -> None:
        if row.problem is not None and row.retry_at is None:
            raise NeedsLogin(**row.problem)

    # ------------------------------------------------------------ the token

    def _access(self, row: LoginRow) -> str | None:
        """The access token of this generation; read once, since each request asks for it."""
        known = self._known
        if known is not None and known[:2] == (row.number, row.generation):
            return known[2]
        name = grants.TOKEN if row.kind == logins.STATIC else grants.ACCESS_TOKEN
        token = None if row.kind == logins.NOBODY else self._vault.get(self._owner, name)
        after = self._store.login(self._id)
        if after is not None and after.generation == row.generation:  # not replaced meanwhile
            self._known = (row.number, row.generation, token)
        return token

    def _refreshed(self, row: LoginRow, *, refused: bool = False) -> str | None:
        """The access token that follows this one, made by us or by whoever was first.

        Raises: NeedsLogin, RetryLater. While the old one still holds, it does if the vendor
        cannot say now.
        """
        with self._turn:
            try:
                return self._in_turn(row)
            except RetryLater:
                if not refused and row.expires_at is not None and self._now() < row.expires_at:
                    return self._access(row)
                raise

    def _in_turn(self, row: LoginRow) -> str | None:
        waits, clock = 0, self._conn.clock
        dead = clock.monotonic() + longest(self._conn)
        while True:
            self._conn.alive()
            now, current = self._store.write(self._at_once)
            if current is None or current.generation != row.generation:
                return self._access(current) if current is not None else None
            self._raise_refusal(current)
            if current.retry_at is not None and current.retry_at > now:
                raise _not_now(current, now)
            # No lease lasts longer, whatever the time of day says: it may have been set back.
            if not self._reserved(current, now, force=clock.monotonic() > dead):
                clock.sleep(POLL)
                continue
            try:
                self._ask(current)
            except RetryLater as error:
                soon = error.after is not None and error.after <= SHORT_WAIT and not error.pause
                if not soon or waits == PATIENCE:
                    self._failed(current, error)
                    raise
                # Somebody else refreshes this login: their token is read, once it is there.
                waits += 1
                self._store.write(lambda db: logins.give_back(db, self._id, self._holder))
                clock.sleep(error.after or 1.0)
            except Failure as error:
                if not isinstance(error, PluginBroken):
                    raise self._failed(current, error) from error
                self._store.write(lambda db: logins.give_back(db, self._id, self._holder))
                raise
            except CrmwireError:
                self._store.write(lambda db: logins.give_back(db, self._id, self._holder))
                raise

    def _at_once(self, db: Any) -> tuple[float, LoginRow | None]:
        """The time and the login as they belong together, though the clock is being set.

        Times that are stored are moved along and the clock goes over to its new time in one
        transaction: a reader beside it would hold old times against the new clock.
        """
        return self._now(), logins.login(db, self._id)

    def _reserved(self, row: LoginRow, now: float, *, force: bool) -> bool:
        ours = row.lease == self._holder  # left over: the store could not take it back
        if not (row.lease is None or ours or force) and (row.lease_until or 0.0) > now:
            return False
        until = now + longest(self._conn)
        over = math.inf if force else now
        return self._store.write(
            lambda db: logins.take_lease(db, self._id, row.generation, self._holder, over, until)
        )

    def _ask(self, row: LoginRow) -> None:
        """Ask the vendor and commit the answer; nobody has used it before that."""
        asked = self._now()
        if self._unsaved is not None and self._unsaved[0] == row.generation:
            tokens = self._unsaved[1]  # the store could not commit it when it came
        else:
            tokens = grants.another(self._conn, row.kind, self._vault.all(self._owner))
            self._unsaved = (row.generation, tokens)
        step("before_login_saved")
        self._save(row, tokens, asked)
        self._unsaved = None
        log.info("login_refreshed", connection=self._conn.name, crm=self._conn.crm)

    def _save(self, row: LoginRow, tokens: Tokens, asked: float) -> None:
        ends = None if tokens.expires_in is None else asked + tokens.expires_in

        def job(db: Any) -> None:
            if logins.refreshed(
                db,
                self._id,
                row.generation,
                asked,
                expires_at=ends,
                base_url=tokens.base_url,
                scopes=tokens.scopes,
            ):
                self._vault.put_in(db, self._owner, grants.ACCESS_TOKEN, tokens.access_token)
                if tokens.refresh_token is not None:
                    self._vault.put_in(db, self._owner, grants.REFRESH_TOKEN, tokens.refresh_token)

        self._store.write(job)

    def _failed(self, row: LoginRow, error: Failure) -> Failure:
        """Note why it failed and give the lease back; what does not pass is a lost login."""
        if isinstance(error, RetryLater):
            error.pause = True
            error.after = error.after or RETRY
            retry_at = self._now() + error.after
            told: Failure = error
        else:
            retry_at = None
            remedy = error.remedy or (
                f"Run `crmwire connect {self._conn.crm} --name {self._conn.name}`."
            )
            told = NeedsLogin(error.message, remedy=remedy, code=error.code)
        problem = {"message": told.message, "remedy": told.remedy, "code": told.code}
        self._store.write(
            lambda db: logins.not_refreshed(
                db, self._id, row.generation, self._holder, problem=problem, retry_at=retry_at
            )
        )
        log.warning(
            "login_not_refreshed", connection=self._conn.name, problem=told.message, kind=told.kind
        )
        return told


def _not_now(row: LoginRow, now: float) -> RetryLater:
    problem = row.problem or {}
    return RetryLater(
        str(problem.get("message", "")),
        code=str(problem.get("code", "")),
        remedy=str(problem.get("remedy", "")),
        after=max(0.1, (row.retry_at or now) - now),
        pause=True,
    )

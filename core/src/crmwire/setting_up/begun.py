"""What a login changes, while it is on its way: kept beside its state or ticket, used up once."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from crmwire.errors import LoginFailed
from crmwire.keys import KeyMissing
from crmwire.logins import grants, redirects
from crmwire.store import logins
from crmwire.store.logins import Begun

if TYPE_CHECKING:
    from crmwire.opening import Openings
    from crmwire.store import ConnectionRow

Secrets = Mapping[str, str]
Table = Literal["login_states", "login_tickets"]


def known_secrets(
    openings: Openings, row: ConnectionRow, settings: Mapping[str, Any]
) -> dict[str, str]:
    """The app's secrets that are there already, if the app is still the same."""
    if settings.get("client_id") != row.settings.get("client_id"):
        return {}
    there: dict[str, str] = {}
    for name in (grants.CLIENT_SECRET, grants.PRIVATE_KEY):
        with contextlib.suppress(KeyMissing):  # a damaged one is to be given anew
            secret = openings.vault.get(row.owner, name)
            if secret is not None:
                there[name] = secret
    return there


def keep(
    openings: Openings,
    table: Table,
    secret: str,
    row: ConnectionRow,
    redirect_uri: str,
    settings: Mapping[str, Any],
    kept: Secrets,
    life: float,
    browser: str | None,
) -> None:
    key, now = logins.hashed(secret), openings.clock.now().timestamp()

    def job(db: Any) -> None:
        begun = Begun(
            connection=row.id,
            redirect_uri=redirect_uri,
            settings=settings,
            number=logins.number(db, row.id),
            browser=None if browser is None else logins.hashed(browser),
            expires_at=now + life,
        )
        logins.begin(db, table, key, begun, now)
        for name, value in kept.items():
            openings.vault.put_in(db, logins.owner_of(key), name, value)

    openings.store.write(job)


def taken(openings: Openings, table: Table, key: bytes) -> tuple[Begun, dict[str, str]]:
    """A login begun and its secrets, used up by this. Raises: LoginFailed."""
    owner = logins.owner_of(key)
    kept = openings.vault.all(owner)

    def job(db: Any) -> Begun | None:
        begun = logins.take(db, table, key)
        logins.remove_secrets(db, owner)
        return begun

    begun = openings.store.write(job)
    if begun is None:
        raise LoginFailed("This login is over already.", remedy=redirects.AGAIN)
    if begun.expires_at < openings.clock.now().timestamp():
        raise LoginFailed("The login came back too late.", remedy=redirects.AGAIN)
    return begun, kept

"""Ending a login: revoked at the vendor where that can be, removed here, all else kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import structlog
from attrs import frozen

from crmwire.errors import CrmwireError
from crmwire.http import Request
from crmwire.logins import endpoint, grants
from crmwire.store import audit, logins, setup

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crmwire.connections import Connection
    from crmwire.opening import Openings

log = structlog.get_logger("crmwire.login")


@frozen(kw_only=True)
class Disconnected:
    """What became of a login. `revoked` is None where the vendor offers no way.

    `there` tells whether somebody was logged in at all.
    """

    name: str
    there: bool
    revoked: bool | None
    problem: str = ""
    waiting: int = 0


def disconnect(openings: Openings, name: str) -> Disconnected:
    """End a connection's login. Its routes stay, and its deliveries wait. Raises: UnknownName.

    From the first moment on nothing is sent any more; a token that cannot be revoked is removed
    here all the same.
    """
    row = openings.store.connection(name)
    now = openings.clock.now().timestamp()
    remedy = f"Run `crmwire connect {row.crm} --name {name}`."

    def stop(db: Any) -> None:
        setup.set_connection_state(
            db, row.id, "disconnected", problem="It was disconnected.", remedy=remedy
        )

    openings.store.write(stop)
    with openings.store.read() as db:
        login = logins.login(db, row.id)
    there = login is None or login.kind != logins.NOBODY
    revoked, problem = revoke(openings, name)

    def job(db: Any) -> None:
        logins.forget_begun(db, row.id)
        logins.remove_secrets(db, row.owner)
        logins.logged_in(db, row.id, logins.NOBODY, now)
        stop(db)
        told = None if revoked is None else "yes" if revoked else "no"
        if there:
            audit.record(db, now, "disconnected", "connection", name, crm=row.crm, revoked=told)

    openings.store.write(job)
    counts = openings.store.counts()
    waiting = sum(one.by_state["ready"] for one in counts if one.connection == name)
    return Disconnected(name=name, there=there, revoked=revoked, problem=problem, waiting=waiting)


def revoke(openings: Openings, name: str) -> tuple[bool | None, str]:
    """Let the vendor end a connection's tokens: whether it has, and why not."""
    try:
        secrets = openings.vault.all(openings.store.connection(name).owner)
        token = secrets.get(grants.REFRESH_TOKEN) or secrets.get(grants.ACCESS_TOKEN)
        if token is None:  # a token that somebody typed in is theirs to end
            return None, ""
        conn = openings.connection(openings.store.connection(name))
        request = conn.hooks.revocation(token)
        if request is None:
            return None, ""
        status, headers, body = endpoint.send(conn, _filled(conn, request, secrets))
        if status >= 300:
            raise endpoint.refusal(conn, status, headers, body)
    except CrmwireError as error:
        log.warning("token_not_revoked", connection=name, problem=error.message)
        return False, error.message
    return True, ""


def _filled(conn: Connection, request: Request, secrets: Mapping[str, str]) -> Request:
    """The request with the app's id and secret where the plugin wants them."""
    if request.form is None:
        return request
    stand = {
        "{client_id}": conn.settings.client_id or "",
        "{client_secret}": secrets.get(grants.CLIENT_SECRET, ""),
    }
    filled = {name: stand.get(value, value) for name, value in request.form.items()}
    return attrs.evolve(request, form={name: value for name, value in filled.items() if value})

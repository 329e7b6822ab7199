"""Connections: a CRM account with its token, its settings and the plugins it uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crmwire.errors import CrmwireError
from crmwire.logins.grants import OF_A_LOGIN
from crmwire.opening import TOKEN, settings_of
from crmwire.pacing import USED_UP
from crmwire.setting_up.disconnecting import revoke
from crmwire.setting_up.naming import checked_name, checked_zone
from crmwire.store import audit, lanes, logins, setup

if TYPE_CHECKING:
    from crmwire.opening import Openings
    from crmwire.store import ConnectionRow


def add(
    openings: Openings,
    name: str,
    *,
    crm: str,
    token: str | None,
    team: str,
    settings: Mapping[str, Any] | None,
) -> ConnectionRow:
    """Add a connection with a static token. Raises: ConfigurationError, PluginBroken."""
    checked_name(name)
    openings.discovery.find("crm", crm).load()
    checked_zone(settings_of(settings or {}, f"connection {name}").zone)
    now = openings.clock.now().timestamp()

    def job(db: Any) -> None:
        id_ = setup.insert_connection(
            db, name=name, team=team, crm=crm, settings=settings or {}, now=now
        )
        if token:
            openings.vault.put_in(db, f"connection/{id_}", TOKEN, token)
            logins.logged_in(db, id_, logins.STATIC, now)
        else:
            logins.logged_in(db, id_, logins.NOBODY, now)
            logins.wait_for_login(db, id_, crm, name)
        audit.record(db, now, "added", "connection", name, crm=crm, team=team)

    openings.store.write(job)
    row = openings.store.connection(name)
    try:
        openings.connection(row)
    except CrmwireError:
        remove(openings, name)
        raise
    return row


def change(openings: Openings, name: str, *, settings: Mapping[str, Any]) -> None:
    """Replace a connection's settings. Raises: ConfigurationError, PluginBroken."""
    row = openings.store.connection(name)
    conn = openings.trial(name, row.crm, settings)
    conn.close()
    checked_zone(conn.settings.zone)
    now = openings.clock.now().timestamp()
    changed = audit.different(row.settings, settings)

    def job(db: Any) -> None:
        setup.update_connection(db, row.id, settings=settings)
        if "budget_share" in changed:
            lanes.resume_lane(db, row.lane, USED_UP, now)
        if changed:
            audit.record(db, now, "changed", "connection", name, settings=changed)

    openings.store.write(job)


def set_token(openings: Openings, name: str, token: str) -> None:
    """Give a connection another token; what waited for a login goes on.

    It goes on once the CRM has said that the token is of the same account.
    """
    row = openings.store.connection(name)
    now = openings.clock.now().timestamp()

    def job(db: Any) -> None:
        logins.remove_secrets(db, row.owner, OF_A_LOGIN)
        openings.vault.put_in(db, row.owner, TOKEN, token)
        logins.logged_in(db, row.id, logins.STATIC, now)
        setup.forget_report(db, row.id)
        setup.set_connection_state(db, row.id, "ok")
        audit.record(db, now, "changed", "connection", name, secrets=(TOKEN,))

    openings.store.write(job)


def remove(openings: Openings, name: str) -> None:
    """Remove a connection with its login and routes; the CRM's records stay.

    Tokens that somebody logged in for are revoked at the vendor, if it answers.
    """
    row, now = openings.store.connection(name), openings.clock.now().timestamp()
    revoke(openings, name)

    def job(db: Any) -> None:
        setup.delete_connection(db, row.id, now)
        logins.forget(db, row.id)
        audit.record(db, now, "removed", "connection", name, crm=row.crm, team=row.team)

    openings.store.write(job)

"""`check_connection`: which account it is, its limits, and what the connection may read."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Literal

from crmwire.errors import Failure, NotAllowed
from crmwire.types import ConnectionReport, Finding
from crmwire_hubspot import fields, owners, paths
from crmwire_hubspot.kinds import CONTACTS, MEETINGS
from crmwire_hubspot.limits import account_limits
from crmwire_hubspot.scopes import CONTACTS_READ, OWNERS_READ, lost, naming_scope

if TYPE_CHECKING:
    from crmwire.connections import Connection

Level = Literal["error", "warning"]


def check_connection(conn: Connection) -> ConnectionReport:
    """Ask who the account is, and warm up what the first bookings need.

    Account details need no scope of the CRM, so they tell a wrong token from a missing scope.
    A static token has no user. Whether it may write cannot be asked without writing.
    """
    answer = conn.http.get(paths.account(conn, "details"))
    details = answer.json()
    portal = str(details["portalId"])
    tier, limits = account_limits(answer.headers)
    findings = [
        _try(CONTACTS, CONTACTS_READ, "error", partial(_read_contacts, conn)),
        _try(MEETINGS, CONTACTS_READ, "error", partial(fields.warm_up, conn, MEETINGS)),
        _try("owners", OWNERS_READ, "warning", partial(owners.warm_up, conn)),
    ]
    where = details.get("uiDomain") or "app.hubspot.com"
    return ConnectionReport(
        account_id=portal,
        account_name=f"HubSpot {portal} ({where}, {details.get('timeZone') or 'UTC'})",
        tier=tier,
        limits=limits,
        findings=tuple(finding for finding in findings if finding is not None),
    )


def _read_contacts(conn: Connection) -> None:
    """Properties open with other scopes too, so a contact is read as well."""
    fields.warm_up(conn, CONTACTS)
    try:
        conn.http.get(paths.objects(conn, CONTACTS), params={"limit": "1"})
    except Failure as error:
        raise naming_scope(error, CONTACTS_READ) from None


def _try(subject: str, scope: str, level: Level, read: Callable[[], None]) -> Finding | None:
    try:
        read()
    except NotAllowed as refused:
        return Finding(
            level=level,
            subject=subject,
            message=f"The scope {scope} is missing: {lost(scope)}.",
            remedy=refused.remedy,
        )
    return None

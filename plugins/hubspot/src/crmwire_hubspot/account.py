"""`check_connection`: which account it is, its limits, and what the connection may read."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Literal

from crmwire.errors import Failure, NotAllowed, Rejected
from crmwire.types import ConnectionReport, Finding
from crmwire_hubspot import fields, owners, paths
from crmwire_hubspot.kinds import CONTACTS, MEETINGS
from crmwire_hubspot.limits import about_calls, account_limits
from crmwire_hubspot.results import unreadable, whole
from crmwire_hubspot.scopes import (
    CONTACTS_READ,
    CONTACTS_WRITE,
    OWNERS_READ,
    granted,
    lost,
    naming_scope,
    scope,
)

if TYPE_CHECKING:
    from crmwire.connections import Connection

Level = Literal["error", "warning"]


def check_connection(conn: Connection) -> ConnectionReport:
    """Ask who the account is, and warm up what the first bookings need.

    Account details need no scope of the CRM, so they tell a wrong token from a missing scope.
    No answer lists the scopes of a static token: each is tried.
    """
    answer = conn.http.get(paths.account(conn, "details"))
    details = whole(answer)
    if not isinstance(details.get("portalId"), int | str):
        raise unreadable(answer)
    portal = str(details["portalId"])
    tier, limits = account_limits(answer.headers)
    held = granted(conn)
    tried = [
        _try(CONTACTS, CONTACTS_READ, "error", held, partial(_read_contacts, conn)),
        _try(MEETINGS, CONTACTS_READ, "error", held, partial(fields.warm_up, conn, MEETINGS)),
        _try(CONTACTS, CONTACTS_WRITE, "error", held, partial(try_writing, conn, CONTACTS)),
        _try("owners", OWNERS_READ, "warning", held, partial(owners.warm_up, conn)),
    ]
    shown = held or (one for one in tried if isinstance(one, str))
    where = details.get("uiDomain") or "app.hubspot.com"
    return ConnectionReport(
        account_id=portal,
        account_name=f"HubSpot {portal} ({where}, {details.get('timeZone') or 'UTC'})",
        scopes=tuple(sorted(set(shown))),
        tier=tier,
        limits=limits,
        findings=(
            *(one for one in tried if isinstance(one, Finding)),
            *about_calls(tier, limits, answer.headers, conn.settings.budget_share),
        ),
        zone=str(details.get("timeZone") or ""),
    )


def zone_of(conn: Connection) -> str:
    """The account's time zone as the last check learned it; empty if there was none."""
    return conn.report.zone if conn.report is not None else ""


def _read_contacts(conn: Connection) -> None:
    """Properties open with other scopes too, so a contact is read as well."""
    fields.warm_up(conn, CONTACTS)
    try:
        conn.http.get(paths.objects(conn, CONTACTS), params={"limit": "1"})
    except Failure as error:
        raise naming_scope(error, CONTACTS_READ) from None


def try_writing(conn: Connection, object_type: str) -> bool:
    """Find out whether records may be written: by what the login was granted, or by an update of
    none, which changes nothing.

    False if that is not known: an empty batch may be refused for being empty (that HubSpot looks
    at the scopes first is not seen in a live answer). Raises: NotAllowed if the scope is missing.
    """
    name, held = scope(object_type, "write"), granted(conn)
    if held is not None and name not in held:
        raise naming_scope(NotAllowed(), name)
    if held is not None:
        return True
    try:
        path = paths.objects(conn, object_type, "batch/update")
        conn.http.post(path, {"inputs": []}, safe=True)
    except Rejected:
        return False
    except Failure as error:
        raise naming_scope(error, name) from None
    return True


def _try(
    subject: str,
    name: str,
    level: Level,
    held: frozenset[str] | None,
    call: Callable[[], bool | None],
) -> Finding | str | None:
    """The scope, if the call needs it and went through; a finding if it lacks; None if unknown.

    What a login was not granted is not asked for.
    """
    try:
        if held is not None and name not in held:
            raise naming_scope(NotAllowed(), name)
        if call() is False:
            return None
    except NotAllowed as refused:
        return Finding(
            level=level,
            subject=subject,
            message=f"The scope {name} is missing: {lost(name)}.",
            remedy=refused.remedy,
        )
    return name

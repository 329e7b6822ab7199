"""Salesforce's users: by address, and the one that is connected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crmwire.errors import Failure
from crmwire.types import Json, Record
from crmwire_salesforce import soql
from crmwire_salesforce.api import record_url, run_queries
from crmwire_salesforce.errors import unreadable
from crmwire_salesforce.kept import keep, peek
from crmwire_salesforce.values import folded

if TYPE_CHECKING:
    from crmwire.connections import Connection

COLUMNS = ("User", "Email", ("Email",))
"""Type, key and fields of a look-up of users."""
FOUND_FOR = 3600.0
MISSING_FOR = 300.0
"""Seconds that an address is remembered, with its user or without."""


def cached(conn: Connection, email: str) -> list[Record] | None:
    """The active users with this address, if that was asked lately."""
    known = peek(conn, _key(email))
    if known is None:
        return None
    ids = known if isinstance(known, Sequence) else ()
    return [
        Record(type="User", id=str(id_), fields={"Email": email}, url=record_url(conn, str(id_)))
        for id_ in ids
    ]


def remember(conn: Connection, email: str, users: Sequence[Record]) -> None:
    """Keep who has this address; that nobody has it, only for minutes."""
    ids: Json = [user.id for user in users]
    keep(conn, _key(email), FOUND_FOR if users else MISSING_FOR, ids)


def by_email(conn: Connection, email: str) -> str | None:
    """The id of the active user with this address. Raises: Failure."""
    known = cached(conn, email)
    if known is None:
        type_, key, fields = COLUMNS
        condition = soql.among(key, [soql.quoted(email.strip())])
        statement = soql.select(("Id", *fields), type_, condition, "IsActive = true")
        (rows,) = run_queries(conn, [statement])
        if isinstance(rows, Failure):
            raise rows
        known = [Record(type="User", id=str(row["Id"])) for row in rows]
        remember(conn, email, known)
    return known[0].id if known else None


def note_inactive(conn: Connection, user: str) -> None:
    """Keep for a while that this user cannot own anything, so that it is not tried each time."""
    keep(conn, f"inactive:{user[:15]}", MISSING_FOR, True)


def is_inactive(conn: Connection, user: str) -> bool:
    return peek(conn, f"inactive:{user[:15]}") is True


def own_id(conn: Connection) -> str:
    """The id of the connected user. Raises: Failure."""
    if conn.report is not None and conn.report.user_id:
        return conn.report.user_id
    return str(conn.cache("salesforce:me", 24 * 3600.0, lambda: str(identity(conn)["user_id"])))


def identity(conn: Connection) -> Mapping[str, Any]:
    """What userinfo tells of the connected user and the org. No API call. Raises: Failure."""
    response = conn.http.get("/services/oauth2/userinfo")
    who = response.json()
    if not isinstance(who, dict) or not {"user_id", "organization_id"} <= who.keys():
        raise unreadable("who we are", response.request_id).marked(sent="no")
    return who


def _key(email: str) -> str:
    return f"user:{folded(email)}"

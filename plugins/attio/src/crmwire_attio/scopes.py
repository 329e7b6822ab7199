"""What the access token may do, and what a write needs it for.

docs.attio.com/rest-api/endpoint-reference, "Required scopes" of each endpoint (read 2026-11). The
body of the 403 that a missing scope gets was never published, so scopes are compared beforehand.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from crmwire.errors import NotAllowed
from crmwire_attio import api

if TYPE_CHECKING:
    from crmwire.connections import Connection
    from crmwire.types import Json

WHERE = "Attio's workspace settings, Developers, Access tokens"
RECORDS = ("record_permission:read-write", "object_configuration:read")
READING = ("record_permission:read", "object_configuration:read")
NOTES = ("note:read-write", *READING)
TASKS = ("task:read-write", *READING, "user_management:read")
LISTS = ("list_entry:read-write", "list_configuration:read")
USERS = ("user_management:read",)
SETUP = ("object_configuration:read-write",)
_MINUTE = 60.0
_HOUR = 3600.0
_KNOWN, _NOW = "scopes", "scopes/now"


def needed(type_: str) -> tuple[str, ...]:
    """The scopes that writing this type of record takes."""
    if type_ == "notes":
        return NOTES
    if type_ == "tasks":
        return TASKS
    return LISTS if type_.startswith(api.LIST) else RECORDS


def missing(held: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """Those wanted that are not held; read-write includes read."""
    held = set(held)
    both = held | {scope.replace(":read-write", ":read") for scope in held}
    return [scope for scope in wanted if scope not in both]


def refused(conn: Connection, type_: str) -> NotAllowed | None:
    """Why a write of this type need not be tried: the scopes that the token lacks.

    Where what is known says that one is missing, Attio is asked anew, since scopes are added to
    a token without a new login. Raises: a Failure of asking.
    """
    if conn.report is None:
        return None
    wanted = needed(type_)
    if not missing(held(conn), wanted):
        return None
    lacking = missing(held(conn, anew=True), wanted)
    if not lacking:
        return None
    return NotAllowed(
        f"The access token lacks {_listed(lacking)} for {type_}.",
        remedy=f"Give it to the token in {WHERE}; then retry.",
        code="missing_scope",
        fields=lacking,
    )


def held(conn: Connection, *, anew: bool = False) -> list[str]:
    """The token's scopes as Attio told them in the last hour; with `anew`, in the last minute.

    Raises: a Failure of asking.
    """

    def load() -> Json:
        told = conn.http.send(api.read("self")).json()
        scope = told.get("scope") if isinstance(told, dict) else None
        return str(scope or "").split()

    key, ttl = (_NOW, _MINUTE) if anew else (_KNOWN, _HOUR)
    stored = conn.cache(key, ttl, load)
    return [str(scope) for scope in stored] if isinstance(stored, list) else []


def keep(conn: Connection, scopes: Iterable[str]) -> None:
    """Keep what a check was told, so that no write asks again."""
    told = list(scopes)
    for key, ttl in ((_NOW, _MINUTE), (_KNOWN, _HOUR)):
        conn.forget_cached(key)
        conn.cache(key, ttl, lambda: told)


def _listed(scopes: list[str]) -> str:
    return f"the scope{'s' if len(scopes) > 1 else ''} {', '.join(scopes)}"

"""What the access token may do, and what a write needs it for.

docs.attio.com/rest-api/endpoint-reference, "Required scopes" of each endpoint (read 2026-11). The
body of the 403 that a missing scope gets was never published, so scopes are compared beforehand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from crmwire.errors import NeedsLogin, NotAllowed, RetryLater
from crmwire_attio import api
from crmwire_attio.errors import LOGIN, NAME

if TYPE_CHECKING:
    from crmwire.connections import Connection
    from crmwire.types import Json

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


def identity(conn: Connection) -> Mapping[str, Any]:
    """What `GET /v2/self` tells: workspace, scopes.

    Raises: NeedsLogin for a dead token, which Attio answers with 200 and `active: false`.
    """
    response = conn.http.send(api.read("self"))
    told = response.json()
    if not isinstance(told, dict) or "active" not in told:
        raise RetryLater("Attio's answer is not in the form that it should have.", sent="no")
    if not told["active"]:
        raise NeedsLogin(
            "Attio no longer knows this access token.",
            remedy=LOGIN.replace(NAME, conn.name),
            code="inactive",
            request_id=response.request_id,
        )
    if not isinstance(told.get("workspace_id"), str):
        raise RetryLater("Attio's answer names no workspace.", sent="no")
    return told


def needed(type_: str) -> tuple[str, ...]:
    """The scopes that writing this type of record takes."""
    if type_ == "notes":
        return NOTES
    if type_ == "tasks":
        return TASKS
    return LISTS if type_.startswith(api.LIST) else RECORDS


def where(conn: Connection) -> str:
    """Where this connection's scopes are given: to a token, or to the app that it logs in as."""
    if conn.settings.client_id is None:
        return "Give it to the token in Attio's workspace settings, Developers, Access tokens"
    again = f"log in again with `crmwire connect attio --name {conn.name}`"
    return f"Give it to the app at build.attio.com and {again}"


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
        remedy=f"{where(conn)}; then retry.",
        code="missing_scope",
        fields=lacking,
    )


def held(conn: Connection, *, anew: bool = False) -> list[str]:
    """The token's scopes as Attio told them in the last hour; with `anew`, in the last minute.

    Raises: a Failure of asking.
    """

    def load() -> Json:
        return str(identity(conn).get("scope") or "").split()

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

"""Owners: the account's users, as `hubspot_owner_id` refers to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from crmwire.errors import Failure, NotAllowed
from crmwire.types import Json, Record
from crmwire_hubspot import paths
from crmwire_hubspot.results import Item, inside, listed
from crmwire_hubspot.scopes import OWNERS_READ, naming_scope
from crmwire_hubspot.values import email_key

if TYPE_CHECKING:
    from crmwire.connections import Connection

DAY, HOUR = 86_400.0, 3_600.0
_ANSWERS = 100
_ALL, _FRESH = "owners", "owners-are-fresh"


def find_owners(conn: Connection, emails: Iterable[str]) -> dict[str, Record | Failure | None]:
    """The owner with each address; None if the account has none.

    All owners are read once a day, and for an address that is not among them at most once an
    hour, since a user may be new. Without the scope nobody is found: that capability is lost,
    `check` says so, and what else is to be written does not wait for it.
    """
    found: dict[str, Record | Failure | None] = {}
    for email in dict.fromkeys(email_key(email) for email in emails):
        try:
            data = _known(conn).get(email)
            if data is None and not conn.cache(_FRESH, HOUR, bool):
                conn.forget_cached(_ALL)
                data = _known(conn).get(email)
        except NotAllowed:
            conn.cache(_ALL, HOUR, dict)
            conn.cache(_FRESH, HOUR, lambda: True)
            found[email] = None
            continue
        except Failure as error:
            found[email] = naming_scope(error, OWNERS_READ)
            continue
        found[email] = _record(data) if isinstance(data, Mapping) and data else None
    return found


def warm_up(conn: Connection) -> None:
    """Read all owners anew. Raises: NotAllowed without the scope."""
    conn.forget_cached(_ALL)
    try:
        _known(conn)
    except Failure as error:
        raise naming_scope(error, OWNERS_READ) from None


def _known(conn: Connection) -> Mapping[str, Json]:
    return _as_map(conn.cache(_ALL, DAY, partial(_all, conn)))


def _all(conn: Connection) -> Json:
    owners: dict[str, Json] = {}
    after: str | None = None
    for _ in range(_ANSWERS):
        params = {"limit": "100", "archived": "false"}
        if after:
            params["after"] = after
        answer = conn.http.get(paths.owners(conn), params=params)
        owners |= {email_key(owner["email"]): owner for owner in _people(listed(answer, "id"))}
        after = inside(answer.json(), "paging", "next", "after")
        if after is None:
            break
    conn.forget_cached(_FRESH)
    conn.cache(_FRESH, HOUR, lambda: True)
    return owners


def _people(owners: Iterable[Item]) -> Iterable[dict[str, Any]]:
    """Owners that are people with an address, not queues, and only what is needed of them."""
    for owner in owners:
        if isinstance(owner.get("email"), str) and owner.get("type", "PERSON") == "PERSON":
            names = ("id", "email", "firstName", "lastName", "userId")
            yield {name: owner.get(name) for name in names}


def _as_map(data: Json) -> Mapping[str, Json]:
    return data if isinstance(data, Mapping) else {}


def _record(data: Mapping[str, Any]) -> Record:
    # `id` is what records refer to, never `userId`.
    return Record(type="owners", id=str(data["id"]), fields=dict(data))

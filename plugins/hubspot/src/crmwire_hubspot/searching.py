"""Searching records by a property that is not unique, such as a company's domain.

Search is an index that lags behind the store by seconds, allows 5 requests a second in each
account, and wants the values of IN in lower case (developers.hubspot.com/docs, "Search the CRM",
read 2026-11). It is never asked whether something was written.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from attrs import frozen

from crmwire.errors import Failure
from crmwire.types import Json, Record
from crmwire_hubspot import paths
from crmwire_hubspot.reading import ALWAYS, record_of
from crmwire_hubspot.scopes import naming_scope, scope
from crmwire_hubspot.values import domain_key

if TYPE_CHECKING:
    from crmwire.connections import Connection

MOST = 100
"""Values of one IN."""
PER_ANSWER = 200
ANSWERS = 5
"""How many answers of one search are read; what is beyond is not complete."""


@frozen(kw_only=True)
class Found:
    """The records of one value."""

    records: tuple[Record, ...] = ()
    complete: bool = True


def search_records(
    conn: Connection,
    object_type: str,
    name: str,
    values: Collection[str],
    properties: Collection[str] = (),
) -> dict[str, Found | Failure]:
    """All records whose property `name` has one of the values, by the value as `search_key`."""
    keys = list(dict.fromkeys(search_key(name, value) for value in values))
    found: dict[str, Found | Failure] = {}
    for start in range(0, len(keys), MOST):
        some = keys[start : start + MOST]
        try:
            found |= _search(conn, object_type, name, some, properties)
        except Failure as error:
            naming_scope(error, scope(object_type, "read"))
            found |= dict.fromkeys(some, error)
    return found


def search_key(name: str, value: str) -> str:
    """A value as it is compared."""
    return domain_key(value) if name == "domain" else value.strip().lower()


def _search(
    conn: Connection,
    object_type: str,
    name: str,
    keys: Sequence[str],
    properties: Collection[str],
) -> dict[str, Found | Failure]:
    records: list[Record] = []
    after: str | None = None
    for _ in range(ANSWERS):
        body: dict[str, Json] = {
            "filterGroups": [
                {"filters": [{"propertyName": name, "operator": "IN", "values": list(keys)}]}
            ],
            "properties": sorted({*properties, *ALWAYS, name}),
            "limit": PER_ANSWER,
        }
        if after is not None:
            body["after"] = after
        path = paths.objects(conn, object_type, "search")
        data = conn.http.post(path, body, safe=True, limit="search").json()
        records += [record_of(object_type, result) for result in data.get("results") or ()]
        after = (data.get("paging") or {}).get("next", {}).get("after")
        if after is None:
            break
    by_key: dict[str, list[Record]] = {key: [] for key in keys}
    for record in records:
        value = search_key(name, str(record.fields.get(name) or ""))
        by_key.setdefault(value, []).append(record)
    return {key: Found(records=tuple(by_key[key]), complete=after is None) for key in keys}

"""Searching records by a property that is not unique, such as a company's domain.

Search is an index that lags behind the store by seconds, allows 5 requests a second in each
account, and wants the values of IN in lower case (developers.hubspot.com/docs, "Search the CRM",
read 2026-11). It is never asked whether something was written.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import frozen

from crmwire.errors import Failure, Rejected
from crmwire.types import Json, Record
from crmwire_hubspot import paths
from crmwire_hubspot.kinds import COMPANIES
from crmwire_hubspot.reading import ALWAYS, record_of
from crmwire_hubspot.results import inside, listed
from crmwire_hubspot.scopes import naming_scope, scope
from crmwire_hubspot.values import domain_key, texts

if TYPE_CHECKING:
    from crmwire.connections import Connection

MOST = 100
"""Values of one IN."""
GROUPS = 5
"""Groups of filters in one search; they are joined by OR."""
HALVINGS = 2
"""How often a refused search is halved: the vendor's page limits the body of a search to 3,000
characters, while a hundred values are seen in use."""
MORE_DOMAINS = "hs_additional_domains"
"""Where a company keeps its other domains, such as those of companies that were merged into it
(a hidden property of several values, as recorded definitions show). That IN searches it as it
does other such properties is not seen in a live answer: a search that is refused with it is sent
again without, and it is left out for a day."""
DAY = 86_400.0
PER_ANSWER = 200
ANSWERS = 5
"""How many answers of one search are read; what is beyond is not complete."""


@frozen(kw_only=True)
class Found:
    """The records of one value."""

    records: tuple[Record, ...] = ()
    complete: bool = True


Values = Mapping[str, Collection[str]]
"""What is searched: values, by the property they are looked for in."""
Answers = dict[tuple[str, str], Found | Failure]
"""The records of each property and value as `search_key`."""


def search_records(
    conn: Connection, object_type: str, wanted: Values, properties: Collection[str] = ()
) -> Answers:
    """All records that have one of the values in its property.

    Several properties, such as a company's domain and name, are asked for in one call. A company
    is found by its additional domains too.
    """
    keys = {
        name: list(dict.fromkeys(search_key(name, value) for value in values))
        for name, values in wanted.items()
    }
    if object_type == COMPANIES and keys.get("domain") and _searchable(conn):
        keys[MORE_DOMAINS] = keys["domain"]
    found: Answers = {}
    names = list(keys)
    for first in range(0, len(names), GROUPS):
        some = names[first : first + GROUPS]
        for start in range(0, max((len(keys[name]) for name in some), default=0), MOST):
            part = {name: keys[name][start : start + MOST] for name in some}
            asked = {name: values for name, values in part.items() if values}
            found |= _searched(conn, object_type, asked, properties, HALVINGS)
    return _with_more_domains(found)


def search_key(name: str, value: str) -> str:
    """A value as it is compared."""
    return domain_key(value) if name in ("domain", MORE_DOMAINS) else value.strip().lower()


def _searchable(conn: Connection) -> bool:
    try:
        return bool(conn.cache(MORE_DOMAINS, DAY, _not_refused))
    except LookupError:
        return True


def _not_refused() -> Json:
    raise LookupError


def _with_more_domains(found: Answers) -> Answers:
    """The answers by domain, with the companies that have it as an additional one."""
    joined: Answers = {}
    for (name, key), answer in found.items():
        if name == MORE_DOMAINS:
            continue
        more = found.get((MORE_DOMAINS, key)) if name == "domain" else None
        if isinstance(answer, Found) and isinstance(more, Found):
            records = {record.id: record for record in (*answer.records, *more.records)}
            complete = answer.complete and more.complete
            answer = Found(records=tuple(records.values()), complete=complete)
        joined[name, key] = more if isinstance(more, Failure) else answer
    return joined


def _searched(
    conn: Connection,
    object_type: str,
    asked: Mapping[str, Sequence[str]],
    properties: Collection[str],
    halvings: int,
) -> Answers:
    try:
        return _search(conn, object_type, asked, properties)
    except Rejected as error:
        if MORE_DOMAINS in asked:
            return _asked_apart(conn, object_type, asked, properties, halvings)
        if halvings and max(len(values) for values in asked.values()) > 1:
            found: Answers = {}
            for part in _halves(asked):
                found |= _searched(conn, object_type, part, properties, halvings - 1)
            return found
        why: Failure = error
    except Failure as error:
        why = naming_scope(error, scope(object_type, "read"))
    return dict.fromkeys(((name, key) for name, keys in asked.items() for key in keys), why)


def _asked_apart(
    conn: Connection,
    object_type: str,
    asked: Mapping[str, Sequence[str]],
    properties: Collection[str],
    halvings: int,
) -> Answers:
    """A refused search again, and what is not sure to be searchable by itself."""
    rest = {name: values for name, values in asked.items() if name != MORE_DOMAINS}
    if not rest:
        conn.forget_cached(MORE_DOMAINS)
        conn.cache(MORE_DOMAINS, DAY, lambda: False)
        return {}
    found = _searched(conn, object_type, rest, properties, halvings)
    if any(isinstance(answer, Failure) for answer in found.values()):
        return found
    alone = {MORE_DOMAINS: asked[MORE_DOMAINS]}
    return found | _searched(conn, object_type, alone, properties, halvings)


def _halves(asked: Mapping[str, Sequence[str]]) -> list[dict[str, Sequence[str]]]:
    parts: list[dict[str, Sequence[str]]] = [{}, {}]
    for name, values in asked.items():
        middle = (len(values) + 1) // 2
        for part, some in zip(parts, (values[:middle], values[middle:]), strict=True):
            if some:
                part[name] = some
    return [part for part in parts if part]


def _search(
    conn: Connection,
    object_type: str,
    asked: Mapping[str, Sequence[str]],
    properties: Collection[str],
) -> Answers:
    records: dict[str, Record] = {}
    after: str | None = None
    for _ in range(ANSWERS):
        body: dict[str, Json] = {
            "filterGroups": [
                {"filters": [{"propertyName": name, "operator": "IN", "values": list(values)}]}
                for name, values in asked.items()
            ],
            "properties": sorted({*properties, *ALWAYS, *asked}),
            "limit": PER_ANSWER,
        }
        if after is not None:
            body["after"] = after
        path = paths.objects(conn, object_type, "search")
        answer = conn.http.post(path, body, safe=True, limit="search")
        for result in listed(answer, "id"):
            record = record_of(object_type, result)
            records[record.id] = record
        after = inside(answer.json(), "paging", "next", "after")
        if after is None:
            break
    by_key: dict[tuple[str, str], list[Record]] = {
        (name, key): [] for name, keys in asked.items() for key in keys
    }
    for record in records.values():
        for name in asked:
            value = record.fields.get(name)
            for one in texts(value) if name == MORE_DOMAINS else [str(value or "")]:
                key = (name, search_key(name, one))
                if key in by_key:
                    by_key[key].append(record)
    return {key: Found(records=tuple(some), complete=after is None) for key, some in by_key.items()}

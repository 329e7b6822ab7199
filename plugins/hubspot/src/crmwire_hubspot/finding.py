"""`find_records`: contacts from the store, companies from the search, users from the owners."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

from crmwire.errors import Failure
from crmwire.types import Candidates, Query, Record
from crmwire_hubspot.kinds import COMPANIES, COMPANY_KEY, CONTACTS, linked_type
from crmwire_hubspot.owners import find_owners
from crmwire_hubspot.reading import read_records
from crmwire_hubspot.searching import Found, search_key, search_records
from crmwire_hubspot.values import email_key

if TYPE_CHECKING:
    from crmwire.connections import Connection

_UNIQUE = frozenset([(CONTACTS, "email"), (COMPANIES, COMPANY_KEY)])
_Lookup = tuple[str, str]
"""An object type and the property it is looked up by."""


def find_records(conn: Connection, queries: Sequence[Query]) -> list[Candidates | Failure]:
    """One answer per query, in order: a call for each hundred of a type and key, and one search
    for all the keys of a type that are not unique."""
    groups: dict[_Lookup, list[Query]] = {}
    for query in queries:
        for object_type in _types(query):
            groups.setdefault((object_type, query.key), []).append(query)
    found: dict[tuple[_Lookup, str], Found | Failure] = {}
    searches: dict[str, dict[str, list[Query]]] = {}
    for lookup, asking in groups.items():
        if not _is_read(lookup):
            searches.setdefault(lookup[0], {})[lookup[1]] = asking
            continue
        for value, answer in _look_up(conn, lookup, asking).items():
            found[lookup, value] = answer
    for object_type, by_key in searches.items():
        wanted = {key: [query.value for query in asking] for key, asking in by_key.items()}
        names = _named(object_type, [query for asking in by_key.values() for query in asking])
        for (key, value), answer in search_records(conn, object_type, wanted, names).items():
            found[(object_type, key), value] = answer
    return [_answer(query, found) for query in queries]


def _types(query: Query) -> tuple[str, ...]:
    return ("owners",) if query.role == "user" else query.types


def _look_up(
    conn: Connection, lookup: _Lookup, queries: Sequence[Query]
) -> dict[str, Found | Failure]:
    object_type, key = lookup
    values = [query.value for query in queries]
    if object_type == "owners":
        return _single(find_owners(conn, values))
    names = _named(object_type, queries)
    return _single(read_records(conn, object_type, values, by=key, properties=names))


def _named(object_type: str, queries: Sequence[Query]) -> set[str]:
    """The properties that the decisions need to see."""
    names = {name for query in queries for name in query.fields.get(object_type, ())}
    return {name for name in names if linked_type(name) is None}


def _is_read(lookup: _Lookup) -> bool:
    """Whether the store itself answers, with one record at most; all else is searched."""
    return lookup[1] == "id" or lookup[0] == "owners" or lookup in _UNIQUE


def _single(
    answers: dict[str, Record | Failure | None],
) -> dict[str, Found | Failure]:
    return {
        key: answer
        if isinstance(answer, Failure)
        else Found(records=() if answer is None else (answer,))
        for key, answer in answers.items()
    }


def _answer(
    query: Query, found: dict[tuple[_Lookup, str], Found | Failure]
) -> Candidates | Failure:
    """All candidates of a query; a failure of one of its types is the query's."""
    records: list[Record] = []
    complete = True
    for object_type in _types(query):
        lookup = (object_type, query.key)
        answer = found[lookup, _value(lookup, query.value)]
        if isinstance(answer, Failure):
            return copy.copy(answer)
        records += answer.records
        complete = complete and answer.complete
    return Candidates(query=query, records=tuple(records), complete=complete)


def _value(lookup: _Lookup, value: str) -> str:
    if lookup[0] == "owners" or lookup == (CONTACTS, "email"):
        return email_key(value)
    if lookup[1] == "id" or lookup in _UNIQUE:
        return value.strip()
    return search_key(lookup[1], value)

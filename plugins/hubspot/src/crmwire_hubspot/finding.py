"""`find_records`: contacts from the store, companies from the search, users from the owners."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

from crmwire.errors import Failure
from crmwire.types import Candidates, Query, Record
from crmwire_hubspot.kinds import CONTACTS
from crmwire_hubspot.owners import find_owners
from crmwire_hubspot.reading import read_records
from crmwire_hubspot.searching import Found, search_key, search_records
from crmwire_hubspot.values import email_key

if TYPE_CHECKING:
    from crmwire.connections import Connection

_Lookup = tuple[str, str]
"""An object type and the property it is looked up by."""


def find_records(conn: Connection, queries: Sequence[Query]) -> list[Candidates | Failure]:
    """One answer per query, in order; one call for each hundred of a type and key."""
    groups: dict[_Lookup, list[Query]] = {}
    for query in queries:
        for object_type in _types(query):
            groups.setdefault((object_type, query.key), []).append(query)
    found: dict[tuple[_Lookup, str], Found | Failure] = {}
    for lookup, asking in groups.items():
        for value, answer in _look_up(conn, lookup, asking).items():
            found[lookup, value] = answer
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
    names = {name for query in queries for name in query.fields.get(object_type, ())}
    if _is_read(lookup):
        return _single(read_records(conn, object_type, values, by=key, properties=names))
    return search_records(conn, object_type, key, values, names)


def _is_read(lookup: _Lookup) -> bool:
    """Whether the store itself answers, with one record at most."""
    return lookup[1] == "id" or lookup == (CONTACTS, "email")


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
    return value.strip() if lookup[1] == "id" else search_key(lookup[1], value)

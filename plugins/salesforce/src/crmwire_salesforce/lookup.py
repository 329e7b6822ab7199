"""Finding records: the whole batch in as few calls as the API allows, one if it is usual."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import frozen

from crmwire.errors import Failure, Rejected
from crmwire.types import Candidates, Query, Record
from crmwire_salesforce import soql, users
from crmwire_salesforce.api import Row, run_queries
from crmwire_salesforce.records import ALWAYS_READ, as_record
from crmwire_salesforce.values import folded, is_id

if TYPE_CHECKING:
    from crmwire.connections import Connection

_SITE = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?([^/?#:@\s]*)")
"""A web site as people write it; its host is the group. Anything at all may stand in the field."""
_PREFIXES = {"Contact": "003", "Lead": "00Q", "Account": "001", "Event": "00U", "Task": "00T"}


@frozen(kw_only=True)
class _Ask:
    """One statement and the places (of queries) whose values stand in it."""

    type: str
    key: str
    fields: tuple[str, ...]
    places: tuple[int, ...]
    statement: str


def find_records(conn: Connection, queries: Sequence[Query]) -> list[Candidates | Failure]:
    """Look every query up; a statement that fails, fails only the queries that it holds."""
    found: list[list[Record]] = [[] for _ in queries]
    failed: dict[int, Failure] = {}
    wanted: dict[tuple[str, str, tuple[str, ...]], list[int]] = {}
    for place, query in enumerate(queries):
        if query.role == "user":
            known = users.cached(conn, query.value)
            if known is None:
                wanted.setdefault(users.COLUMNS, []).append(place)
            else:
                found[place] = known
            continue
        key = "Id" if query.key == "id" else query.key
        for type_ in query.types:
            fields = tuple(sorted({*query.fields.get(type_, ()), key}))
            odd = [name for name in (type_, *fields) if not soql.is_name(name)]
            if odd:
                failed[place] = Rejected(f"{odd[0]!r} is not a name of Salesforce's.")
            elif _may_exist(type_, key, query.value):
                wanted.setdefault((type_, key, fields), []).append(place)
    asks = [ask for columns, places in wanted.items() for ask in _asks(queries, columns, places)]
    answers = run_queries(conn, [ask.statement for ask in asks]) if asks else []
    for ask, answer in zip(asks, answers, strict=True):
        if isinstance(answer, Failure):
            failed |= dict.fromkeys(ask.places, answer)
            continue
        rows = _by_value(ask, answer)
        for place in ask.places:
            query = queries[place]
            mine = [
                as_record(conn, ask.type, row, ask.fields)
                for row in rows.get(_folded(ask.type, ask.key, query.value), ())
            ]
            found[place] += mine
            if query.role == "user":
                users.remember(conn, query.value, mine)
    return [
        failed[place] if place in failed else Candidates(query=query, records=tuple(found[place]))
        for place, query in enumerate(queries)
    ]


def _may_exist(type_: str, key: str, value: str) -> bool:
    """Whether a record with this value can be there at all.

    A malformed id would fail the whole statement, a blank one would match every empty field, and
    no filterable field holds a longer text.
    """
    if not value.strip():
        return False
    if key == "Id":
        value = value.strip()
        return is_id(value) and value.startswith(_PREFIXES.get(type_, value[:3]))
    return len(soql.quoted(value)) - 2 <= soql.LONGEST_LITERAL


def _asks(
    queries: Sequence[Query], columns: tuple[str, str, tuple[str, ...]], places: Iterable[int]
) -> Iterator[_Ask]:
    """The statements for these queries: one, or several if their values need more room."""
    type_, key, fields = columns
    by_literal: dict[str, list[int]] = {}
    for place in places:
        for value in _values(type_, key, queries[place].value.strip()):
            by_literal.setdefault(soql.quoted(value), []).append(place)
    extra = ("IsActive = true",) if columns == users.COLUMNS else ()
    read = dict.fromkeys(("Id", *fields, *ALWAYS_READ.get(type_, ())))
    for run in soql.runs(by_literal.items()):
        condition = soql.among(key, [literal for literal, _ in run])
        yield _Ask(
            type=type_,
            key=key,
            fields=fields,
            places=tuple(dict.fromkeys(place for _, some in run for place in some)),
            statement=soql.select(read, type_, condition, *extra),
        )


def _values(type_: str, key: str, value: str) -> Sequence[str]:
    """The values to ask for: ids without their checksum, a web site as people write it.

    A wrong checksum would fail the whole statement; a comparison by LIKE would read every account.
    """
    if key == "Id":
        return (value[:15],)
    if (type_, key) == ("Account", "Website") and (domain := domain_of(value)):
        starts = [
            f"{scheme}{www}" for scheme in ("", "https://", "http://") for www in ("", "www.")
        ]
        return [f"{start}{domain}{end}" for start in starts for end in ("", "/")]
    return (value,)


def domain_of(text: str) -> str:
    """The host of a web site's address, without `www.`; the text may also be the host itself."""
    found = _SITE.match(text.strip().lower())
    return found[1].removeprefix("www.") if found else ""


def _by_value(ask: _Ask, rows: Iterable[Row]) -> Mapping[str, list[Row]]:
    """Rows by the value they were asked for."""
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        value: object = row
        for step in ask.key.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
        grouped.setdefault(_folded(ask.type, ask.key, str(value or "")), []).append(row)
    return grouped


def _folded(type_: str, key: str, value: str) -> str:
    if key == "Id":
        return value.strip()[:15]
    return domain_of(value) if (type_, key) == ("Account", "Website") else folded(value)

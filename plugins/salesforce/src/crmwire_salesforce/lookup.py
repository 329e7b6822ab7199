"""Finding records: the whole batch in as few calls as the API allows, one if it is usual."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import attrs
from attrs import frozen

from crmwire.errors import Failure, Rejected
from crmwire.types import Candidates, Query, Record
from crmwire_salesforce import describing, soql, users
from crmwire_salesforce.api import Row, run_queries
from crmwire_salesforce.records import ALWAYS_READ, as_record
from crmwire_salesforce.spellings import (
    domain_of,
    is_phone_field,
    is_plain_host,
    phone_spellings,
    site_starts,
)
from crmwire_salesforce.successors import is_known_gone
from crmwire_salesforce.values import folded, is_id

if TYPE_CHECKING:
    from crmwire.connections import Connection

_PREFIXES = {"Contact": "003", "Lead": "00Q", "Account": "001", "Event": "00U", "Task": "00T"}


SITES = 20_000
"""Characters of a statement about web sites: each asks in a dozen ways, and too many conditions in
one statement are refused as too complicated.
"""


@frozen(kw_only=True)
class _Ask:
    """One statement and the places (of queries) whose values stand in it."""

    type: str
    key: str
    fields: tuple[str, ...]
    places: tuple[int, ...]
    conditions: tuple[str, ...]
    unseen: frozenset[str] = frozenset()
    """Fields that are missing or hidden, so that they are not asked for."""

    @property
    def statement(self) -> str:
        names = dict.fromkeys(("Id", *self.fields, *ALWAYS_READ.get(self.type, ())))
        return soql.select(
            [name for name in names if name not in self.unseen], self.type, *self.conditions
        )


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
    asks = [
        ask for columns, places in wanted.items() for ask in _asks(conn, queries, columns, places)
    ]
    answers = _answers(conn, asks)
    for ask, answer in zip(asks, answers, strict=True):
        if isinstance(answer, Failure):
            failed |= dict.fromkeys(ask.places, answer)
            continue
        rows = _by_value(ask, answer)
        for place in ask.places:
            query = queries[place]
            mine = [
                as_record(conn, ask.type, row, ask.fields)
                for value in _wanted(conn, ask, query.value)
                for row in rows.get(value, ())
            ]
            found[place] += [record for record in mine if not _is_dead_end(conn, record)]
            if query.role == "user":
                users.remember(conn, query.value, mine)
    return [
        failed[place] if place in failed else Candidates(query=query, records=tuple(found[place]))
        for place, query in enumerate(queries)
    ]


def _answers(conn: Connection, asks: Sequence[_Ask]) -> list[list[Row] | Failure]:
    """The rows of each statement, or why it failed.

    One that names a field which is missing or hidden is asked again without it: the field reads
    as empty then, so that writing it is tried, and refused or left out as the mapping says.
    """
    if not asks:
        return []
    answers = run_queries(conn, [ask.statement for ask in asks])
    again = {
        place: without
        for place, (ask, answer) in enumerate(zip(asks, answers, strict=True))
        if isinstance(answer, Failure) and answer.code == "INVALID_FIELD"
        if (without := _without_unseen(conn, ask)) is not None
    }
    if again:
        better = run_queries(conn, [ask.statement for ask in again.values()])
        for place, answer in zip(again, better, strict=True):
            answers[place] = answer
    return answers


def _without_unseen(conn: Connection, ask: _Ask) -> _Ask | None:
    """The same question without the fields that the user cannot see; None if that is no help."""
    describing.forget_refused(conn, ask.type)
    try:
        known = describing.described(conn, ask.type)
    except Failure:
        return None
    seen = {str(field["name"]).lower() for field in known["fields"]} if known else set()
    unseen = {name for name in ask.fields if "." not in name and name.lower() not in seen}
    if not unseen or not seen or ask.key in unseen:
        return None
    return attrs.evolve(ask, unseen=frozenset(unseen))


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
    conn: Connection,
    queries: Sequence[Query],
    columns: tuple[str, str, tuple[str, ...]],
    places: Iterable[int],
) -> Iterator[_Ask]:
    """The statements for these queries: one, or several if their values need more room."""
    type_, key, fields = columns
    by_text: dict[str, list[int]] = {}
    for place in places:
        for text in _texts(conn, type_, key, queries[place].value.strip()):
            by_text.setdefault(text, []).append(place)
    extra = ("IsActive = true",) if columns == users.COLUMNS else ()
    whole = _is_site(type_, key)
    for run in soql.runs(by_text.items(), SITES if whole else soql.STATEMENT):
        texts = [text for text, _ in run]
        condition = f"({' OR '.join(texts)})" if whole else soql.among(key, texts)
        yield _Ask(
            type=type_,
            key=key,
            fields=fields,
            places=tuple(dict.fromkeys(place for _, some in run for place in some)),
            conditions=(condition, *extra),
        )


def _is_site(type_: str, key: str) -> bool:
    return (type_, key) == ("Account", "Website")


def _texts(conn: Connection, type_: str, key: str, value: str) -> Sequence[str]:
    """The literals to ask for; of a web site, a whole condition.

    An id goes without its checksum: a wrong one would fail the whole statement. A web site is
    asked for by how it may begin; a pattern that begins with `%` would read every account.
    """
    if key == "Id":
        return (soql.quoted(value[:15]),)
    if _is_site(type_, key):
        domain = domain_of(value)
        starts = site_starts(domain) if domain else [value]
        among = soql.among(key, [soql.quoted(start) for start in starts])
        more = [soql.begins(key, f"{start}/") for start in starts if is_plain_host(domain)]
        return (" OR ".join([among, *more]),)
    return [soql.quoted(text) for text in _spellings(conn, key, value)]


def _spellings(conn: Connection, key: str, value: str) -> list[str]:
    return phone_spellings(value, conn.settings.phone_region) if is_phone_field(key) else [value]


def _by_value(ask: _Ask, rows: Iterable[Row]) -> Mapping[str, list[Row]]:
    """Rows by the value that they have."""
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
    return (_is_site(type_, key) and domain_of(value)) or folded(value)


def _wanted(conn: Connection, ask: _Ask, value: str) -> Iterable[str]:
    """The values, as rows are grouped by them, that answer a query for this one."""
    texts = _spellings(conn, ask.key, value)
    return dict.fromkeys(_folded(ask.type, ask.key, text) for text in texts)


def _is_dead_end(conn: Connection, record: Record) -> bool:
    """Whether a converted lead's contact is known to be gone, so that it leads to nobody."""
    return record.alias_of is not None and is_known_gone(conn, record.alias_of)

"""Finding what an unanswered write may have made.

By the external id of an activity where the org has the field; by a mark if the mapping names a
field for one; else by content: the same person,
start and subject (or the same address, or name), made by the connected user, or the one who was
connected then, since the write was sent. Queries see a committed record at once (REST API
Developer Guide, "Query", read 2026-11).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import attrs
from attrs import frozen

from crmwire.errors import Failure, NeedsReview
from crmwire.types import Record, Ref, Value, Write
from crmwire.waves import because_of, waves
from crmwire_salesforce import soql, users
from crmwire_salesforce.api import Row, run_queries
from crmwire_salesforce.preparing import external_id, mark_of, with_mark
from crmwire_salesforce.records import ALWAYS_READ, as_record
from crmwire_salesforce.successors import successors
from crmwire_salesforce.values import folded, is_id, outgoing, read_datetime, same_id

if TYPE_CHECKING:
    from crmwire.connections import Connection

CLOCK_SLACK = timedelta(seconds=60)
"""How far Salesforce's clock may be behind ours."""

_PEOPLE = ("Contact", "Lead")
_ACTIVITIES = ("Event", "Task")
_ALIKE: Mapping[str, tuple[str, ...]] = {
    "Event": ("Subject", "StartDateTime", "ActivityDateTime", "ActivityDate"),
    "Task": ("Subject", "ActivityDate"),
    "Contact": ("Email", "FirstName", "LastName"),
    "Lead": ("Email", "FirstName", "LastName"),
    "Account": ("Name",),
}
"""The fields by which a record is known again, as far as the write has them."""


@frozen(kw_only=True)
class _Search:
    """One write to look for: `anchor` is the field that narrows the query, with its values."""

    write: Write
    anchor: str
    values: tuple[str, ...]
    who: tuple[str, ...] = ()
    exact: bool = False
    """Whether the anchor is a key of ours, so that nothing else has to fit."""
    mark: str = ""
    """What stands at the end of the field that the mapping gives for it."""

    @property
    def since(self) -> datetime:
        sent = self.write.sent_at
        return sent - CLOCK_SLACK if sent else datetime(1970, 1, 1, tzinfo=UTC)


def find_written(conn: Connection, writes: Sequence[Write]) -> list[tuple[Record, ...] | Failure]:
    """Everything that fits each write, oldest first. Several are looked for in one call."""
    found: dict[str, tuple[Record, ...] | Failure] = {}
    me = users.own_id(conn)
    for wave in waves(writes):
        searches = []
        for write in wave:
            search = _search(conn, write, found)
            if isinstance(search, _Search):
                searches.append(search)
            else:
                found[write.id] = search
        found |= _run(conn, me, searches)
        found |= _found_elsewhere(conn, me, searches, found)
    return [found[write.id] for write in writes]


def find_made(conn: Connection, writes: Sequence[Write]) -> list[tuple[Record, ...] | Failure]:
    """The activities of each write's person that the connected user made since it was sent.

    None where the org has an external id for them: by that they were found wherever they moved.
    """
    found: dict[str, tuple[Record, ...] | Failure] = {write.id: () for write in writes}
    searches = []
    for write in writes:
        who = _who(write, {}) if write.type in _ACTIVITIES else None
        if isinstance(who, tuple) and who and external_id(conn, write) is None:
            bare = attrs.evolve(write, fields={})
            searches.append(_Search(write=bare, anchor="WhoId", values=who, who=who))
    if searches:
        found |= _run(conn, users.own_id(conn), searches)
    return [found[write.id] for write in writes]


def _search(
    conn: Connection, write: Write, found: Mapping[str, tuple[Record, ...] | Failure]
) -> _Search | tuple[Record, ...] | Failure:
    """How to look for this write; nothing if what it refers to was not made either."""
    key = external_id(conn, write)
    if key is not None:
        return _Search(write=write, anchor=key.name, values=(key.value,), exact=True)
    if write.type in _ACTIVITIES:
        who = _who(write, found)
        if who is None or isinstance(who, Failure):
            return who if who is not None else ()
        write = attrs.evolve(write, fields=with_mark(conn, write, write.fields))
        search: _Search | Failure = _anchored(write, "Subject")
        if who:
            search = _Search(write=write, anchor="WhoId", values=who, who=who)
        if isinstance(search, _Search):
            return attrs.evolve(search, mark=mark_of(conn, write))
        return search
    if write.type in _PEOPLE:
        return _anchored(write, "Email" if _text(write, "Email") else "LastName")
    return _anchored(write, "Name")


def _found_elsewhere(
    conn: Connection,
    me: str,
    searches: Sequence[_Search],
    found: Mapping[str, tuple[Record, ...] | Failure],
) -> dict[str, tuple[Record, ...] | Failure]:
    """What is found, of searches that found nothing, where people were merged or converted since.

    Their activities moved with them.
    """
    missing = [one for one in searches if one.who and found[one.write.id] == ()]
    if not missing:
        return {}
    try:
        became = successors(conn, {id_ for one in missing for id_ in one.who})
    except Failure as failure:
        return {one.write.id: failure for one in missing}
    again = []
    for one in missing:
        moved = {last for id_ in one.who if (last := became.get(id_)) and last != id_}
        if moved:
            again.append(attrs.evolve(one, who=tuple(moved), values=tuple(moved)))
    return _run(conn, me, again)


def _anchored(write: Write, field: str) -> _Search | Failure:
    value = _text(write, field)
    if write.type not in _ALIKE or not value:
        return NeedsReview(
            f"Whether this {write.type} was made cannot be found out.",
            remedy="Look in Salesforce whether it is there, then retry or dismiss the delivery.",
        )
    return _Search(write=write, anchor=field, values=(value,))


def _text(write: Write, field: str) -> str:
    value = write.fields.get(field)
    return value.strip() if isinstance(value, str) else ""


def _who(
    write: Write, found: Mapping[str, tuple[Record, ...] | Failure]
) -> tuple[str, ...] | Failure | None:
    """The people whom the activity may name: none if it names nobody, None if nobody was made."""
    value: Value = write.fields.get("WhoId")
    if value is None:
        value = next((about.record for about in write.about if about.type in _PEOPLE), None)
    if isinstance(value, str):
        return (value,) if is_id(value) else ()
    if not isinstance(value, Ref):
        return ()
    people = found.get(value.write)
    if isinstance(people, Failure):
        return because_of(people)
    if people is None:
        return NeedsReview("The person of an activity in doubt is not known.")
    return tuple(person.id for person in people) or None


# ---------------------------------------------------------------- asking


def _run(
    conn: Connection, me: str, searches: Sequence[_Search]
) -> dict[str, tuple[Record, ...] | Failure]:
    """Look for all of them, with one query for each type and anchor."""
    groups: dict[tuple[str, str], list[_Search]] = {}
    for search in searches:
        groups.setdefault((search.write.type, search.anchor), []).append(search)
    asks = [
        (statement, members)
        for group in groups.values()
        for statement, members in _statements(me, group)
    ]
    answers = run_queries(conn, [statement for statement, _ in asks]) if asks else []
    found: dict[str, tuple[Record, ...] | Failure] = {s.write.id: () for s in searches}
    for (_, members), answer in zip(asks, answers, strict=True):
        for search in members:
            known = found[search.write.id]
            if isinstance(answer, Failure):
                found[search.write.id] = answer
            elif not isinstance(known, Failure):
                found[search.write.id] = _oldest_first([*known, *_fitting(conn, search, answer)])
    return found


def _statements(me: str, group: Sequence[_Search]) -> Iterator[tuple[str, list[_Search]]]:
    """The statements for searches of one type and anchor, each with those it serves."""
    type_, anchor = group[0].write.type, group[0].anchor
    by_literal: dict[str, list[_Search]] = {}
    for search in group:
        for value in search.values:
            by_literal.setdefault(soql.quoted(value), []).append(search)
    marks = [str(search.write.mark) for search in group if search.mark]
    read = dict.fromkeys(("Id", anchor, *marks, *_ALIKE[type_], *ALWAYS_READ[type_]))
    if type_ in _ACTIVITIES:
        read["WhoId"] = None
    for run in soql.runs(by_literal.items()):
        members = list({s.write.id: s for _, some in run for s in some}.values())
        if group[0].exact:
            condition = soql.among(anchor, [literal for literal, _ in run])
            yield soql.select(read, type_, condition, order=("CreatedDate",)), members
            continue
        conditions = [
            soql.among(anchor, [literal for literal, _ in run]),
            _made_by(me, members),
            f"CreatedDate >= {soql.moment(min(search.since for search in members))}",
        ]
        if type_ == "Event":
            conditions += ["IsChild = false", *_starts(members)]
        yield soql.select(read, type_, *conditions, order=("CreatedDate",)), members


def _made_by(me: str, members: Iterable[_Search]) -> str:
    """The condition on who made it: somebody else may have logged in since."""
    users = dict.fromkeys([me, *(one.write.sent_by for one in members if one.write.sent_by)])
    if len(users) == 1:
        return f"CreatedById = {soql.quoted(me)}"
    return soql.among("CreatedById", [soql.quoted(user) for user in users])


def _starts(members: Iterable[_Search]) -> list[str]:
    """The bounds of the start: without them a user with few rights may ask for too much."""
    starts = [search.write.fields.get("StartDateTime") for search in members]
    times = [start for start in starts if isinstance(start, datetime)]
    if not times or len(times) < len(starts):
        return []
    return [
        f"StartDateTime >= {soql.moment(min(times))}",
        f"StartDateTime <= {soql.moment(max(times))}",
    ]


def _fitting(conn: Connection, search: _Search, rows: Iterable[Row]) -> Iterator[Record]:
    names = _ALIKE[search.write.type]
    for row in rows:
        if _fits(search, row):
            yield as_record(conn, search.write.type, row, names)


def _fits(search: _Search, row: Row) -> bool:
    if search.exact:
        return folded(str(row.get(search.anchor) or "")) in map(folded, search.values)
    created = read_datetime(row.get("CreatedDate"))
    # Salesforce keeps whole seconds.
    if created is None or created < search.since.replace(microsecond=0):
        return False
    if search.write.type in _ACTIVITIES:
        who = str(row.get("WhoId") or "")
        if search.who:
            if not any(same_id(who, one) for one in search.who):
                return False
        elif who:
            return False
    if search.mark:
        return str(row.get(str(search.write.mark)) or "").endswith(search.mark)
    names = ("Email",) if search.anchor == "Email" else _ALIKE[search.write.type]
    return all(
        _same(search.write.fields[name], row.get(name))
        for name in names
        if search.write.fields.get(name) is not None
    )


def _same(wanted: Value, there: object) -> bool:
    if isinstance(wanted, datetime):
        start = read_datetime(there)
        return start is not None and abs(start - wanted) < timedelta(seconds=1)
    return folded(str(outgoing(wanted))) == folded(str(there or ""))


def _oldest_first(records: Iterable[Record]) -> tuple[Record, ...]:
    by_id = {record.id: record for record in records}
    start = datetime(1970, 1, 1, tzinfo=UTC)
    return tuple(sorted(by_id.values(), key=lambda r: (r.created_at or start, r.id)))

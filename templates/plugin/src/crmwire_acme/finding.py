"""Look-ups: before anything is written, and after an answer that never came.

Many values of one field can be looked for in one call: `POST /v1/{type}/search` with `{"field",
"values", "since"}`. Whole values match, in any case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from crmwire.errors import Failure
from crmwire.http import Request
from crmwire.types import Candidates, Query, Record, Write, Written
from crmwire.waves import references, resolve, waves

from crmwire_acme.writing import sendable

if TYPE_CHECKING:
    from crmwire.connections import Connection

Found = Mapping[tuple[str, str], "list[Record] | Failure"]
"""What stands there, by object type and the field that was searched by."""
CHUNK = 100
CLOCKS = timedelta(minutes=1)
"""How far Acme's clock may be behind ours."""
ALIKE: Mapping[str, tuple[str, ...]] = {
    "people": ("email",),
    "meetings": ("person", "title", "start"),
}
"""The fields by which a record is known again; the first one is searched by."""


def candidates(conn: Connection, queries: Sequence[Query]) -> list[Candidates | Failure]:
    """One search for each type and field, however many people the batch has."""
    asked: dict[tuple[str, str], list[str]] = {}
    for query in queries:
        for type_ in query.types:
            asked.setdefault((_path(query, type_), query.key), []).append(query.value)
    found = _search(conn, asked)
    return [_answer(query, found) for query in queries]


def _path(query: Query, type_: str) -> str:
    return "users" if query.role == "user" else type_


def _answer(query: Query, found: Found) -> Candidates | Failure:
    """The query's own part of what was found; a search that failed is never "not found"."""
    records: list[Record] = []
    for type_ in query.types:
        some = found[_path(query, type_), query.key]
        if isinstance(some, Failure):
            return some
        records += [one for one in some if _same(one.fields.get(query.key), query.value)]
    return Candidates(query=query, records=tuple(records))


def written(conn: Connection, writes: Sequence[Write]) -> list[list[Record] | Failure]:
    """What these creates made, as far as they arrived: alike, by our user, since they were sent.

    People first, since a meeting is searched by its person: if that one was not made, the
    meeting was not either.
    """
    answers: dict[str, list[Record] | Failure] = {}
    done: dict[str, Written | Failure] = {}
    for wave in waves(writes):
        asked: dict[tuple[str, str], list[str]] = {}
        ready: list[Write] = []
        for write in wave:
            known = resolve(write, done) if references(write) <= done.keys() else None
            if isinstance(known, Write):
                key = ALIKE[known.type][0]
                asked.setdefault((known.type, key), []).append(str(known.fields[key]))
                ready.append(known)
            else:
                answers[write.id] = [] if known is None else known
        found = _search(conn, asked, _earliest(ready))
        for write in ready:
            some = found[write.type, ALIKE[write.type][0]]
            if isinstance(some, Failure):
                answers[write.id] = done[write.id] = some
                continue
            made = [one for one in some if _made_by(conn, write, one)]
            answers[write.id] = made
            if made:
                done[write.id] = Written(id=write.id, type=write.type, record=made[0].id)
    return [answers[write.id] for write in writes]


def _made_by(conn: Connection, write: Write, record: Record) -> bool:
    fields = sendable(write)
    ours = conn.report is None or record.fields["created_by"] == conn.report.user_id
    late = not (write.sent_at and record.created_at) or record.created_at >= write.sent_at - CLOCKS
    return (
        ours and late and all(_same(record.fields[key], fields[key]) for key in ALIKE[write.type])
    )


def _earliest(writes: Sequence[Write]) -> str | None:
    times = [write.sent_at for write in writes if write.sent_at]
    return (min(times) - CLOCKS).isoformat() if times else None


def _search(
    conn: Connection, asked: Mapping[tuple[str, str], Sequence[str]], since: str | None = None
) -> Found:
    """Ask for all values, some at once; each type and field has its own answer."""
    found: dict[tuple[str, str], list[Record] | Failure] = {key: [] for key in asked}
    parts = [
        (key, values[start : start + CHUNK])
        for key, values in asked.items()
        for start in range(0, len(values), CHUNK)
    ]
    requests = [
        Request(
            method="POST",
            path=f"v1/{type_}/search",
            json={"field": field, "values": values, "since": since},
            safe=True,  # it only reads, so it may be repeated
        )
        for (type_, field), values in parts
    ]
    for (key, _), answer in zip(parts, conn.http.map(requests), strict=True):
        records = found[key]
        if isinstance(answer, Failure):
            found[key] = answer
        elif not isinstance(records, Failure):
            records += [_record(key[0], one) for one in answer.json()["records"]]
    return found


def _record(type_: str, told: Mapping[str, Any]) -> Record:
    made = told.get("created_at")
    return Record(
        type=type_,
        id=told["id"],
        fields=told,
        created_at=datetime.fromisoformat(made) if made else None,
    )


def _same(stored: object, wanted: object) -> bool:
    return str(stored or "").strip().lower() == str(wanted or "").strip().lower()

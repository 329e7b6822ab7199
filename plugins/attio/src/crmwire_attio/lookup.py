"""Finding records: all queries of a batch in one call for each object and key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from crmwire.errors import Failure
from crmwire.types import Candidates, Query, Record, Value
from crmwire_attio import api, values
from crmwire_attio.errors import NO_OBJECT
from crmwire_attio.flows import Flow, run
from crmwire_attio.schema import Schema

if TYPE_CHECKING:
    from crmwire.connections import Connection
    from crmwire.types import Json

PER_QUERY = 100
"""Values asked for in one filter. The vendor names no largest filter; it scores queries by
their filters over 10 s, with a ceiling that it does not publish."""
_MEMBERS = "workspace_members"
_HOUR = 3600.0
_PROPERTY = {"email_addresses": "email_address", "domains": "domain"}

Asked = tuple[str, str]
"""An object and the key in it."""


def find_records(conn: Connection, queries: Sequence[Query]) -> list[Candidates | Failure]:
    """Answer each query; one that fails spoils no other but those it was sent with."""
    schema = Schema(conn)
    wanted: dict[Asked, dict[str, str]] = {}
    for query in queries:
        for type_ in query.types if query.role != "user" else ():
            normal = values.comparable(query.key, query.value)
            wanted.setdefault((type_, query.key), {})[normal] = query.value.strip()
    found = _found(conn, wanted)
    users = members(conn) if any(query.role == "user" for query in queries) else []
    return [_answer(query, found, users, schema) for query in queries]


def _found(
    conn: Connection, wanted: Mapping[Asked, Mapping[str, str]]
) -> dict[Asked, dict[str, list[api.Row]] | Failure]:
    """The rows for each normal value of each object and key."""
    flows: list[Flow[list[api.Row]]] = []
    owners: list[Asked] = []
    for (type_, key), given in wanted.items():
        for flow in _flows(type_, key, given):
            flows.append(flow)
            owners.append((type_, key))
    found: dict[Asked, dict[str, list[api.Row]] | Failure] = {asked: {} for asked in wanted}
    for asked, outcome in zip(owners, run(conn, flows), strict=True):
        by_value = found[asked]
        if isinstance(by_value, Failure):
            continue
        if isinstance(outcome, Failure):
            found[asked] = outcome
            continue
        for row in outcome:
            for normal in api.distinct(_keys(asked, row)):
                by_value.setdefault(normal, []).append(row)
    return found


def _flows(type_: str, key: str, given: Mapping[str, str]) -> Iterable[Flow[list[api.Row]]]:
    if key == "id":
        # An id from outside (a URL) may be anything; Attio's are UUIDs of any version.
        ids = [normal for normal in given if api.UUID.fullmatch(normal)]
        if type_ in ("notes", "tasks"):
            yield from (_one(type_, id_) for id_ in ids)
            return
        for some in _chunks(ids):
            yield api.all_rows(type_, {"record_id": {"$in": some}})
        return
    for some in _chunks(list(given.values())):
        yield api.all_rows(type_, any_of([(key, value) for value in some]))


def any_of(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """A filter for the records in which any of these attributes has its value.

    `$in` knows texts, ids and references only, so that many addresses need `$or`.
    """
    return {"$or": [_equals(slug, value) for slug, value in pairs]}


def _equals(slug: str, value: str) -> dict[str, Any]:
    if slug in _PROPERTY:
        return {slug: {_PROPERTY[slug]: {"$eq": values.comparable(slug, value)}}}
    return {slug: value}


def _chunks(items: Sequence[str]) -> Iterable[list[str]]:
    for start in range(0, len(items), PER_QUERY):
        yield list(items[start : start + PER_QUERY])


def _one(kind: str, id_: str) -> Flow[list[api.Row]]:
    response = yield api.read(kind, id_, missing=True)
    return [] if response.status == 404 else [api.row(response)]


def _keys(asked: Asked, row: api.Row) -> Iterable[str]:
    """The values, as compared, by which this row answers what was asked."""
    type_, key = asked
    if key == "id":
        yield api.id_of(row, {"notes": "note", "tasks": "task"}.get(type_, "record")).casefold()
        return
    for element in row["values"].get(key, ()):
        yield values.comparable(key, values.simple(element))


def _answer(
    query: Query,
    found: Mapping[Asked, Mapping[str, list[api.Row]] | Failure],
    users: list[api.Row] | Failure,
    schema: Schema,
) -> Candidates | Failure:
    normal = values.comparable(query.key, query.value)
    if query.role == "user":
        if isinstance(users, Failure):
            return users
        named = [_user(row, query) for row in users if _is(row, query.key, normal)]
        return Candidates(query=query, records=tuple(named))
    records: list[Record] = []
    for type_ in query.types:
        rows = found[type_, query.key]
        if isinstance(rows, Failure):
            if query.role in ("person", "company") or rows.code != NO_OBJECT:
                return rows
            continue  # an object that is not there has no records
        asked = (*query.fields.get(type_, ()), *((query.key,) if query.key != "id" else ()))
        records += [as_record(type_, row, asked, schema) for row in rows.get(normal, ())]
    return Candidates(query=query, records=tuple(records))


def as_record(type_: str, row: api.Row, fields: Iterable[str], schema: Schema) -> Record:
    """A row in our form, with the attributes named in `fields`."""
    if type_ in ("notes", "tasks"):
        return _plain_record(type_, row)
    stored = row["values"]
    last: Any = stored.get("last_interaction") or [{}]
    times = [
        time
        for elements in stored.values()
        for element in elements
        if (time := api.parsed_time(element.get("active_from"))) is not None
    ]
    return Record(
        type=type_,
        id=api.id_of(row),
        fields={
            slug: values.simplified(stored[slug], multi=schema.is_multi(type_, slug))
            for slug in api.distinct(fields)
            if slug in stored
        },
        url=row.get("web_url"),
        created_at=api.parsed_time(row.get("created_at")),
        # Attio tells no time of change; the youngest value in force was set by the last one.
        modified_at=max(times, default=None),
        last_activity_at=api.parsed_time(last[0].get("interacted_at")),
    )


def _plain_record(type_: str, row: api.Row) -> Record:
    told: dict[str, Value] = {"content": row.get("content_plaintext")}
    if type_ == "notes":
        told["title"] = row.get("title")
    else:
        told["deadline_at"] = api.parsed_time(row.get("deadline_at"))
        told["is_completed"] = row.get("is_completed")
    return Record(
        type=type_,
        id=api.id_of(row, type_.removesuffix("s")),
        fields=told,
        created_at=api.parsed_time(row.get("created_at")),
    )


# ---------------------------------------------------------------- the CRM's users


def members(conn: Connection) -> list[api.Row] | Failure:
    """The workspace's members, read at most once an hour: one call lists them all."""

    def load() -> Json:
        return [
            {name: row[name] for name in ("id", "email_address", "access_level")}
            | {"name": f"{row.get('first_name') or ''} {row.get('last_name') or ''}".strip()}
            for row in api.rows(conn.http.send(api.read(_MEMBERS)), "email_address", "access_level")
        ]

    try:
        stored: Any = conn.cache("members", _HOUR, load)
    except Failure as failure:
        return failure
    return list(stored)


def _is(row: api.Row, key: str, normal: str) -> bool:
    if key == "id":
        return api.id_of(row, "workspace_member") == normal
    return values.comparable(key, row["email_address"]) == normal


def _user(row: api.Row, query: Query) -> Record:
    return Record(
        type=query.types[0] if query.types else _MEMBERS,
        id=api.id_of(row, "workspace_member"),
        fields={"email_address": row["email_address"], "name": row["name"]},
        writable=row["access_level"] != "suspended",
    )


def made_at(row: api.Row) -> datetime | None:
    return api.parsed_time(row.get("created_at"))

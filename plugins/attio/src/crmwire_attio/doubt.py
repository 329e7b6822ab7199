"""Finding what an attempt without an answer may have written.

Records with a unique value are found by it; others, and notes and tasks, by their content among
what was made since the attempt was sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import attrs
from attrs import frozen

from crmwire.errors import Failure, Rejected
from crmwire.types import About, Record, Ref, Write
from crmwire_attio import api, notes, tasks, values
from crmwire_attio.flows import Flow, run
from crmwire_attio.lookup import any_of, as_record, made_at
from crmwire_attio.schema import Schema

if TYPE_CHECKING:
    from crmwire.connections import Connection

CLOCK_SLACK = timedelta(seconds=60)
"""How far Attio's clock may be behind ours."""

Found = list[Record] | Failure


@frozen(kw_only=True)
class _Person:
    """What was found of a record's write: those that fit it, and all that a note may stand on."""

    fitting: list[Record]
    holders: list[Record]


def find_written(conn: Connection, writes: Sequence[Write]) -> list[Found]:
    """For each write, all records that fit it, oldest first.

    A note may refer to the write of its person. That one, if it is an upsert, is given here only
    to say who is meant, and every record with its key fits it.
    """
    schema = Schema(conn)
    entries = [write for write in writes if write.type.startswith(api.LIST)]
    other = {"notes", "tasks", *(write.type for write in entries)}
    records = [write for write in writes if write.type not in other]
    flows = [_record(schema, write, _ours(conn, write)) for write in records]
    looked = dict(zip((write.id for write in records), run(conn, flows), strict=True))
    found: dict[str, Found] = {
        name: one.fitting if isinstance(one, _Person) else one for name, one in looked.items()
    }
    # An entry is asserted by its record: written again, it is still one.
    found.update({write.id: [] for write in entries})
    found.update(_notes(conn, [write for write in writes if write.type == "notes"], looked))
    found.update(_tasks(conn, [write for write in writes if write.type == "tasks"]))
    return [found[write.id] for write in writes]


def _ours(conn: Connection, write: Write) -> Callable[[Mapping[str, Any]], bool]:
    """Tells whether an actor may be this connection, now or when the write was sent.

    A token writes as `api-token` or `app`; which id it bears is told nowhere, so any passes
    (guess: one that acts for a member writes as that member). People and Attio itself do not.
    """
    members = {conn.report.user_id if conn.report is not None else "", write.sent_by} - {""}

    def ours(actor: Mapping[str, Any]) -> bool:
        kind = actor.get("type") or actor.get("referenced_actor_type")
        id_ = actor.get("id") or actor.get("referenced_actor_id")
        return kind in ("api-token", "app") or id_ in members

    return ours


def _since(write: Write) -> datetime | None:
    return write.sent_at - CLOCK_SLACK if write.sent_at is not None else None


def _is_young(row: api.Row, write: Write) -> bool:
    since, made = _since(write), made_at(row)
    return since is None or (made is not None and made >= since)


def _by_age(records: Iterable[Record]) -> list[Record]:
    return sorted(records, key=lambda record: (record.created_at is None, record.created_at))


# ---------------------------------------------------------------- records


def _record(
    schema: Schema, write: Write, ours: Callable[[Mapping[str, Any]], bool]
) -> Flow[_Person]:
    attributes = [schema.attribute(write.type, slug) for slug in write.fields]
    unique = [
        (attribute.slug, str(one))
        for attribute in attributes
        if attribute.unique
        for one in values.written(attribute, write.fields[attribute.slug])
    ]
    if write.match is not None:
        unique = [(write.match.name, write.match.value)]
    if unique:
        rows = yield from api.all_rows(write.type, any_of(unique))
    else:
        since = _since(write)
        recent = {"created_at": {"$gte": api.written_time(since)}} if since else {}
        rows = yield from api.all_rows(write.type, recent)
        rows = [row for row in rows if _holds_all(schema, write, row)]
    fitting = [
        row
        for row in rows
        if write.action == "upsert"
        or (_is_young(row, write) and any(map(ours, row["values"].get("created_by", ()))))
    ]
    # A create that met the owner of its address went on with that one, and so did its note.
    return _Person(
        fitting=_records(schema, write, fitting),
        holders=_records(schema, write, rows if unique else fitting),
    )


def _records(schema: Schema, write: Write, rows: Iterable[api.Row]) -> list[Record]:
    return _by_age(as_record(write.type, row, write.fields, schema) for row in rows)


def _holds_all(schema: Schema, write: Write, row: api.Row) -> bool:
    """Whether the row has every value that the write sends, in texts and names."""
    for slug, value in write.fields.items():
        if slug in write.drop_allowed:
            continue
        stored = row["values"].get(slug, ())
        attribute = schema.attribute(write.type, slug)
        for one in values.written(attribute, value):
            text = one.get("full_name") if isinstance(one, Mapping) else one
            if not isinstance(text, str) or attribute.type in ("date", "timestamp"):
                continue
            shown = [values.comparable(slug, values.simple(element)) for element in stored]
            if values.comparable(slug, text) not in shown:
                return False
    return True


# ---------------------------------------------------------------- notes


def _notes(
    conn: Connection, writes: Sequence[Write], people: Mapping[str, _Person | Failure]
) -> dict[str, Found]:
    """Notes by parent, content and time; all writes to one parent share one listing."""
    found: dict[str, Found] = {}
    placed: list[tuple[Write, list[tuple[str, str]]]] = []
    for write in writes:
        try:
            placed.append((write, _parents(write, people)))
        except Failure as failure:
            found[write.id] = failure
    parents = api.distinct(parent for _, several in placed for parent in several)
    listings = dict(zip(parents, run(conn, [notes.listing(*p) for p in parents]), strict=True))
    for write, several in placed:
        rows: list[api.Row] = []
        for parent in several:
            listing = listings[parent]
            if isinstance(listing, Failure):
                found[write.id] = listing
                break
            rows += listing
        else:
            found[write.id] = _fitting(conn, rows, write)
    lost = [(write, several) for write, several in placed if found[write.id] == [] and several]
    found.update(_moved(conn, lost))
    return found


def _fitting(conn: Connection, rows: Iterable[api.Row], write: Write) -> list[Record]:
    ours = _ours(conn, write)
    return _by_age(
        as_record("notes", row, (), Schema(conn))
        for row in rows
        if ours(row.get("created_by_actor") or {}) and _is_note(row, write)
    )


def _moved(
    conn: Connection, placed: Sequence[tuple[Write, list[tuple[str, str]]]]
) -> dict[str, Found]:
    """Notes whose parent is gone: a merge gives it a new id, and takes the notes along.

    Who it was merged into cannot be asked for, so they are looked for among the newest notes of
    the workspace.
    """
    asked: dict[str, list[str]] = {}
    for object_, record in api.distinct(one for _, several in placed for one in several):
        asked.setdefault(object_, []).append(record)
    flows = [api.all_rows(object_, {"record_id": {"$in": ids}}) for object_, ids in asked.items()]
    there: set[str] = set()
    for outcome in run(conn, flows):
        if isinstance(outcome, Failure):
            return {write.id: outcome for write, _ in placed}
        there |= {api.id_of(row) for row in outcome}
    orphans = [
        write for write, several in placed if not there.issuperset(id_ for _, id_ in several)
    ]
    if not orphans:
        return {}
    since = min(_made_since(write) for write in orphans)
    [listing] = run(conn, [notes.newest(since)])
    if isinstance(listing, Failure):
        return {write.id: listing for write in orphans}
    return {write.id: _fitting(conn, listing, write) for write in orphans}


def _made_since(write: Write) -> datetime:
    """When a note that fits was made at the earliest, as it says itself."""
    told = api.parsed_time(notes.body(write).get(notes.CREATED_AT))
    return told or _since(write) or datetime.min.replace(tzinfo=UTC)


def _parents(write: Write, people: Mapping[str, _Person | Failure]) -> list[tuple[str, str]]:
    """The records that the note may stand on: none if its person was not written either.

    Raises: the Failure of looking for that person; Rejected if nothing says who it is, since a
    note cannot be looked for in the whole workspace.
    """
    about = write.about[0] if write.about else None
    if about is None or not isinstance(about.record, Ref):
        return [notes.parent(write)]
    person = people.get(about.record.write)
    if person is None:
        raise Rejected(
            "A note may have been written, but not on whom is known.",
            remedy="Look in Attio: if it is there, `crmwire dismiss`; if not, `crmwire retry`.",
            code="unknown_parent",
        )
    if isinstance(person, Failure):
        raise person
    return [notes.parent(_standing_on(write, about, one.id)) for one in person.holders]


def _standing_on(write: Write, about: About, record: str) -> Write:
    return attrs.evolve(write, about=(attrs.evolve(about, record=record),))


def _is_note(row: api.Row, write: Write) -> bool:
    sent = notes.body(write)
    if row.get("title") != sent["title"]:
        return False
    stored = "content_markdown" if sent["format"] == "markdown" else "content_plaintext"
    if _squeezed(row.get(stored)) != _squeezed(sent["content"]):
        return False
    if notes.CREATED_AT in sent:
        # The note says when it claims to have been made, which may be long ago.
        return made_at(row) == api.parsed_time(sent[notes.CREATED_AT])
    return _is_young(row, write)


def _squeezed(text: object) -> str:
    return " ".join(str(text or "").split())


# ---------------------------------------------------------------- tasks


def _tasks(conn: Connection, writes: Sequence[Write]) -> dict[str, Found]:
    """Tasks by content and time, out of one listing, newest first.

    Not by their link: a recorded create (2026-05) answered without the link that it had sent.
    """
    if not writes:
        return {}
    times = [_since(write) for write in writes]
    oldest = None if None in times else min(time for time in times if time is not None)
    [listing] = run(conn, [_recent_tasks(oldest)])
    if isinstance(listing, Failure):
        return {write.id: listing for write in writes}
    return {
        write.id: _by_age(
            as_record("tasks", row, (), Schema(conn))
            for row in listing
            if _squeezed(row.get("content_plaintext")) == _squeezed(tasks.content(write))
            and _ours(conn, write)(row.get("created_by_actor") or {})
            and _is_young(row, write)
        )
        for write in writes
    }


def _recent_tasks(oldest: datetime | None) -> Flow[list[api.Row]]:
    found: list[api.Row] = []
    for _ in range(api.CHUNKS):
        chunk = api.rows((yield api.list_tasks(len(found))))
        found += chunk
        last = made_at(chunk[-1]) if chunk else None
        is_over = oldest is not None and last is not None and last < oldest
        if len(chunk) < api.TASKS_PAGE or is_over:
            return found
    raise api.endless()

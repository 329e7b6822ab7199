"""Steps 3 and 4: how each record is known, and what the CRM has of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import attrs

from crmwire.dedup import can_upsert
from crmwire.errors import Failure
from crmwire.pipeline.desk import Desk
from crmwire.pipeline.folding import Line
from crmwire.pipeline.roles import SHARED
from crmwire.types import Candidates, Match, Query, Record, UserRef, WritePolicy


def ask(desk: Desk, line: Line, look_up_all: bool) -> None:
    """Find out how this line's record is known: by a choice, a link, a key."""
    draft = line.draft
    if line.chosen is not None:
        line.match = Match(
            action="update",
            type=line.chosen.type,
            record=line.chosen,
            why="chosen by a person",
        )
        return
    if draft.link is not None:
        action = "delete" if draft.action == "delete" else "update"
        record = Record(type=draft.link.type, id=draft.link.record, url=draft.link.url)
        line.match = Match(action=action, type=record.type, record=record, why="linked")  # type: ignore[arg-type]
        return
    if not draft.match:
        line.match = Match(action="create", type=draft.create_type, why="new record")
        return
    line.keys = tuple(desk.conn.hooks.match_keys(draft))
    unique: tuple[str, ...] = ()
    if len(draft.types) == 1:
        info = desk.conn.info.object_types.get(draft.types[0])
        unique = info.upsert if info else ()
        if info is None and draft.role not in SHARED and line.keys:
            unique = (line.keys[0].name,)
    key = can_upsert(draft, line.keys, unique)
    if key is not None:
        line.upsert = Match(
            action="upsert", type=key.types[0], key=key, why=f"created or updated by {key.name}"
        )
        if not look_up_all and not line.adopting:
            line.match = line.upsert


def look_up(
    desk: Desk, lines: Sequence[Line], made: Mapping[tuple[str, str, str], str]
) -> dict[str, str | Failure | None]:
    """One call for all look-ups of the batch; users come back by address."""
    queries: list[Query] = []
    for line in lines:
        if line.match is None:
            line.queries = [
                Query(
                    id=f"q{len(queries) + number}",
                    role=line.draft.role,
                    types=key.types,
                    key=key.name,
                    value=key.value,
                    fields={
                        type_: tuple(one.name for one in line.draft.fields.get(type_, ()))
                        for type_ in key.types
                    },
                )
                for number, key in enumerate(line.keys)
            ]
            queries += line.queries
    emails = sorted(set(_users(lines)))
    user_queries = [
        Query(id=f"u{number}", role="user", types=("user",), key="email", value=email)
        for number, email in enumerate(emails)
    ]
    if not queries and not user_queries:
        return {}
    answers: dict[str, Candidates | Failure] = {}
    try:
        found = desk.conn.hooks.find_records([*queries, *user_queries])
        answers = {
            query.id: answer for query, answer in zip([*queries, *user_queries], found, strict=True)
        }
    except Failure as failure:
        answers = dict.fromkeys((query.id for query in [*queries, *user_queries]), failure)
    _remember(desk, queries, answers, made)
    for line in lines:
        line.answers = [answers[query.id] for query in line.queries]
    users: dict[str, str | Failure | None] = {}
    for query in user_queries:
        answer = answers[query.id]
        if isinstance(answer, Failure):
            users[query.value] = answer
        else:
            users[query.value] = answer.records[0].id if answer.records else None
    return users


def _users(lines: Iterable[Line]) -> Iterable[str]:
    for line in lines:
        for fields in line.draft.fields.values():
            for one in fields:
                updating = line.match is not None and line.match.action == "update"
                if isinstance(one.value, UserRef) and not (
                    updating and one.write is WritePolicy.ON_CREATE
                ):
                    yield one.value.email


def _remember(
    desk: Desk,
    queries: Sequence[Query],
    answers: dict[str, Candidates | Failure],
    made: Mapping[tuple[str, str, str], str],
) -> None:
    """Where a look-up found nothing, add what crmwire itself created lately: indices lag."""
    empty = [
        (query, answer)
        for query in queries
        if isinstance(answer := answers[query.id], Candidates) and not answer.records
    ]
    keys = [(type_, query.key, query.value) for query, _ in empty for type_ in query.types]
    known = desk.store.remembered(desk.lane, keys, desk.conn.now()) if keys else {}
    known = {**known, **made}
    for query, answer in empty:
        records = tuple(
            Record(type=type_, id=record)
            for type_ in query.types
            if (record := known.get((type_, query.key, query.value)))
        )
        answers[query.id] = attrs.evolve(answer, records=records)

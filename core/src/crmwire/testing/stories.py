"""A small fixed set of a plugin's calls, made from its preset: what cassettes are recorded of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, cast

import attrs

from crmwire.connections import Connection
from crmwire.dedup import can_upsert
from crmwire.errors import Failure, RetryLater
from crmwire.testing.samples import GUEST, drafts, mapping_of
from crmwire.types import (
    About,
    Candidates,
    Draft,
    FieldChange,
    Link,
    Match,
    Query,
    Record,
    RecordRef,
    Ref,
    UserRef,
    Value,
    Write,
    Written,
)

PRESET = "linktime"
TROUBLED = frozenset({"refused", "login-lost"})
"""The steps that must fail."""
Call = Callable[[], Iterable[object]]


class Story:
    """A booking that is created, moved and cancelled, step by step.

    Each step makes the calls that core would make, in this order, and remembers the records for
    the next. `stranger` is a connection whose token the CRM does not know.
    """

    def __init__(self, conn: Connection, stranger: Connection, guest: str = GUEST) -> None:
        self.conn = conn
        self.stranger = stranger
        self.guest = guest
        self.mapping = mapping_of(conn, PRESET)
        self.links: dict[str, Link] = {}
        self.made: list[Write] = []

    def steps(self) -> dict[str, Call]:
        """The steps by name, in order."""
        return {
            "check": self._check,
            "find-none": lambda: self._find(self.conn),
            "create": lambda: self._write("created"),
            "find-one": lambda: self._find(self.conn),
            "find-written": self._find_written,
            "reschedule": lambda: self._write("rescheduled"),
            "cancel": lambda: self._write("cancelled"),
            "refused": self._refused,
            "login-lost": lambda: self._find(self.stranger),
        }

    # ------------------------------------------------------------ the steps

    def _check(self) -> Iterable[object]:
        self.conn.report = self.conn.hooks.check_connection()
        return [self.conn.report]

    def _find(self, conn: Connection) -> Iterable[object]:
        found = drafts(conn, self.mapping, guest=self.guest)
        queries = [
            Query(
                id=f"{draft.id}{key.name}",
                role=draft.role,
                types=key.types,
                key=key.name,
                value=key.value,
                fields={one: tuple(row.name for row in draft.fields[one]) for one in key.types},
            )
            for draft in found
            for key in conn.hooks.match_keys(draft)
        ]
        return conn.hooks.find_records(queries)

    def _write(self, verb: str) -> Iterable[object]:
        writes = self._writes(verb)
        answers = self.conn.hooks.write_records(writes)
        if verb == "created":
            self.made = writes
        for write, answer in zip(writes, answers, strict=True):
            if isinstance(answer, Written) and write.role not in self.links:
                self.links[write.role] = Link(
                    role=write.role, type=answer.type, record=answer.record, version=1
                )
        return answers

    def _find_written(self) -> Iterable[object]:
        at = self.conn.now()
        writes = [attrs.evolve(write, sent_at=at) for write in self.made]
        return self.conn.hooks.find_written(writes) or ()

    def _refused(self) -> Iterable[object]:
        [person] = [write for write in self.made if write.role == "person"]
        fields: dict[str, Value] = {**person.fields, "no_such_field": "x"}
        bad = attrs.evolve(person, action="create", match=None, add=(), fields=fields)
        return self.conn.hooks.write_records([bad])

    # ------------------------------------------------------------ from drafts to writes

    def _writes(self, verb: str) -> list[Write]:
        links = list(self.links.values())
        wanted = drafts(self.conn, self.mapping, verb, guest=self.guest, links=links)
        places: dict[str, tuple[str, str | Ref]] = {
            link.role: (link.type, link.record) for link in links
        }
        for draft in wanted:
            type_ = draft.create_type or draft.types[0]
            places.setdefault(draft.role, (type_, Ref(write=draft.id)))
        return [self._write_of(draft, places) for draft in wanted]

    def _write_of(self, draft: Draft, places: Mapping[str, tuple[str, str | Ref]]) -> Write:
        match = self._match(draft)
        changes = [one for one in self.conn.hooks.merge_fields(draft, match) if one.written]
        return Write(
            id=draft.id,
            key=draft.id,
            group="1",
            role=draft.role,
            action=cast(Any, match.action),
            type=match.type or draft.types[0],
            record=match.record.id if match.record else None,
            match=match.key,
            fields=dict(_fields(changes, places)),
            add=tuple(one.name for one in changes if one.add),
            about=tuple(
                About(role=role, type=places[role][0], record=places[role][1])
                for role in draft.about
                if role in places and match.action != "update"
            ),
            drop_allowed=draft.drop,
            settings=self.mapping.crm,
        )

    def _match(self, draft: Draft) -> Match:
        if draft.link is not None:
            record = Record(type=draft.link.type, id=draft.link.record)
            return Match(action="update", type=record.type, record=record)
        kind = self.conn.info.object_types.get(draft.types[0])
        keys = self.conn.hooks.match_keys(draft)
        key = can_upsert(draft, keys, kind.upsert if kind else ())
        if key is not None:
            return Match(action="upsert", type=key.types[0], key=key)
        return Match(action="create", type=draft.create_type)


def _fields(
    changes: Sequence[FieldChange], places: Mapping[str, tuple[str, str | Ref]]
) -> Iterable[tuple[str, Value]]:
    for change in changes:
        if isinstance(change.new, RecordRef):
            yield change.name, places[change.new.role][1]
        elif not isinstance(change.new, UserRef):
            yield change.name, change.new


# ---------------------------------------------------------------- answers as plain data


def told(call: Call) -> list[Any]:
    """What a step answers, or raises, as plain data that can be kept and compared."""
    try:
        return [_plain(answer) for answer in call()]
    except Failure as failure:
        return [_plain(failure)]


def _plain(value: object) -> Any:
    """Types, ids, values and codes, but no text that is for people and may be reworded."""
    if isinstance(value, Failure):
        made: dict[str, Any] = {"failure": type(value).__name__, "code": value.code}
        made |= {"fields": list(value.fields), "sent": value.sent, "request_id": value.request_id}
        if isinstance(value, RetryLater):
            made |= {"after": value.after, "pause": value.pause}
        return made
    if isinstance(value, Candidates):
        records = [_plain(record) for record in value.records]
        return {"is": "Candidates", "query": value.query.id, "records": records}
    kind: Any = type(value)
    if attrs.has(kind):
        shown = {name: _plain(getattr(value, name)) for name in attrs.fields_dict(kind)}
        said = {name: one for name, one in shown.items() if one not in (None, "", [], {})}
        return {"is": kind.__name__, **said}
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, Sequence | frozenset) and not isinstance(value, str):
        return [_plain(part) for part in value]
    return value

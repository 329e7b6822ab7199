"""From decided lines to the writes to send, with references between them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from attrs import define, field

from crmwire.dedup import as_list, origin_of, same
from crmwire.pipeline.deciding import key_of
from crmwire.pipeline.desk import Desk
from crmwire.pipeline.folding import Line
from crmwire.pipeline.planned import Planned
from crmwire.pipeline.roles import SHARED
from crmwire.types import About, FieldChange, Record, RecordRef, Ref, Value, Write


@define(kw_only=True)
class Outbox:
    """The writes of a batch, and what each line comes to: a write or a known record."""

    writes: list[Write] = field(factory=list)
    write_of: dict[int, Write] = field(factory=dict)
    known: dict[int, Record] = field(factory=dict)

    def of_line(self, line: Line) -> Write | None:
        return self.write_of.get(id(line))


def outbox(desk: Desk, planned: Sequence[Planned]) -> Outbox:
    """Build all writes of the deliveries that are to be written."""
    box = Outbox()
    writing = [one for one in planned if one.failure is None and one.skip is None]
    for roles in (("company",), ("person",)):
        for one in writing:
            for line in one.lines:
                if line.draft.role in roles and id(line) not in box.known:
                    _add(desk, box, one, line)
    for one in writing:
        for line in one.lines:
            if line.draft.role not in SHARED:
                _add(desk, box, one, line)
    return box


def _add(desk: Desk, box: Outbox, one: Planned, line: Line) -> None:
    match, draft = line.match, line.draft
    if match is None or match.action == "skip" or id(line) in box.write_of:
        return
    record = match.record
    if record is not None:
        box.known[id(line)] = record
    fields, add = _fields(box, one, line)
    about = _about(box, one, line)
    if match.action == "update" and not fields and not about:
        return
    mapping = desk.mapping_of(one.claimed.route)
    type_ = match.type or draft.types[0]
    write = Write(
        id=f"d{one.id}.{draft.role}.{_short(draft.item)}",
        key=_write_key(one, line),
        group=None if line.shared else str(one.id),
        role=draft.role,
        action=match.action if match.action != "hold" else "update",
        type=type_,
        record=record.id if record is not None else None,
        match=match.key,
        fields=fields,
        add=add,
        about=about,
        drop_allowed=draft.drop,
        mark=draft.mark,
        settings=mapping.crm,
    )
    box.writes.append(write)
    box.write_of[id(line)] = write


def _short(item: str) -> str:
    return hashlib.sha256(item.encode()).hexdigest()[:8] if item else "0"


def _write_key(one: Planned, line: Line) -> str:
    draft = line.draft
    if line.keys and draft.role in SHARED:
        return key_of(line)
    delivery = one.claimed.delivery
    return f"{origin_of(delivery.subject.feed, delivery.event)}:{draft.role}:{draft.item}"


def _fields(box: Outbox, one: Planned, line: Line) -> tuple[dict[str, Value], tuple[str, ...]]:
    fields: dict[str, Value] = {}
    add = []
    for change in line.changes:
        if not change.written:
            continue
        value = change.new
        if isinstance(value, RecordRef):
            target = _target(box, one, value.role)
            if target is None:
                continue
            fields[change.name] = target[1]
            continue
        if change.add and line.match is not None and line.match.action != "create":
            value = _missing(change)
            add.append(change.name)
        fields[change.name] = value  # type: ignore[assignment]
    return fields, tuple(add)


def _missing(change: FieldChange) -> list[Value]:
    """The values that a list does not hold yet."""
    old = as_list(change.old)
    return [one for one in as_list(change.new) if not any(same(was, one) for was in old)]  # type: ignore[misc]


def _target(box: Outbox, one: Planned, role: str) -> tuple[str, str | Ref] | None:
    """The type and the id (or the write) of the record of another role, if there is one."""
    for line in one.lines:
        if line.draft.role == role and "" in line.items_of(one):
            return _of_line(box, line)
    link = one.claimed.delivery.subject.link(role)
    return None if link is None else (link.type, link.record)


def _of_line(box: Outbox, line: Line) -> tuple[str, str | Ref] | None:
    known = box.known.get(id(line))
    if known is not None:
        return known.alias_type or known.type, known.alias_of or known.id
    write = box.write_of.get(id(line))
    return None if write is None else (write.type, Ref(write=write.id))


def _about(box: Outbox, one: Planned, line: Line) -> tuple[About, ...]:
    creating = line.match is not None and line.match.action in ("create", "upsert")
    if not creating and (line.draft.role != "person" or line.draft.company != "always"):
        return ()
    if line.draft.role == "person" and line.draft.company == "never":
        return ()
    only_new = line.draft.role == "person" and line.draft.company == "on_create"
    found = []
    for role in line.draft.about:
        items = [other for other in one.lines if other.draft.role == role]
        targets = [_of_line(box, other) for other in items]
        if not items:
            links = [link for link in one.claimed.delivery.subject.links if link.role == role]
            targets = [(link.type, link.record) for link in links if not link.retired]
        found += [
            About(role=role, type=target[0], record=target[1], only_new=only_new)
            for target in targets
            if target is not None
        ]
    return tuple(found)

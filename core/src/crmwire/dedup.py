"""Deciding which record is meant and what may be written to it. All pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from crmwire.types import (
    Candidates,
    Draft,
    DraftField,
    Event,
    FieldChange,
    Key,
    Match,
    Record,
    RecordRef,
    UserRef,
    Value,
    WritePolicy,
)


def origin_of(feed: str, event: Event) -> str:
    """What a record that stands for an event's subject is known by in a CRM: 16 hex digits.

    Made from the subject's first id as far as the event tells it, and never from a number of the
    store's own: put back from a backup, a store gives those to other subjects.
    """
    first = event.previous_ids[0] if event.previous_ids else event.subject_id
    return hashlib.sha256(f"{feed}\n{first}".encode()).hexdigest()[:16]


def normal_key(value: object) -> str:
    """A key's value as it is compared: trimmed, addresses in lower case; plus and dots kept."""
    text = str(value).strip()
    return text.lower() if "@" in text else text


def keys_of(draft: Draft) -> tuple[Key, ...]:
    """The keys to look a draft's record up by, in the order of its mapping's `match`."""
    keys = []
    for name in draft.match:
        if name == "record" and draft.record:
            keys.append(Key(types=draft.types, name="id", value=draft.record.strip()))
        if name in ("link", "record"):
            continue
        for field in _fields_named(draft, name):
            value = field.value[0] if isinstance(field.value, list | tuple) else field.value
            types = tuple(
                type_
                for type_ in draft.types
                if any(f.name == name for f in draft.fields.get(type_, ()))
            )
            keys.append(Key(types=types, name=name, value=normal_key(value)))
            break
    return tuple(key for key in keys if key.types)


def _fields_named(draft: Draft, name: str) -> Iterator[DraftField]:
    for fields in draft.fields.values():
        for field in fields:
            if field.name == name and not isinstance(field.value, UserRef | RecordRef):
                yield field


def can_upsert(draft: Draft, keys: Sequence[Key], unique: Sequence[str]) -> Key | None:
    """The key by which this draft can be written without a look-up, or None.

    Only if one type is looked in and created, everything present is written always, and the CRM
    names the one key unique.
    """
    if draft.link or len(keys) != 1 or not draft.update or len(draft.types) != 1:
        return None
    key = keys[0]
    if draft.create_type != draft.types[0] or key.name not in unique:
        return None
    for field in draft.fields.get(draft.create_type, ()):
        if field.name != key.name and field.write is not WritePolicy.ALWAYS:
            return None
    return key


def chosen(draft: Draft, answers: Sequence[Candidates]) -> Match:
    """Update the record that matches, create one, skip, or hold for a person.

    Keys in order, within a key the types in the order of `look_in`: the first that matches wins.
    """
    for candidates in answers:
        usable = _of_first_type(draft, candidates.records)
        if not usable:
            continue
        return _one_of(draft, usable, candidates.query.key)
    if not answers and not draft.create_without_key:
        return Match(action="hold", why="nothing to match by")
    if draft.create_type is not None:
        why = "no record matches" if answers else "there is nothing to match by"
        return Match(action="create", type=draft.create_type, why=why)
    if draft.if_none == "hold":
        return Match(action="hold", why="no record matches and none may be created")
    return Match(action="skip", why="no record matches and none may be created")


def _of_first_type(draft: Draft, records: Sequence[Record]) -> list[Record]:
    for type_ in draft.types:
        found = [record for record in records if record.type == type_]
        live = [record for record in found if record.alias_of is None]
        if found:
            return live or found
    return []


def _one_of(draft: Draft, records: Sequence[Record], key: str) -> Match:
    long_ago, never = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    if len(records) > 1:
        match draft.several:
            case "newest":
                records = [max(records, key=lambda r: r.created_at or long_ago)]
            case "oldest":
                records = [min(records, key=lambda r: r.created_at or never)]
            case "active":
                records = [max(records, key=lambda r: r.last_activity_at or long_ago)]
            case "skip":
                return Match(action="skip", why=f"{len(records)} records match by {key}")
            case _:
                return Match(
                    action="hold",
                    why=f"{len(records)} records match by {key}",
                    candidates=tuple(records),
                )
    record = records[0]
    return Match(action="update", type=record.type, record=record, why=f"matched by {key}")


def merged_fields(draft: Draft, match: Match) -> tuple[FieldChange, ...]:
    """What may be written, field by field, by the policies of the draft."""
    fields = draft.fields.get(match.type or "", ())
    if match.action in ("create", "upsert"):
        return tuple(_on_create(field, match) for field in fields)
    if match.action != "update" or match.record is None:
        return ()
    return tuple(_on_update(draft, field, match.record) for field in fields)


def _on_create(field: DraftField, match: Match) -> FieldChange:
    written = field.write is not WritePolicy.ON_UPDATE
    why = "new record" if match.action == "create" else "always"
    return FieldChange(
        name=field.name,
        old=None,
        new=field.value,
        written=written,
        why=why if written else "only on update",
        add=field.write is WritePolicy.ADD and match.action == "upsert",
    )


def _on_update(draft: Draft, field: DraftField, record: Record) -> FieldChange:
    old = record.fields.get(field.name)
    written, why = _verdict(draft, field, old, field.name in record.fields)
    if written and not record.writable:
        written, why = False, "the record cannot be written"
    return FieldChange(
        name=field.name,
        old=old,
        new=field.value,
        written=written,
        why=why,
        add=field.write is WritePolicy.ADD,
    )


def _verdict(draft: Draft, field: DraftField, old: Value, known: bool) -> tuple[bool, str]:
    policy = field.write
    if isinstance(field.value, RecordRef) or policy is WritePolicy.ON_CREATE:
        return False, "only on create"
    if not draft.update:
        return False, "existing records are left alone"
    if isinstance(field.value, UserRef):
        return True, "the mapping asks for it"
    if policy is WritePolicy.IF_EMPTY:
        if not known:
            return False, "not read, so not known to be empty"
        return (True, "was empty") if blank(old) else (False, "already filled")
    if policy is WritePolicy.ADD:
        missing = [one for one in as_list(field.value) if not _holds(old, one)]
        return (True, "joins the list") if missing else (False, "already there")
    if known and same(old, field.value):
        return False, "unchanged"
    return True, "always" if policy is WritePolicy.ALWAYS else "on update"


def blank(value: Value) -> bool:
    """Whether a field of a record counts as empty."""
    return value is None or value == [] or (isinstance(value, str) and not value.strip())


def as_list(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _holds(old: Value, one: object) -> bool:
    return any(same(value, one) for value in as_list(old))


def same(old: object, new: object) -> bool:
    """Whether a stored value is already what is wanted; texts are compared trimmed."""
    if isinstance(old, str) and isinstance(new, str):
        old, new = old.strip(), new.strip()
        return old == new or ("@" in new and old.lower() == new.lower())
    return type(old) is type(new) and old == new

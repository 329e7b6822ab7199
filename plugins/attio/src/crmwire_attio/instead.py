"""A note in the place of a record whose object the workspace does not have.

Plans differ in how many custom objects they include. Where the mapping says so
(`without_object = "note"`), a record of an object that is not there becomes one note on the
record that it is `about`, with a line for each value, and is kept up to date. Its last line
names the key that the record would have been matched by: a note has none of its own, so that
line is looked for before a note is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import attrs

from crmwire import dedup
from crmwire.errors import Rejected
from crmwire.types import Draft, FieldChange, Match, Value, Write, Written
from crmwire_attio import api, notes
from crmwire_attio.errors import NO_OBJECT
from crmwire_attio.flows import Flow
from crmwire_attio.schema import Schema
from crmwire_attio.settings import settings_of

STANDING = ("notes", "tasks", "people", "companies")


def allowed(write: Write) -> bool:
    """Whether this write may become a note if its object is not there."""
    is_own = write.type not in STANDING and not write.type.startswith(api.LIST)
    return is_own and settings_of(write.settings).without_object == "note"


def is_one(write: Write) -> bool:
    """Whether this changes a note that stands for a record: its fields are not a note's."""
    return (
        write.type == "notes"
        and write.action == "update"
        and settings_of(write.settings).without_object == "note"
        and not set(write.fields) <= set(notes.FIELDS)
    )


def changes(draft: Draft, match: Match) -> Sequence[FieldChange] | None:
    """What of a custom object's record goes into the note that stands for it."""
    if match.type != "notes" or "notes" in draft.fields or len(draft.types) != 1:
        return None
    return dedup.merged_fields(draft, attrs.evolve(match, type=draft.types[0]))


def write_record(flow: Flow[Written], schema: Schema, write: Write) -> Flow[Written]:
    """Do what `flow` does; if the object is not there, write the note instead."""
    try:
        return (yield from flow)
    except Rejected as failure:
        if failure.code != NO_OBJECT or not write.about:
            raise
    return (yield from _put(write))


def change(write: Write) -> Flow[Written]:
    """Change the lines of a note that stands for a record; the rest of it stays."""
    return (yield from _changed(write, str(write.record)))


# ---------------------------------------------------------------- the note


def _put(write: Write) -> Flow[Written]:
    object_, record = notes.parent(write)
    key = _line(write.match.name, write.match.value) if write.match else ""
    rows = (yield from notes.listing(object_, record)) if key else []
    for row in rows:
        if key in str(row.get("content_plaintext") or "").splitlines():
            return (yield from _changed(write, api.id_of(row, "note")))
    told = _told(write.fields)
    if write.match is not None:
        told.pop(_label(write.match.name), None)
    content = "\n".join([*(f"{label}: {text}" for label, text in told.items()), key]).strip()
    note = attrs.evolve(
        write,
        type="notes",
        action="create",
        match=None,
        fields={notes.TITLE: _title(write) or key, notes.CONTENT: content},
    )
    made = yield from notes.write_note(note)
    return attrs.evolve(made, dropped=(f"{write.type}: written as a note",))


def _changed(write: Write, note: str) -> Flow[Written]:
    row = api.row((yield api.read("notes", note)))
    told, lines = _told(write.fields), list[str]()
    for line in str(row.get("content_plaintext") or "").splitlines():
        label = line.partition(":")[0]
        lines.append(f"{label}: {told.pop(label)}" if label in told else line)
    # What the note did not tell before goes above the key, its last line.
    lines[-1:-1] = [f"{label}: {text}" for label, text in told.items()]
    fields: dict[str, Value] = {notes.CONTENT: "\n".join(lines)}
    if _title(write):
        fields[notes.TITLE] = _title(write)
    same = fields[notes.CONTENT] == row.get("content_plaintext") and (
        fields.get(notes.TITLE) in (None, row.get("title"))
    )
    if same:
        return Written(id=write.id, type="notes", record=note, created=False)
    changed = attrs.evolve(
        write, type="notes", action="update", record=note, match=None, fields=fields
    )
    return (yield from notes.write_note(changed))


def _title(write: Write) -> str:
    return str(write.fields.get("name") or "")


def _label(slug: str) -> str:
    return slug.replace("_", " ").capitalize()


def _line(slug: str, value: object) -> str:
    return f"{_label(slug)}: {_shown(value)}"


def _told(fields: Mapping[str, Value]) -> dict[str, str]:
    """Each value as a line tells it, by its label; the name is the title, ids tell nobody."""
    return {
        _label(slug): _shown(value)
        for slug, value in fields.items()
        if slug != "name" and value is not None and not _is_record(value)
    }


def _is_record(value: Value) -> bool:
    values = value if isinstance(value, list | tuple) else [value]
    return all(api.UUID.fullmatch(str(one)) for one in values)


def _shown(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    if isinstance(value, list | tuple):
        return ", ".join(map(_shown, value))
    return " ".join(str(value).split())

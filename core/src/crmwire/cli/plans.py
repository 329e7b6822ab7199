"""A Plan, printed: each record, what would be done with it, and each of its fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from crmwire.cli.output import iso_time, jsonable, print_table, say
from crmwire.types import RecordRef, Ref, UserRef

if TYPE_CHECKING:
    from crmwire.previewing import Preview, PreviewLine
    from crmwire.types import Key, Record

_LONGEST = 120
"""Characters of a value that are shown to a person."""


def as_data(plan: Preview) -> dict[str, Any]:
    """A Plan as JSON has it."""
    made: dict[str, Any] = jsonable(plan)
    made["lines"] = [
        {
            **jsonable(line),
            "candidates": [_record(record) for record in line.candidates],
            "changes": [
                {**jsonable(change), "new": jsonable(_reference(change.new))}
                for change in line.changes
            ],
        }
        for line in plan.lines
    ]
    return made


def _record(record: Record) -> dict[str, Any]:
    return {"type": record.type, "id": record.id, "url": record.url, "name": _name(record)}


def _reference(value: object) -> object:
    """References as what they stand for."""
    if isinstance(value, UserRef):
        return {"user": value.email}
    if isinstance(value, RecordRef):
        return {"record": value.role}
    return value


def show(plan: Preview) -> None:
    """Print a Plan for a person."""
    to = "" if plan.route == "-" else f" by route {plan.route} to {plan.connection}"
    say(f"{plan.event_type}{to}")
    if plan.skip:
        say(f"  skipped: {plan.skip}")
    if plan.problem:
        say(f"  held: {plan.problem}")
    if plan.not_looked_up:
        say(f"  not looked up: {plan.not_looked_up}")
    if plan.remedy:
        say(f"  {plan.remedy}")
    for line in plan.lines:
        _show_line(line)
    say()


def _show_line(line: PreviewLine) -> None:
    role = " ".join(part for part in (line.role, line.item) if part)
    say(f"  {role}: {told(line.do, line.type, line.record, line.why)}")
    if line.url:
        say(f"    {line.url}")
    if line.keys:
        say(f"    looked for by {', '.join(map(_key, line.keys))}")
    for record_ in line.candidates:
        name = _name(record_)
        say(f"    found {record_.type} {record_.id}{f' ({name})' if name else ''}")
    if line.changes:
        print_table(
            ("    FIELD", "IN THE CRM", "NEW", "WRITTEN"),
            [
                (
                    f"    {change.name}",
                    shown(change.old),
                    shown(change.new),
                    f"yes: {change.why}" if change.written else f"no: {change.why}",
                )
                for change in line.changes
            ],
        )


def told(do: str, type_: str | None, record: str | None, why: str | None) -> str:
    """`update Contact 003… (linked)`."""
    what = " ".join(part for part in (do, type_, record) if part)
    return f"{what} ({why.rstrip('.')})" if why else what


def _key(key: Key) -> str:
    return f"{key.name} {key.value!r} in {', '.join(key.types)}"


def _name(record: Record) -> str | None:
    """What a record is called, as far as its fields tell."""
    for key in ("Name", "name", "full_name", "title", "email", "Email"):
        value = record.fields.get(key)
        if isinstance(value, str) and value:
            return value
    return None


def shown(value: object) -> str:
    """A field's value on one line."""
    text = _text(value).replace("\r", "").replace("\n", " ⏎ ")
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _text(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, UserRef):
        return f"the user {value.email}"
    if isinstance(value, RecordRef):
        return f"the {value.role}"
    if isinstance(value, Ref):
        return "the record made with it"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return iso_time(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_text(part)}" for name, part in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_text, value))
    return str(value)

"""Holding a mapping against the workspace: objects, attributes, choices and scopes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from crmwire.errors import Failure, NeedsLogin, NotAllowed, Rejected, RetryLater
from crmwire.types import FieldInfo, Finding
from crmwire_attio import checking, scopes
from crmwire_attio.api import LIST
from crmwire_attio.errors import NO_OBJECT
from crmwire_attio.settings import NewObject, settings_of

if TYPE_CHECKING:
    from crmwire.connections import Connection
    from crmwire.mapping import Mapping as FieldMapping
    from crmwire.mapping_form import FieldRow

Rows = Mapping[str, "FieldRow"]


def check_mapping(conn: Connection, mapping: FieldMapping) -> list[Finding]:
    """What of the mapping the workspace would refuse. Raises: Failures of asking it."""
    found: list[Finding] = []
    for role, type_, rows, match in _tables(mapping):
        found += _of_scopes(conn, role, type_, rows)
        try:
            fields = {field.name: field for field in checking.list_fields(conn, type_)}
        except (NeedsLogin, NotAllowed, RetryLater):
            raise
        except Rejected as failure:
            if failure.code != NO_OBJECT:
                raise
            found.append(_no_object(conn, mapping, role, type_, failure))
            continue
        found += _of_rows(conn, mapping, role, type_, rows, fields)
        found += _of_keys(role, type_, match, fields)
        absent = [one.name for one in fields.values() if one.required and one.name not in rows]
        found += [
            Finding(
                level="warning",
                subject=f"{role} {type_}.{name}",
                message="Attio requires this attribute of a new record; no row gives it.",
                remedy="Add a row for it, or make it optional in Attio.",
            )
            for name in absent
        ]
    return found


def _tables(mapping: FieldMapping) -> Iterator[tuple[str, str, Rows, Sequence[str]]]:
    """Role, type, rows and keys of each table, the rows of its events among them."""
    for role, table in mapping.records.items():
        for type_, rows in table.fields.items():
            yield role, type_, rows, [key for key in table.match if key in rows]
    for role, activity in mapping.activities.items():
        rows = dict(activity.fields)
        for change in activity.on.values():
            rows.update({name: row for name, row in change.fields.items() if name not in rows})
        yield role, activity.object, rows, activity.match


def _no_object(
    conn: Connection, mapping: FieldMapping, role: str, type_: str, failure: Failure
) -> Finding:
    falls_back = settings_of(mapping.crm).without_object == "note" and not type_.startswith(LIST)
    remedy = failure.remedy.removesuffix("; then retry.") + "."
    if type_ in settings_of(mapping.crm).objects:
        remedy = f"Run `crmwire setup {conn.name}`, which makes it."
    return Finding(
        level="warning" if falls_back else "error",
        subject=f"{role} {type_}",
        message=f"{failure.message} Its records are written as notes."
        if falls_back
        else failure.message,
        remedy=remedy,
    )


def _of_scopes(conn: Connection, role: str, type_: str, rows: Rows) -> Iterator[Finding]:
    wanted = list(scopes.needed(type_))
    if any(row.user is not None for row in rows.values()):
        wanted += scopes.USERS
    for scope in scopes.missing(scopes.held(conn), wanted):
        yield Finding(
            level="error",
            subject=f"{role} {type_}",
            message=f"The access token lacks the scope {scope}.",
            remedy=f"{scopes.where(conn)}.",
        )


def _of_rows(
    conn: Connection,
    mapping: FieldMapping,
    role: str,
    type_: str,
    rows: Rows,
    fields: Mapping[str, FieldInfo],
) -> Iterator[Finding]:
    described = settings_of(mapping.crm).objects.get(type_, NewObject()).attributes
    for name, row in rows.items():
        subject, field = f"{role} {type_}.{name}", fields.get(name)
        if field is None:
            yield Finding(
                level="error",
                subject=subject,
                message=f"The workspace has no such attribute.{_meant(name, fields)}",
                remedy=f"Run `crmwire setup {conn.name}`, which makes it."
                if name in described
                else "Add it in Attio, or take the row out of the mapping.",
            )
        elif not field.writable:
            yield Finding(
                level="error",
                subject=subject,
                message="Attio computes this attribute itself.",
                remedy="Take the row out of the mapping.",
            )
        elif field.options:
            wanted = described[name].options if name in described else ()
            yield from _of_choice(conn, subject, row, field, wanted)


def _meant(name: str, fields: Iterable[str]) -> str:
    close = get_close_matches(name, list(fields), n=1)
    return f" Is {close[0]} meant?" if close else ""


def _of_choice(
    conn: Connection, subject: str, row: FieldRow, field: FieldInfo, described: Sequence[str]
) -> Iterator[Finding]:
    """A select or status that is given a fixed text must be given one of its choices."""
    text = row.value.text if row.value is not None else ""
    if not text or "{{" in text or text in field.options:
        return
    yield Finding(
        level="error",
        subject=subject,
        message=f"{text!r} is none of its choices: {', '.join(field.options)}.",
        remedy=f"Run `crmwire setup {conn.name}`, which adds it."
        if text in described
        else "Use one of them, or add this one in Attio.",
    )


def _of_keys(
    role: str, type_: str, match: Iterable[str], fields: Mapping[str, FieldInfo]
) -> Iterator[Finding]:
    for name in match:
        if name in fields and not fields[name].unique:
            yield Finding(
                level="error" if role not in ("person", "company") else "warning",
                subject=f"{role} {type_}.{name}",
                message="Attio does not keep this attribute unique, so nothing is matched by it.",
                remedy="Match by an attribute that Attio keeps unique.",
            )

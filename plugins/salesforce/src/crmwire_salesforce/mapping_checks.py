"""A mapping held against what the org has: each finding with what an admin can do about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal

from attrs import frozen

from crmwire.errors import ConfigurationError
from crmwire.types import FieldInfo, Finding
from crmwire_salesforce import describing, users
from crmwire_salesforce.duplicate_rules import about_duplicates
from crmwire_salesforce.info import SalesforceMapping
from crmwire_salesforce.preparing import ACTIVITIES

if TYPE_CHECKING:
    from crmwire.connections import Connection
    from crmwire.mapping import Mapping as FieldMapping
    from crmwire.mapping_form import FieldRow


@frozen(kw_only=True)
class _Table:
    """The fields that one table of a mapping writes to one object type."""

    role: str
    type: str
    rows: Mapping[str, tuple[FieldRow, ...]]
    filled: frozenset[str]
    """Names, in lower case, of the fields that a new record gets."""
    creates: bool


def check_mapping(conn: Connection, mapping: FieldMapping) -> list[Finding]:
    """Fields, required fields, values, duplicate rules, external id and owner.

    Raises: Failure.
    """
    findings: list[Finding] = []
    tables = list(_tables(mapping))
    for table in tables:
        listed = describing.list_fields(conn, table.type)
        if listed is None:
            subject = f"{table.role} {table.type}"
            findings.append(
                _finding(
                    "error",
                    subject,
                    f"The object {table.type} is missing or the user has no right to it.",
                    f"In Setup, give the user's profile Create and Edit on {table.type}.",
                )
            )
            continue
        known = {field.name.lower(): field for field in listed}
        findings += _about_rows(mapping, table, known)
        findings += _about_record_type(conn, mapping, table)
        findings += _about_required(table, known)
        findings += _about_places(table, known)
    crm = mapping.crm
    settings = crm if isinstance(crm, SalesforceMapping) else SalesforceMapping()
    findings += about_duplicates(conn, settings, {t.type for t in tables if t.creates})
    findings += _about_external_id(conn, settings, [t for t in tables if t.type in ACTIVITIES])
    findings += _about_people(conn, settings)
    return findings


def _finding(
    level: Literal["ok", "warning", "error"], subject: str, message: str, remedy: str
) -> Finding:
    return Finding(level=level, subject=subject, message=message, remedy=remedy)


def _tables(mapping: FieldMapping) -> Iterator[_Table]:
    for role, table in mapping.records.items():
        created = _created_types(mapping, role)
        for type_, rows in table.fields.items():
            named = _together((rows, *(change.fields for change in table.on.values())))
            filled = frozenset(name.lower() for name in rows)
            yield _Table(role=role, type=type_, rows=named, filled=filled, creates=type_ in created)
    for role, follower in mapping.activities.items():
        named = _together((follower.fields, *(change.fields for change in follower.on.values())))
        if follower.mark:
            named = {follower.mark: (), **named}
        filled = frozenset(name.lower() for name in follower.fields)
        yield _Table(role=role, type=follower.object, rows=named, filled=filled, creates=True)


def _together(tables: Iterable[Mapping[str, FieldRow]]) -> Mapping[str, tuple[FieldRow, ...]]:
    """All rows of several tables by the field that they write."""
    every: dict[str, tuple[FieldRow, ...]] = {}
    for rows in tables:
        for name, row in rows.items():
            every[name] = (*every.get(name, ()), row)
    return every


def _created_types(mapping: FieldMapping, role: str) -> set[str]:
    """The types that this table may create, as the route's options have it."""
    table = mapping.records[role]
    try:
        created = table.create({"options": mapping.options})
    except ConfigurationError:
        return set(table.fields)  # it depends on the event
    return {str(created)} if created else set()


# ---------------------------------------------------------------- fields


def _about_rows(
    mapping: FieldMapping, table: _Table, known: Mapping[str, FieldInfo]
) -> Iterator[Finding]:
    for name, rows in table.rows.items():
        subject = f"{table.role} {table.type}.{name}"
        field = known.get(name.lower())
        if field is None:
            yield _finding(
                "error",
                subject,
                "The field is missing or hidden by field-level security.",
                f"In Setup, Object Manager, {table.type}, Fields: create it, or give the user's "
                "profile access to it.",
            )
            continue
        if not field.writable:
            yield _finding(
                "error",
                subject,
                "The connected user may not write this field, or nobody may.",
                "Give the user's profile Edit on it, or take it out of the mapping.",
            )
            continue
        for row in rows:
            yield from _about_value(subject, field, _constant(mapping, row), cut=row.cut)


def _constant(mapping: FieldMapping, row: FieldRow) -> str | None:
    """The text that a row always has, None if it depends on the event."""
    if row.value is None:
        return None
    if any(path.partition(".")[0] != "options" for path in row.value.paths):
        return None
    try:
        value = row.value({"options": mapping.options})
    except ConfigurationError:
        return None
    return value if isinstance(value, str) and value.strip() else None


def _about_value(
    subject: str, field: FieldInfo, text: str | None, *, cut: bool
) -> Iterator[Finding]:
    if text is None:
        return
    if field.options and text.strip() not in field.options:
        yield _finding(
            "error",
            subject,
            f"{text!r} is not a value of this restricted picklist.",
            f"Map one of {', '.join(field.options[:8])}, or add it to the picklist in Setup.",
        )
    length = len(text.encode("utf-16-le", "surrogatepass")) // 2
    if field.length and length > field.length and not cut:
        yield _finding(
            "error",
            subject,
            f"The text has {length} characters, the field takes {field.length}.",
            "Shorten it, or set `cut = true` in its row.",
        )


def _about_required(table: _Table, known: Mapping[str, FieldInfo]) -> Iterator[Finding]:
    if not table.creates:
        return
    for name, field in known.items():
        if field.required and name not in table.filled:
            yield _finding(
                "error",
                f"{table.role} {table.type}.{field.name}",
                "The org requires this field of new records, and the mapping does not fill it.",
                "Add a row for it to the mapping, or give it a default value in Setup.",
            )


def _about_places(table: _Table, known: Mapping[str, FieldInfo]) -> Iterator[Finding]:
    """States without their country, where the org has picklists of both.

    Then the describe has `StateCode` beside `State`, and a state is taken only with a country
    that has it (Salesforce Help, "State and Country/Territory Picklists", read 2026-11).
    """
    names = {name.lower(): name for name in table.rows}
    for low, name in names.items():
        if not low.endswith(("state", "statecode")):
            continue
        start = low.removesuffix("code").removesuffix("state")
        if f"{start}statecode" not in known:
            continue
        if not {f"{start}country", f"{start}countrycode"} & names.keys():
            yield _finding(
                "error",
                f"{table.role} {table.type}.{name}",
                "The org has picklists of states and countries: a state without its country is "
                "refused.",
                f"Map {known[f'{start}statecode'].name.removesuffix('StateCode')}CountryCode too.",
            )
        elif low.endswith("state"):
            yield _finding(
                "warning",
                f"{table.role} {table.type}.{name}",
                "The org has picklists of states and countries: a state's name that is not in "
                "its list is refused.",
                f"Map {known[f'{start}statecode'].name} instead, or let `drop` name the field.",
            )


def _about_record_type(conn: Connection, mapping: FieldMapping, table: _Table) -> Iterator[Finding]:
    """A record type that is not one of those given to the user's profile."""
    allowed = {str(id_)[:15] for id_ in describing.record_types(conn, table.type)}
    for row in table.rows.get("RecordTypeId", ()):
        wanted = _constant(mapping, row)
        if wanted is not None and wanted[:15] not in allowed:
            yield _finding(
                "error",
                f"{table.role} {table.type}.RecordTypeId",
                f"{wanted} is not a record type that the connected user may give.",
                "In Setup, Profiles, Record Type Settings, give it to the user's profile, or map "
                f"another: {', '.join(sorted(allowed)) or 'there is none'}.",
            )


# ---------------------------------------------------------------- rules of the org


def _about_external_id(
    conn: Connection, settings: SalesforceMapping, tables: list[_Table]
) -> Iterator[Finding]:
    name = settings.external_id
    if not name:
        return
    for type_ in dict.fromkeys(table.type for table in tables):
        subject = f"external id {type_}.{name}"
        field = describing.field_of(conn, type_, name)
        if field is None:
            yield _finding(
                "ok",
                subject,
                "The field is missing or hidden, so an unanswered write is looked up by content.",
                f"Run `crmwire setup {conn.name}`, which offers to create it.",
            )
        elif not describing.is_key(conn, type_, name):
            yield _finding(
                "error",
                subject,
                "Records cannot be written by this field: it is no external id, or not writable.",
                "In Setup, Activity Custom Fields, make it an External ID and give the user's "
                "profile Edit on it.",
            )


def _about_people(conn: Connection, settings: SalesforceMapping) -> Iterator[Finding]:
    owner = settings.fallback_owner
    if owner and users.by_email(conn, owner) is None:
        yield _finding(
            "error",
            "fallback owner",
            f"No active user has the address {owner}.",
            "Set fallback_owner in [crm] to the address of an active user.",
        )
    if settings.person_accounts and describing.field_of(conn, "Account", "IsPersonAccount") is None:
        yield _finding(
            "error",
            "person accounts",
            "The org has no person accounts, or the user may not see them.",
            "Switch them on in Setup, or take person_accounts out of [crm].",
        )

"""`check_mapping`: a mapping held against the account's own properties.

What HubSpot would refuse at the first booking is found here: properties that are not there or
cannot be written, values that are not among an enumeration's options (compared exactly), what
the account demands of new records, and what the mapping itself allows, such as one group only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from crmwire.errors import ConfigurationError, Failure, NotAllowed, Rejected
from crmwire.mapping import Mapping as FieldMapping
from crmwire.mapping_form import FieldRow
from crmwire.types import FieldInfo, Finding
from crmwire_hubspot import fields, paths
from crmwire_hubspot.account import try_writing
from crmwire_hubspot.kinds import CONTACTS, FOUND, OBJECT_TYPES, linked_type
from crmwire_hubspot.options import OUTCOME, same_option
from crmwire_hubspot.scopes import CONTACTS_WRITE, lost, remedy, scope
from crmwire_hubspot.settings import HubSpotMapping

if TYPE_CHECKING:
    from crmwire.connections import Connection

_LISTS = "`crmwire fields CONNECTION {type}` lists the properties."


class Row(NamedTuple):
    """One row of a mapping, and where it stands. `makes`: it counts when a record is made."""

    role: str
    type: str
    name: str
    row: FieldRow
    makes: bool

    @property
    def subject(self) -> str:
        return f"{self.role} {self.type}.{self.name}"


def check_mapping(conn: Connection, mapping: FieldMapping) -> list[Finding]:
    """Everything that does not fit, each with its remedy, each once."""
    found: dict[tuple[str, str], Finding] = {}
    rows = list(rows_of(mapping))
    for type_ in dict.fromkeys(row.type for row in rows):
        own = [row for row in rows if row.type == type_]
        for finding in _of_type(conn, mapping, type_, own):
            found.setdefault((finding.subject, finding.message), finding)
    return list(found.values())


def rows_of(mapping: FieldMapping) -> Iterator[Row]:
    """All rows of a mapping, less those of tables that its options switch off."""
    for role, table in mapping.records.items():
        if not _constant(table.look_in.value, mapping, "on"):
            continue
        for type_, rows in table.fields.items():
            for name, row in rows.items():
                yield Row(role, type_, name, row, makes=True)
            for change in table.on.values():
                for name, row in change.fields.items():
                    yield Row(role, type_, name, row, makes=False)
    for role, activity in mapping.activities.items():
        for name, row in activity.fields.items():
            yield Row(role, activity.object, name, row, makes=True)
        for change in activity.on.values():
            for name, row in change.fields.items():
                yield Row(role, activity.object, name, row, makes=False)


def _of_type(
    conn: Connection, mapping: FieldMapping, type_: str, rows: list[Row]
) -> Iterator[Finding]:
    try:
        listed = {field.name: field for field in fields.list_fields(conn, type_)}
    except NotAllowed:
        name = scope(type_, "read")
        message = f"The scope {name} is missing: {lost(name)}."
        yield Finding(level="error", subject=type_, message=message, remedy=remedy(name))
        return
    except Rejected:
        yield Finding(
            level="error",
            subject=type_,
            message="HubSpot knows no such object type.",
            remedy=f"The mapping can write {', '.join(sorted(OBJECT_TYPES))}.",
        )
        return
    if _writes(mapping, type_):
        yield from _unwritable(conn, type_)
    for row in rows:
        field = listed.get(row.name)
        if field is None:
            yield _unknown(row)
        elif not field.writable:
            yield Finding(
                level="error",
                subject=row.subject,
                message="HubSpot computes this property itself; it cannot be written.",
                remedy="Take it out of the mapping. " + _LISTS.format(type=type_),
            )
        else:
            yield from _value(row, field, mapping)
    settings = mapping.crm if isinstance(mapping.crm, HubSpotMapping) else HubSpotMapping()
    yield from _allowed(settings, type_, rows, listed)
    yield from _demanded(conn, type_, rows)


def _writes(mapping: FieldMapping, type_: str) -> bool:
    """Whether records of this type may be made or changed, and not only found."""
    return any(
        type_ in table.fields
        and (
            _constant(table.create.value, mapping, "maybe")
            or _constant(table.update.value, mapping, "maybe")
        )
        for table in mapping.records.values()
    ) or any(activity.object == type_ for activity in mapping.activities.values())


def _unwritable(conn: Connection, type_: str) -> Iterator[Finding]:
    """A write scope that is missing. That of contacts and meetings `check_connection` tries."""
    if scope(type_, "write") == CONTACTS_WRITE:
        return
    try:
        try_writing(conn, type_)
    except NotAllowed as refused:
        yield Finding(level="error", subject=type_, message=refused.message, remedy=refused.remedy)


def _unknown(row: Row) -> Finding:
    if linked_type(row.name) is not None:
        message = f"{row.type} cannot be associated with {linked_type(row.name)} by id."
    else:
        message = "The account has no such property, or hides it."
    return Finding(
        level="error",
        subject=row.subject,
        message=message,
        remedy="Make it with `crmwire setup`, or take it out of the mapping. "
        + _LISTS.format(type=row.type),
    )


# ---------------------------------------------------------------- values


def _value(row: Row, field: FieldInfo, mapping: FieldMapping) -> Iterator[Finding]:
    """Whether what is surely sent is one of the options. Other expressions are not known."""
    value = None if row.row.value is None else _constant(row.row.value, mapping, None)
    if not field.options or not isinstance(value, str) or not value:
        return
    if value in field.options:
        return
    if row.name == OUTCOME:
        if same_option(value, field.options) is None:
            yield Finding(
                level="warning",
                subject=row.subject,
                message=f"The account has no outcome {value}: it is left out, and what writes "
                "nothing else is held.",
                remedy=f"Add the option {value} to {OUTCOME} in HubSpot's settings.",
            )
        return
    like = next((option for option in field.options if option.lower() == value.lower()), None)
    hint = f" It has {like}, and compares exactly." if like else ""
    yield Finding(
        level="error",
        subject=row.subject,
        message=f"The property has no option {value}.{hint}",
        remedy=f"Write one of its options: {', '.join(field.options[:12])}.",
    )


def _constant(value: object, mapping: FieldMapping, unknown: object) -> object:
    """What a setting or row always gives, as far as the route's options alone decide."""
    paths_: frozenset[str] = getattr(value, "paths", frozenset())
    if any(path.partition(".")[0] != "options" for path in paths_):
        return unknown
    if not callable(value):
        return value
    try:
        return value({"options": dict(mapping.options)})
    except ConfigurationError:
        return unknown


# ---------------------------------------------------------------- what is allowed, and demanded


def _allowed(
    settings: HubSpotMapping, type_: str, rows: list[Row], listed: Mapping[str, FieldInfo]
) -> Iterator[Finding]:
    """The limits that the mapping sets itself: one group of contacts' properties, some types."""
    group = settings.contact_group if type_ == CONTACTS else None
    email = listed.get("email")
    if group and email is not None and email.group != group:
        yield Finding(
            level="error",
            subject=f"{CONTACTS}.email",
            message=f"The property email stands in the group {email.group or 'without a name'}, "
            f"not in {group}: contacts cannot be posted.",
            remedy=f"Move it to the group {group} in HubSpot's settings, Properties.",
        )
    for row in rows:
        field = listed.get(row.name)
        if field is None or type_ not in FOUND:
            continue
        if group and field.group != group and row.name != "email":
            yield Finding(
                level="error",
                subject=row.subject,
                message=f"This mapping takes properties of the group {group} only; this one "
                f"stands in {field.group}.",
                remedy="Move it in HubSpot's settings, or take it out of the mapping.",
            )
        if settings.property_types and field.type not in settings.property_types:
            yield Finding(
                level="error",
                subject=row.subject,
                message=f"This mapping takes {' and '.join(settings.property_types)} properties "
                f"only; this one is {field.type}.",
                remedy="Take it out of the mapping.",
            )


def _demanded(conn: Connection, type_: str, rows: list[Row]) -> Iterator[Finding]:
    """Properties that the account demands of new records; only the newest version enforces it."""
    if conn.api_version != paths.DATED:
        return
    given = {row.name for row in rows if row.makes}
    for name in _required(conn, type_):
        if name not in given:
            yield Finding(
                level="error",
                subject=f"{type_}.{name}",
                message="The account demands this property of new records, and the mapping does "
                "not fill it.",
                remedy="Map it, lift the requirement in HubSpot's settings, or set api_version "
                'to "v3" until September 2027.',
            )


def _required(conn: Connection, type_: str) -> list[str]:
    """What the schema tells, where a scope opens it; conditional rules are not in it."""
    try:
        data: Any = conn.http.get(paths.schemas(conn, type_)).json()
    except Failure:
        return []
    named = data.get("requiredProperties") if isinstance(data, Mapping) else None
    return [str(name) for name in named or ()]

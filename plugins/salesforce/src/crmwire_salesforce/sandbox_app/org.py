"""One org: its records, its users and rules, and what it has counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import attrs
from attrs import define, frozen

from crmwire.sandbox import Account
from crmwire_salesforce.sandbox_app.ids import new_id
from crmwire_salesforce.sandbox_app.objects import STANDARD
from crmwire_salesforce.sandbox_app.problems import Refused
from crmwire_salesforce.sandbox_app.schema import Field, ObjectSchema

Row = dict[str, Any]
"""A record's values by canonical field name; datetimes aware, dates as `date`, rest as JSON."""

Commit = Callable[[str, str, str, Mapping[str, Any]], None]


@frozen(kw_only=True)
class ValidationRule:
    """Refuses a record whose field is blank, or holds this text."""

    type: str
    field: str
    message: str
    contains: str | None = None


@define(kw_only=True)
class Refusal:
    """An answer that a test asked for: `times` requests or records are refused with it."""

    where: Literal["record", "call", "query", "ui_api"]
    code: str
    message: str
    status: int
    fields: tuple[str, ...] | None
    type: str | None
    times: int
    more: Mapping[str, Any] = attrs.field(factory=dict)


@define
class _Change:
    """One step of the journal: what stood there before, and what to tell when it is settled."""

    type: str
    key: str
    before: Row | None
    action: str
    told: Mapping[str, Any]


@define(kw_only=True)
class Org(Account):
    """One org. Changes go through `put`, so that a failed transaction can be taken back."""

    number: int = 1
    daily_limit: int = 15_000
    page_size: int = 2_000
    used: int = 0
    api_enabled: bool = True
    schemas: dict[str, ObjectSchema] = attrs.field(factory=lambda: dict(STANDARD))
    tables: dict[str, dict[str, Row]] = attrs.field(factory=dict)
    rules: list[ValidationRule] = attrs.field(factory=list)
    duplicate_rule: Literal["off", "alert", "block"] = "off"
    refusals: list[Refusal] = attrs.field(factory=list)
    assignment_owner: str | None = None
    """Whom the active assignment rule names, if there is one."""
    person_accounts: bool = False
    state_picklists: bool = False
    multiday_events: bool = False
    hidden: dict[tuple[str, str], Field] = attrs.field(factory=dict)
    """Fields that are there but not shown to the connected user, by type and name."""
    cursors: dict[str, list[Any]] = attrs.field(factory=dict)
    user_id: str = ""
    org_id: str = ""
    _journal: list[_Change] = attrs.field(factory=list)
    _numbers: dict[str, int] = attrs.field(factory=dict)
    _described: dict[str, tuple[ObjectSchema, datetime]] = attrs.field(factory=dict)

    def schema(self, name: str) -> ObjectSchema | None:
        """The object type of that name, whatever its case."""
        return self.schemas.get(name.lower())

    def changed_at(self, schema: ObjectSchema) -> datetime:
        """When this object type or the rights to it were last changed, as far as was asked."""
        known = self._described.get(schema.name)
        if known is None:
            known = (schema, self.now() - timedelta(days=1))
        elif known[0] is not schema:
            known = (schema, max(self.now(), known[1] + timedelta(seconds=1)))
        self._described[schema.name] = known
        return known[1]

    def now(self) -> datetime:
        """The time as the org stores it: to the second."""
        return datetime.now(UTC).replace(microsecond=0)

    def fresh_id(self, schema: ObjectSchema) -> str:
        self._numbers[schema.prefix] = self._numbers.get(schema.prefix, 0) + 1
        return new_id(schema.prefix, self.number, self._numbers[schema.prefix])

    # ------------------------------------------------------------ records

    def row(self, type_: str, id_: str) -> Row | None:
        """The record, deleted ones too. Ids are compared by their first 15 characters."""
        return self.tables.get(type_, {}).get(id_[:15])

    def any_row(self, id_: str) -> tuple[ObjectSchema, Row] | None:
        """The record of whatever type has that id."""
        for schema in self.schemas.values():
            if id_.startswith(schema.prefix):
                row = self.row(schema.name, id_)
                return (schema, row) if row is not None else None
        return None

    def rows(self, type_: str, *, deleted: bool = False) -> Iterator[Row]:
        """The records of a type in the order they were made."""
        for row in self.tables.get(type_, {}).values():
            if deleted or not row.get("IsDeleted"):
                yield row

    def put(self, type_: str, row: Row, action: str, told: Mapping[str, Any]) -> None:
        """Store a record. `action` is told to the commit log when the request has succeeded."""
        table, key = self.tables.setdefault(type_, {}), row["Id"][:15]
        self._journal.append(_Change(type_, key, table.get(key), action, told))
        table[key] = row

    # ------------------------------------------------------------ transactions

    def mark(self) -> int:
        """Where a transaction begins; for `roll_back`."""
        return len(self._journal)

    def roll_back(self, mark: int) -> None:
        """Undo every change made since `mark`."""
        while len(self._journal) > mark:
            change = self._journal.pop()
            if change.before is None:
                del self.tables[change.type][change.key]
            else:
                self.tables[change.type][change.key] = change.before

    def settle(self, commit: Commit) -> None:
        """Keep all changes for good, and tell of each."""
        for change in self._journal:
            if change.action:
                row = self.tables[change.type][change.key]
                commit(change.action, change.type, row["Id"], change.told)
        self._journal.clear()

    # ------------------------------------------------------------ fields

    def hide(self, type_: str, name: str) -> None:
        """Take a field out of the connected user's sight, as field-level security does."""
        schema = self.schemas[type_.lower()]
        field = schema.fields[name.lower()]
        self.hidden[(schema.name, field.name)] = field
        self.schemas[type_.lower()] = schema.without_field(name)

    def show(self, type_: str, name: str) -> bool:
        """Give the connected user a field that was hidden; False if there is none."""
        for (owner, hidden), field in list(self.hidden.items()):
            if (owner.lower(), hidden.lower()) == (type_.lower(), name.lower()):
                self.schemas[owner.lower()] = self.schemas[owner.lower()].with_field(field)
                del self.hidden[(owner, hidden)]
                return True
        return False

    def has_field(self, type_: str, name: str) -> bool:
        """Whether a field is there, seen by the connected user or not."""
        schema = self.schemas[type_.lower()]
        known = {hidden.lower() for owner, hidden in self.hidden if owner == schema.name}
        return schema.field(name) is not None or name.lower() in known

    # ------------------------------------------------------------ limits

    def refuse(self, where: str, type_: str | None = None) -> None:
        """Raise what a test armed for this place, if anything. Raises: Refused."""
        for refusal in self.refusals:
            if refusal.where != where or refusal.times < 1:
                continue
            if refusal.type and type_ and refusal.type.lower() != type_.lower():
                continue
            refusal.times -= 1
            raise Refused(
                refusal.code,
                refusal.message,
                fields=refusal.fields,
                status=refusal.status,
                more=refusal.more,
            )

    def count_call(self) -> None:
        """Count one API call. Raises: Refused when API access is off or the day's are used up."""
        if not self.api_enabled:
            raise Refused(
                "API_DISABLED_FOR_ORG",
                "The REST API is not enabled for this Organization.",
                status=403,
            )
        if self.used >= self.daily_limit:
            raise Refused("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", status=403)
        self.used += 1

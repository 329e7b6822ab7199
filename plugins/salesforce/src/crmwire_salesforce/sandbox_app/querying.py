"""Running SOQL over an org's records, and answering it in chunks."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

from crmwire_salesforce.sandbox_app.ids import is_id
from crmwire_salesforce.sandbox_app.org import Org, Row
from crmwire_salesforce.sandbox_app.problems import Refused
from crmwire_salesforce.sandbox_app.schema import Field, ObjectSchema
from crmwire_salesforce.sandbox_app.soql import (
    Among,
    Compare,
    Condition,
    Either,
    Every,
    Literally,
    Not,
    Select,
    malformed,
    parse,
)
from crmwire_salesforce.sandbox_app.values import shown

_MAX_OFFSET = 2_000
Read = Callable[[Row], Any]
Test = Callable[[Row], bool]


def answer_query(org: Org, text: str, version: str, *, deleted: bool = False) -> dict[str, Any]:
    """What `query` answers, the first chunk of it. Raises: Refused."""
    select = parse(text)
    query = _Query(org, select, version)
    rows = query.rows(deleted=deleted)
    if select.fields is None:
        return {"totalSize": len(rows), "done": True, "records": []}
    return chunk(org, [query.record(row) for row in rows], version, 0)


def chunk(org: Org, records: list[Any], version: str, start: int, key: str = "") -> dict[str, Any]:
    """The records from `start`, and where the next ones are."""
    end = start + org.page_size
    answer: dict[str, Any] = {"totalSize": len(records), "done": end >= len(records)}
    if end < len(records):
        if not key:
            key = f"0r8{org.number:03d}{len(org.cursors):012d}"
            org.cursors[key] = records
        answer["nextRecordsUrl"] = f"/services/data/v{version}/query/{key}-{end}"
    return {**answer, "records": records[start:end]}


def next_chunk(org: Org, locator: str, version: str) -> dict[str, Any]:
    """What `nextRecordsUrl` answers. Raises: Refused."""
    key, _, start = locator.rpartition("-")
    if key not in org.cursors or not start.isdigit():
        raise Refused("INVALID_QUERY_LOCATOR", "invalid query locator")
    return chunk(org, org.cursors[key], version, int(start), key)


class _Query:
    """One statement, bound to the fields of one org."""

    def __init__(self, org: Org, select: Select, version: str) -> None:
        self._org = org
        self._select = select
        self._version = version
        schema = org.schema(select.type)
        if schema is None:
            raise malformed(
                select.text,
                select.type_at,
                f"sObject type '{select.type}' is not supported. If you are attempting to use a "
                "custom object, be sure to append the '__c' after the entity name. Please "
                "reference your WSDL or the describe call for the appropriate names.",
                "INVALID_TYPE",
            )
        self._schema = schema
        if select.offset > _MAX_OFFSET:
            raise Refused(
                "NUMBER_OUTSIDE_VALID_RANGE", f"Maximum SOQL offset allowed is {_MAX_OFFSET}"
            )
        self._test = self._bound(select.where) if select.where is not None else None
        self._columns = [self._path(name) for name in select.fields or ()]

    # ------------------------------------------------------------ rows

    def rows(self, *, deleted: bool) -> list[Row]:
        rows = [
            row
            for row in self._org.rows(self._schema.name, deleted=deleted)
            if self._test is None or self._test(row)
        ]
        for order in reversed(self._select.order):
            _, read = self._readable(order.field, 0)
            filled = [row for row in rows if read(row) is not None]
            empty = [row for row in rows if read(row) is None]
            filled.sort(key=lambda row: _sortable(read(row)), reverse=order.descending)
            rows = filled + empty if order.nulls_last else empty + filled
        end = None if self._select.limit is None else self._select.offset + self._select.limit
        return rows[self._select.offset : end]

    def record(self, row: Row) -> dict[str, Any]:
        """A row as it is answered: parents nest, each with its own `attributes`."""
        record = self._attributes(self._schema, row)
        for steps, field in self._columns:
            place: dict[str, Any] | None = record
            here: tuple[ObjectSchema, Row] | None = (self._schema, row)
            for step in steps:
                here = self._parent(here, step) if here else None
                name = str(step.relationship)
                if place is not None:
                    if place.get(name) is None:
                        place[name] = self._attributes(*here) if here else None
                    place = place[name]
            if place is not None and here is not None:
                place[field.name] = shown(here[1].get(field.name))
        return record

    def _attributes(self, schema: ObjectSchema, row: Row) -> dict[str, Any]:
        url = f"/services/data/v{self._version}/sobjects/{schema.name}/{row['Id']}"
        return {"attributes": {"type": schema.name, "url": url}}

    def _parent(
        self, here: tuple[ObjectSchema, Row], step: Field
    ) -> tuple[ObjectSchema, Row] | None:
        value = here[1].get(step.name)
        return self._org.any_row(value) if value else None

    # ------------------------------------------------------------ fields

    def _path(self, name: str, at: int | None = None) -> tuple[list[Field], Field]:
        """`Who.Email` as the references to follow and the field at their end. Raises: Refused."""
        if at is None:
            at = max(0, self._select.text.find(name))
        schema, steps = self._schema, []
        *relations, last = name.split(".")
        if relations and relations[0].lower() == schema.name.lower():
            relations = relations[1:]
        for relation in relations:
            step = schema.relation(relation)
            # Of a reference to several types, the first decides which fields can be named.
            targets = [self._org.schema(name) for name in step.refers] if step else []
            target = next((one for one in targets if one is not None), None)
            if step is None or target is None:
                raise malformed(
                    self._select.text,
                    at,
                    f"Didn't understand relationship '{relation}' in field path.",
                    "INVALID_FIELD",
                )
            steps.append(step)
            schema = target
        field = schema.field(last)
        if field is None:
            raise malformed(
                self._select.text,
                at,
                f"No such column '{last}' on entity '{schema.name}'. If you are attempting to "
                "use a custom field, be sure to append the '__c' after the custom field name. "
                "Please reference your WSDL or the describe call for the appropriate names.",
                "INVALID_FIELD",
            )
        return steps, field

    def _readable(self, name: str, at: int) -> tuple[Field, Read]:
        steps, field = self._path(name, at)
        if not field.filterable:
            raise malformed(
                self._select.text,
                at,
                f"field '{field.name}' can not be filtered in a query call",
                "INVALID_FIELD",
            )

        def read(row: Row) -> Any:
            here: tuple[ObjectSchema, Row] | None = (self._schema, row)
            for step in steps:
                here = self._parent(here, step) if here else None
            return here[1].get(field.name) if here else None

        return field, read

    # ------------------------------------------------------------ conditions

    def _bound(self, condition: Condition) -> Test:
        match condition:
            case Not(part):
                inner = self._bound(part)
                return lambda row: not inner(row)
            case Every(parts):
                tests = [self._bound(part) for part in parts]
                return lambda row: all(test(row) for test in tests)
            case Either(parts):
                tests = [self._bound(part) for part in parts]
                return lambda row: any(test(row) for test in tests)
            case Among():
                return self._among(condition)
            case Compare():
                return self._compare(condition)

    def _among(self, condition: Among) -> Test:
        field, read = self._readable(condition.field, condition.at)
        wanted = {
            _comparable(field, self._checked(field, value, condition.at))
            for value in condition.values
        }
        return lambda row: (_comparable(field, read(row)) in wanted) is not condition.negated

    def _compare(self, condition: Compare) -> Test:
        field, read = self._readable(condition.field, condition.at)
        value = self._checked(field, condition.value, condition.at)
        if condition.operator == "LIKE":
            pattern = _like(str(value))
            return lambda row: pattern.fullmatch(str(read(row) or "")) is not None
        wanted = _comparable(field, value)
        if condition.operator == "=":
            return lambda row: bool(_comparable(field, read(row)) == wanted)
        if condition.operator == "!=":
            return lambda row: bool(_comparable(field, read(row)) != wanted)
        operator = condition.operator

        def test(row: Row) -> bool:
            given = _comparable(field, read(row))
            if given is None or wanted is None:
                return False
            if operator == "<":
                return bool(given < wanted)
            if operator == "<=":
                return bool(given <= wanted)
            return bool(given > wanted) if operator == ">" else bool(given >= wanted)

        return test

    def _checked(self, field: Field, literal: Literally, at: int) -> Any:
        """The literal's value, if it is of the field's kind. Raises: Refused."""
        value = literal.value
        if value is None:
            return None
        if field.type in ("id", "reference"):
            if not (literal.quoted and is_id(value)):
                raise malformed(
                    self._select.text,
                    at,
                    f"invalid ID field: {value}",
                    "INVALID_QUERY_FILTER_OPERATOR",
                )
            return value
        kinds: dict[str, tuple[type | tuple[type, ...], str]] = {
            "datetime": (datetime, "dateTime"),
            "date": (date, "date"),
            "boolean": (bool, "boolean"),
            "int": ((int, float), "int"),
        }
        wanted, told = kinds.get(field.type, (str, "string"))
        mixed = field.type == "date" and isinstance(value, datetime)
        if isinstance(value, wanted) and literal.quoted is (wanted is str) and not mixed:
            return value
        quotes = "and should not be enclosed in quotes" if literal.quoted else "in quotes"
        quotes = "and should be enclosed in quotes" if wanted is str else quotes
        raise malformed(
            self._select.text,
            at,
            f"value of filter criterion for field '{field.name}' must be of type {told} {quotes}",
            "INVALID_FIELD",
        )


def _comparable(field: Field, value: Any) -> Any:
    """Texts without regard to case, ids by their first 15 characters."""
    if not isinstance(value, str):
        return value
    return value[:15] if field.type in ("id", "reference") else value.lower()


def _sortable(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


_LIKE = re.compile(r"\\(.)|([%_])|([^\\%_]+)", re.DOTALL)


def _like(text: str) -> re.Pattern[str]:
    """A LIKE pattern: `%` any text, `_` one character, a backslash before either for itself."""
    wild = {"%": ".*", "_": "."}
    parts: Sequence[tuple[str, str, str]] = _LIKE.findall(text)
    pattern = "".join(wild[sign] if sign else re.escape(own or rest) for own, sign, rest in parts)
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)

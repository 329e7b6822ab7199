"""The fields of a draft: what the rows of a mapping's table give for an event."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Dict
from html import escape
from typing import Any

import attrs

from crmwire.errors import Rejected
from crmwire.expressions import Expression, ExpressionError
from crmwire.mapping.variables import Variables
from crmwire.mapping_form import Fields
from crmwire.types import DraftField, DraftValue, RecordRef, UserRef, WritePolicy


def values(
    role: str, rows: Fields, variables: Variables, default: WritePolicy
) -> Iterator[DraftField]:
    """The fields that a table's rows give; blank values give none. Raises: Rejected."""
    for name, row in rows.items():
        where = f"{role}.{name}"
        policy = default if row.user is None else WritePolicy.ON_CREATE
        if row.write is not None:
            policy = WritePolicy(run(role, name, row.write.value, variables))
        value: DraftValue
        if row.record is not None:
            value = RecordRef(role=row.record)
        elif row.user is not None:
            email = run(role, name, row.user, variables)
            if not email:
                continue
            value = UserRef(email=str(email).strip().lower())
        else:
            value = run(role, name, row.value, variables)
            if isinstance(value, str):
                value = value.strip()
            if value is None or value == "" or value == []:
                continue
            _storable(value, where)
        yield DraftField(name=name, value=value, write=policy, cut=row.cut)


def _storable(value: object, where: str) -> None:
    if isinstance(value, Dict):
        raise Rejected(f"{where} is a group of values, not one value.", fields=(where,))


def escaped(
    type_: str, fields: Iterable[DraftField], html_fields: Dict[str, frozenset[str]]
) -> tuple[DraftField, ...]:
    """The fields, with texts made safe where the CRM takes HTML."""
    html = html_fields.get(type_, frozenset())
    return tuple(
        attrs.evolve(field, value=escape(field.value).replace("\n", "<br>"))
        if field.name in html and isinstance(field.value, str)
        else field
        for field in fields
    )


def shown(field: DraftField) -> object:
    """What `draft` shows of a field to the expressions of an event's change."""
    return None if isinstance(field.value, UserRef | RecordRef) else field.value


def run(role: str, name: str, value: object, variables: Variables) -> Any:
    """A setting of a table as it is for this event.

    Raises: Rejected if it is an expression that fails, naming the field.
    """
    if not isinstance(value, Expression):
        return value
    try:
        return value(variables)
    except ExpressionError as error:
        raise Rejected(
            f"The expression of {role}.{name} failed: {error.message}",
            remedy="Mend the mapping (`crmwire route show`), then retry.",
            fields=(name,),
        ) from error

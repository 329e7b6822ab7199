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
            policy = policy_of(role, name, row.write.value, variables)
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


def policy_of(role: str, name: str, value: object, variables: Variables) -> WritePolicy:
    """When a field may be written. Raises: Rejected."""
    return WritePolicy(word(role, name, value, variables, tuple(WritePolicy)))


def word(role: str, name: str, value: object, variables: Variables, words: tuple[str, ...]) -> Any:
    """A setting that is one of these words. Raises: Rejected."""
    made = run(role, name, value, variables)
    if made in words:
        return made
    raise _unfit(role, name, made, f"it must be one of {', '.join(words)}")


def texts_of(role: str, name: str, value: object, variables: Variables) -> tuple[str, ...]:
    """A setting that is a text or several; blank ones are none. Raises: Rejected."""
    made = run(role, name, value, variables)
    listed = made if isinstance(made, list | tuple) else [made]
    if not all(one is None or isinstance(one, str) for one in listed):
        raise _unfit(role, name, made, "it must be a text")
    return tuple(one for one in listed if one)


def text_of(role: str, name: str, value: object, variables: Variables) -> str | None:
    """A setting that is one text; None if it is blank. Raises: Rejected."""
    made = texts_of(role, name, value, variables)
    if len(made) > 1:
        raise _unfit(role, name, list(made), "it must be one text")
    return made[0] if made else None


def _unfit(role: str, name: str, made: object, why: str) -> Rejected:
    return Rejected(
        f"{role}.{name} of the mapping gives {made!r:.80}; {why}.",
        remedy="Mend the mapping (`crmwire route show`), then retry.",
        fields=(name,),
    )

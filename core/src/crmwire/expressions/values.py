"""The values that expressions are given: plain data, under names that are known."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import attrs

from crmwire.vocabulary import Answer, Details

VARIABLES = frozenset(
    [
        "answers",
        "booking",
        "customer",
        "draft",
        "event",
        "guest",
        "guests",
        "host",
        "hosts",
        "message",
        "options",
        "page",
        "payment",
        "source",
        "team",
        "ticket",
        "tracking",
    ]
)
"""The names that an expression may use."""

LENIENT = frozenset(["answers", "tracking"])
"""Variables whose keys depend on what the guest filled in: an unknown key is None there."""


_SCALARS = frozenset([type(None), str, bool, int, float, date, datetime])


class Lenient(dict[str, object]):
    """A mapping in which every unknown key is None."""

    def __missing__(self, key: object) -> None:
        return None


def plain(value: object) -> Any:
    """The plain data that expressions see of a value: dicts, lists and scalars.

    Of an event's details, and of a mapping with these keys, `answers` and `tracking` become
    mappings in which an unknown key is None. Raises: TypeError for anything that is not data.
    """
    if isinstance(value, Details):
        value = {name: getattr(value, name) for name in attrs.fields_dict(Details)}
    if isinstance(value, Mapping):
        return {str(key): _plain_variable(str(key), item) for key, item in value.items()}
    return _plain(value)


def _plain_variable(name: str, value: object) -> object:
    if name == "answers" and not isinstance(value, Mapping):
        given = value if isinstance(value, Sequence) and not isinstance(value, str) else ()
        if all(isinstance(item, Answer) for item in given):
            return _answers([item for item in given if isinstance(item, Answer)])
    if name in LENIENT and isinstance(value, Mapping):
        return Lenient({str(key): _plain(item) for key, item in value.items()})
    return _plain(value)


def _answers(given: Sequence[Answer]) -> Lenient:
    values: dict[str, list[str]] = {}
    labels: dict[str, str] = {}
    for answer in given:
        values.setdefault(answer.key, []).extend(answer.values)
        if answer.label:
            labels.setdefault(answer.label, answer.key)
    found = Lenient({key: _one_or_all(texts) for key, texts in values.items()})
    for label, key in labels.items():
        found.setdefault(label, found[key])
    return found


def _one_or_all(texts: list[str]) -> str | list[str] | None:
    if len(texts) > 1:
        return texts
    return texts[0] if texts else None


def _plain(value: object) -> object:
    if type(value) in _SCALARS:  # nearly all
        return value
    if isinstance(value, Lenient):
        return value
    if isinstance(value, enum.Enum):
        return _plain(value.value)
    if isinstance(value, str | int | float | date):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    kind = type(value)
    if attrs.has(kind):
        return {name: _plain(getattr(value, name)) for name in attrs.fields_dict(kind)}
    if isinstance(value, Sequence | frozenset | set) and not isinstance(value, bytes):
        return [_plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} is not data that an expression can use")


def lenient(variables: Mapping[str, object]) -> Mapping[str, object]:
    """The variables, with `answers` and `tracking` in which an unknown key is None.

    Nothing is copied where they are so already: that is done for each expression of each event.
    """
    made: dict[str, object] = {}
    for name in LENIENT:
        given = variables.get(name)
        if not isinstance(given, Lenient):
            given = given or {}
            made[name] = Lenient(given) if isinstance(given, Mapping) else given
    return {**variables, **made} if made else variables

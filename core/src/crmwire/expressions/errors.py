"""What is wrong with an expression, in words that a person can act on."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from datetime import date, datetime

from crmwire.errors import ConfigurationError


class ExpressionError(ConfigurationError):
    """The expression cannot be used."""


def expression_error(text: str, why: str) -> ExpressionError:
    """The error of the expression `text`, shortened, and why."""
    short = " ".join(text.split())
    if len(short) > 80:
        short = short[:79] + "…"
    why = why.rstrip(".")
    return ExpressionError(f"Expression `{short}`: {why[:1].upper()}{why[1:]}.")


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """That there is no such name, filter or test; and what comes near."""
    return f"There is no {kind} {name!r}{_near(name, known)}."


def _near(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3) or names[:20]
    return f"; there is: {', '.join(near)}" if near else ""


def kind_of(value: object) -> str:
    """What a value is, in words."""
    if isinstance(value, Mapping):
        return "a group of values"
    return _KINDS.get(type(value), type(value).__name__)


_KINDS = {
    type(None): "nothing (None)",
    bool: "true or false",
    date: "a date",
    datetime: "a time",
    float: "a number",
    int: "a number",
    list: "a list",
    str: "a text",
    tuple: "a list",
}

"""How large an expression, and what it gives, may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import TypeGuard

from crmwire.expressions.errors import kind_of

MAX_TEXT = 4_000
MAX_NODES = 300
MAX_DEPTH = 32
MAX_ITEMS = 50
MAX_NUMBER = 2**63 - 1
MAX_RESULT = 100_000
"""Bounds: characters, nodes, nesting and items of an expression; characters of a result."""

TOO_LONG = f"the result has more than {MAX_RESULT:,} characters"


def within_bounds(value: object) -> object:
    """The value, if it is plain data of a bearable size."""
    if isinstance(value, str) and len(value) <= MAX_RESULT:
        return value  # most are
    if sum(_sizes(value, 0)) > MAX_RESULT:
        raise ValueError(TOO_LONG)
    return value


def _sizes(value: object, depth: int) -> Iterator[int]:
    if depth > MAX_DEPTH:
        raise ValueError("the result is nested too deeply")
    if isinstance(value, str):
        yield len(value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield len(str(key))
            yield from _sizes(item, depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            yield 1
            yield from _sizes(item, depth + 1)
    elif is_number(value):
        if not abs(value) <= MAX_NUMBER:  # not a number compares false
            raise ValueError("the result is too large a number")
    elif value is not None and not isinstance(value, bool | date):
        raise ValueError(f"{kind_of(value)} is nothing that an expression can give")


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a value is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)

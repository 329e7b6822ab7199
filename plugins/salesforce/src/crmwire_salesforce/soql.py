"""Writing SOQL: every value quoted, every statement within the vendor's lengths.

SOQL and SOSL Reference, "Quoted String Escape Sequences" and "SOQL Limits" (read 2026-11).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TypeVar

LONGEST_LITERAL = 4_000
STATEMENT = 60_000
"""Characters of one statement. The vendor takes 100,000; the rest is left for encoding."""

T = TypeVar("T")

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*")
_ESCAPES = {
    "\\": r"\\",
    "'": r"\'",
    '"': r"\"",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\b": r"\b",
    "\f": r"\f",
}
# In one pass, so that the backslash of an escape is never escaped again. Other control
# characters, line separators and halves of surrogate pairs go as \uXXXX.
_SPECIAL = re.compile(r"[\\'\"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def quoted(text: str) -> str:
    """The text as a literal in quotes."""
    return f"'{_SPECIAL.sub(_escaped, text)}'"


def _escaped(found: re.Match[str]) -> str:
    char = found[0]
    return _ESCAPES.get(char) or f"\\u{ord(char):04x}"


def moment(when: datetime) -> str:
    """An aware datetime as a literal, which stands without quotes."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def is_name(text: str) -> bool:
    """Whether this can stand in a statement as a field or an object."""
    return _NAME.fullmatch(text) is not None


def select(fields: Iterable[str], type_: str, *conditions: str, order: Sequence[str] = ()) -> str:
    """A statement; the conditions are joined by AND."""
    text = f"SELECT {', '.join(fields)} FROM {type_}"
    if conditions:
        text += f" WHERE {' AND '.join(conditions)}"
    return f"{text} ORDER BY {', '.join(order)}" if order else text


def among(field: str, literals: Iterable[str]) -> str:
    """The condition that a field has one of these values."""
    return f"{field} IN ({','.join(literals)})"


def begins(field: str, text: str) -> str:
    """The condition that a field begins with this text."""
    literal = quoted(text)[:-1].replace("%", r"\%").replace("_", r"\_")
    return f"{field} LIKE {literal}%'"


def runs(items: Iterable[tuple[str, T]], room: int = STATEMENT) -> Iterator[list[tuple[str, T]]]:
    """Split pairs of a literal and what it stands for, so that each run of literals has room."""
    run: list[tuple[str, T]] = []
    used = 0
    for literal, item in items:
        if run and used + len(literal) + 1 > room:
            yield run
            run, used = [], 0
        run.append((literal, item))
        used += len(literal) + 1
    if run:
        yield run

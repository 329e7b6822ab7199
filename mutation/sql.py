"""What can be wrong with a statement of SQL, one thing at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator

_STATEMENT = re.compile(
    r"\b(SELECT|INSERT|UPDATE|DELETE|WHERE|VALUES|SET|FROM|JOIN|AND|OR|IS|ORDER|LIMIT|CASE|EXISTS)\b"
)
_SCHEMA = re.compile(r"\s*(CREATE|ALTER|DROP|PRAGMA)\b")
_TOKEN = re.compile(
    r"'[^']*'|<=|>=|!=|<>|=|<|>|\|\||[+-](?= )"
    r"|\b(?:NOT EXISTS|NOT IN|IS NOT|ORDER BY|INSERT OR (?:IGNORE|REPLACE)|BETWEEN)\b"
    r"|\b(?:EXISTS|IN|IS|AND|OR|SET|WHERE|ON|WHEN|HAVING|FROM|VALUES|SELECT|DESC|DISTINCT|min|max"
    r"|NULL)\b|\b\d+\b"
)
_OTHER = {
    "<=": "<",
    ">=": ">",
    "<": "<=",
    ">": ">=",
    "!=": "=",
    "=": "!=",
    "+": "-",
    "-": "+",
    "NOT EXISTS": "EXISTS",
    "EXISTS": "NOT EXISTS",
    "NOT IN": "IN",
    "IN": "NOT IN",
    "IS NOT": "IS",
    "IS": "IS NOT",
    "AND": "OR",
    "OR": "AND",
    "INSERT OR IGNORE": "INSERT OR REPLACE",
    "INSERT OR REPLACE": "INSERT OR IGNORE",
    "DESC": "",
    "DISTINCT": "",
    "min": "max",
    "max": "min",
}


def is_sql(text: str) -> bool:
    """Whether a text is a statement or a part of one, and none that makes the schema."""
    return _STATEMENT.search(text) is not None and not _SCHEMA.match(text)


def changed(text: str) -> Iterator[tuple[str, str]]:
    """Each way to change it: (what was changed, the text).

    An `=` after SET assigns and the AND of a BETWEEN joins nothing; both stay.
    """
    assigns = between = False
    for found in _TOKEN.finditer(text):
        word = found[0]
        if word in ("SET", "WHERE", "ON", "WHEN", "HAVING", "FROM", "SELECT", "VALUES"):
            assigns = word == "SET"
            continue
        if word == "BETWEEN":
            between = True
            continue
        if word == "AND" and between:
            between = False
            continue
        if word == "=" and assigns:
            continue
        new = str(int(word) + 1) if word.isdigit() else _OTHER.get(word)
        if new is not None:
            place = text[max(0, found.start() - 20) : found.end() + 20].strip()
            yield (
                f"SQL {word} -> {new or 'nothing'} in …{place}…",
                (text[: found.start()] + new + text[found.end() :]),
            )

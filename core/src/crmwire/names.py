"""Given and family names out of a full name, by one explicit rule; and back.

- One word is the family name, since every CRM demands one and none demands a given name.
- A name with Chinese, Japanese or Korean letters has the family name first: up to the first
  space (full-width or not); without a space all of it is the family name.
- Of any other name, nameparser finds where the family name begins (`Ludwig van Beethoven`,
  `José Ortega y Gasset`); all before it is the given name (`Mary Ann`), with any title. With a
  comma, the family name stands before it (`Lovelace, Ada`).
No letter is ever lost: what stands in neither part by itself stays beside its neighbour.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import NamedTuple

from nameparser import HumanName
from nameparser.config import CONSTANTS

_LONGEST = 200
_FAMILY_FIRST = re.compile(
    "[\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f"
    "\u3005\U00020000-\U0003ffff]"
)


class Name(NamedTuple):
    """The two parts of a full name; either may be empty."""

    given: str
    family: str


def split_name(full: str) -> Name:
    """Take a full name apart by the rule above."""
    words = full.split()
    if len(words) < 2:
        return Name("", "".join(words))
    if _FAMILY_FIRST.search(full):
        return Name(" ".join(words[1:]), words[0])
    before, comma, after = (part.strip() for part in " ".join(words).partition(","))
    if comma and before and after and not _is_suffix(after):
        return Name(after, before)
    first = _start_of_family_name(tuple(words))
    return Name(" ".join(words[:first]), " ".join(words[first:]))


def given_name(full: str) -> str | None:
    """The given name in a full name, if it tells one."""
    return split_name(full).given or None


def family_name(full: str) -> str | None:
    """The family name in a full name; None only of an empty one."""
    return split_name(full).family or None


def full_name(given: str | None, family: str | None) -> str | None:
    """The full name of two parts, in the order that their letters ask for."""
    parts = [given, family]
    if _FAMILY_FIRST.search(f"{given or ''}{family or ''}"):
        parts.reverse()
    return " ".join(part for part in parts if part) or None


def _start_of_family_name(words: tuple[str, ...]) -> int:
    """The position of the family name's first word; 0 if there is but a title before it."""
    if len(words) == 2 and all(map(_is_plain, words)):
        return 1  # most names are so, and a parse takes 0.1 ms
    return _parsed(words)


def _is_plain(word: str) -> bool:
    """Whether a word means nothing but a name: no title, no prefix, no suffix, no mark in it."""
    return word.isalnum() and word.lower() not in _words_with_a_meaning()


@cache
def _words_with_a_meaning() -> frozenset[str]:
    """What nameparser tells from a name, in lower case."""
    kinds = (
        CONSTANTS.titles,
        CONSTANTS.first_name_titles,
        CONSTANTS.prefixes,
        CONSTANTS.conjunctions,
        CONSTANTS.suffix_acronyms,
        CONSTANTS.suffix_not_acronyms,
    )
    return frozenset(str(word).lower() for kind in kinds for word in kind)


@lru_cache(maxsize=256)  # a host's name stands in each event
def _parsed(words: tuple[str, ...]) -> int:
    """As nameparser finds it."""
    last = len(words) - 1
    if sum(map(len, words)) > _LONGEST:
        return last
    parsed = HumanName(" ".join(words))
    if not parsed.first:
        return 0
    family, suffix = parsed.last.split(), parsed.suffix.replace(",", " ").split()
    for tail in ([*family, *suffix], family):
        if family and [word.rstrip(",") for word in words[-len(tail) :]] == tail:
            return max(len(words) - len(tail), 1)
    return last


def _is_suffix(text: str) -> bool:
    return text.rstrip(".").lower() in {"jr", "sr", "ii", "iii", "iv", "md", "phd", "esq"}

"""Text changed letter by letter: case, space, replacements and kana."""

from __future__ import annotations

import re
import unicodedata

from crmwire.filters.arguments import MAX_TEXT, as_text, of_text


@of_text
def lower(value: str) -> str:
    return value.lower()


@of_text
def upper(value: str) -> str:
    return value.upper()


@of_text
def trim(value: str) -> str:
    return value.strip()


@of_text
def replace(value: str, old: str, new: str) -> str:
    if not as_text(old):
        raise ValueError("it needs a text to look for")
    if len(value) + value.count(old) * (len(as_text(new)) - len(old)) > MAX_TEXT:
        raise ValueError(f"the text would have more than {MAX_TEXT:,} characters")
    return value.replace(old, new)


@of_text
def kana_full(value: str) -> str:
    return re.sub("[\uff61-\uff9f]+", lambda run: unicodedata.normalize("NFKC", run[0]), value)


@of_text
def kana_katakana(value: str) -> str:
    return re.sub("[\u3041-\u3096\u309d\u309e]", lambda kana: chr(ord(kana[0]) + 0x60), value)

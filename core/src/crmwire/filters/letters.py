"""Text cut between letters, as people see letters, and never inside one."""

from __future__ import annotations

import re
import unicodedata

from crmwire.filters.arguments import of_text


@of_text
def truncate(value: str, length: int) -> str:
    """The longest beginning of at most `length` UTF-16 units that splits no visible letter."""
    if isinstance(length, bool) or not isinstance(length, int) or length < 0:
        raise ValueError("it takes a number of characters")
    if 2 * len(value) <= length:
        return value
    units = safe = flags = 0
    for position, letter in enumerate(value):
        if position and not _joins(value[position - 1], letter, flags):
            safe = position
        flags = flags + 1 if _is_flag_letter(letter) else 0
        units += 2 if ord(letter) > 0xFFFF else 1
        if units > length:
            return value[:safe]
    return value


_EXTENDING = re.compile(
    "[\u0e33\u0eb3\u200c\u200d\uff9e\uff9f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]"
)
"""Vowels, joiners, voicing marks, skin tones and tags that no category tells from letters."""


def _joins(before: str, after: str, flags: int) -> bool:
    """Whether two characters belong to one letter as people see it (after Unicode's UAX 29).

    `flags` is how many letters of flags in a row end with `before`: two make one flag.
    """
    return (
        (before, after) == ("\r", "\n")
        or before == "\u200d"
        or unicodedata.category(after) in ("Mn", "Me", "Mc")
        or _EXTENDING.match(after) is not None
        or (_is_flag_letter(after) and flags % 2 == 1)
        or ("\ud800" <= before <= "\udbff" and "\udc00" <= after <= "\udfff")
        or _SYLLABLE.fullmatch(before + after) is not None
    )


_OPEN_SYLLABLE = "".join(chr(code) for code in range(0xAC00, 0xD7A4, 28))
_SYLLABLE = re.compile(
    "[\u1100-\u115f][\u1100-\u11a7\uac00-\ud7a3]"
    f"|[\u1160-\u11a7{_OPEN_SYLLABLE}][\u1160-\u11ff]|[\u11a8-\u11ff\uac00-\ud7a3][\u11a8-\u11ff]"
)
"""Two Korean characters that are parts of one syllable."""


def _is_flag_letter(letter: str) -> bool:
    return "\U0001f1e6" <= letter <= "\U0001f1ff"

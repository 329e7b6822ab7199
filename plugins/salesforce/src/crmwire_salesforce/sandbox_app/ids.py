"""Record ids: 15 characters that mind the case, and 3 more that make them safe without it."""

from __future__ import annotations

import re

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_SHAPE = re.compile(r"[0-9A-Za-z]{15}([0-9A-Za-z]{3})?")


def new_id(prefix: str, org: int, number: int) -> str:
    """The 18-character id of the record with that number, in the org with that number."""
    return with_checksum(prefix + "Sb" + _DIGITS[org % 62] + _base62(number).rjust(9, "0"))


def with_checksum(id15: str) -> str:
    """The id with the three characters that tell which of its letters are capitals.

    Salesforce Help, "What are Salesforce IDs composed of", read 2026-11.
    """
    check = ""
    for start in (0, 5, 10):
        bits = sum(1 << i for i, char in enumerate(id15[start : start + 5]) if char.isupper())
        check += _CHECK[bits]
    return id15 + check


def is_id(value: object) -> bool:
    """Whether it has the shape of an id, and its checksum, if it has one, is right."""
    if not isinstance(value, str) or not _SHAPE.fullmatch(value):
        return False
    return len(value) == 15 or with_checksum(value[:15]) == value


def _base62(number: int) -> str:
    text = ""
    while number:
        number, digit = divmod(number, 62)
        text = _DIGITS[digit] + text
    return text

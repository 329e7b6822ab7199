"""What must not leave the machine in an alert: addresses, numbers, tokens."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

_MASK = "…"
_SECRETS = re.compile(
    r"[^\s@<>\"']+@[^\s@<>\"',;]+"  # addresses
    r"|\b[A-Za-z]+://\S+"  # URLs: they may hold any of the others
    r"|\+?\d(?:[\s().-]{0,2}\d){6,}"  # phone numbers, ids
    r"|[A-Za-z0-9_\-.+/=!]{24,}"  # tokens
)
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.: -]{0,59}")


def scrubbed(text: str, longest: int = 200) -> str:
    """A message of a CRM without what may be a person's or a secret, in one line."""
    line = " ".join(_SECRETS.sub(_MASK, text).split())
    line = "".join(letter for letter in line if letter.isprintable())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + _MASK


def code_of(text: str) -> str:
    """A vendor's code, if it is the name of something and not a text; else nothing."""
    return text if _CODE.fullmatch(text) and scrubbed(text) == text else ""


def impersonal(text: str, event: str) -> str:
    """A plugin's advice without anything secret; nothing at all if it repeats the event's data.

    `event` is the event's JSON: names of guests and what they wrote stand in it.
    """
    try:
        data = json.loads(event or "{}")
    except ValueError:
        return ""
    words = {word.casefold() for leaf in _leaves(data) for word in _WORD.findall(leaf)}
    told = {word.casefold() for word in _WORD.findall(text)}
    return "" if told & (words - _USUAL) else scrubbed(text)


_WORD = re.compile(r"[^\W_]{2,}")
_USUAL_WORDS = """
a an and are as at be booking by call can change company contact crm crmwire create do email event
field for from give guest has have host if in is it its lead make mapping meeting name no not notes
of on one or person phone record retry route run set that the them then there they this time title
to type use value which with without your
"""
_USUAL = frozenset(_USUAL_WORDS.split())
"""Words that guests write and remedies need."""


def _leaves(data: object) -> Iterator[str]:
    """Every text that is a value somewhere in the details of an event."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for name, part in data.items():
            if name not in ("type", "status", "key"):
                yield from _leaves(part)
    elif isinstance(data, list):
        for part in data:
            yield from _leaves(part)


def without_address(text: str, address: str) -> str:
    """What a sender says went wrong, without any part of the address that may be a secret."""
    parts = urlsplit(address)
    pieces = [parts.username, parts.password, *parts.path.split("/"), *parts.query.split("&")]
    pieces += [piece.partition("=")[2] for piece in parts.query.split("&")]
    pieces += [unquote(piece) for piece in pieces if piece]
    text = text.replace(address, _MASK)
    for piece in sorted({piece for piece in pieces if piece and len(piece) > 3}, key=len)[::-1]:
        text = text.replace(piece, _MASK)
    return scrubbed(text, 300)

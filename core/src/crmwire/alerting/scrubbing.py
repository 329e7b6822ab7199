"""What must not leave the machine in an alert: addresses, numbers, tokens."""

from __future__ import annotations

import re
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

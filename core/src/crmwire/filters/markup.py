"""Text out of HTML, and text made safe to stand in HTML."""

from __future__ import annotations

import html as htmllib
import re
from collections.abc import Iterator

from crmwire.filters.arguments import of_text

MAX_INPUT = 1_000_000
"""The most characters of HTML that are read."""

_TAG = re.compile("<(/?)([a-zA-Z][a-zA-Z0-9]*)|<[/!?]")
_BLOCK = re.compile("blockquote|br|div|h[1-6]|hr|li|ol|p|pre|table|tr|ul")
_HIDDEN = re.compile("script|style|title")
_HIDDEN_END = re.compile("</(?:script|style|title)", re.IGNORECASE)


@of_text
def text(value: str) -> str:
    if len(value) > MAX_INPUT:
        raise ValueError(f"the HTML has more than {MAX_INPUT:,} characters")
    lines = (" ".join(line.split()) for line in "".join(_visible(value)).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _visible(source: str) -> Iterator[str]:
    """The text between the tags, with a line break for each block.

    Not html.parser, which takes quadratic time over what is never closed (in Python 3.11 minutes
    for a webhook of 256 kB). Here nothing is read twice: a tag ends at the next `>`, a comment or
    a script that is never closed goes on to the end.
    """
    position = 0
    while (tag := _TAG.search(source, position)) is not None:
        yield _unescaped(source[position : tag.start()])
        comment = source.startswith("<!--", tag.start())
        end = source.find("-->" if comment else ">", tag.end())
        if end < 0:
            yield "" if comment else _unescaped(source[tag.start() :])
            return
        position = end + (3 if comment else 1)
        closing, name = tag[1], (tag[2] or "").lower()
        if _BLOCK.fullmatch(name) and not (closing and name == "br"):
            yield "\n"
        if _HIDDEN.fullmatch(name) and not closing:
            hidden = _HIDDEN_END.search(source, position)
            if hidden is None:
                return
            position = hidden.start()
    yield _unescaped(source[position:])


def _unescaped(source: str) -> str:
    bearable = re.sub("&#[xX]?[0-9a-fA-F]{9,};?", "\ufffd", source)
    return re.sub(r"\s+", " ", htmllib.unescape(bearable))


@of_text
def html(value: str) -> str:
    return htmllib.escape(value)

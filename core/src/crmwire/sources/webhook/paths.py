"""Where something stands in a body: `data.guests[0].email`, `header:x-event`, `=a constant`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeAlias

from attrs import frozen

from crmwire.errors import ConfigurationError

_STEP = re.compile(r"""\.?([^.\[\]"']+)|\[(\d+)\]|\["([^"]*)"\]|\['([^']*)'\]""")

Step: TypeAlias = "str | int"


@frozen(kw_only=True)
class Path:
    """A place in a body, a header's name, or a constant."""

    text: str
    steps: tuple[Step, ...] = ()
    header: str | None = None
    constant: str | None = None

    def of(self, body: object, headers: Mapping[str, str]) -> object:
        """What stands there; None if nothing does."""
        if self.constant is not None:
            return self.constant
        if self.header is not None:
            return headers.get(self.header)
        found = body
        for step in self.steps:
            if isinstance(step, int):
                found = found[step] if isinstance(found, list) and step < len(found) else None
            else:
                found = found.get(step) if isinstance(found, Mapping) else None
        return found


def path(text: str) -> Path:
    """A path that a person wrote. Raises: ConfigurationError."""
    if text.startswith("="):
        return Path(text=text, constant=text[1:])
    if text.startswith("header:"):
        return Path(text=text, header=text.removeprefix("header:").strip().lower())
    rest = text.removeprefix("$")
    steps: list[Step] = []
    place = 0
    while place < len(rest):
        found = _STEP.match(rest, place)
        if found is None:
            raise ConfigurationError(
                f"{text!r} is no path.", remedy="Write it as data.guests[0].email."
            )
        name, number, quoted, single = found.groups()
        steps.append(int(number) if number is not None else name or quoted or single or "")
        place = found.end()
    if not text.strip():
        raise ConfigurationError("a path is empty")
    return Path(text=text, steps=tuple(steps))

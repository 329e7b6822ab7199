"""Values in a document: references to secrets, dates that cannot be kept, differences."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import date, time

from crmwire.errors import ConfigurationError


def secret_of(text: str | None, own: str, stored: str | None) -> str | None:
    """The secret that a reference stands for, `stored` where the document says nothing.

    `own` is where this entry's secret is kept, such as `feed/cal`. Raises: ConfigurationError,
    which never repeats what was written.
    """
    if text is None:
        return stored
    kind, _, name = text.partition(":")
    if kind == "env" and name:
        given = os.environ.get(name, "").strip()
        if not given:
            raise ConfigurationError(f"the environment variable {name} is not set")
        return given
    if kind == "vault" and name:
        if name != own:
            raise ConfigurationError(f"only vault:{own} can stand here")
        if stored is None:
            raise ConfigurationError(f"nothing is stored as vault:{own} yet; use env:VARIABLE")
        return stored
    raise ConfigurationError(
        f"a secret never stands in a document: use env:VARIABLE or vault:{own}"
    )


def dated(path: str, value: object) -> Iterator[str]:
    """Where dates and times stand in a value."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from dated(f"{path}.{name}", part)
    elif isinstance(value, list):
        for part in value:
            yield from dated(path, part)
    elif isinstance(value, date | time):
        yield path


def difference(path: str, old: object, new: object) -> list[str]:
    """What differs between two values, one line for each place."""
    if old == new:
        return []
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        names = [*old, *(name for name in new if name not in old)]
        return [
            line
            for name in names
            for line in difference(f"{path}.{name}", old.get(name), new.get(name))
        ]
    return [f"{path}: {_shown(old)} → {_shown(new)}"]


def _shown(value: object) -> str:
    return "(none)" if value is None else repr(value)

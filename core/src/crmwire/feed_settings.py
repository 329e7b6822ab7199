"""A feed's settings as a source's own class, with every mistake told at once."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeVar

import attrs

from crmwire.errors import ConfigurationError
from crmwire.mapping_form import converter, structured

if TYPE_CHECKING:
    import cattrs

    from crmwire.types import Feed

CORE = ("host", "poll_every", "read_timeout")
"""Settings of every feed that has an API; core reads them."""

T = TypeVar("T", bound=attrs.AttrsInstance)


def settings_of(feed: Feed, cls: type[T]) -> T:
    """The feed's settings as `cls`, an attrs class: for source plugins. Pure.

    Raises: ConfigurationError with every problem and its path; unknown settings are problems.
    """
    own = {name: value for name, value in feed.settings.items() if name not in CORE}
    try:
        return structured(_converter(), own, cls, f"settings of feed {feed.name}")
    except ConfigurationError as error:
        names = ", ".join(one.alias or one.name for one in attrs.fields(cls))
        told = (
            f"Its settings are {names}: give them with `--set NAME=VALUE`, or in a document"
            f" under [feeds.{feed.name}.settings]."
        )
        raise ConfigurationError(error.message, problems=(*error.problems, told)) from None


@cache
def _converter() -> cattrs.Converter:
    """One for all: each of its own writes and compiles code, and settings are read per webhook."""
    conv = converter()
    conv.register_structure_hook(int, lambda value, _: _whole(value))
    conv.register_structure_hook(int | None, lambda value, _: _maybe(value, _whole))
    conv.register_structure_hook(float, lambda value, _: _number(value))
    conv.register_structure_hook(float | None, lambda value, _: _maybe(value, _number))
    return conv


def _maybe(value: object, read: object) -> object:
    assert callable(read)
    return None if value is None else read(value)


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"must be a whole number, not {value!r}")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"must be a number, not {value!r}")
    return float(value)

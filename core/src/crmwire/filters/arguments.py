"""What filters take: text and nothing else, and nothing for nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

MAX_TEXT = 100_000
"""The most characters of text that a filter builds up."""

P = ParamSpec("P")


def of_text(
    function: Callable[Concatenate[str, P], str | None],
) -> Callable[Concatenate[object, P], str | None]:
    """Make a filter of a function of text: nothing stays nothing, all else is refused."""

    @wraps(function)
    def filtered(value: object, /, *args: P.args, **kwargs: P.kwargs) -> str | None:
        return None if value is None else function(as_text(value), *args, **kwargs)

    return filtered


def as_text(value: object) -> str:
    """The value, if it is text. Raises: TypeError."""
    if not isinstance(value, str):
        raise TypeError(f"it takes text, not {type(value).__name__}")
    return value

"""Any value as text, lists item by item, and what stands in the place of nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from jinja2.runtime import Context, Undefined
from jinja2.utils import pass_context

from crmwire.filters.arguments import MAX_TEXT, as_text
from crmwire.filters.times import local


def written(context: Context, value: object) -> str:
    """A value as it stands in text: nothing for None, times by the rule of `local`."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return local(context, value) or ""
    if isinstance(value, list | tuple):
        return join(context, value) or ""
    if isinstance(value, int | float):
        return str(value)
    raise TypeError("a group of values cannot stand in text; name one of them with a dot")


@pass_context
def join(context: Context, value: object, separator: str = ", ") -> str | None:
    if value is None:
        return None
    texts: list[str] = []
    length = 0
    for item in _items(value):
        if item is not None:
            texts.append(written(context, item))
            length += len(texts[-1]) + len(as_text(separator))
            if length > MAX_TEXT + len(separator):
                raise ValueError(f"the text has more than {MAX_TEXT:,} characters")
    return separator.join(texts)


def first(value: object) -> object:
    return next(_items(value), None)


def last(value: object) -> object:
    return next(reversed(list(_items(value))), None)


def _items(value: object) -> Iterator[object]:
    if isinstance(value, list | tuple):
        yield from value
    elif isinstance(value, Mapping):
        raise TypeError("it takes a list, not a group of values")
    elif value is not None:
        yield value


def default(value: object, instead: object = "") -> object:
    return instead if value is None or isinstance(value, Undefined) else value

"""Where expressions run: Jinja's sandbox, made narrower, with filters that are bounded."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, wraps
from typing import Any

from jinja2 import StrictUndefined, UndefinedError
from jinja2.runtime import Context, Undefined
from jinja2.sandbox import SandboxedEnvironment
from jinja2.utils import pass_context

from crmwire.expressions.bounds import MAX_RESULT, TOO_LONG, is_number, within_bounds
from crmwire.expressions.errors import kind_of, unknown
from crmwire.filters import FILTERS, Filter, written

TESTS = frozenset(["boolean", "defined", "false", "none", "number", "string", "true", "undefined"])
"""What may follow `is`."""

JOINED = "_joined"
"""The filter that stands for `~` and for text with expressions in it; it cannot be written."""


class Missing(StrictUndefined):
    """A name that is not there: using it fails, saying so."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint:
            return self._undefined_hint
        return f"{self._undefined_name!r} is not known of this event"


def defined(*values: object) -> None:
    """Fail if one of the values is a name that is not there."""
    for value in values:
        if isinstance(value, Undefined):
            value._fail_with_undefined_error()


class Environment(SandboxedEnvironment):
    """Jinja's sandbox, made narrower: no Python attribute is ever read, nothing is called."""

    intercepted_binops = frozenset(["+", "-"])
    intercepted_unops = frozenset(["-"])

    def __init__(self, more: Mapping[str, Filter]) -> None:
        super().__init__(undefined=Missing, keep_trailing_newline=True, autoescape=False)
        self.globals.clear()
        self.tests = {name: self.tests[name] for name in TESTS}
        known: dict[str, Filter] = {**FILTERS, **more}
        self.filters = {name: _bounded(name, function) for name, function in known.items()}
        self.filters[JOINED] = _joined

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """A key of a mapping, a position of a list; None of what is None."""
        if obj is None:
            return None
        defined(obj)
        if argument is None:
            return None
        if isinstance(obj, Mapping) and isinstance(argument, str | int):
            try:
                return obj[argument]
            except KeyError:
                names = [key for key in obj if isinstance(key, str)]
                return self.undefined(hint=unknown("name", str(argument), names).rstrip("."))
        if isinstance(obj, list | tuple) and isinstance(argument, int):
            return obj[argument] if 0 <= argument < len(obj) else None
        return self.undefined(hint=f"{kind_of(obj)} has no part {argument!r}")

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return False

    def is_safe_callable(self, obj: Any) -> bool:
        return False

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        defined(left, right)
        numbers = is_number(left) and is_number(right)
        if operator == "-" and numbers:
            return left - right
        if operator == "+" and (numbers or (isinstance(left, str) and isinstance(right, str))):
            return within_bounds(left + right)
        if operator == "+" and isinstance(left, list) and isinstance(right, list):
            return within_bounds(left + right)
        raise ValueError(
            f"{kind_of(left)} {operator} {kind_of(right)} makes no sense; ~ joins text"
        )

    def call_unop(self, context: Context, operator: str, arg: Any) -> Any:
        defined(arg)
        if not is_number(arg):
            raise ValueError(f"minus {kind_of(arg)} makes no sense")
        return -arg


@cache
def core_environment() -> Environment:
    return Environment({})


@pass_context
def _joined(context: Context, parts: list[object]) -> str:
    texts: list[str] = []
    length = 0
    for part in parts:
        defined(part)
        texts.append(written(context, part))
        length += len(texts[-1])
        if length > MAX_RESULT:
            raise ValueError(TOO_LONG)
    return "".join(texts)


def _bounded(name: str, function: Filter) -> Filter:
    """The filter, failing on names that are not there, and bounded in what it gives."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> object:
        if name != "default":
            defined(*args, *kwargs.values())
        try:
            return within_bounds(function(*args, **kwargs))
        except UndefinedError:
            raise
        except Exception as error:
            why = str(error) or type(error).__name__
            raise ValueError(f"the filter {name} failed: {why}") from error

    return call

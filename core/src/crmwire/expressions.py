"""Expressions in mappings: Jinja's syntax, a small allow-list of it, bounded, compiled once.

`{{ guest.email }}` standing alone keeps the type of its value; among other text it becomes text.
An expression sees plain data only (see `plain`): a dot reads a key of a mapping and never a
Python attribute, nothing can be called, and filters are the only functions (`crmwire.filters`).
What is not allowed is refused when the mapping is loaded; what fails later says where and why.
"""

from __future__ import annotations

import difflib
import enum
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cache, wraps
from typing import Any, TypeAlias, TypeGuard

import attrs
from attrs import frozen
from jinja2 import (
    StrictUndefined,
    TemplateError,
    TemplateRuntimeError,
    TemplateSyntaxError,
    UndefinedError,
    nodes,
)
from jinja2.environment import TemplateExpression
from jinja2.runtime import Context, Undefined
from jinja2.sandbox import SandboxedEnvironment
from jinja2.utils import pass_context
from jinja2.visitor import NodeTransformer

from crmwire import filters as core_filters
from crmwire.errors import ConfigurationError
from crmwire.vocabulary import Answer, Details

Filter: TypeAlias = Callable[..., object]
"""A pure function of a value, and of further arguments if it likes."""

VARIABLES = frozenset(
    [
        "answers",
        "booking",
        "customer",
        "draft",
        "event",
        "guest",
        "guests",
        "host",
        "hosts",
        "message",
        "options",
        "page",
        "payment",
        "source",
        "team",
        "ticket",
        "tracking",
    ]
)
"""The names that an expression may use."""

LENIENT = frozenset(["answers", "tracking"])
"""Variables whose keys depend on what the guest filled in: an unknown key is None there."""

MAX_TEXT = 4_000
MAX_NODES = 300
MAX_DEPTH = 32
MAX_ITEMS = 50
MAX_NUMBER = 2**63 - 1
MAX_RESULT = 100_000
"""Bounds: characters, nodes, nesting and items of an expression; characters of a result."""

TESTS = frozenset(["boolean", "defined", "false", "none", "number", "string", "true", "undefined"])

_ALLOWED = frozenset(
    [
        nodes.Add,
        nodes.And,
        nodes.Compare,
        nodes.Concat,
        nodes.CondExpr,
        nodes.List,
        nodes.Neg,
        nodes.Not,
        nodes.Operand,
        nodes.Or,
        nodes.Sub,
        nodes.Tuple,
    ]
)
"""Nodes that are allowed if what they are made of is."""

_REFUSED: Mapping[type[nodes.Node], str] = {
    nodes.Call: "Calls are not allowed; use a filter, such as {{ guest.email | lower }}.",
    nodes.Dict: "Dictionaries cannot be written in an expression.",
    nodes.Div: "Division is not allowed.",
    nodes.FloorDiv: "Division is not allowed.",
    nodes.Mod: "The sign % is not allowed; join text with ~.",
    nodes.Mul: "Multiplication is not allowed.",
    nodes.Pow: "Powers are not allowed.",
    nodes.Slice: "Slices are not allowed; use the filter truncate, first or last.",
}


class ExpressionError(ConfigurationError):
    """The expression cannot be used."""


class Lenient(dict[str, object]):
    """A mapping in which every unknown key is None."""

    def __missing__(self, key: object) -> None:
        return None


@frozen(kw_only=True, eq=False)
class Expression:
    """One compiled expression; call it with the variables of an event.

    `keeps_type` tells whether it is one lone `{{ }}`. `paths` are the names it reads, such as
    `guest.email`, for checks that know which names there are.
    """

    text: str
    keeps_type: bool = False
    paths: frozenset[str] = frozenset()
    _run: Callable[[Mapping[str, object]], object] = attrs.field(repr=False)

    def __call__(self, variables: Mapping[str, object]) -> object:
        """Its value: text, number, bool, datetime, list, dict or None.

        Raises: ExpressionError.
        """
        return self._run(variables)


def compile_expression(text: str, *, filters: Mapping[str, Filter] | None = None) -> Expression:
    """Compile `text`, in which plugins' `filters` may be used beside core's.

    Raises: ExpressionError for anything that is not allowed, unknown or too large.
    """
    if len(text) > MAX_TEXT:
        raise _error(text, f"It has {len(text):,} characters; the most is {MAX_TEXT:,}.")
    if "{%" in text:
        raise _error(text, "Statements ({% %}) are not allowed; use {{ a if b else c }}.")
    if "{{" not in text:
        return Expression(text=text, run=lambda _: text)
    environment = _core_environment() if not filters else _Environment(filters)
    try:
        parts = _parsed(environment, text)
        check = _Check(environment, text)
        for part in parts:
            check.node(part, 0)
        keeps_type = len(parts) == 1 and not isinstance(parts[0], nodes.TemplateData)
        run = _compiled(environment, text, parts, keeps_type)
    except RecursionError:
        raise _error(text, "It is nested too deeply.") from None
    return Expression(text=text, keeps_type=keeps_type, paths=frozenset(check.paths), run=run)


def plain(value: object) -> Any:
    """The plain data that expressions see of a value: dicts, lists and scalars.

    Of an event's details, and of a mapping with these keys, `answers` and `tracking` become
    mappings in which an unknown key is None. Raises: TypeError for anything that is not data.
    """
    if isinstance(value, Details):
        value = {name: getattr(value, name) for name in attrs.fields_dict(Details)}
    if isinstance(value, Mapping):
        return {str(key): _plain_variable(str(key), item) for key, item in value.items()}
    return _plain(value)


def _plain_variable(name: str, value: object) -> object:
    if name == "answers" and not isinstance(value, Mapping):
        given = value if isinstance(value, Sequence) and not isinstance(value, str) else ()
        if all(isinstance(item, Answer) for item in given):
            return _answers([item for item in given if isinstance(item, Answer)])
    if name in LENIENT and isinstance(value, Mapping):
        return Lenient({str(key): _plain(item) for key, item in value.items()})
    return _plain(value)


def _answers(given: Sequence[Answer]) -> Lenient:
    values: dict[str, list[str]] = {}
    labels: dict[str, str] = {}
    for answer in given:
        values.setdefault(answer.key, []).extend(answer.values)
        if answer.label:
            labels.setdefault(answer.label, answer.key)
    found = Lenient({key: _one_or_all(texts) for key, texts in values.items()})
    for label, key in labels.items():
        found.setdefault(label, found[key])
    return found


def _one_or_all(texts: list[str]) -> str | list[str] | None:
    if len(texts) > 1:
        return texts
    return texts[0] if texts else None


def _plain(value: object) -> object:
    if isinstance(value, Lenient):
        return value
    if isinstance(value, enum.Enum):
        return _plain(value.value)
    if value is None or isinstance(value, str | bool | int | float | date):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    kind = type(value)
    if attrs.has(kind):
        return {name: _plain(getattr(value, name)) for name in attrs.fields_dict(kind)}
    if isinstance(value, Sequence | frozenset | set) and not isinstance(value, bytes):
        return [_plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} is not data that an expression can use")


# ---------------------------------------------------------------- reading and checking


def _error(text: str, why: str) -> ExpressionError:
    short = " ".join(text.split())
    if len(short) > 80:
        short = short[:79] + "…"
    why = why.rstrip(".")
    return ExpressionError(f"Expression `{short}`: {why[:1].upper()}{why[1:]}.")


def _parsed(environment: _Environment, text: str) -> list[nodes.Expr]:
    """The parts of the text, in order: what stands between braces, and the text around it."""
    try:
        template = environment.parse(text)
    except TemplateSyntaxError as error:
        raise _error(text, f"It cannot be read: {error.message}.") from error
    parts: list[nodes.Expr] = []
    for statement in template.body:
        if not isinstance(statement, nodes.Output):
            raise _error(text, "Statements are not allowed.")
        parts += statement.nodes
    return parts


class _Check:
    """Walks an expression's tree; refuses every node that is not expressly allowed."""

    def __init__(self, environment: _Environment, text: str) -> None:
        self._filters = environment.filters
        self._text = text
        self._count = 0
        self.paths: set[str] = set()

    def node(self, node: nodes.Node, depth: int) -> None:
        self._count += 1
        if self._count > MAX_NODES:
            raise self._error(f"It is too long: more than {MAX_NODES} parts.")
        if depth > MAX_DEPTH:
            raise self._error("It is nested too deeply.")
        for child in self._allowed(node):
            self.node(child, depth + 1)

    def _allowed(self, node: nodes.Node) -> Iterable[nodes.Node]:
        """The children of an allowed node that are still to be looked at."""
        match node:
            case nodes.TemplateData():
                return ()
            case nodes.Const():
                return self._const(node)
            case nodes.Name() | nodes.Getattr() | nodes.Getitem():
                return self._path(node)
            case nodes.Filter():
                return self._filter(node)
            case nodes.Test():
                return self._test(node)
            case nodes.List() | nodes.Tuple() if len(node.items) > MAX_ITEMS:
                raise self._error(f"A list has more than {MAX_ITEMS} items.")
        if type(node) in _ALLOWED:
            return tuple(node.iter_child_nodes())
        raise self._error(
            _REFUSED.get(type(node), f"{type(node).__name__} is not allowed in an expression.")
        )

    def _const(self, node: nodes.Const) -> tuple[nodes.Node, ...]:
        value = node.value
        if isinstance(value, bool | str) or value is None:
            return ()
        if isinstance(value, int | float) and abs(value) <= MAX_NUMBER:
            return ()
        raise self._error("A number is too large.")

    def _path(self, node: nodes.Node) -> Iterable[nodes.Node]:
        """A name with what follows its dots; or such an access to what a filter gives."""
        steps: list[str] = []
        while True:
            if isinstance(node, nodes.Name):
                self._name(node)
                self.paths.add(".".join([node.name, *reversed(steps)]))
                return ()
            if isinstance(node, nodes.Getattr):
                steps.append(node.attr)
            elif isinstance(node, nodes.Getitem):
                key = node.arg
                if isinstance(key, nodes.Slice):
                    raise self._error(_REFUSED[nodes.Slice])
                if not isinstance(key, nodes.Const) or not isinstance(key.value, str | int):
                    raise self._error("A key in [ ] must be a text or a number, written out.")
                steps.append(str(key.value))
            else:
                break
            self._count += 1
            if len(steps) > MAX_DEPTH:
                raise self._error("It is nested too deeply.")
            node = node.node
        if isinstance(node, nodes.Filter | nodes.CondExpr | nodes.Or | nodes.And):
            return (node,)
        raise self._error("Only variables have parts that can be read with a dot.")

    def _name(self, node: nodes.Name) -> None:
        if node.ctx != "load" or node.name not in VARIABLES:
            raise self._error(_unknown("name", node.name, VARIABLES))

    def _filter(self, node: nodes.Filter) -> Iterable[nodes.Node]:
        known = {name: function for name, function in self._filters.items() if name != _JOINED}
        function = known.get(node.name)
        if function is None:
            raise self._error(_unknown("filter", node.name, known))
        if node.node is None or node.dyn_args is not None or node.dyn_kwargs is not None:
            raise self._error(f"The filter {node.name} is not used rightly.")
        self._fits(node, function)
        return (node.node, *node.args, *(keyword.value for keyword in node.kwargs))

    def _fits(self, node: nodes.Filter, function: Filter) -> None:
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):
            return
        first = 2 if hasattr(function, "jinja_pass_arg") else 1
        named: dict[str, None] = {str(keyword.key): None for keyword in node.kwargs}
        try:
            signature.bind(*([None] * (first + len(node.args))), **named)
        except TypeError as error:
            raise self._error(f"The filter {node.name} takes other arguments ({error}).") from None

    def _test(self, node: nodes.Test) -> Iterable[nodes.Node]:
        if node.name not in TESTS:
            raise self._error(_unknown("test", node.name, TESTS))
        if node.args or node.kwargs or node.dyn_args or node.dyn_kwargs:
            raise self._error(f"The test {node.name} takes no arguments.")
        return (node.node,)

    def _error(self, why: str) -> ExpressionError:
        return _error(self._text, why)


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    return f"There is no {kind} {name!r}{_near(name, known)}."


def _near(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3) or names[:20]
    return f"; there is: {', '.join(near)}" if near else ""


# ---------------------------------------------------------------- compiling and running


class _Missing(StrictUndefined):
    """A name that is not there: using it fails, saying so."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint:
            return self._undefined_hint
        return f"{self._undefined_name!r} is not known of this event"


def _defined(*values: object) -> None:
    """Fail if one of the values is a name that is not there."""
    for value in values:
        if isinstance(value, Undefined):
            value._fail_with_undefined_error()


class _Environment(SandboxedEnvironment):
    """Jinja's sandbox, made narrower: no Python attribute is ever read, nothing is called."""

    intercepted_binops = frozenset(["+", "-"])
    intercepted_unops = frozenset(["-"])

    def __init__(self, more: Mapping[str, Filter]) -> None:
        super().__init__(undefined=_Missing, keep_trailing_newline=True, autoescape=False)
        self.globals.clear()
        self.tests = {name: self.tests[name] for name in TESTS}
        known: dict[str, Filter] = {**core_filters.FILTERS, **more}
        self.filters = {name: _bounded(name, function) for name, function in known.items()}
        self.filters[_JOINED] = _joined

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """A key of a mapping, a position of a list; None of what is None."""
        if obj is None:
            return None
        _defined(obj)
        if isinstance(obj, Mapping):
            try:
                return obj[argument]
            except KeyError:
                names = [key for key in obj if isinstance(key, str)]
                return self.undefined(hint=_unknown("name", str(argument), names).rstrip("."))
        if isinstance(obj, list | tuple) and isinstance(argument, int):
            return obj[argument] if 0 <= argument < len(obj) else None
        return self.undefined(hint=f"{_kind(obj)} has no part {argument!r}")

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return False

    def is_safe_callable(self, obj: Any) -> bool:
        return False

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        _defined(left, right)
        numbers = _is_number(left) and _is_number(right)
        if operator == "-" and numbers:
            return left - right
        if operator == "+" and (numbers or (isinstance(left, str) and isinstance(right, str))):
            return _within_bounds(left + right)
        if operator == "+" and isinstance(left, list) and isinstance(right, list):
            return _within_bounds(left + right)
        raise ValueError(f"{_kind(left)} {operator} {_kind(right)} makes no sense; ~ joins text")

    def call_unop(self, context: Context, operator: str, arg: Any) -> Any:
        _defined(arg)
        if not _is_number(arg):
            raise ValueError(f"minus {_kind(arg)} makes no sense")
        return -arg


@cache
def _core_environment() -> _Environment:
    return _Environment({})


def _compiled(
    environment: _Environment, text: str, parts: list[nodes.Expr], keeps_type: bool
) -> Callable[[Mapping[str, object]], object]:
    """Make Jinja compile the tree, as its `compile_expression` does from text."""
    parts = [_Meaning().visit(part) for part in parts]
    wanted = parts[0] if keeps_type else _join(parts)
    body: list[nodes.Node] = [nodes.Assign(nodes.Name("result", "store"), wanted, lineno=1)]
    tree = nodes.Template(body, lineno=1)
    tree.set_environment(environment)
    try:
        evaluate = TemplateExpression(environment.from_string(tree), undefined_to_none=False)
    except (TemplateError, SyntaxError, MemoryError) as error:
        raise _error(text, f"It cannot be compiled: {error}.") from error

    def run(variables: Mapping[str, object]) -> object:
        try:
            result = evaluate({**variables, **_lenient(variables)})
            _defined(result)
            return _within_bounds(result)
        except TemplateRuntimeError as error:
            why = str(error.message)
            cause: BaseException | None = None
        except (TypeError, ValueError, ArithmeticError, RecursionError) as error:
            why = str(error)
            cause = error
        raise _error(text, why) from cause

    return run


def _lenient(variables: Mapping[str, object]) -> dict[str, object]:
    """The variables in which unknown keys are None, also where the caller brought plain dicts."""
    given = {name: variables.get(name) or {} for name in LENIENT}
    return {
        name: value
        if isinstance(value, Lenient) or not isinstance(value, Mapping)
        else Lenient(value)
        for name, value in given.items()
    }


class _Meaning(NodeTransformer):
    """Gives the tree our meanings: `~` writes values as text does, no `else` means None.

    The names of its methods are Jinja's.
    """

    def visit_Concat(self, node: nodes.Concat) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        return _join(node.nodes)

    def visit_CondExpr(self, node: nodes.CondExpr) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        node.expr2 = node.expr2 or nodes.Const(None)
        return node

    def visit_TemplateData(self, node: nodes.TemplateData) -> nodes.Expr:  # noqa: N802
        return nodes.Const(node.data)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        return nodes.List(node.items)


_JOINED = "_joined"
"""The filter that stands for `~` and for text with expressions in it; it cannot be written."""


def _join(parts: list[nodes.Expr]) -> nodes.Expr:
    return nodes.Filter(nodes.List(parts, lineno=1), _JOINED, [], [], None, None, lineno=1)


@pass_context
def _joined(context: Context, parts: list[object]) -> str:
    texts: list[str] = []
    length = 0
    for part in parts:
        _defined(part)
        texts.append(core_filters.written(context, part))
        length += len(texts[-1])
        if length > MAX_RESULT:
            raise ValueError(_TOO_LONG)
    return "".join(texts)


def _bounded(name: str, function: Filter) -> Filter:
    """The filter, failing on names that are not there, and bounded in what it gives."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> object:
        if name != "default":
            _defined(*args, *kwargs.values())
        try:
            return _within_bounds(function(*args, **kwargs))
        except UndefinedError:
            raise
        except Exception as error:
            why = str(error) or type(error).__name__
            raise ValueError(f"the filter {name} failed: {why}") from error

    return call


_TOO_LONG = f"the result has more than {MAX_RESULT:,} characters"


def _within_bounds(value: object) -> object:
    """The value, if it is plain data of a bearable size."""
    if sum(_sizes(value, 0)) > MAX_RESULT:
        raise ValueError(_TOO_LONG)
    return value


def _sizes(value: object, depth: int) -> Iterator[int]:
    if depth > MAX_DEPTH:
        raise ValueError("the result is nested too deeply")
    if isinstance(value, str):
        yield len(value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield len(str(key))
            yield from _sizes(item, depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            yield 1
            yield from _sizes(item, depth + 1)
    elif _is_number(value):
        if not abs(value) <= MAX_NUMBER:  # not a number compares false
            raise ValueError("the result is too large a number")
    elif value is not None and not isinstance(value, bool | date):
        raise ValueError(f"{_kind(value)} is nothing that an expression can give")


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _kind(value: object) -> str:
    """What a value is, in words."""
    if isinstance(value, Mapping):
        return "a group of values"
    return _KINDS.get(type(value), type(value).__name__)


_KINDS = {
    type(None): "nothing (None)",
    bool: "true or false",
    date: "a date",
    datetime: "a time",
    float: "a number",
    int: "a number",
    list: "a list",
    str: "a text",
    tuple: "a list",
}

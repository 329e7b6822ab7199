"""From the text of an expression to what can be called with the variables of an event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

import attrs
from attrs import frozen
from jinja2 import TemplateError, TemplateRuntimeError, TemplateSyntaxError, nodes
from jinja2.environment import TemplateExpression
from jinja2.visitor import NodeTransformer

from crmwire.expressions.allowed import Check
from crmwire.expressions.bounds import MAX_TEXT, within_bounds
from crmwire.expressions.environment import JOINED, Environment, core_environment, defined
from crmwire.expressions.errors import expression_error
from crmwire.expressions.values import lenient
from crmwire.filters import Filter


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
        raise expression_error(text, f"It has {len(text):,} characters; the most is {MAX_TEXT:,}.")
    if "{%" in text:
        raise expression_error(text, "Statements ({% %}) are not allowed; use {{ a if b else c }}.")
    if "{{" not in text:
        return Expression(text=text, run=lambda _: text)
    return _compiled(text) if not filters else _of(Environment(filters), text)


@lru_cache(maxsize=1024)
def _compiled(text: str) -> Expression:
    """Kept, since connections by the hundred have the same mapping."""
    return _of(core_environment(), text)


def _of(environment: Environment, text: str) -> Expression:
    try:
        parts = _parsed(environment, text)
        check = Check(environment, text)
        for part in parts:
            check.node(part, 0)
        keeps_type = len(parts) == 1 and not isinstance(parts[0], nodes.TemplateData)
        run = _runnable(environment, text, parts, keeps_type)
    except RecursionError:
        raise expression_error(text, "It is nested too deeply.") from None
    return Expression(text=text, keeps_type=keeps_type, paths=frozenset(check.paths), run=run)


def _parsed(environment: Environment, text: str) -> list[nodes.Expr]:
    """The parts of the text, in order: what stands between braces, and the text around it."""
    try:
        template = environment.parse(text)
    except TemplateSyntaxError as error:
        raise expression_error(text, f"It cannot be read: {error.message}.") from error
    parts: list[nodes.Expr] = []
    for statement in template.body:
        if not isinstance(statement, nodes.Output):
            raise expression_error(text, "Statements are not allowed.")
        parts += statement.nodes
    return parts


def _runnable(
    environment: Environment, text: str, parts: list[nodes.Expr], keeps_type: bool
) -> Callable[[Mapping[str, object]], object]:
    """Make Jinja compile the tree, as its `compile_expression` does from text."""
    path = _path(parts[0]) if keeps_type else None
    parts = [_Meaning().visit(part) for part in parts]
    wanted = parts[0] if keeps_type else _join(parts)
    body: list[nodes.Node] = [nodes.Assign(nodes.Name("result", "store"), wanted, lineno=1)]
    tree = nodes.Template(body, lineno=1)
    tree.set_environment(environment)
    evaluate: Callable[[Mapping[str, object]], object]
    try:
        if path is not None:
            evaluate = _lookup(environment, *path)
        else:
            evaluate = TemplateExpression(environment.from_string(tree), undefined_to_none=False)
    except (TemplateError, SyntaxError, MemoryError) as error:
        raise expression_error(text, f"It cannot be compiled: {error}.") from error

    def run(variables: Mapping[str, object]) -> object:
        try:
            result = evaluate(lenient(variables))
            defined(result)
            return within_bounds(result)
        except TemplateRuntimeError as error:
            why = str(error.message)
            cause: BaseException | None = None
        except (TypeError, ValueError, ArithmeticError, RecursionError) as error:
            why = str(error)
            cause = error
        raise expression_error(text, why) from cause

    return run


def _path(node: nodes.Expr) -> tuple[str, list[str]] | None:
    """The name and the keys of a path such as `guest.email`; None of anything else."""
    keys: list[str] = []
    while isinstance(node, nodes.Getattr):
        keys.append(node.attr)
        node = node.node
    return (node.name, keys[::-1]) if isinstance(node, nodes.Name) else None


def _lookup(
    environment: Environment, name: str, keys: list[str]
) -> Callable[[Mapping[str, object]], object]:
    """What Jinja would do for a path, without a context for each: most expressions are paths."""

    def run(variables: Mapping[str, object]) -> object:
        value = variables[name] if name in variables else environment.undefined(name=name)
        for key in keys:
            value = environment.getattr(value, key)
        return value

    return run


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


def _join(parts: list[nodes.Expr]) -> nodes.Expr:
    return nodes.Filter(nodes.List(parts, lineno=1), JOINED, [], [], None, None, lineno=1)

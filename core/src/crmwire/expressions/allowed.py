"""The allow-list of the syntax tree: every node that it does not name is refused."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping

from jinja2 import nodes

from crmwire.expressions.bounds import MAX_DEPTH, MAX_ITEMS, MAX_NODES, MAX_NUMBER
from crmwire.expressions.environment import JOINED, TESTS, Environment
from crmwire.expressions.errors import ExpressionError, expression_error, unknown
from crmwire.expressions.values import VARIABLES
from crmwire.filters import Filter

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


class Check:
    """Walks an expression's tree; refuses every node that is not expressly allowed."""

    def __init__(self, environment: Environment, text: str) -> None:
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
        keys: list[nodes.Node] = []
        while True:
            if isinstance(node, nodes.Name):
                self._name(node)
                self.paths.add(".".join([node.name, *reversed(steps)]))
                return keys
            if isinstance(node, nodes.Getattr):
                steps.append(node.attr)
            elif isinstance(node, nodes.Getitem):
                key = node.arg
                if isinstance(key, nodes.Slice):
                    raise self._error(_REFUSED[nodes.Slice])
                if isinstance(key, nodes.Name | nodes.Getattr | nodes.Getitem):
                    # What the key names is only known when it is read, so the path ends above it.
                    steps.clear()
                    keys.append(key)
                elif isinstance(key, nodes.Const) and isinstance(key.value, str | int):
                    steps.append(str(key.value))
                else:
                    raise self._error("A key in [ ] must be a text, a number or a name.")
            else:
                break
            self._count += 1
            if len(steps) > MAX_DEPTH:
                raise self._error("It is nested too deeply.")
            node = node.node
        if isinstance(node, nodes.Filter | nodes.CondExpr | nodes.Or | nodes.And):
            return (node, *keys)
        raise self._error("Only variables have parts that can be read with a dot.")

    def _name(self, node: nodes.Name) -> None:
        if node.ctx != "load" or node.name not in VARIABLES:
            raise self._error(unknown("name", node.name, VARIABLES))

    def _filter(self, node: nodes.Filter) -> Iterable[nodes.Node]:
        known = {name: function for name, function in self._filters.items() if name != JOINED}
        function = known.get(node.name)
        if function is None:
            raise self._error(unknown("filter", node.name, known))
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
            raise self._error(unknown("test", node.name, TESTS))
        if node.args or node.kwargs or node.dyn_args or node.dyn_kwargs:
            raise self._error(f"The test {node.name} takes no arguments.")
        return (node.node,)

    def _error(self, why: str) -> ExpressionError:
        return expression_error(self._text, why)

"""The mutants of a module: its syntax tree with one node changed.

Changed are comparisons, arithmetic, `and` and `or`, `not`, conditions, numbers, truth values, words
(texts without a blank), SQL, what is returned, and statements that are left out. Not changed are
texts for people, annotations, decorators, imports, assertions and the schema.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from types import CodeType

from attrs import define

from mutation import sql

_SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip


@define
class Mutant:
    """One change. `place` is the list or node that holds the node, `key` where in it."""

    module: str
    path: str
    line: int
    scope: str
    told: str
    tree: ast.Module
    place: object
    key: int | str
    new: ast.AST
    number: int = 0

    @property
    def id(self) -> str:
        """A name that stays as long as this place of the code does."""
        again = f" #{self.number}" if self.number else ""
        return f"{self.module} {self.scope}: {self.told}{again}"

    def code(self) -> CodeType:
        old = _get(self.place, self.key)
        _put(self.place, self.key, self.new)
        try:
            return compile(ast.fix_missing_locations(self.tree), self.path, "exec")
        finally:
            _put(self.place, self.key, old)


def mutants(module: str, path: str, text: str) -> list[Mutant]:
    """All mutants of a module, in the order of its lines."""
    tree = ast.parse(text)
    made: list[Mutant] = []
    seen: dict[str, int] = {}
    for scope, place, key, node in _places(tree, ""):
        for told, new in _changes(node):
            ast.copy_location(new, node)
            line = getattr(node, "lineno", 0)
            one = Mutant(module, path, line, scope or "(module)", told, tree, place, key, new)
            one.number = seen.get(one.id, 0)
            seen[f"{module} {one.scope}: {told}"] = one.number + 1
            made.append(one)
    return made


def _get(place: object, key: int | str) -> object:
    return place[key] if isinstance(place, list) else getattr(place, str(key))  # type: ignore[index]


def _put(place: object, key: int | str, value: object) -> None:
    if isinstance(place, list):
        place[key] = value  # type: ignore[index]
    else:
        setattr(place, str(key), value)


_UNTOUCHED = {"annotation", "returns", "decorator_list", "format_spec", "type_params"}


def _places(node: ast.AST, scope: str) -> Iterator[tuple[str, object, int | str, ast.AST]]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        scope = f"{scope}.{node.name}" if scope else node.name
    for field, value in ast.iter_fields(node):
        if field in _UNTOUCHED:
            continue
        if isinstance(value, list):
            for index, child in enumerate(value):
                if isinstance(child, ast.AST) and not (_skipped(child) or _piece(node, child)):
                    yield scope, value, index, child
                    yield from _places(child, scope)
        elif isinstance(value, ast.AST) and not _skipped(value):
            yield scope, node, field, value
            yield from _places(value, scope)


def _skipped(node: ast.AST) -> bool:
    """Imports, assertions, docstrings, `__all__`, and what only a type checker reads."""
    match node:
        case ast.Import() | ast.ImportFrom() | ast.Assert():
            return True
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            return True
        case ast.Subscript(value=ast.Name(id="Literal")):
            return True
    return False


def _piece(node: ast.AST, child: ast.AST) -> bool:
    """Whether this is a piece of a text that is put together, and no SQL: most are for people."""
    return (
        isinstance(node, ast.JoinedStr)
        and isinstance(child, ast.Constant)
        and not sql.is_sql(str(child.value))
    )


def _changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Each way to change one node: (what is told of it, the node in its place)."""
    was = ast.unparse(node)[:90] if isinstance(node, ast.expr | ast.stmt) else ""
    match node:
        case ast.Compare(left=left, ops=ops, comparators=others):
            for index, op in enumerate(ops):
                new = [*ops[:index], _SWAPPED[type(op)](), *ops[index + 1 :]]
                changed = ast.Compare(left=left, ops=new, comparators=others)  # type: ignore[arg-type]
                yield f"{was} -> {ast.unparse(changed)[:90]}", changed
        case ast.BoolOp(op=op, values=values):
            yield f"{was}: {_word(op)}", ast.BoolOp(op=_SWAPPED[type(op)](), values=values)  # type: ignore[arg-type]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _SWAPPED:
            new_op = _SWAPPED[type(op)]()
            yield f"{was}: {_word(op)}", ast.BinOp(left=left, op=new_op, right=right)  # type: ignore[arg-type]
        case ast.AugAssign(target=target, op=op, value=value) if type(op) in _SWAPPED:
            new_op = _SWAPPED[type(op)]()
            yield f"{was}: {_word(op)}", ast.AugAssign(target=target, op=new_op, value=value)  # type: ignore[arg-type]
            yield f"{was}: left out", ast.Pass()
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield f"{was}: without not", operand
        case ast.If(test=test, body=body, orelse=orelse) if _plain(test):
            yield f"if {ast.unparse(test)}: negated", ast.If(_negated(test), body, orelse)
        case ast.IfExp(test=test, body=then, orelse=other) if _plain(test):
            yield f"{was}: negated", ast.IfExp(_negated(test), then, other)
        case ast.Return(value=value) if value is not None and not _is_none(value):
            yield f"{was}: returns None", ast.Return(value=ast.Constant(value=None))
        case ast.Expr(value=ast.Call()):
            yield f"{was}: left out", ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield f"{was}: left out", ast.Pass()
        case ast.Raise() | ast.Continue() | ast.Break() | ast.Delete():
            yield f"{was}: left out", ast.Pass()
        case ast.Constant(value=bool() as value):
            yield f"{was} -> {not value}", ast.Constant(value=not value)
        case ast.Constant(value=int() | float() as value):
            yield f"{was} -> {value + 1}", ast.Constant(value=value + 1)
        case ast.Constant(value=str() as text):
            yield from _texts(text)


def _texts(text: str) -> Iterator[tuple[str, ast.AST]]:
    if sql.is_sql(text):
        for told, new in sql.changed(text):
            yield told, ast.Constant(value=new)
    elif text and not any(letter.isspace() for letter in text):
        yield f"{text!r} -> another word", ast.Constant(value=f"XX{text}")


def _plain(test: ast.expr) -> bool:
    """A condition that is changed in no other way."""
    return not isinstance(test, ast.Compare | ast.BoolOp | ast.UnaryOp)


def _negated(test: ast.expr) -> ast.expr:
    return ast.UnaryOp(op=ast.Not(), operand=test)


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _word(op: ast.AST) -> str:
    return f"{type(op).__name__} -> {_SWAPPED[type(op)].__name__}"

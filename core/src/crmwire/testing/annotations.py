"""Do a plugin's annotations say what the hook specifications say?"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import sys
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

from crmwire import hookspecs, types
from crmwire.hookspecs import app, crm, source

Function = Callable[..., Any]


def implementations(plugin: object) -> dict[str, Function]:
    """The hooks that a plugin implements, by the name of the hook."""
    found = {}
    for name in dir(plugin):
        function = getattr(plugin, name)
        marks = getattr(function, f"{hookspecs.NAME}_impl", None)
        if marks:
            found[marks.get("specname") or name] = function
    return found


def differences(plugin: object, specs: type = hookspecs.CrmSpecs) -> list[str]:
    """Where a plugin's annotations are not those of the specifications, one text for each.

    Arguments may be left out. An answer may leave out `None`.
    """
    return [
        difference
        for hook, function in implementations(plugin).items()
        for difference in _of_hook(hook, function, getattr(specs, hook, None))
    ]


def _of_hook(hook: str, function: Function, spec: Function | None) -> Iterator[str]:
    if spec is None:
        yield f"{hook}: there is no such hook"
        return
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        yield f"{hook}: hooks are synchronous"
        return
    wanted = _hints(spec)
    try:
        given = _hints(function)
    except NameError as error:
        yield f"{hook}: {error}"
        return
    for name in inspect.signature(function).parameters:
        if name not in wanted:
            yield f"{hook}: it has no argument {name!r}"
        elif name not in given:
            yield f"{hook}: {name} has no annotation"
        elif given[name] != wanted[name]:
            yield f"{hook}: {name} is {wanted[name]}, not {given[name]}"
    answer = given.get("return")
    if "return" not in given:
        yield f"{hook}: what it returns has no annotation"
    elif answer != wanted["return"] and answer != _without_none(wanted["return"]):
        yield f"{hook}: it returns {wanted['return']}, not {answer}"


def _hints(function: Function) -> dict[str, Any]:
    module = sys.modules[function.__module__]
    # What the aliases of `crmwire.types` are written with (Json, Value) must be known too.
    aliases = {"Mapping": Mapping, "Sequence": Sequence, "Json": types.Json}
    names: dict[str, Any] = dict(aliases)
    for one in (app, crm, source, module):
        names |= _imported_for_types(one)
    return typing.get_type_hints(function, vars(module), names)


def _without_none(hint: Any) -> Any:
    parts = [part for part in typing.get_args(hint) if part is not type(None)]
    return typing.Union[tuple(parts)] if parts else hint  # noqa: UP007  (made at run time)


def _imported_for_types(module: ModuleType) -> Mapping[str, Any]:
    """What a module imports under `if TYPE_CHECKING:`, imported now."""
    names: dict[str, Any] = {}
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            for statement in node.body:
                names.update(_imported(statement, module))
    return names


def _imported(statement: ast.stmt, module: ModuleType) -> Iterator[tuple[str, Any]]:
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            made = importlib.import_module(alias.name)
            top = sys.modules[alias.name.partition(".")[0]]
            yield (alias.asname, made) if alias.asname else (top.__name__, top)
    elif isinstance(statement, ast.ImportFrom):
        relative = "." * statement.level + (statement.module or "")
        source = importlib.import_module(
            importlib.util.resolve_name(relative, module.__package__ or module.__name__)
        )
        for alias in statement.names:
            yield alias.asname or alias.name, getattr(source, alias.name)

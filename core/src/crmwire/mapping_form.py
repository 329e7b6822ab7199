"""The form of a mapping: what may stand in its TOML document, checked all at once."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin

import attrs
import cattrs
from attrs import frozen

from crmwire.errors import ConfigurationError
from crmwire.expressions import Expression, Filter, compile_expression
from crmwire.types import WritePolicy
from crmwire.vocabulary import EVENT_TYPES

VERBS = frozenset(name.split(".")[1] for name in EVENT_TYPES)
OptionKind = Literal["switch", "choice", "choices", "text", "number", "field"]

T = TypeVar("T")


@frozen
class Setting:
    """A policy: a fixed value, or an expression of the options."""

    value: Any

    def __call__(self, variables: Mapping[str, object]) -> Any:
        return self.value(variables) if isinstance(self.value, Expression) else self.value


@frozen(kw_only=True)
class FieldRow:
    """One field: from which expression, user or record, and when it is written."""

    value: Expression | None = None
    user: Expression | None = None
    record: str | None = None
    write: Setting | None = None
    cut: bool = False


@frozen(kw_only=True)
class Option:
    """What a settings screen shows and a route sets."""

    label: str
    kind: OptionKind
    default: Any = None
    choices: tuple[str, ...] = ()
    help: str = ""

    def checked(self, name: str, value: Any) -> Any:
        """The value, if it is of this kind. Raises: ValueError."""
        wanted = {
            "switch": bool,
            "choice": str,
            "text": str,
            "field": str,
            "number": int | float,
            "choices": list | tuple,
        }[self.kind]
        if not isinstance(value, wanted) or (self.kind == "number" and isinstance(value, bool)):
            raise ValueError(f"option {name} wants a {self.kind}, not {value!r}")
        chosen: Iterable[object] = value if isinstance(value, list | tuple) else (value,)
        if self.choices and any(one not in self.choices for one in chosen):
            raise ValueError(f"option {name} must be one of {', '.join(self.choices)}")
        return value


Fields = Mapping[str, FieldRow]


@frozen(kw_only=True)
class Change:
    """`[activity.on.rescheduled]`: what an event does to a record that is there."""

    do: Literal["update", "add", "delete", "nothing"] = "update"
    send: Literal["listed", "all"] | None = None
    fields: Fields = attrs.field(factory=dict)


@frozen(kw_only=True)
class RecordTable:
    """`[person]` or `[company]`: a record that is found, or created."""

    look_in: Setting
    match: tuple[str, ...]
    create: Setting = Setting(None)
    record: Expression | None = None
    if_none: Setting = Setting("skip")
    several: Setting = Setting("hold")
    update: Setting = Setting(True)
    write: Setting = Setting("if_empty")
    company: Setting = Setting("on_create")
    create_without_key: bool = False
    drop: tuple[str, ...] = ()
    each: Literal["guests"] | None = None
    fields: Mapping[str, Fields] = attrs.field(factory=dict)
    on: Mapping[str, Change] = attrs.field(factory=dict)


@frozen(kw_only=True)
class ActivityTable:
    """`[activity]` or `[records.x]`: a record that follows the subject."""

    object: str
    per: Literal["subject", "event"] = "subject"
    when: Expression | None = None
    match: tuple[str, ...] = ()
    write: Setting = Setting("always")
    mark: str | None = None
    about: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    fields: Fields = attrs.field(factory=dict)
    on: Mapping[str, Change] = attrs.field(factory=dict)


@frozen(kw_only=True)
class MappingForm:
    """A whole mapping document."""

    title: str
    events: tuple[str, ...] | None = None
    when: Expression | None = None
    options: Mapping[str, Option] = attrs.field(factory=dict)
    person: RecordTable | None = None
    company: RecordTable | None = None
    activity: ActivityTable | None = None
    records: Mapping[str, ActivityTable] = attrs.field(factory=dict)
    crm: Mapping[str, Any] = attrs.field(factory=dict)


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """TOML text as plain data. Raises: ConfigurationError naming the line."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(
            f"{where} is not valid TOML: {error}.",
            remedy="Mend that place; how TOML is written is told at https://toml.io.",
        ) from None
    except (ValueError, RecursionError):
        raise ConfigurationError(
            f"{where} holds too long a number, or is nested too deep."
        ) from None


def structured(converter: cattrs.Converter, data: object, cls: type[T], where: str) -> T:
    """`data` as `cls`. Raises: ConfigurationError with every problem and its path."""
    try:
        return converter.structure(data, cls)
    except Exception as error:  # noqa: BLE001  (cattrs groups all that was wrong)
        problems = cattrs.transform_error(error, path=where, format_exception=_told)
        raise ConfigurationError(
            f"{where} has {'a mistake' if len(problems) == 1 else f'{len(problems)} mistakes'}:",
            problems=problems,
        ) from None


def _told(error: BaseException, kind: type | None) -> str:
    if isinstance(error, KeyError):
        return f"required field missing: {error.args[0]}"
    if isinstance(error, cattrs.ForbiddenExtraKeysError):
        names = ", ".join(sorted(error.extra_fields))
        known = ", ".join(sorted(one.name for one in attrs.fields(error.cl)))
        return f"unknown field {names} (there are: {known})"
    text, bare = str(error), _bare(kind)
    unconverted = "could not convert" in text or "invalid literal" in text
    if unconverted or (bare in (int, float) and not isinstance(error, ValueError)):
        return "must be a whole number" if bare is int else "must be a number"
    if isinstance(error, ConfigurationError | ValueError) and not isinstance(error, UnicodeError):
        return text
    if isinstance(bare, type) and (attrs.has(bare) or issubclass(bare, Mapping)):
        return "must be a table"
    return f"must be of the type {getattr(bare, '__name__', bare)}"


def _bare(kind: object) -> object:
    """A type without `None` beside it and without what it holds."""
    parts = [one for one in get_args(kind) if one is not type(None)]
    if isinstance(kind, UnionType) and len(parts) == 1:
        kind = parts[0]
    return get_origin(kind) or kind


@cache
def plain_converter() -> cattrs.Converter:
    """One for all mappings without filters of plugins: each writes and compiles code of its own."""
    return converter()


def converter(filters: Mapping[str, Filter] | None = None) -> cattrs.Converter:
    """A converter that compiles expressions, with these filters beside core's own."""
    conv = cattrs.Converter(forbid_extra_keys=True)

    def expression(value: object, _: object) -> Expression:
        if not isinstance(value, str):
            raise ValueError(f"an expression is a text, not {value!r}")
        return compile_expression(value, filters=filters)

    def maybe_expression(value: object, _: object) -> Expression | None:
        return None if value is None else expression(value, Expression)

    def setting(value: object, _: object) -> Setting:
        if isinstance(value, str) and "{{" in value:
            return Setting(compile_expression(value, filters=filters))
        return Setting(tuple(value) if isinstance(value, list) else value)

    def maybe_setting(value: object, _: object) -> Setting | None:
        return None if value is None else setting(value, Setting)

    plain_row = cattrs.gen.make_dict_structure_fn(FieldRow, conv, _cattrs_forbid_extra_keys=True)

    def row(value: object, cls: type[FieldRow]) -> FieldRow:
        if isinstance(value, int | float):
            return FieldRow(value=compile_expression("{{ " + repr(value).lower() + " }}"))
        if not isinstance(value, Mapping):
            return FieldRow(value=expression(value, Expression))
        made: FieldRow = plain_row(value, cls)
        if sum(part is not None for part in (made.value, made.user, made.record)) != 1:
            raise ValueError("a field has exactly one of value, user and record")
        if made.write is not None and isinstance(made.write.value, str):
            one_of(made.write.value, [policy.value for policy in WritePolicy])
        return made

    conv.register_structure_hook(Expression, expression)
    conv.register_structure_hook(Expression | None, maybe_expression)
    conv.register_structure_hook(Setting, setting)
    conv.register_structure_hook(Setting | None, maybe_setting)
    conv.register_structure_hook(FieldRow, row)
    conv.register_structure_hook(bool, _strictly(bool, "true or false"))
    conv.register_structure_hook(str, _strictly(str, "a text"))
    # Generic types cannot be registered by dispatch, so they are compared.
    conv.register_structure_hook_func(lambda kind: kind == tuple[str, ...], _texts)
    conv.register_structure_hook_func(lambda kind: kind == tuple[str, ...] | None, _maybe_texts)
    return conv


def one_of(value: str, allowed: list[str]) -> str:
    """`value`, if it is allowed. Raises: ValueError naming what is."""
    if value not in allowed:
        raise ValueError(f"{value!r} must be one of {', '.join(allowed)}")
    return value


def _strictly(kind: type, words: str) -> Callable[[object, object], object]:
    def structure(value: object, _: object) -> object:
        if not isinstance(value, kind):
            raise ValueError(f"must be {words}, not {value!r}")
        return value

    return structure


def _texts(value: object, _: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        raise ValueError(f"must be a list of texts, not {value!r}")
    return tuple(value)


def _maybe_texts(value: object, _: object) -> tuple[str, ...] | None:
    return None if value is None else _texts(value, None)


def checked_form(form: MappingForm, where: str) -> MappingForm:
    """The form, if its parts fit together. Raises: ConfigurationError with every problem."""
    problems = [
        f"unknown event {name!r} @ {where}.events"
        for name in form.events or ()
        if name not in EVENT_TYPES
    ]
    if not (form.person or form.company or form.activity or form.records):
        problems.append(f"nothing to write: no person, company, activity or records @ {where}")
    roles = [name for name in ("person", "company") if getattr(form, name)]
    tables = {f"records.{name}": table for name, table in form.records.items()}
    if form.activity:
        tables["activity"] = form.activity
    for role, table in tables.items():
        roles_above = [*roles, *(name for name in tables if name != role)]
        rows = dict(table.fields)
        for verb, change in table.on.items():
            if verb not in VERBS:
                problems.append(f"unknown event {verb!r} @ {where}.{role}.on")
            rows.update(change.fields)
        for name, row in rows.items():
            if row.record is not None and row.record not in roles_above:
                problems.append(f"no table {row.record!r} @ {where}.{role}.fields.{name}")
        problems += [
            f"no table {name!r} @ {where}.{role}.about"
            for name in table.about
            if name not in roles_above
        ]
    for role in roles:
        table_: RecordTable = getattr(form, role)
        for verb, change in table_.on.items():
            if verb not in VERBS:
                problems.append(f"unknown event {verb!r} @ {where}.{role}.on")
            if change.do != "update":
                problems.append(f"a {role} is only updated @ {where}.{role}.on.{verb}.do")
        given = {name for rows in table_.fields.values() for name in rows}
        for key in table_.match:
            if key == "record" and table_.record is None:
                problems.append(f"match by record needs `record` @ {where}.{role}")
            elif key not in ("link", "record") and key not in given:
                problems.append(f"match by {key!r} needs that field @ {where}.{role}.fields")
        create = table_.create.value
        if isinstance(create, str) and create and create not in table_.fields:  # "": made never
            problems.append(f"{create!r} has no fields to be created with @ {where}.{role}.fields")
        for setting, allowed in (
            (table_.several, ["hold", "newest", "oldest", "active", "skip"]),
            (table_.if_none, ["skip", "hold"]),
            (table_.write, [policy.value for policy in WritePolicy]),
            (table_.company, ["always", "on_create", "never"]),
        ):
            if not isinstance(setting.value, Expression) and setting.value not in allowed:
                problems.append(
                    f"{setting.value!r} must be one of {', '.join(allowed)} @ {where}.{role}"
                )
    if problems:
        raise ConfigurationError(f"{where} does not fit together:", problems=problems)
    return form

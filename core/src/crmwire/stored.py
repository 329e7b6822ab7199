"""Values as the JSON that the store keeps, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, TypeVar

import attrs
import cattrs
from cattrs.fns import identity

from crmwire.types import Ref, Write

T = TypeVar("T")


def _converter() -> cattrs.Converter:
    conv = cattrs.Converter(omit_if_default=True)
    conv.register_unstructure_hook(datetime, lambda value: value.isoformat())
    conv.register_structure_hook(datetime, lambda value, _: datetime.fromisoformat(value))
    # Most of what an event tells is text, or nothing.
    conv.register_unstructure_hook_func(lambda kind: kind == str | None, identity)
    conv.register_structure_hook_func(
        lambda kind: kind == str | None, lambda value, _: None if value is None else str(value)
    )
    return conv


_conv = _converter()
_SCALARS = (str, int, float)
_encoded = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def dumps(value: object) -> str:
    """An attrs object, or plain data, as JSON text that can be stored as UTF-8."""
    return written(plain(value))


def plain(value: object) -> Any:
    """An attrs object as plain data."""
    return _conv.unstructure(value)


def written(data: object) -> str:
    """Plain data as JSON text that can be stored as UTF-8."""
    return whole(_encoded(data))


def whole(text: str) -> str:
    """The text with halves of characters (lone surrogates), which JSON allows, replaced."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def loads(text: str, cls: type[T]) -> T:
    """JSON text as `cls`."""
    return _conv.structure(json.loads(text), cls)


def structure(data: object, cls: type[T]) -> T:
    """Plain data as `cls`."""
    return _conv.structure(data, cls)


def timestamp(value: datetime | None) -> float | None:
    return None if value is None else value.timestamp()


def moment(value: float | None) -> datetime | None:
    """Seconds since 1970 as an aware UTC time."""
    return None if value is None else datetime.fromtimestamp(value, UTC)


def write_to_json(write: Write) -> dict[str, Any]:
    """A write as plain data; times, dates and references are tagged."""
    made: dict[str, Any] = {}
    for field in attrs.fields(Write):
        value = getattr(write, field.name)
        if field.name == "settings" or value == field.default or value in ({}, ()):
            continue
        made[field.name] = _tagged(value)
    return made


def write_from_json(data: Mapping[str, Any]) -> Write:
    """The write again, without its settings."""
    from crmwire.types import About, Key

    values = {name: _untagged(value) for name, value in data.items()}
    for name in ("add", "drop_allowed"):
        if name in values:
            values[name] = tuple(values[name])
    if values.get("match"):
        key = values["match"]
        values["match"] = Key(types=tuple(key["types"]), name=key["name"], value=key["value"])
    values["about"] = tuple(About(**about) for about in values.get("about", ()))
    return Write(**values)


def _tagged(value: object) -> Any:
    if value is None or isinstance(value, _SCALARS):
        return value  # first, since nearly all are, and abstract types take far longer
    if isinstance(value, datetime):
        return {"$datetime": value.isoformat()}
    if isinstance(value, date):
        return {"$date": value.isoformat()}
    if isinstance(value, Ref):
        return {"$ref": value.write}
    kind: Any = type(value)
    if attrs.has(kind):
        return {field.name: _tagged(getattr(value, field.name)) for field in attrs.fields(kind)}
    if isinstance(value, Mapping):
        return {name: _tagged(part) for name, part in value.items()}
    if isinstance(value, Sequence):
        return [_tagged(part) for part in value]
    return value


def _untagged(value: Any) -> Any:
    if isinstance(value, dict):
        if "$datetime" in value:
            return datetime.fromisoformat(value["$datetime"])
        if "$date" in value:
            return date.fromisoformat(value["$date"])
        if "$ref" in value:
            return Ref(write=value["$ref"])
        return {name: _untagged(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_untagged(part) for part in value]
    return value

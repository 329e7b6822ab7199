"""Whether an event is such as core can keep, carry and map."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import attrs

from crmwire import stored, vocabulary
from crmwire.types import Event
from crmwire.vocabulary import EVENT_TYPES, Details

NATIVE = re.compile(r"\S.{0,199}", re.DOTALL)
"""What the source's own name of an ignored event may be."""


def misfits(event: Event) -> list[str]:
    """What is wrong with an event, one text for each fault; empty if it is in order."""
    return list(_of_event(event))


def _of_event(event: Event) -> Iterator[str]:
    if event.ignored is None:
        if event.type not in EVENT_TYPES:
            yield f"{event.type!r} is no word of the vocabulary; say why it is `ignored`"
        if not _is_text(event.subject_id) or not event.subject_id.strip():
            yield "subject_id is empty"
        if any(not _is_text(one) or not one.strip() for one in event.previous_ids):
            yield "one of previous_ids is empty"
    else:
        if not event.ignored.strip():
            yield "`ignored` is an empty reason"
        if not NATIVE.fullmatch(event.type):
            yield "an ignored event has no name of the source's own"
    yield from _of_time("occurred_at", event.occurred_at)
    if event.version is not None and type(event.version) is not int:
        yield "version is no whole number"
    if event.webhook_id is not None and (not _is_text(event.webhook_id) or not event.webhook_id):
        yield "webhook_id is empty or no text"
    yield from _of_value("details", event.details, Details)
    try:
        kept = stored.loads(stored.dumps(event), Event)
    except Exception as error:  # noqa: BLE001  (whatever it is, it must not happen)
        yield f"it cannot be stored: {error!r}"
    else:
        if stored.dumps(kept) != stored.dumps(event):
            yield "it changes when it is stored"


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _of_time(path: str, value: object) -> Iterator[str]:
    if not isinstance(value, datetime):
        yield f"{path} is no time: {value!r}"
    elif value.tzinfo is None:
        yield f"{path} has no zone"
    elif value.utcoffset() != UTC.utcoffset(None):
        yield f"{path} is not in UTC"


def _of_value(path: str, value: object, kind: Any) -> Iterator[str]:
    """What is wrong with a value that should be of this kind."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        if value is not None:
            [other] = [part for part in parts if part is not type(None)]
            yield from _of_value(path, value, other)
    elif origin is tuple:
        if not isinstance(value, tuple):
            yield f"{path} is no tuple: {value!r:.100}"
            return
        for number, one in enumerate(value):
            yield from _of_value(f"{path}[{number}]", one, parts[0])
    elif origin is not None:  # a mapping of texts
        if not isinstance(value, Mapping):
            yield f"{path} is no mapping: {value!r:.100}"
            return
        for name, one in value.items():
            yield from _of_value(f"{path} (its keys)", name, str)
            yield from _of_value(f"{path}[{name!r}]", one, str)
    elif kind is datetime:
        yield from _of_time(path, value)
    elif attrs.has(kind):
        if not isinstance(value, kind):
            yield f"{path} is no {kind.__name__}: {value!r:.100}"
            return
        for name, hint in _hints(kind).items():
            yield from _of_value(f"{path}.{name}", getattr(value, name), hint)
    elif type(value) is not kind:
        yield f"{path} is no {kind.__name__}: {value!r:.100}"
    elif kind is str and value == "":
        yield f"{path} is empty text; what is not known is None"


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind, vars(vocabulary))

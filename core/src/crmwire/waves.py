"""Sorting writes by what they refer to, and putting ids in the place of references."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import attrs

from crmwire.errors import Failure, Rejected
from crmwire.types import About, Ref, Value, Write, Written

_SCALARS = (str, int, float, date)
"""Nearly all values are of these, and abstract types take far longer to tell."""


def references(write: Write) -> frozenset[str]:
    """The ids of the writes whose records this write needs."""
    values = (*write.fields.values(), *write.on_create.values())
    found = {ref for one in values if not isinstance(one, _SCALARS) for ref in _refs(one)}
    found |= {about.record.write for about in write.about if isinstance(about.record, Ref)}
    return frozenset(found)


def _refs(value: Value) -> Iterator[str]:
    if isinstance(value, Ref):
        yield value.write
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _refs(part)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for part in value:
            yield from _refs(part)


def waves(writes: Sequence[Write]) -> list[list[Write]]:
    """Split writes so that each refers only to writes of earlier waves; order is kept.

    Raises: ValueError if writes refer to each other in a circle.
    """
    rest, result = list(writes), []
    names = {write.id for write in writes}
    needed = {write.id: references(write) & names for write in writes}
    done: set[str] = set()
    while rest:
        wave = [write for write in rest if needed[write.id] <= done]
        if not wave:
            raise ValueError(f"writes refer to each other: {[write.id for write in rest]}")
        result.append(wave)
        done |= {write.id for write in wave}
        rest = [write for write in rest if write.id not in done]
    return result


def resolve(write: Write, done: Mapping[str, Written | Failure]) -> Write | Failure:
    """Return the write with record ids for references, or the failure of what it refers to.

    The failure of a record that is referred to is this write's too; nothing of it was sent.
    """
    ids: dict[str, str] = {}
    for name in sorted(references(write)):
        outcome = done.get(name)
        if isinstance(outcome, Failure):
            return because_of(outcome)
        if outcome is None:
            return Rejected(f"The record {name!r} that this one refers to was not written.")
        ids[name] = outcome.record
    return filled(write, ids) if ids else write


def filled(write: Write, ids: Mapping[str, str]) -> Write:
    """The write with these record ids for the references of those names; others stay."""
    return attrs.evolve(
        write,
        fields={name: _filled(value, ids) for name, value in write.fields.items()},
        on_create={name: _filled(value, ids) for name, value in write.on_create.items()},
        about=tuple(_filled_about(about, ids) for about in write.about),
    )


def because_of(failure: Failure) -> Failure:
    """The same failure for a write that was not sent because another one failed."""
    copy = type(failure).__new__(type(failure))
    copy.__dict__.update(failure.__dict__)
    copy.args = failure.args
    copy.sent = "no"
    return copy


def _filled(value: Value, ids: Mapping[str, str]) -> Value:
    if isinstance(value, Ref):
        return ids.get(value.write, value)
    if isinstance(value, Mapping):
        return {name: _filled(part, ids) for name, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_filled(part, ids) for part in value]
    return value


def _filled_about(about: About, ids: Mapping[str, str]) -> About:
    if isinstance(about.record, Ref):
        return attrs.evolve(about, record=ids.get(about.record.write, about.record))
    return about

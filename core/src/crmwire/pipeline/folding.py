"""Folding: one person in several deliveries of a batch is one record to write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs
from attrs import define, field

from crmwire.dedup import keys_of
from crmwire.errors import Failure
from crmwire.pipeline.roles import SHARED
from crmwire.types import (
    Candidates,
    Draft,
    DraftField,
    FieldChange,
    Key,
    Match,
    Query,
    Record,
    WritePolicy,
)

if TYPE_CHECKING:
    from crmwire.pipeline.planned import Planned


@define(kw_only=True, eq=False)
class Line:
    """One record to write, for one or (a person, a company) several deliveries."""

    draft: Draft
    planned: list[Planned]
    items: list[tuple[Planned, str]] = field(factory=list)
    """Which item this record is of which delivery: a main guest here, a further one there."""
    keys: tuple[Key, ...] = ()
    queries: list[Query] = field(factory=list)
    answers: list[Candidates | Failure] = field(factory=list)
    upsert: Match | None = None
    match: Match | None = None
    previewed: Match | None = None
    """What a look-up found though the record is written by upsert (previews)."""
    changes: list[FieldChange] = field(factory=list)
    failure: Failure | None = None
    chosen: Record | None = None
    """The record that a person chose for a held delivery."""

    @property
    def shared(self) -> bool:
        return len(self.planned) > 1

    @property
    def adopting(self) -> bool:
        """Whether whose record it is must be known, since one that stands there may be linked."""
        return any(one.claimed.adopt or one.claimed.lost is not None for one in self.planned)

    def items_of(self, one: Planned) -> list[str]:
        """The items that this record is of a delivery."""
        return [item for owner, item in self.items if owner is one]


def folded(planned: Sequence[Planned]) -> list[Line]:
    """The lines of a batch, with persons and companies of the same key made one.

    The deliveries are taken in the order their events happened: what is always written comes
    from the last, what is only written once from the first.
    """
    lines: list[Line] = []
    by_key: dict[tuple[str, tuple[str, ...], str, str], Line] = {}
    in_order = sorted(
        planned, key=lambda one: (one.claimed.delivery.event.occurred_at, one.claimed.delivery.id)
    )
    for one in in_order:
        kept: list[Line] = []
        for line in one.lines:
            chosen = one.claimed.chosen
            mine = chosen is not None and chosen["role"] == line.draft.role
            if chosen is not None and mine and chosen["record"] and not line.draft.item:
                line.chosen = Record(type=chosen["type"], id=chosen["record"])
            key = _fold_key(line)
            if key is not None and key in by_key:
                first = by_key[key]
                first.draft = _merged(first.draft, line.draft)
                first.chosen = first.chosen or line.chosen
                first.items.append((one, line.draft.item))
                if one not in first.planned:
                    first.planned.append(one)
                    kept.append(first)
                continue
            if key is not None:
                by_key[key] = line
            line.items.append((one, line.draft.item))
            lines.append(line)
            kept.append(line)
        one.lines = kept
    return lines


def _fold_key(line: Line) -> tuple[str, tuple[str, ...], str, str] | None:
    draft = line.draft
    if draft.role not in SHARED or draft.link is not None:
        return None
    for key in keys_of(draft):
        return (draft.role, draft.types, key.name, key.value)
    return None


def _merged(first: Draft, later: Draft) -> Draft:
    fields = {}
    for type_ in {**first.fields, **later.fields}:
        rows: dict[str, DraftField] = {one.name: one for one in first.fields.get(type_, ())}
        for one in later.fields.get(type_, ()):
            known = rows.get(one.name)
            if known is None or one.write in (WritePolicy.ALWAYS, WritePolicy.ON_UPDATE):
                rows[one.name] = one
            elif one.write is WritePolicy.ADD:
                rows[one.name] = attrs.evolve(known, value=_joined(known.value, one.value))
        fields[type_] = tuple(rows.values())
    return attrs.evolve(first, fields=fields)


def _joined(old: object, new: object) -> list[Any]:
    values = list(old) if isinstance(old, list | tuple) else [old]
    for value in list(new) if isinstance(new, list | tuple) else [new]:
        if value not in values:
            values.append(value)
    return values

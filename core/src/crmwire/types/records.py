"""Records in the CRM: how they are looked for, found and chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence  # noqa: F401  (what `Value` is written with)
from datetime import date, datetime  # noqa: F401
from typing import Literal

import attrs
from attrs import frozen

from crmwire.types.drafts import DraftValue
from crmwire.types.values import Ref, Value  # noqa: F401


@frozen(kw_only=True)
class Key:
    """What a record is found by: a field of these object types and its value.

    The name `id` means the CRM's own record id.
    """

    types: tuple[str, ...]
    name: str
    value: str


@frozen(kw_only=True)
class Query:
    """A look-up: which records of these types have this value in this field?

    With role `user`, it asks for the CRM's user with that email address. `fields` tells which
    fields of each type the decision needs to see.
    """

    id: str
    role: str
    types: tuple[str, ...]
    key: str
    value: str
    fields: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)


@frozen(kw_only=True)
class Record:
    """A record as the CRM has it.

    `alias_of`: it was merged into, or converted to, that one; `alias_type` is that one's type, if
    it is another.
    """

    type: str
    id: str
    fields: Mapping[str, Value] = attrs.field(factory=dict)
    url: str | None = None
    owner: str | None = None
    created_at: datetime | None = None
    modified_at: datetime | None = None
    last_activity_at: datetime | None = None
    alias_of: str | None = None
    alias_type: str | None = None
    writable: bool = True


@frozen(kw_only=True)
class Candidates:
    """The records that a query found; `complete` is False if there may be more."""

    query: Query
    records: tuple[Record, ...] = ()
    complete: bool = True


@frozen(kw_only=True)
class Match:
    """The decision for one draft. `why` is for people."""

    action: Literal["update", "create", "upsert", "delete", "skip", "hold"]
    type: str | None = None
    record: Record | None = None
    key: Key | None = None
    why: str = ""
    candidates: tuple[Record, ...] = ()


@frozen(kw_only=True)
class FieldChange:
    """What becomes of one field: written or not, and why."""

    name: str
    old: Value
    new: DraftValue
    written: bool
    why: str
    add: bool = False
    """The value joins those that are there (lists)."""

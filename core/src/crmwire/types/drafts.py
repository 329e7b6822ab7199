"""Records wanted, before the CRM was asked."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Literal, TypeAlias

import attrs
from attrs import frozen

from crmwire.types.events import Link
from crmwire.types.values import Value


class WritePolicy(enum.StrEnum):
    """When a field may be written."""

    ALWAYS = "always"
    IF_EMPTY = "if_empty"
    ON_CREATE = "on_create"
    ON_UPDATE = "on_update"
    ADD = "add"


@frozen(kw_only=True)
class UserRef:
    """Stands for the id of the CRM's user with this email address."""

    email: str


@frozen(kw_only=True)
class RecordRef:
    """Stands for the id of the record of another role of the same delivery."""

    role: str


DraftValue: TypeAlias = "Value | UserRef | RecordRef"


@frozen(kw_only=True)
class DraftField:
    """One field of a draft: what it should be and when it may be written."""

    name: str
    value: DraftValue
    write: WritePolicy
    cut: bool = False
    """Text that is longer than the CRM's field is cut instead of held."""


@frozen(kw_only=True)
class Draft:
    """A record wanted, before the CRM was asked.

    `fields` are by object type, since which type it will be is not known yet. `link` is the
    record that crmwire remembers for this role and item, `record` a record id that the event
    itself names, if any. `about` names roles.
    """

    id: str
    role: str
    item: str = ""
    types: tuple[str, ...]
    create_type: str | None
    match: tuple[str, ...] = ()
    fields: Mapping[str, tuple[DraftField, ...]] = attrs.field(factory=dict)
    record: str | None = None
    link: Link | None = None
    about: tuple[str, ...] = ()
    action: Literal["write", "update", "delete"] = "write"
    update: bool = True
    if_none: Literal["skip", "hold"] = "skip"
    several: Literal["hold", "newest", "oldest", "active", "skip"] = "hold"
    company: Literal["always", "on_create", "never"] = "on_create"
    create_without_key: bool = False
    drop: tuple[str, ...] = ()
    mark: str | None = None
    per_event: bool = False

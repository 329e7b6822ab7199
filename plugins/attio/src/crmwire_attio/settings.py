"""The mapping's `[crm]` table: objects that a mapping uses, and what to do without them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import attrs
from attrs import frozen


@frozen(kw_only=True)
class NewAttribute:
    """An attribute as `crmwire setup` makes it.

    `to` is the object that a record reference points to; `back` is the slug of the attribute
    that it gets there in return. `currency` is a code such as EUR.
    """

    title: str
    type: str = "text"
    unique: bool = False
    many: bool = False
    options: tuple[str, ...] = ()
    to: str = ""
    back: str = ""
    currency: str = ""


@frozen(kw_only=True)
class NewObject:
    """A custom object as `crmwire setup` makes it; people and companies only get attributes."""

    singular: str = ""
    plural: str = ""
    attributes: Mapping[str, NewAttribute] = attrs.field(factory=dict)


@frozen(kw_only=True)
class AttioMapping:
    """Settings of a mapping that only Attio knows.

    `without_object` says what becomes of a record whose object the workspace does not have: a
    note on the person that is kept up to date in its place, or a delivery held for somebody.
    """

    objects: Mapping[str, NewObject] = attrs.field(factory=dict)
    without_object: Literal["note", "hold"] = "hold"


def settings_of(found: attrs.AttrsInstance | None) -> AttioMapping:
    """A mapping's or a write's settings; the defaults if it has none."""
    return found if isinstance(found, AttioMapping) else AttioMapping()

"""An account at the vendor, and what a person sees of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from attrs import define, frozen


@define(kw_only=True)
class Account:
    """One account at the vendor; a plugin's sandbox adds its records."""

    token: str
    name: str = "Example Ltd"


@frozen(kw_only=True)
class TimelineEntry:
    """An activity as a person sees it; times as the vendor stores them."""

    type: str
    id: str
    title: str
    start: str = ""
    end: str = ""
    status: str = ""
    text: str = ""


@frozen(kw_only=True)
class TimelinePerson:
    """A person and what stands on their timeline."""

    type: str
    id: str
    name: str
    email: str
    fields: Mapping[str, Any] = attrs.field(factory=dict)
    entries: tuple[TimelineEntry, ...] = ()

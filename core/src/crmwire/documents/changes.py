"""What differs between a document and the store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from attrs import field, frozen

Kind = Literal["feed", "connection", "route", "alert"]


@frozen(kw_only=True)
class Change:
    """One difference between a document and the store, and how it is made to go away."""

    action: Literal["add", "change", "remove"]
    kind: Kind
    name: str
    details: tuple[str, ...] = ()
    carry_out: Callable[[], object] = field(repr=False, eq=False)


@frozen(kw_only=True)
class Comparison:
    """All that differs; `kept` is in the store but not in the document, and stays."""

    team: str
    changes: tuple[Change, ...]
    kept: tuple[str, ...] = ()

    def carry_out(self) -> None:
        """Apply every change. Doing it twice changes nothing."""
        for change in self.changes:
            change.carry_out()

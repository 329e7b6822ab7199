"""A comparison in the making: what differs so far, and what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define, field

from crmwire.documents.changes import Change, Kind
from crmwire.documents.values import dated, secret_of
from crmwire.errors import CrmwireError
from crmwire.setting_up.naming import checked_name

if TYPE_CHECKING:
    from crmwire.app import App
    from crmwire.connections import Connection
    from crmwire.documents.form import TeamDocument

T = TypeVar("T")


@define(kw_only=True)
class Work:
    """A comparison in the making."""

    app: App
    document: TeamDocument
    where: str
    prune: bool
    problems: list[str] = field(factory=list)
    changes: list[Change] = field(factory=list)
    kept: list[str] = field(factory=list)
    opened: dict[str, Connection] = field(factory=dict)
    sources: dict[str, str] = field(factory=dict)

    def problem(self, path: str, error: CrmwireError | str) -> None:
        """Note what is wrong, and where."""
        self.problems += getattr(error, "problems", ()) or [f"{error} @ {self.where}.{path}"]

    def try_(self, path: str, check: Callable[[], T]) -> T | None:
        """The answer of a check, or None with what it raised noted."""
        try:
            return check()
        except CrmwireError as error:
            self.problem(path, error)
            return None

    def of_team(self, kind: str, entries: Iterable[str], rows: Iterable[Any]) -> dict[str, Any]:
        """The team's rows by name; names that are wrong or another team's are noted."""
        found = {row.name: row for row in rows}
        for name in entries:
            path = f"{kind}s[{name!r}]"
            self.try_(path, lambda name=name: checked_name(name))  # type: ignore[misc]
            if name in found and found[name].team != self.document.team:
                self.problem(path, f"{name!r} belongs to the team {found[name].team!r}")
        return {name: row for name, row in found.items() if row.team == self.document.team}

    def leave_or_remove(self, kind: Kind, name: str, remove: Callable[[], object]) -> None:
        if self.prune:
            self.changes.append(Change(action="remove", kind=kind, name=name, carry_out=remove))
        else:
            self.kept.append(f"{kind} {name}")

    def change(
        self,
        kind: Kind,
        name: str,
        details: list[str],
        do: Callable[[], object],
    ) -> None:
        if details:
            self.changes.append(
                Change(action="change", kind=kind, name=name, details=tuple(details), carry_out=do)
            )

    def secret(self, path: str, text: str | None, own: str, stored: str | None) -> str | None:
        """The secret that a reference stands for; None if there is none or it is wrong."""
        return self.try_(path, lambda: secret_of(text, own, stored))

    def plain(self, path: str, value: object) -> bool:
        """Whether a value is such as JSON keeps; TOML's dates and times are not."""
        places = list(dated(path, value))
        for place in places:
            self.problem(place, "a date or time must be written as text, in quotes")
        return not places

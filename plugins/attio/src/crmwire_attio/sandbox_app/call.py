"""What a handler is given, and the frame around all handlers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from attrs import frozen

from crmwire_attio.sandbox_app.answers import Answer, bad_body
from crmwire_attio.sandbox_app.limits import Kind
from crmwire_attio.sandbox_app.store import Commit, Writer
from crmwire_attio.sandbox_app.workspace import SYSTEM, Access, Object, Record, Workspace

if TYPE_CHECKING:
    from crmwire_attio.sandbox_app.linking import Linker


@frozen(kw_only=True)
class Call:
    """One authorised request. `params` are of the path, `body` is the parsed JSON, if any."""

    workspace: Workspace
    access: Access
    params: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    now: datetime
    commit: Commit
    linker: Linker

    @property
    def object(self) -> Object:
        """The object that the path names. Raises: Refusal."""
        return self.workspace.object(self.params["object"])

    @property
    def target(self) -> Object:
        """The object or the list that the path names. Raises: Refusal."""
        return (
            self.workspace.entry_list(self.params["list"]) if "list" in self.params else self.object
        )

    @property
    def record(self) -> Record:
        """The record that the path names. Raises: Refusal."""
        return self.object.record(self.params["record_id"])

    @property
    def writer(self) -> Writer:
        return Writer(
            workspace=self.workspace,
            actor=self.access.actor,
            now=self.now,
            commit=self.commit,
        )

    def number(self, name: str, default: int, most: int | None = None) -> int:
        """A whole number of the query string. Raises: Refusal."""
        text = self.query.get(name, "")
        if not text:
            return default
        if not text.isdecimal() or (most is not None and int(text) > most):
            # Guess: the form of the refusal, and that more than the most is refused.
            raise bad_body({"code": "custom", "path": [name], "message": "Invalid number"})
        return int(text)


Handler = Callable[[Call], Answer]


@frozen(kw_only=True)
class Endpoint:
    """One method of one path, with the scopes and the limits that the specification names."""

    method: str
    path: str
    handler: Handler
    scopes: tuple[str, ...] = ()
    limits: tuple[Kind, ...] = ()


def system_writer(workspace: Workspace, commit: Commit) -> Writer:
    """Attio itself."""
    return Writer(workspace=workspace, actor=SYSTEM, now=datetime.now(UTC), commit=commit)


def member_writer(workspace: Workspace, commit: Commit) -> Writer:
    """A person at the vendor's own screens."""
    actor: dict[str, str | None] = {"type": "workspace-member", "id": workspace.first_member.id}
    return Writer(workspace=workspace, actor=actor, now=datetime.now(UTC), commit=commit)

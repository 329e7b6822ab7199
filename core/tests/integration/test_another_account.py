"""A token of another account carries nothing: links and ids are of the one before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from crmwire.sandbox import SandboxServer, SandboxSettings
from crmwire.testing.toysandbox import ToySandbox

Opens = Callable[..., AbstractContextManager[Any]]


@contextmanager
def moved(scene: Any) -> Iterator[Any]:
    """The connection asks another server, which knows two accounts; gives the second."""
    other = ToySandbox(SandboxSettings(tokens=("sandbox", "other")))
    with SandboxServer(other) as server:
        row = scene.app.store.connection("crm")
        scene.app.change_connection("crm", settings={**row.settings, "host": server.url})
        yield list(other.accounts.values())[1]


def test_nothing_is_sent_with_a_token_of_another_account(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene, moved(scene) as second:
        before = dict(second.records)
        scene.accept(scene.event("created", "a", 1))
        scene.drain_until_done()
        scene.app.set_token("crm", "other")
        scene.accept(scene.event("rescheduled", "a", 2, hour=15), scene.event("created", "b", 2))
        scene.drain()
        row = scene.app.store.connection("crm")
        assert (row.state, row.lane) == ("needs_login", "toy:toy-1")
        assert "another account" in str(row.problem)
        assert scene.states() == ["delivered", "ready", "ready"]
        assert second.records == before
        assert len(scene.app.delivery(1).links) == 2


def test_with_a_token_of_the_same_account_it_goes_on(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene, moved(scene):
        scene.accept(scene.event("created", "a", 1))
        scene.drain_until_done()
        scene.app.set_token("crm", "other")
        scene.accept(scene.event("created", "b", 2, hour=11))
        scene.drain()
        scene.app.set_token("crm", "sandbox")
        scene.drain_until_done()
        row = scene.app.store.connection("crm")
        assert (row.state, row.problem) == ("ok", None)
        assert row.report is not None
        assert scene.states() == ["delivered", "delivered"]


def test_a_check_that_meets_another_account_stops_the_connection(
    toy: Opens, tmp_path: Path
) -> None:
    with toy(tmp_path) as scene, moved(scene):
        scene.accept(scene.event("created", "a", 1))
        scene.drain_until_done()
        scene.app.set_token("crm", "other")
        checked = scene.app.check("crm")
        assert not checked.ok
        assert scene.app.store.connection("crm").state == "needs_login"

"""The daily check: spread, remembered over restarts, and asking nobody in vain."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from attrs import define

from crmwire.app import App
from crmwire.checking import DAY, HOUR
from crmwire.demo.environment import surroundings
from crmwire.rechecking import Rechecker
from crmwire.sandbox import Fault, SandboxServer, SandboxSettings
from crmwire.store import checks, setup
from crmwire.testing.clock import HeldClock
from crmwire.testing.toysandbox import ToySandbox

START = datetime(2027, 3, 1, 9, 0, tzinfo=UTC)


@define
class Scene:
    app: App
    clock: HeldClock
    sandbox: ToySandbox

    def after(self, seconds: float) -> list[str]:
        """What a daemon that has just started checks then."""
        self.clock.sleep(seconds)
        return Rechecker(self.app.openings).step()

    def row(self) -> checks.CheckRow:
        with self.app.store.read() as db:
            return checks.checks(db)["connection/1"]


@pytest.fixture
def scene(tmp_path: Path, toy_installed: None) -> Iterator[Scene]:
    sandbox, clock = ToySandbox(SandboxSettings()), HeldClock(START)
    with (
        surroundings(tmp_path),
        SandboxServer(sandbox) as server,
        App(tmp_path / "home", clock=clock) as app,
    ):
        app.add_connection("crm", crm="toy", token="sandbox", settings={"host": server.url})
        yield Scene(app, clock, sandbox)


def test_what_was_never_checked_is_checked_within_the_first_hour(scene: Scene) -> None:
    assert scene.after(0) == []
    assert scene.after(0) == []
    assert 0 <= scene.row().next_at - START.timestamp() <= HOUR
    assert scene.after(HOUR) == ["connection/1"]
    assert scene.row().state == "ok"


def test_each_is_checked_once_a_day_also_over_restarts(scene: Scene) -> None:
    scene.app.check("crm")
    quarters = range(24 * 7 * 4)
    times = [scene.clock.monotonic() for _ in quarters if scene.after(HOUR / 4)]
    assert 6 <= len(times) <= 8
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert all(0.89 * DAY < gap < 1.12 * DAY for gap in gaps)
    assert len({round(gap) for gap in gaps}) > 1, "not all at the same time of day"


def test_a_crm_that_does_not_answer_is_asked_again_in_an_hour(scene: Scene) -> None:
    scene.sandbox.faults.arm([Fault(kind="status", status=503)])
    assert not scene.app.check("crm").ok
    assert scene.row().state == "later"
    assert scene.row().next_at - scene.clock.now().timestamp() < 1.2 * HOUR
    assert scene.app.store.connection("crm").state == "ok"


def test_a_connection_that_waits_for_a_login_is_not_asked(scene: Scene) -> None:
    scene.sandbox.accounts.clear()
    assert scene.app.check("crm").state == "login"
    before = len(scene.sandbox.requests)
    assert scene.after(3 * DAY) == []
    assert len(scene.sandbox.requests) == before


def test_one_that_was_disconnected_is_not_said_to_have_lost_its_login(scene: Scene) -> None:
    row = scene.app.store.connection("crm")
    scene.app.store.write(lambda db: setup.set_connection_state(db, row.id, "disconnected"))
    scene.sandbox.accounts.clear()
    scene.app.check("crm")
    assert scene.app.store.connection("crm").state == "disconnected"


def test_a_login_given_while_a_check_was_refused_is_not_taken_for_lost(scene: Scene) -> None:
    """The refusal belongs to the token before."""
    (account,) = scene.sandbox.accounts.values()
    scene.sandbox.accounts.clear()
    conn = scene.app.openings.connection(scene.app.store.connection("crm"))
    ask = conn.hooks.check_connection

    def slow() -> object:
        try:
            return ask()
        finally:
            scene.sandbox.accounts["new"] = account
            scene.app.set_token("crm", "new")

    conn.hooks.check_connection = slow  # type: ignore[method-assign, assignment]
    assert scene.app.check("crm").state == "login"
    assert scene.app.store.connection("crm").state == "ok"
    assert scene.app.check("crm").ok


def test_a_check_or_a_failing_plugin_does_not_undo_a_disconnection(scene: Scene) -> None:
    row = scene.app.store.connection("crm")
    scene.app.store.write(lambda db: setup.set_connection_state(db, row.id, "disconnected"))
    assert scene.app.check("crm").report is not None
    scene.app.store.write(lambda db: setup.set_problem(db, row.id, "A plugin failed."))
    assert scene.app.store.connection("crm").state == "disconnected"
    assert scene.app.store.connection("crm").problem is None

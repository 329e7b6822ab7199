"""Webhooks that could not be read: taken in again when their plugin was mended, or given up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from crmwire.app import App
from crmwire.cli import cli
from crmwire.demo.bookings import SampleBooking
from crmwire.demo.environment import surroundings

BODY = SampleBooking(uid="b1", email="ada@example.com", name="Ada Byron").created(
    datetime(2026, 11, 1, tzinfo=UTC)
)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with surroundings(tmp_path), App(tmp_path / "home") as made:
        made.add_feed("cal", source="calcom", signing_secret="hush")
        feed = made.store.feed("cal").id
        now = made.clock.now()
        made.store.keep_unreadable(feed, BODY, "the plugin had a fault", now)
        made.store.keep_unreadable(feed, b"{", "no JSON", now)
        yield made


def run(*arguments: str) -> Any:
    return CliRunner().invoke(cli, ["webhooks", *arguments])


def listed() -> list[int]:
    return [one["id"] for one in json.loads(run("--json").output)]


def test_they_are_listed_and_shown(app: App) -> None:
    assert listed() == [2, 1]
    assert "no JSON" in run().output
    assert json.loads(run("show", "1").output) == json.loads(BODY)
    assert run("show", "9").exit_code == 2


def test_what_can_be_read_by_now_is_taken_in_and_the_rest_stays(app: App) -> None:
    done = run("retry", "--all", "--json")
    assert done.exit_code == 1
    assert [(one["id"], one["status"]) for one in json.loads(done.stdout)] == [
        (1, "accepted"),
        (2, "unreadable"),
    ]
    assert listed() == [2]
    assert "still cannot be read" in run("retry", "2").stderr
    told = [(one.action, one.kind, one.name, one.detail) for one in app.store.audit()][-1]
    assert told == ("retried", "webhook", "1", {"feed": "cal"})


def test_they_are_given_up_by_id_by_feed_or_all(app: App) -> None:
    assert run("dismiss", "1").exit_code == 0
    assert listed() == [2]
    assert "1 webhook dismissed" in run("dismiss", "--feed", "cal").output
    assert "could be read" in run().output
    assert [one.action for one in app.store.audit()][-2:] == ["dismissed", "dismissed"]


@pytest.mark.parametrize(
    "arguments", [["retry"], ["retry", "1", "--all"], ["retry", "9"], ["dismiss", "--feed", "no"]]
)
def test_what_is_not_said_clearly_changes_nothing(app: App, arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2
    assert listed() == [2, 1]


def test_those_of_a_feed_that_was_removed_stay(app: App) -> None:
    app.remove_feed("cal")
    done = run("retry", "1")
    assert done.exit_code == 1
    assert "is not there any more" in done.stderr
    assert len(listed()) == 2

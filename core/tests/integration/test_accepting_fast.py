"""What accepting keeps in memory is never older than what any process has set up."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crmwire import home
from crmwire.app import App
from crmwire.demo.environment import surroundings
from crmwire.errors import UnknownName, WebhookRefused
from crmwire.signatures import sign
from crmwire.store import Store, accepting, generations, setup
from crmwire.types import Event
from crmwire.vocabulary import Booking, Details, Person

Opens = Callable[..., AbstractContextManager[Any]]
NOW = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
BODY = b'{"triggerEvent": "PING", "createdAt": "2026-11-30T09:00:00.000Z", "payload": {}}'


def signed(app: App, secret: str) -> dict[str, str]:
    scheme = app.openings.source(app.store.feed("cal")).source_info().signature
    assert scheme is not None
    return dict(sign(scheme, secret, BODY))


def elsewhere(job: Callable[[App], object]) -> None:
    """Do it with another open data folder, as another process would, and wait to be seen."""
    with App() as other:
        job(other)
    time.sleep(generations.HOLDS * 1.5)


def test_a_secret_that_is_changed_counts_at_once(tmp_path: Path) -> None:
    with surroundings(tmp_path), App() as app:
        app.add_feed("cal", source="calcom", signing_secret="old")
        app.accept("cal", BODY, signed(app, "old"))
        app.set_signing_secret("cal", "new")
        with pytest.raises(WebhookRefused):
            app.accept("cal", BODY, signed(app, "old"))
        app.accept("cal", BODY, signed(app, "new"))


def test_a_secret_that_another_process_changed_counts(tmp_path: Path) -> None:
    with surroundings(tmp_path), App() as app:
        app.add_feed("cal", source="calcom", signing_secret="old")
        app.accept("cal", BODY, signed(app, "old"))
        elsewhere(lambda other: other.set_signing_secret("cal", "new"))
        with pytest.raises(WebhookRefused):
            app.accept("cal", BODY, signed(app, "old"))
        app.accept("cal", BODY, signed(app, "new"))


def test_a_feed_that_another_process_removed_takes_nothing(tmp_path: Path) -> None:
    with surroundings(tmp_path), App() as app:
        app.add_feed("cal", source="calcom", signing_secret="old")
        headers = signed(app, "old")
        app.accept("cal", BODY, headers)
        elsewhere(lambda other: other.remove_feed("cal"))
        with pytest.raises(UnknownName):
            app.accept("cal", BODY, headers)


def test_a_route_that_another_process_made_or_removed_counts_for_the_next_event(
    toy: Opens, tmp_path: Path
) -> None:
    with toy(tmp_path) as scene:
        scene.app.remove_route("cal-crm")
        scene.accept(scene.event("created", "a", 0))
        with App(tmp_path / "home") as other:
            other.add_route(feed="cal", connection="crm", preset="linktime", since=scene.first)
        scene.accept(scene.event("created", "b", 0))
        with App(tmp_path / "home") as other:
            other.remove_route("cal-crm")
        scene.accept(scene.event("created", "c", 0))
        assert len(scene.app.deliveries()) == 1


def test_a_change_that_was_undone_is_not_taken_for_the_next_one(tmp_path: Path) -> None:
    store = Store(tmp_path / home.DATABASE)

    def undone(db: Any) -> None:
        db.execute("DELETE FROM routes")
        db.execute("UPDATE feeds SET name = 'other'")
        seen.append(generations.generation(db))
        raise UnknownName

    seen: list[str] = []
    try:
        store.write(
            lambda db: setup.insert_feed(
                db, name="cal", team="t", source="none", token_hash=b"t", settings={},
                allow_unsigned=True, since=None, now=0.0,
            )
        )  # fmt: skip
        before = store.generation()
        with pytest.raises(UnknownName):
            store.write(undone)
        assert store.generation() == before
        with pytest.raises(UnknownName):
            store.write(undone)
    finally:
        store.close()
    assert len({before, *seen}) == 3


def test_the_text_of_an_event_is_what_is_read_of_it() -> None:
    event = Event(
        type="booking.created",
        subject_id="a",
        previous_ids=("b",),
        occurred_at=NOW,
        details=Details(
            booking=Booking(title="Half \ud83d of a letter", start=NOW),
            guest=Person(email="ada@example.com", full_name="Ada Byron Ä 漢字"),
            tracking={"utm": "x"},
        ),
    )
    ready = accepting.ready(event)
    assert accepting.ready(ready.event) == ready
    assert ready.event.details.booking is not None
    assert ready.event.details.booking.title == "Half ? of a letter"
    assert accepting.ready(Event(type="x", subject_id="a", occurred_at=NOW)).details == "{}"


def test_what_is_stored_of_a_subject_and_of_its_event_agree(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        scene.accept(scene.event("created", "a", 0))
        scene.accept(scene.event("rescheduled", "a2", 1, previous="a", hour=11))
        path = scene.app.home / home.DATABASE
        with closing(sqlite3.connect(path)) as conn:
            (details,) = conn.execute("SELECT details FROM subjects").fetchone()
            (snapshot,) = conn.execute("SELECT snapshot FROM events ORDER BY id DESC").fetchone()
            names = conn.execute("SELECT alias, subject FROM aliases ORDER BY alias").fetchall()
    assert snapshot.startswith('{"details":' + details + ',"status":"active","version":')
    assert names == [("a", 1), ("a2", 1)]


def test_events_of_a_paused_lane_cost_no_commit_each(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        lane = scene.app.store.connection("crm").lane
        scene.app.store.pause(lane, datetime(2100, 1, 1, tzinfo=UTC), "the vendor is down")
        scene.accept(scene.event("created", "a", 0))
        scene.drainer.drain(lane, threading.Event())
        with scene.app.store.read() as db:
            (epoch,) = db.execute("SELECT epoch FROM lanes").fetchone()
        assert epoch == 0
        assert scene.drainer.rests(lane)
        assert scene.states() == ["ready"]


def test_a_lane_that_rested_is_looked_at_again_soon(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        lane = scene.app.store.connection("crm").lane
        scene.app.store.pause(lane, datetime(2100, 1, 1, tzinfo=UTC), "the vendor is down")
        scene.drainer.drain(lane, threading.Event())
        time.sleep(0.25)
        assert not scene.drainer.rests(lane)

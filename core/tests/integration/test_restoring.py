"""What a backup that is older than the CRM leads to: looked for, asked about, never made twice."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crmwire import backups, hookimpl
from crmwire.app import App
from crmwire.connections import Connection
from crmwire.dedup import origin_of
from crmwire.demo.environment import surroundings
from crmwire.demo.processes import daemon
from crmwire.store import DeliveryFilter
from crmwire.testing import toycrm
from crmwire.types import Event, Record, Write

Opens = Callable[..., AbstractContextManager[Any]]


@hookimpl
def find_made(conn: Connection, writes: Sequence[Write]) -> Sequence[Sequence[Record]]:
    """All activities of the same contact in the toy CRM."""
    searches = [
        {"types": [write.type], "where": {"contact": write.fields["contact"]}} for write in writes
    ]
    answer = conn.http.post("search", {"searches": searches}, safe=True).json()
    return [
        [
            Record(
                type=one["type"],
                id=one["id"],
                created_at=datetime.fromisoformat(one["created_at"]),
            )
            for one in result["records"]
        ]
        for result in answer["results"]
    ]


@pytest.fixture(autouse=True)
def _toy_tells_what_it_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toycrm, "find_made", find_made, raising=False)


def put_back(scene: Any, folder: Path) -> None:
    """Close all, put the backup `older.db` in place, and open all again."""
    scene.app.close()
    backups.restore(folder / "home", folder / "older.db", datetime.now(UTC))
    scene.app = App(folder / "home")
    scene.drainer = type(scene.drainer)(scene.app.openings)


def kept(scene: Any, folder: Path) -> None:
    backups.backup(folder / "home", folder / "older.db", datetime.now(UTC))


def held(scene: Any) -> Any:
    (row,) = scene.app.deliveries(DeliveryFilter(states=("held",)))
    return row


def test_a_booking_that_was_not_known_yet_and_is_told_again_is_recognised(
    toy: Opens, tmp_path: Path
) -> None:
    with toy(tmp_path) as scene:
        scene.accept(scene.event("created", "x", 0, email="x@example.com"))
        scene.drain()
        kept(scene, tmp_path)
        told = scene.event("created", "a", 1)
        scene.accept(told)
        scene.drain()
        put_back(scene, tmp_path)
        scene.accept(told)
        scene.drain()
        assert scene.states() == ["delivered", "delivered"]
        assert len(scene.live()) == 2
        scene.accept(scene.event("cancelled", "a", 2))
        scene.drain()
        assert len(scene.live()) == 1


def test_a_booking_that_moved_since_is_asked_about_and_the_record_can_be_chosen(
    toy: Opens, tmp_path: Path
) -> None:
    with toy(tmp_path) as scene:
        scene.accept(scene.event("created", "a", 0))
        kept(scene, tmp_path)
        scene.accept(scene.event("rescheduled", "a2", 1, previous="a", hour=15))
        scene.drain()
        (there,) = scene.live()
        put_back(scene, tmp_path)
        scene.drain()
        row = held(scene)
        assert row.failure == "needs_review"
        assert "moved" in row.reason
        assert "--use new" in row.remedy
        assert scene.live() == [there]
        (candidate,) = scene.app.delivery(row.id).history[-1]["failure"]["candidates"]
        scene.app.retry([row.id], use=candidate["id"])
        scene.accept(scene.event("rescheduled", "a2", 1, previous="a", hour=15))
        scene.drain()
        assert scene.live() == [there]
        assert set(scene.states()) == {"delivered"}


def test_what_is_tried_again_without_an_answer_is_held_again(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        scene.accept(scene.event("created", "a", 0))
        kept(scene, tmp_path)
        scene.accept(scene.event("rescheduled", "a2", 1, previous="a", hour=15))
        scene.drain()
        put_back(scene, tmp_path)
        for _ in range(2):
            scene.drain()
            scene.app.retry([held(scene).id])
        scene.drain()
        assert held(scene)
        assert len(scene.live()) == 1


def test_a_person_can_say_that_it_is_none_of_them(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        scene.accept(scene.event("created", "x", 0, email="x@example.com"))
        scene.drain()
        kept(scene, tmp_path)
        scene.accept(scene.event("created", "a", 1, hour=15))
        scene.drain()
        put_back(scene, tmp_path)
        scene.accept(scene.event("created", "b", 2, hour=11))
        scene.drain()
        scene.app.retry([held(scene).id], use="new")
        scene.drain()
        assert set(scene.states()) == {"delivered"}
        assert len(scene.live()) == 3


def test_a_booking_long_after_the_restore_is_looked_for_no_more(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        scene.accept(scene.event("created", "x", 0, email="x@example.com"))
        kept(scene, tmp_path)
        scene.accept(scene.event("created", "a", 1, hour=15))
        scene.drain()
        put_back(scene, tmp_path)
        scene.drain()
        scene.accept(scene.event("created", "b", 3 * 24 * 60, hour=11))
        scene.drain()
        assert scene.states() == ["delivered", "delivered"]


def test_a_record_is_known_by_its_booking_and_not_by_a_number_of_the_store() -> None:
    def event(subject_id: str, *previous: str) -> Event:
        return Event(
            type="booking.created",
            subject_id=subject_id,
            previous_ids=previous,
            occurred_at=datetime.now(UTC),
        )

    assert origin_of("feed", event("a")) == origin_of("feed", event("b", "a"))
    assert origin_of("feed", event("a")) != origin_of("feed", event("b"))
    assert origin_of("feed", event("a")) != origin_of("other", event("a"))


# ---------------------------------------------------------------- mishaps of whoever does it


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with surroundings(tmp_path):
        with App() as app:
            app.add_feed("calendar", source="webhook", settings=WEBHOOK, allow_unsigned=True)
        yield tmp_path


WEBHOOK = {"id": "id", "events": {"created": "booking.created"}}


def run(*arguments: str, room: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command that may write no file larger than `room` bytes."""

    def limited() -> None:
        if room is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))

    environment = dict(os.environ)
    if room is not None:  # what is measured of branches would find no room either
        environment.pop("COVERAGE_PROCESS_CONFIG", None)
    return subprocess.run(
        [sys.executable, "-m", "crmwire", *arguments],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limited,
        env=environment,
    )


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """It says in a line what is wrong and what to do."""
    assert done.returncode in (1, 2), done
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2
    for word in words:
        assert word in done.stderr, done.stderr


def test_a_backup_for_which_there_is_no_room_says_so_and_leaves_nothing(folder: Path) -> None:
    refused(run("backup", str(folder / "one.db"), room=8192), "could not be copied", "free space")
    assert [path.name for path in folder.iterdir() if path.is_file()] == []
    assert run("backup", str(folder / "one.db")).returncode == 0


def test_a_restore_for_which_there_is_no_room_changes_nothing(folder: Path) -> None:
    assert run("backup", str(folder / "one.db")).returncode == 0
    before = (folder / "home" / "crmwire.db").read_bytes()
    refused(run("restore", str(folder / "one.db"), room=8192), "could not be copied", "free space")
    assert (folder / "home" / "crmwire.db").read_bytes() == before
    assert [path.name for path in (folder / "home").glob("*crmwire.db*")] == ["crmwire.db"]


def test_a_backup_onto_another_file_or_into_no_folder_says_what_to_do(folder: Path) -> None:
    (folder / "one.db").write_text("precious")
    refused(run("backup", str(folder / "one.db")), "is there already", "--replace")
    assert (folder / "one.db").read_text() == "precious"
    refused(run("backup", str(folder / "none" / "one.db")), "cannot be written")


def test_a_restore_beside_a_running_daemon_says_what_to_do_and_stops_nothing(folder: Path) -> None:
    assert run("backup", str(folder / "one.db")).returncode == 0
    running = daemon(folder, dict(os.environ))
    try:
        refused(run("restore", str(folder / "one.db")), "daemon")
        assert running.process.poll() is None
    finally:
        running.stop()
    assert run("restore", str(folder / "one.db")).returncode == 0

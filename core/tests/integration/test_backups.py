"""Backups: whole while others write, refused when damaged, and put back without doubling."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from crmwire import backups, home, hookimpl
from crmwire.app import App
from crmwire.cli import cli
from crmwire.connections import Connection
from crmwire.demo.environment import surroundings
from crmwire.errors import ConfigurationError, HomeInUse, StoreUnavailable
from crmwire.keys import KeyMissing
from crmwire.store import DeliveryFilter, Store
from crmwire.testing import toycrm
from crmwire.types import Event, Record, Write
from crmwire.vocabulary import Details

Opens = Callable[..., AbstractContextManager[Any]]
NOW = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)


def command(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A data folder with one feed and a secret, and its key."""
    with surroundings(tmp_path):
        with App() as app:
            app.add_feed("calendar", source="calcom", signing_secret="s3cret-signing")
        yield tmp_path / "home"


def feeds_in(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as conn:
        return [row[0] for row in conn.execute("SELECT name FROM feeds ORDER BY id")]


def test_a_backup_and_back(folder: Path, tmp_path: Path) -> None:
    made = command("backup", str(tmp_path / "one.db"))
    assert made.exit_code == 0, made.output
    with App() as app:
        app.remove_feed("calendar")
        assert app.store.feeds() == []

    back = command("restore", str(tmp_path / "one.db"))

    assert back.exit_code == 0, back.output
    with App() as app:
        (row,) = app.store.feeds()
        assert app.openings.source(row).feed.secrets == ("s3cret-signing",)


def test_a_backup_is_one_file_for_this_user_only(folder: Path, tmp_path: Path) -> None:
    command("backup", str(tmp_path / "one.db"))
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["one.db"]
    assert stat.S_IMODE((tmp_path / "one.db").stat().st_mode) == 0o600


def test_the_key_is_not_in_a_backup_and_that_is_said(folder: Path, tmp_path: Path) -> None:
    made = command("backup", str(tmp_path / "one.db"))
    key = (tmp_path / "config" / "keys").read_text().strip().partition(":")[2]
    content = (tmp_path / "one.db").read_bytes()
    assert key.encode() not in content
    assert b"s3cret-signing" not in content
    assert str(tmp_path / "config" / "keys") in made.output


def test_a_file_that_is_there_is_not_overwritten_unasked(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "one.db").write_text("precious")
    assert command("backup", str(tmp_path / "one.db")).exit_code == 2
    assert (tmp_path / "one.db").read_text() == "precious"
    assert command("backup", "--replace", str(tmp_path / "one.db")).exit_code == 0


def test_a_folder_without_a_database_is_not_backed_up(tmp_path: Path) -> None:
    with surroundings(tmp_path):
        refused = command("backup", str(tmp_path / "one.db"))
    assert refused.exit_code == 2
    assert not (tmp_path / "home").exists()
    assert not (tmp_path / "one.db").exists()


def test_a_backup_that_fails_leaves_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> None:
        raise StoreUnavailable("no space left")

    monkeypatch.setattr(backups.copies, "check", full)
    with pytest.raises(StoreUnavailable):
        backups.backup(folder, tmp_path / "one.db", NOW)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []


def test_both_are_told_in_the_audit(folder: Path, tmp_path: Path) -> None:
    command("backup", str(tmp_path / "one.db"))
    with App() as app:
        last = app.store.audit()[-1]
    assert (last.action, last.kind, last.name) == ("backed up", "database", "one.db")
    command("restore", str(tmp_path / "one.db"))
    with App() as app:
        last = app.store.audit()[-1]
    assert (last.action, last.kind, last.name) == ("restored", "database", "one.db")


def test_a_backup_while_events_come_in_is_whole(folder: Path, tmp_path: Path) -> None:
    stop = threading.Event()
    accepted: list[int] = []
    store = Store(folder / home.DATABASE, threaded=True)
    feed = store.feed("calendar").id

    def send() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            event = Event(
                type="booking.created",
                subject_id=f"bk-{number}",
                occurred_at=NOW,
                details=Details(),
            )
            store.accept(feed, [event], NOW)
            accepted.append(number)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        counts = []
        for number in range(5):
            before = len(accepted)
            backups.backup(folder, tmp_path / f"{number}.db", NOW)
            with closing(sqlite3.connect(tmp_path / f"{number}.db")) as conn:
                events = conn.execute("SELECT count(*) FROM events").fetchone()[0]
                subjects = conn.execute("SELECT count(*) FROM subjects").fetchone()[0]
            assert events == subjects >= before
            counts.append(events)
    finally:
        stop.set()
        sender.join()
        store.close()
    assert counts == sorted(counts)
    assert len(accepted) > 0


def test_restoring_beside_a_running_daemon_is_refused(folder: Path, tmp_path: Path) -> None:
    backups.backup(folder, tmp_path / "one.db", NOW)
    with home.exclusive(folder), pytest.raises(HomeInUse):
        _in_a_child(lambda: backups.restore(folder, tmp_path / "one.db", NOW))


def _in_a_child(job: Callable[[], object]) -> None:
    """Locks are a process's own: only another one can be refused."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover
        try:
            job()
        except HomeInUse:
            os.write(write, b"in use")
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read, "rb") as told:
        if told.read() == b"in use":
            raise HomeInUse


def test_restoring_beside_another_command_is_refused(folder: Path, tmp_path: Path) -> None:
    backups.backup(folder, tmp_path / "one.db", NOW)
    with App() as app:
        app.add_feed("second", source="calcom", allow_unsigned=True)
        with pytest.raises(StoreUnavailable, match="uses"):
            backups.restore(folder, tmp_path / "one.db", NOW)
        assert len(app.store.feeds()) == 2
    assert feeds_in(folder / home.DATABASE) == ["calendar", "second"]


def test_the_database_before_is_kept_whole(folder: Path, tmp_path: Path) -> None:
    backups.backup(folder, tmp_path / "one.db", NOW)
    with App() as app:
        app.add_feed("second", source="calcom", allow_unsigned=True)
    done = backups.restore(folder, tmp_path / "one.db", NOW)
    assert done.kept is not None
    assert feeds_in(done.kept) == ["calendar", "second"]
    assert feeds_in(folder / home.DATABASE) == ["calendar"]
    assert sorted(path.name for path in folder.iterdir() if "crmwire.db" in path.name) == [
        "crmwire.db",
        "crmwire.db.before-restore-20261130-090000",
    ]


@pytest.mark.parametrize("damage", ["no database", "cut short", "overwritten", "someone else's"])
def test_a_damaged_backup_is_refused_and_nothing_changes(
    folder: Path, tmp_path: Path, damage: str
) -> None:
    file = tmp_path / "one.db"
    backups.backup(folder, file, NOW)
    content = bytearray(file.read_bytes())
    if damage == "no database":
        content = bytearray(b"hello" * 4000)
    elif damage == "cut short":
        content = content[: len(content) // 2]
    elif damage == "overwritten":
        content[8192:40960] = b"\x55" * 32768
    else:
        file.unlink()
        with closing(sqlite3.connect(file)) as conn:
            conn.execute("CREATE TABLE notes (text TEXT)")
        content = bytearray(file.read_bytes())
    file.write_bytes(content)
    before = (folder / home.DATABASE).read_bytes()
    with pytest.raises(StoreUnavailable) as refused:
        backups.restore(folder, file, NOW)
    assert str(file) in refused.value.message
    assert "another backup" in refused.value.remedy
    assert (folder / home.DATABASE).read_bytes() == before
    assert [path.name for path in folder.iterdir() if "before" in path.name] == []


def test_a_backup_whose_key_is_not_here_is_refused(folder: Path, tmp_path: Path) -> None:
    backups.backup(folder, tmp_path / "one.db", NOW)
    (tmp_path / "config" / "keys").unlink()
    with surroundings(tmp_path / "other"):
        with App() as app:
            app.add_feed("another", source="calcom", signing_secret="x")
        with pytest.raises(KeyMissing):
            backups.restore(tmp_path / "other" / "home", tmp_path / "one.db", NOW)
        assert feeds_in(tmp_path / "other" / "home" / home.DATABASE) == ["another"]


def test_a_newer_backup_is_refused(folder: Path, tmp_path: Path) -> None:
    backups.backup(folder, tmp_path / "one.db", NOW)
    with closing(sqlite3.connect(tmp_path / "one.db")) as conn, conn:
        conn.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
            " VALUES ('crmwire', 'm999_future', '')"
        )
    with pytest.raises(StoreUnavailable, match="newer crmwire"):
        backups.restore(folder, tmp_path / "one.db", NOW)


def test_a_backup_can_be_put_into_an_empty_folder(folder: Path, tmp_path: Path) -> None:
    backups.backup(folder, tmp_path / "one.db", NOW)
    done = backups.restore(tmp_path / "new", tmp_path / "one.db", NOW)
    assert done.kept is None
    with App(tmp_path / "new") as app:
        assert [row.name for row in app.store.feeds()] == ["calendar"]


def test_a_damaged_database_names_restore_and_can_be_replaced(folder: Path, tmp_path: Path) -> None:
    backups.backup(folder, tmp_path / "one.db", NOW)
    (folder / home.DATABASE).write_bytes(b"\x55" * 40_000)
    refused = command("status")
    assert refused.exit_code == 1
    assert "damaged" in refused.output
    assert "crmwire restore" in refused.output
    done = backups.restore(folder, tmp_path / "one.db", NOW)
    assert done.kept is not None
    assert done.kept.read_bytes() == b"\x55" * 40_000
    assert feeds_in(folder / home.DATABASE) == ["calendar"]


def test_the_daemon_does_not_start_on_a_database_with_damage_inside(folder: Path) -> None:
    with App() as app:
        feed = app.store.feed("calendar").id
        for number in range(300):
            event = Event(type="booking.created", subject_id=f"bk-{number}", occurred_at=NOW)
            app.store.accept(feed, [event], NOW)
    path = folder / home.DATABASE
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page = conn.execute("SELECT rootpage FROM sqlite_master WHERE name = 'aliases'").fetchone()
    with path.open("r+b") as file:
        file.seek((page[0] - 1) * 4096)
        file.write(b"\x55" * 4096)
    refused = command("serve", "--port", "0")
    assert refused.exit_code == 1
    assert "damaged" in refused.output
    assert "crmwire restore" in refused.output


def test_a_backup_file_that_is_not_there_is_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no file"):
        backups.restore(folder, tmp_path / "none.db", NOW)


@hookimpl
def find_adoptable(conn: Connection, writes: Sequence[Write]) -> Sequence[Sequence[Record]]:
    """What stands in the toy CRM at the same time with the same person."""
    wheres = [
        {"contact": write.fields["contact"], "start": write.fields["start"].isoformat()}  # type: ignore[union-attr]
        for write in writes
    ]
    searches = [{"types": [w.type], "where": at} for w, at in zip(writes, wheres, strict=True)]
    answer = conn.http.post("search", {"searches": searches}, safe=True).json()
    return [
        [Record(type=one["type"], id=one["id"]) for one in result["records"]]
        for result in answer["results"]
    ]


def test_what_was_sent_after_the_backup_is_not_made_again(
    toy: Opens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toycrm, "find_adoptable", find_adoptable, raising=False)
    with toy(tmp_path) as crm:
        crm.accept(crm.event("created", "a", 0, email="a@example.com"))
        crm.drain()
        crm.accept(crm.event("created", "b", 0, email="a@example.com", hour=11))
        backups.backup(tmp_path / "home", tmp_path / "one.db", NOW)
        crm.drain()
        assert len(crm.live()) == 2
        crm.app.close()

        done = backups.restore(tmp_path / "home", tmp_path / "one.db", datetime.now(UTC))

        assert done.waiting == 1
        with App(tmp_path / "home") as app:
            crm.app = app
            crm.drainer = type(crm.drainer)(app.openings)
            crm.drain_until_done()
            assert app.deliveries(DeliveryFilter(states=("delivered",)))
            assert len(crm.live()) == 2
            assert crm.people() == 1

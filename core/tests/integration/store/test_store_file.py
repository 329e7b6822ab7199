"""The database file itself: opened, committed to, checked, and what goes wrong with it."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crmwire.errors import ConfigurationError, StoreUnavailable
from crmwire.store import Store, copies, database, generations, setup
from crmwire.store.database import Readers, Writer
from crmwire.store.sides import file as files


def full(_: Any) -> None:
    raise sqlite3.OperationalError("database or disk is full")


def test_a_file_that_cannot_be_opened_or_is_no_database_says_which(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be opened") as refused:
        Store(tmp_path)
    assert "rights of the data folder" in refused.value.remedy
    noise = tmp_path / "noise.db"
    noise.write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreUnavailable, match="the file is damaged") as damaged:
        Store(noise)
    assert "`crmwire restore FILE`" in damaged.value.remedy


def test_what_is_committed_is_synced_and_what_is_deleted_is_overwritten(tmp_path: Path) -> None:
    with contextlib.closing(database.connect(tmp_path / "x.db")) as db:
        told = {
            name: db.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "secure_delete", "foreign_keys")
        }
    assert told == {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "foreign_keys": 0}


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    Writer(tmp_path / "x.db", threaded=False).close()
    readers = Readers(tmp_path / "x.db")
    with pytest.raises(StoreUnavailable, match="could not be read"), readers() as db:
        db.execute("CREATE TABLE t (x)")
    readers.close()


@pytest.mark.parametrize("threaded", [False, True])
def test_a_job_is_committed_whole_or_not_at_all(threaded: bool, tmp_path: Path) -> None:
    writer = Writer(tmp_path / "x.db", threaded=threaded)
    writer.run(lambda db: db.execute("CREATE TABLE t (x UNIQUE)"))

    def half(error: Exception) -> Any:
        def job(db: Any) -> None:
            db.execute("INSERT INTO t VALUES (1)")
            raise error

        return job

    for error in (ConfigurationError("no"), ValueError("no"), sqlite3.IntegrityError("no")):
        with pytest.raises(type(error), match="no"):
            writer.run(half(error))
    with pytest.raises(StoreUnavailable, match="could not commit"):
        writer.run(half(sqlite3.OperationalError("disk I/O error")))
    assert writer.run(lambda db: db.execute("SELECT count(*) FROM t").fetchone()[0]) == 0
    writer.close()
    writer.close()
    with pytest.raises(StoreUnavailable, match="is closed"):
        writer.run(lambda db: None)


def test_a_transaction_that_was_rolled_back_fails_all_that_shared_it(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "x.db", threaded=False)
    writer.run(lambda db: db.execute("CREATE TABLE t (x)"))

    def undone(db: Any) -> None:
        db.conn.execute("ROLLBACK")  # as SQLite does by itself when the disk is full
        full(db)

    done: list[Future[Any]] = [Future(), Future()]
    writer._commit(
        [(lambda db: db.execute("INSERT INTO t VALUES (1)"), done[0]), (undone, done[1])]
    )
    for future in done:
        with pytest.raises(StoreUnavailable, match="the transaction was rolled back"):
            future.result(timeout=1)
    assert writer.run(lambda db: db.execute("SELECT count(*) FROM t").fetchone()[0]) == 0
    writer.close()


def test_a_job_that_fails_takes_no_other_of_its_commit_with_it(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "x.db", threaded=True)
    begun, go = threading.Event(), threading.Event()
    writer.run(lambda db: db.execute("CREATE TABLE t (x)"))

    def first(db: Any) -> None:
        begun.set()
        go.wait(5)

    held = writer.submit(first)
    begun.wait(5)
    good = writer.submit(lambda db: db.execute("INSERT INTO t VALUES (1)") and 7)
    bad = writer.submit(full)
    given_up = writer.submit(lambda db: db.execute("INSERT INTO t VALUES (2)"))
    assert given_up.cancel()
    go.set()
    assert held.result(5) is None
    assert good.result(5) == 7
    with pytest.raises(StoreUnavailable, match="could not commit"):
        bad.result(5)
    writer.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "x.db")) as conn:
        assert conn.execute("SELECT x FROM t").fetchall() == [(1,)]


def test_jobs_that_wait_share_a_commit_up_to_a_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "GROUP", 3)
    writer = Writer(tmp_path / "x.db", threaded=True)
    sizes, real = list[int](), writer._commit

    def counted(group: Any) -> None:
        sizes.append(len(group))
        real(group)

    monkeypatch.setattr(writer, "_commit", counted)
    begun, go = threading.Event(), threading.Event()

    def first(db: Any) -> None:
        begun.set()
        go.wait(5)

    writer.submit(first)
    begun.wait(5)
    futures = [writer.submit(lambda db: None) for _ in range(5)]
    go.set()
    for future in futures:
        future.result(5)
    writer.close()
    assert sizes[:3] == [1, 3, 2]


@pytest.mark.parametrize("threaded", [False, True])
def test_a_closed_store_gives_its_files_back(threaded: bool, tmp_path: Path) -> None:
    def files() -> int:
        return sum(str(tmp_path) in str(one.resolve()) for one in Path("/proc/self/fd").iterdir())

    store = Store(tmp_path / "crmwire.db", threaded=threaded)
    with store.read(), store.read():
        assert files() > 2
    store.close()
    assert files() == 0


def test_another_process_that_holds_the_database_too_long_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT", 0.01)
    writer = Writer(tmp_path / "x.db", threaded=False)
    with contextlib.closing(sqlite3.connect(tmp_path / "x.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match=r"could not commit \(database is locked\)"):
            writer.run(lambda db: None)
        assert not writer.truncate_log()
        other.execute("ROLLBACK")
    assert writer.truncate_log()
    writer.close()


def test_a_log_that_cannot_be_emptied_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "crmwire.db")
    real = database.connect

    class Failing:
        def __init__(self, db: Any) -> None:
            self.db = db
            self.conn = self

        def execute(self, statement: str) -> None:
            raise sqlite3.OperationalError("disk I/O error")

        def close(self) -> None:
            self.db.close()

    monkeypatch.setattr(database, "connect", lambda path: Failing(real(path)))
    assert store.truncate_log() is False
    monkeypatch.undo()
    assert store.truncate_log() is True
    store.close()


def test_a_damaged_page_is_found_before_the_daemon_starts_unless_it_would_take_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "crmwire.db")
    store.check()
    store.write(lambda db: db.execute("CREATE TABLE t AS SELECT zeroblob(60000) AS x"))
    store.write(lambda db: db.execute("CREATE INDEX i ON t (x)"))
    store.truncate_log()
    store.close()
    path = tmp_path / "crmwire.db"
    whole = bytearray(path.read_bytes())
    whole[-8000:-4000] = b"\xff" * 4000
    path.write_bytes(whole)
    damaged = Store(path)
    with pytest.raises(StoreUnavailable, match="is damaged"):
        damaged.check()
    monkeypatch.setattr(files, "CHECKED_SIZE", path.stat().st_size - 1)
    damaged.check()
    monkeypatch.setattr(files, "CHECKED_SIZE", path.stat().st_size)
    with pytest.raises(StoreUnavailable, match="is damaged"):
        damaged.check()
    damaged.close()


def test_a_connections_cache_is_a_mapping_that_outlives_the_process(tmp_path: Path) -> None:
    store = Store(tmp_path / "crmwire.db")
    until = datetime(2026, 12, 1, tzinfo=UTC)
    cache, other = store.cache_of(1), store.cache_of(2)
    cache["a"] = (until, {"x": [1]})
    cache["b"] = (until, None)
    cache["b"] = (until, "two")
    other["a"] = (until, 9)
    assert (list(cache), len(cache)) == (["a", "b"], 2)
    again = store.cache_of(1)
    assert dict(again) == {"a": (until, {"x": [1]}), "b": (until, "two")}
    del again["a"]
    assert dict(again) == dict(store.cache_of(1)) == {"b": (until, "two")}
    assert dict(store.cache_of(2)) == {"a": (until, 9)}
    store.close()


def test_a_copy_of_a_database_from_before_there_was_an_audit_is_noted_nowhere(
    tmp_path: Path,
) -> None:
    path = tmp_path / "old.db"
    with contextlib.closing(sqlite3.connect(path)) as conn:
        conn.execute("CREATE TABLE t (x)")
    copies.note(path, 1.0, "there")
    with contextlib.closing(sqlite3.connect(path)) as conn:
        assert conn.execute("SELECT name FROM sqlite_master").fetchall() == [("t",)]
    Store(tmp_path / "crmwire.db").close()
    copies.note(tmp_path / "crmwire.db", 5.0, "there")
    store = Store(tmp_path / "crmwire.db")
    assert [(one.action, one.name, one.at) for one in store.audit()] == [
        ("backed up", "there", 5.0)
    ]
    store.close()


def test_a_database_in_use_is_not_folded(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("CREATE TABLE t (x)")
        with pytest.raises(StoreUnavailable, match="Another command"):
            copies.folded(path)
    assert copies.folded(path)
    assert not (tmp_path / "x.db-wal").exists()
    path.write_bytes(b"noise" * 1000)
    assert copies.folded(path) is False


def test_a_change_of_what_people_set_up_is_seen_at_once_or_soon_if_another_process_made_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, other = Store(tmp_path / "crmwire.db"), Store(tmp_path / "crmwire.db")

    def change(store: Store, name: str) -> None:
        store.write(lambda db: setup.put_secret(db, "feed/1", name, "k", b"x"))

    now = 1000.0
    monkeypatch.setattr(files.time, "monotonic", lambda: now)
    first = mine.generation()
    assert mine.generation() == first
    change(mine, "a")
    second = mine.generation()
    assert second != first
    change(other, "b")
    assert other.generation() != second
    assert mine.generation() == second
    now += generations.HOLDS
    assert mine.generation() == second
    now += 0.001
    third = mine.generation()
    assert third == other.generation() != second
    assert len(mine.installation()) == 12
    assert mine.installation() == other.installation()
    mine.close()
    other.close()


def test_each_of_many_callers_gets_the_result_of_its_own_job(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "x.db", threaded=True)
    answers: dict[int, object] = {}

    def call(number: int) -> None:
        try:
            answers[number] = writer.run(lambda db: 10 // (number % 4) + number)
        except ZeroDivisionError as error:
            answers[number] = error

    callers = [threading.Thread(target=call, args=(number,)) for number in range(40)]
    for one in callers:
        one.start()
    for one in callers:
        one.join(5)
    for number in range(40):
        if number % 4:
            assert answers[number] == 10 // (number % 4) + number
        else:
            assert isinstance(answers[number], ZeroDivisionError)
    writer.close()


def test_the_reader_that_was_used_last_is_used_next(tmp_path: Path) -> None:
    Writer(tmp_path / "x.db", threaded=False).close()
    read = Readers(tmp_path / "x.db")
    with read() as first, read() as second, read():
        assert first is not second
    with read() as hot:
        pass
    for _ in range(5):
        with read() as db:
            assert db is hot
    read.close()

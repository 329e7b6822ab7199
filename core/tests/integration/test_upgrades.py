"""Databases of earlier versions: brought up to date whole, or left as they were."""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from crmwire.errors import StoreUnavailable
from crmwire.store import Store
from crmwire.store.migrations import migrations
from crmwire.types import Event
from crmwire.vocabulary import Details, Person

NOW = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
NAMES = [migration.name for migration in migrations._migrations]
ROWS: dict[str, dict[str, Any]] = {
    "feeds": {
        "id": 1, "name": "cal", "team": "t", "source": "calcom", "token_hash": b"h",
        "settings": "{}", "allow_unsigned": 1, "since": None, "created_at": 1.0,
        "removed_at": None,
    },
    "connections": {
        "id": 1, "name": "crm", "team": "t", "crm": "toy", "lane": "toy:1", "settings": "{}",
        "report": None, "state": "ok", "problem": None, "remedy": None, "paused_until": None,
        "created_at": 1.0,
    },
    "secrets": {"owner": "connection/1", "name": "token", "key_id": "k", "blob": b"x"},
    "lanes": {"name": "toy:1", "epoch": 3, "paused_until": None, "reason": None},
    "routes": {
        "id": 1, "name": "cal-crm", "team": "t", "feed": 1, "page": "*", "connection": 1,
        "preset": "p", "mapping": "{}", "fingerprint": "f", "options": "{}", "rows": "{}",
        "zone": None, "since": 0.0, "removed_at": None,
    },
    "subjects": {
        "id": 1, "feed": 1, "status": "active", "version": 5, "current": "old", "details": "{}",
        "merged_into": None,
    },
    "aliases": {"feed": 1, "alias": "old", "subject": 1, "ended": ""},
    "events": {
        "id": 1, "feed": 1, "dedupe": b"d", "subject": 1, "type": "booking.created", "version": 5,
        "occurred_at": 2.0, "received_at": 2.0, "late": 0, "ignored": None,
        "event": '{"type":"booking.created","subject_id":"old",'
        '"occurred_at":"1970-01-01T00:00:02+00:00"}',
        "snapshot": '{"details":{},"status":"active","version":5}',
    },
    "deliveries": {
        "id": 1, "event": 1, "subject": 1, "connection": 1, "route": 1, "state": 0, "due_at": 2.0,
        "changed_at": 2.0, "failure": "retry_later", "tries": 1, "first_try_at": 2.0,
    },
    "history": {"id": 1, "delivery": 1, "at": 2.0, "state": "ready", "detail": "{}"},
    "links": {
        "connection": 1, "subject": 1, "role": "person", "item": "", "type": "people",
        "record": "7", "version": 5, "url": None, "retired": 0,
    },
    "counters": {"connection": 1, "state": 2, "count": 41},
}  # fmt: skip
"""What a data folder of the first version may hold."""


def at_version(path: Path, number: int) -> dict[str, list[tuple[Any, ...]]]:
    """A database after the first `number` migrations, with rows in every table; what they are."""
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("PRAGMA journal_mode = WAL")
        db = Database(conn, execute_plugins=False)
        migrations.apply(db, stop_before=NAMES[number:])
        for table, row in ROWS.items():
            _insert(conn, table, row)
        for table in db.table_names():
            if not table.startswith("_") and not db[table].count:
                _insert(conn, table, {one.name: _value(one.type) for one in db[table].columns})
        return rows_of(conn)


def _insert(conn: sqlite3.Connection, table: str, row: dict[str, Any]) -> None:
    marks = ", ".join("?" * len(row))
    conn.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))


def _value(type_: str) -> object:
    return {"INTEGER": 1, "REAL": 1.0, "BLOB": b"1"}.get(type_.upper(), "[]")


def rows_of(conn: sqlite3.Connection) -> dict[str, list[tuple[Any, ...]]]:
    names = conn.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'"
    ).fetchall()
    return {name: conn.execute(f"SELECT * FROM {name}").fetchall() for (name,) in names}


def schema(path: Path) -> set[tuple[str, str, str]]:
    with closing(sqlite3.connect(path)) as conn:
        return set(conn.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master"))


@pytest.fixture
def newest(tmp_path: Path) -> set[tuple[str, str, str]]:
    Store(tmp_path / "newest.db").close()
    return schema(tmp_path / "newest.db")


EARLIER = pytest.mark.parametrize("number", range(1, len(NAMES) + 1), ids=NAMES)


@EARLIER
def test_a_database_of_that_version_has_the_newest_schema_and_every_row(
    tmp_path: Path, newest: set[tuple[str, str, str]], number: int
) -> None:
    path = tmp_path / "old.db"
    before = at_version(path, number)
    Store(path).close()
    assert schema(path) == newest
    with closing(sqlite3.connect(path)) as conn:
        after = rows_of(conn)
        assert conn.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert conn.execute("PRAGMA foreign_key_check").fetchall() == []
    for table, rows in before.items():
        assert {*rows} <= {row[: len(rows[0])] for row in after[table]}, table


@EARLIER
def test_a_database_of_that_version_is_worked_on_as_before(tmp_path: Path, number: int) -> None:
    path = tmp_path / "old.db"
    at_version(path, number)
    store = Store(path)
    try:
        moved = Event(
            type="booking.rescheduled",
            subject_id="new",
            previous_ids=("old",),
            occurred_at=NOW,
            details=Details(guest=Person(email="ada@example.com")),
        )
        (accepted,) = store.accept(1, [moved], NOW)
        assert accepted.lanes == {"toy:1"}
        epoch = store.begin_drain("toy:1", NOW)
        assert epoch == 4
        batch = store.settle_and_claim("toy:1", epoch, [], limit=10, now=NOW)
        assert batch is not None
        assert [item.delivery.id for item in batch.items] == [1]
        (link,) = batch.items[0].delivery.subject.links
        assert link.record == "7"
        assert store.counts()[0].by_state["delivered"] == 41
    finally:
        store.close()


@EARLIER
def test_an_upgrade_killed_there_leaves_the_database_as_it_was(tmp_path: Path, number: int) -> None:
    path = tmp_path / "old.db"
    before = at_version(path, number - 1) if number > 1 else {}
    old = schema(path) if number > 1 else set()
    _killed_in(path, NAMES[number - 1])
    if number > 1:
        assert schema(path) == old
        with closing(sqlite3.connect(path)) as conn:
            assert rows_of(conn) == before
            assert conn.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    store = Store(path)  # the next start does it
    store.close()
    with closing(sqlite3.connect(path)) as conn:
        applied = conn.execute("SELECT name FROM _sqlite_migrations ORDER BY id").fetchall()
    assert [name for (name,) in applied] == NAMES


def _killed_in(path: Path, name: str) -> None:
    """Begin an upgrade in a process of its own, which is killed when that migration has run."""
    child = os.fork()
    if child == 0:  # pragma: no cover
        (migration,) = [one for one in migrations._migrations if one.name == name]
        run = migration.fn

        def then_killed(db: Database) -> None:
            run(db)
            os.kill(os.getpid(), signal.SIGKILL)

        migration.fn = then_killed
        Store(path)
        os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the upgrade was not interrupted"


def test_a_newer_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    Store(path).close()
    with closing(sqlite3.connect(path)) as conn, conn:
        conn.execute("CREATE TABLE futures (id INTEGER)")
        conn.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
            " VALUES ('crmwire', 'm999_future', '')"
        )
    before = schema(path)
    with pytest.raises(StoreUnavailable) as refused:
        Store(path)
    assert "newer crmwire (m999_future)" in refused.value.message
    assert "crmwire restore" in refused.value.remedy
    assert schema(path) == before

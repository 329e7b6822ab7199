"""Whole databases as files: copied while they are used, checked, folded into one file."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from sqlite_utils import Database

from crmwire.errors import StoreUnavailable
from crmwire.store import audit
from crmwire.store.clockwork import latest
from crmwire.store.database import BUSY_TIMEOUT, DAMAGED, RESTORE
from crmwire.store.migrations import migrations

RESTORED = "restored_at"
"""In `meta`: when this database was last restored, in seconds since 1970. What happened before
may stand in the CRM already (see `loading.load`)."""
LOST_SINCE = "lost_since"
"""In `meta`: when the backup that was first restored last noted something, in seconds since 1970.
What was made in a CRM from then until the restore may be known to nobody here."""


def copy(source: Path, target: Path) -> None:
    """Copy a database as it is at one moment; whoever writes to it goes on doing so.

    The copy is one file, without a write-ahead log. Raises: StoreUnavailable.
    """
    with (
        _reported(f"{source} could not be copied"),
        contextlib.closing(_reading(source)) as whole,
        contextlib.closing(sqlite3.connect(target, isolation_level=None)) as made,
    ):
        whole.backup(made)
        made.execute("PRAGMA journal_mode = DELETE")


def check(path: Path) -> None:
    """Raises: StoreUnavailable if the file is damaged, or no database of crmwire."""
    with (
        _reported(f"{path} is damaged or no database"),
        contextlib.closing(_reading(path)) as conn,
    ):
        problems = [row[0] for row in conn.execute("PRAGMA integrity_check(3)").fetchall()]
        if problems != ["ok"]:
            raise StoreUnavailable(f"{path} is damaged ({problems[0]}).", remedy=_OTHER)
        if not migrations.applied(Database(conn, execute_plugins=False)):
            raise StoreUnavailable(f"{path} is no database of crmwire.", remedy=_OTHER)


def note(path: Path, now: float, file: str) -> None:
    """Note in the audit that a backup was made, if the database is new enough to have one."""
    with (
        _reported("The backup could not be noted in the audit"),
        contextlib.closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT)) as conn,
        conn,
    ):
        db = Database(conn, execute_plugins=False)
        if db["audit"].exists():
            audit.record(db, now, "backed up", "database", file)


def mark_restored(db: Database, now: float, file: str) -> None:
    """Remember that this database was restored, and from which file."""
    db.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (LOST_SINCE, repr(latest(db))))
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (RESTORED, repr(now)))
    audit.record(db, now, "restored", "database", file)


def newest_event(db: Database) -> float | None:
    """When the newest event came in, in seconds since 1970."""
    row = db.execute("SELECT received_at FROM events ORDER BY id DESC LIMIT 1").fetchone()
    return None if row is None else float(row[0])


def folded(path: Path) -> bool:
    """Take the write-ahead log into the database, and away; False if it cannot be read.

    Raises: StoreUnavailable if somebody else uses the database.
    """
    try:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=2)) as conn:
            mode = conn.execute("PRAGMA journal_mode = DELETE").fetchone()[0]
    except sqlite3.Error as error:
        if _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise _in_use(path) from error
        return False
    if mode != "delete":
        raise _in_use(path)
    return True


_OTHER = f"Give another backup to {RESTORE}."


def _in_use(path: Path) -> StoreUnavailable:
    return StoreUnavailable(
        f"Another command of crmwire uses {path}.", remedy="Wait until it is done, then try again."
    )


def _reading(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=BUSY_TIMEOUT
    )


@contextlib.contextmanager
def _reported(what: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        remedy = _OTHER if _code(error) in DAMAGED else "Check rights and free space."
        raise StoreUnavailable(f"{what} ({error}).", remedy=remedy) from error


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 if it has none."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF

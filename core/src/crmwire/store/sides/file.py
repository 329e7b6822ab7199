"""The database file: opened, brought up to date, checked, written to and read."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import TypeVar

from sqlite_utils import Database

from crmwire.errors import StoreUnavailable
from crmwire.store import generations
from crmwire.store.cache import Cache, Cached
from crmwire.store.database import RESTORE, Readers, Writer
from crmwire.store.migrations import migrations

T = TypeVar("T")
CHECKED_SIZE = 1 << 30
"""Bytes of a database that is read whole before the daemon starts: about 2 seconds."""


class StoreFile:
    """The file, its one writer and its readers."""

    def __init__(self, path: Path, *, threaded: bool = False) -> None:
        self.path = path
        self._writer = Writer(path, threaded=threaded)
        self._read = Readers(path)
        self._written = object()  # another one after each job of `write`
        self._generation: tuple[str, object, float] = ("", None, 0.0)
        self.migrate()

    def close(self) -> None:
        self._writer.close()
        self._read.close()

    def migrate(self) -> None:
        """Bring the schema up to date. Raises: StoreUnavailable if it is from a newer crmwire."""

        def job(db: Database) -> None:
            known = {migration.name for migration in migrations._migrations}
            newer = {one.name for one in migrations.applied(db)} - known
            if newer:
                raise StoreUnavailable(
                    f"The database {self.path} is from a newer crmwire ({min(newer)}).",
                    remedy=f"Install that version, or put an older backup back with {RESTORE}.",
                )
            migrations.apply(db)

        with self._read() as db:
            pending = bool(migrations.pending(db)) or not db["_sqlite_migrations"].exists()
        if pending:
            self._writer.run(job)
        else:
            with self._read() as db:
                known = {migration.name for migration in migrations._migrations}
                if {one.name for one in migrations.applied(db)} - known:
                    self._writer.run(job)

    def check(self) -> None:
        """Read the whole database once. Raises: StoreUnavailable if it is damaged.

        One over CHECKED_SIZE is left out: a backup, which takes its time, checks it.
        """
        if self.path.stat().st_size > CHECKED_SIZE:
            return
        with self._read() as db:
            found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise StoreUnavailable(
                f"The database {self.path} is damaged ({found}).",
                remedy=f"Put a backup in its place with {RESTORE}.",
            )

    def truncate_log(self) -> bool:
        """Empty the write-ahead log, so that nothing overwritten is left in it; whether it is.

        Readers that are in the middle of something can keep it from being so.
        """
        return self._writer.truncate_log()

    def write(self, job: Callable[[Database], T]) -> T:
        """Run a job of this package in one transaction (see `setup` and `views`)."""
        try:
            return self._writer.run(job)
        finally:
            self._written = object()

    def _undone(self, job: Callable[[Database], T]) -> T:
        """What a job finds out in a transaction of its own, which is then undone."""
        found: list[T] = []

        def attempted(db: Database) -> None:
            found.append(job(db))
            raise _Undone

        with contextlib.suppress(_Undone):
            self._writer.run(attempted)
        return found[-1]

    @contextlib.contextmanager
    def read(self) -> Iterator[Database]:
        with self._read() as db:
            yield db

    def generation(self) -> str:
        """Another text after each change of feeds, their secrets, routes or lanes.

        What another process changed is seen within `generations.HOLDS` seconds, what this one
        changed at once.
        """
        text, written, until = self._generation
        if written is not self._written or time.monotonic() > until:
            same, written = written is self._written, self._written
            until = time.monotonic() + generations.HOLDS
            if same:  # the other threads need not look, too
                self._generation = (text, written, until)
            with self._read() as db:
                text = generations.generation(db)
            self._generation = (text, written, until)
        return text

    def installation(self) -> str:
        """12 hex digits that tell this data folder from others."""
        with self._read() as db:
            row = db.execute("SELECT value FROM meta WHERE name = 'installation'").fetchone()
        return str(row[0])

    def cache_of(self, connection: int) -> MutableMapping[str, Cached]:
        """A connection's cache that outlives the process."""
        return Cache(self, connection)


class _Undone(Exception):
    """Undoes the transaction of a rehearsal."""

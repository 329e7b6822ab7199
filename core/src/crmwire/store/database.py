"""Opening the database: pragmas, a writer with group commits, a pool of readers."""

from __future__ import annotations

import contextlib
import queue
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Generic, TypeVar

from sqlite_utils import Database

from crmwire.errors import CrmwireError, StoreUnavailable

T = TypeVar("T")
Job = Callable[[Database], T]
BUSY_TIMEOUT = 10.0
"""Seconds to wait for another process's transaction."""
GROUP = 256
"""The most jobs that share one commit."""
RESTORE = "`crmwire restore FILE`"
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def connect(path: Path, *, read_only: bool = False) -> Database:
    """Open the file. Raises: StoreUnavailable if it cannot be, or is no database."""
    try:
        conn = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
        )
        db = Database(conn, execute_plugins=False)
        if read_only:
            conn.execute("PRAGMA query_only = 1")
            conn.execute("PRAGMA cache_size = -2000")  # there may be many, and they read little
        else:
            conn.execute("PRAGMA journal_mode = WAL")
            conn.execute("PRAGMA synchronous = FULL")
            conn.execute("PRAGMA wal_autocheckpoint = 10000")
            # What is deleted or overwritten is gone: old secrets, people who were forgotten.
            conn.execute("PRAGMA secure_delete = ON")
            conn.execute("PRAGMA cache_size = -16000")
        conn.execute("PRAGMA foreign_keys = 0")
    except sqlite3.Error as error:
        raise _unavailable(f"The database {path} cannot be opened", error) from error
    return db


def _unavailable(what: str, error: sqlite3.Error) -> StoreUnavailable:
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGED:
        return StoreUnavailable(
            f"{what}: the file is damaged ({error}).",
            remedy=f"Put a backup in its place with {RESTORE}.",
        )
    return StoreUnavailable(
        f"{what} ({error}).", remedy="Check the free space and the rights of the data folder."
    )


def _not_committed(error: sqlite3.Error) -> StoreUnavailable:
    return _unavailable("The store could not commit", error)


class Awaited(Generic[T]):
    """The result of a job for which its one caller waits at once; it cannot be given up.

    To the writer it is as a Future, which takes several changes of threads where this takes one.
    """

    _value: T

    def __init__(self) -> None:
        self._done = threading.Lock()
        self._done.acquire()
        self._failure: BaseException | None = None

    def set_running_or_notify_cancel(self) -> bool:
        return True

    def set_result(self, value: T) -> None:
        self._value = value
        self._done.release()

    def set_exception(self, failure: BaseException) -> None:
        self._failure = failure
        self._done.release()

    def result(self) -> T:
        """Wait for it, once. Raises: what the job raised."""
        self._done.acquire()
        if self._failure is None:
            return self._value
        try:
            raise self._failure
        finally:
            del self  # the failure's traceback holds this frame, which would hold the failure


Answer = Future[Any] | Awaited[Any]


class Writer:
    """Runs jobs that write, each whole or not at all, durable when its result is there.

    On its own thread (`threaded`), jobs that wait together share one commit, each in its
    savepoint; without, a job runs at once in a transaction of its own.
    """

    def __init__(self, path: Path, *, threaded: bool) -> None:
        self._path = path
        self._db = connect(path)
        self._lock = threading.Lock()
        self._closed = False
        self._jobs: queue.SimpleQueue[tuple[Job[Any], Answer] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        if threaded:
            self._thread = threading.Thread(target=self._work, name="crmwire-writer", daemon=True)
            self._thread.start()

    def run(self, job: Job[T]) -> T:
        """Run one job and return its result. Raises: what it raises, or StoreUnavailable."""
        answer: Awaited[T] = Awaited()
        self._hand_in(job, answer)
        return answer.result()

    def submit(self, job: Job[T]) -> Future[T]:
        """Hand in a job; the future is done once its transaction is committed."""
        future: Future[T] = Future()
        self._hand_in(job, future)
        return future

    def _hand_in(self, job: Job[Any], answer: Answer) -> None:
        with self._lock:
            if self._closed:
                answer.set_exception(StoreUnavailable("The store is closed."))
            elif self._thread is not None:
                self._jobs.put((job, answer))
            else:
                self._commit([(job, answer)])

    def _work(self) -> None:
        while True:
            group = [self._jobs.get()]
            with contextlib.suppress(queue.Empty):
                while len(group) < GROUP:
                    group.append(self._jobs.get_nowait())
            self._commit([entry for entry in group if entry is not None])
            if None in group:
                return

    def _commit(self, group: Sequence[tuple[Job[Any], Answer]]) -> None:
        # What nobody waits for any more is not begun; the others can no longer be given up.
        group = [entry for entry in group if entry[1].set_running_or_notify_cancel()]
        results: list[tuple[Answer, Any, BaseException | None]] = []
        try:
            self._db.conn.execute("BEGIN IMMEDIATE")
            for job, future in group:
                results.append(self._in_savepoint(job, future))
                if not self._db.conn.in_transaction:
                    raise sqlite3.OperationalError("the transaction was rolled back")
            self._db.conn.execute("COMMIT")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                self._db.rollback()
            for _, future in group:
                future.set_exception(_not_committed(error))
            return
        for future, value, failure in results:
            if failure is None:
                future.set_result(value)
            else:
                future.set_exception(failure)

    def _in_savepoint(
        self, job: Job[Any], future: Answer
    ) -> tuple[Answer, Any, BaseException | None]:
        conn = self._db.conn
        try:
            conn.execute("SAVEPOINT job")  # always that name: SQLite need not parse it again
            try:
                made = job(self._db)
            except BaseException:
                if conn.in_transaction:  # else the error has undone all of it
                    conn.execute("ROLLBACK TO job")
                    conn.execute("RELEASE job")
                raise
            conn.execute("RELEASE job")
        except CrmwireError as error:
            return future, None, error
        except sqlite3.IntegrityError as error:
            return future, None, error
        except sqlite3.Error as error:
            return future, None, _not_committed(error)
        except Exception as error:  # noqa: BLE001  (it is the caller's, and only the caller's)
            return future, None, error
        return future, made, None

    def truncate_log(self) -> bool:
        """Move the write-ahead log into the database and empty it; whether that was possible."""
        with contextlib.closing(connect(self._path)) as db:
            try:
                return not db.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            except sqlite3.Error:
                return False

    def close(self) -> None:
        """Finish what was handed in, then close; who comes later is refused.

        Another thread may be writing just now: SQLite does not survive being closed under it.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if self._thread is None:
                self._db.close()
                return
            self._jobs.put(None)
        self._thread.join()
        self._db.close()


class Readers:
    """Read-only connections, as many as are in use at once: drains come and go on new threads.

    The one that was used last is used next: those that only a busy moment needed cache no more.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._free: deque[Database] = deque()  # whose methods may be called from any thread

    @contextlib.contextmanager
    def __call__(self) -> Iterator[Database]:
        try:
            db = self._free.pop()
        except IndexError:
            db = connect(self._path, read_only=True)
        try:
            yield db
        except sqlite3.Error as error:
            raise _unavailable("The store could not be read", error) from error
        finally:
            self._free.append(db)

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Database]:
        """All that is read in the block is of one moment.

        Otherwise what moves from one state to another between two statements is seen in neither.
        """
        with self() as db:
            db.execute("BEGIN")
            try:
                yield db
            finally:
                with contextlib.suppress(sqlite3.Error):  # an error may have ended it
                    db.execute("ROLLBACK")

    def close(self) -> None:
        with contextlib.suppress(IndexError):
            while True:
                self._free.pop().close()

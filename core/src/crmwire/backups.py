"""Backups: a copy of the database while the daemon runs, and a copy put in its place.

The key for secrets is not in a backup: whoever has only the file can open none of them.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from attrs import frozen

from crmwire import home as homes
from crmwire.errors import ConfigurationError, UnknownName
from crmwire.keys import VARIABLE, key_file, load_keys
from crmwire.store import Store, copies, setup, views
from crmwire.vault import Vault

_LOGS = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database, by what follows its name."""


@frozen(kw_only=True)
class Backup:
    """A backup that was made. `key` is where the key is, which is not in it."""

    file: Path
    size: int
    key: str


@frozen(kw_only=True)
class Restored:
    """A database that was put in place. `kept` is the one before, None if there was none.

    `newest_event` is when its newest event came in; `waiting` how many deliveries are open.
    """

    kept: Path | None
    newest_event: float | None
    waiting: int


def backup(home: Path, file: Path, now: datetime, *, replace: bool = False) -> Backup:
    """Copy the database of a data folder into a file, whole and checked, or not at all.

    Raises: ConfigurationError if there is no database, or the file is there and may not be
    replaced; StoreUnavailable.
    """
    source = home / homes.DATABASE
    if not source.exists():
        raise UnknownName(f"There is no database in {home} yet.", remedy="Is it the data folder?")
    if file.is_dir():
        raise ConfigurationError(f"{file} is a folder.", remedy="Name a file in it.")
    if file.resolve() == source.resolve():
        raise ConfigurationError(f"{file} is the database itself.", remedy="Name another file.")
    if file.exists() and not replace:
        raise ConfigurationError(f"{file} is there already.", remedy="Add --replace, or rename it.")
    with _new_file(file) as made:
        copies.copy(source, made)
        copies.check(made)
        _sync(made)
        made.replace(file)
    _sync(file.parent)
    copies.note(source, now.timestamp(), file.name)
    return Backup(
        file=file,
        size=file.stat().st_size,
        key=VARIABLE if os.environ.get(VARIABLE) else str(key_file()),
    )


def restore(home: Path, file: Path, now: datetime) -> Restored:
    """Put a backup in the place of a data folder's database, which is kept beside it.

    The backup is checked first, brought to this version's schema, and its secrets tried with the
    key that is here; nothing is changed if that fails. Raises: HomeInUse while a daemon runs,
    ConfigurationError, StoreUnavailable if the file is damaged or from a newer crmwire, KeyMissing.
    """
    if not file.is_file():
        raise UnknownName(f"There is no file {file}.")
    homes.prepared(home)
    with homes.exclusive(home), _new_file(home / homes.DATABASE) as made:
        copies.check(file)
        copies.copy(file, made)
        told = _prepared(made, home, file.name, now.timestamp())
        _sync(made)
        kept = _set_aside(home / homes.DATABASE, now)
        made.replace(home / homes.DATABASE)
        _sync(home)
    return Restored(kept=kept, newest_event=told[0], waiting=told[1])


def _prepared(made: Path, home: Path, file: str, now: float) -> tuple[float | None, int]:
    """Migrate a copy, try the key on it, and mark it as restored."""
    store = Store(made)
    try:
        with store.read() as db:
            may_create = setup.any_secret(db) is None
        Vault(store, load_keys(may_create=may_create, outside=home)).check()
        store.write(lambda db: copies.mark_restored(db, now, file))
        with store.read() as db:
            newest = copies.newest_event(db)
            counts = [one.by_state for one in views.counts(db)]
    finally:
        store.close()
    copies.folded(made)
    return newest, sum(one["ready"] + one["working"] for one in counts)


def _set_aside(old: Path, now: datetime) -> Path | None:
    """Keep the database that is replaced under another name; it also stays where it is."""
    kept = old.with_name(f"{old.name}.before-restore-{now:%Y%m%d-%H%M%S}")
    if old.exists():
        copies.folded(old)  # so that a damaged one is kept, too
        os.link(old, kept)
    # A log that could not be taken in must not be taken for the new database's.
    for end in _LOGS:
        log = old.with_name(old.name + end)
        if log.exists():
            log.replace(kept.with_name(kept.name + end))
    return kept if kept.exists() else None


@contextlib.contextmanager
def _new_file(beside: Path) -> Iterator[Path]:
    """A file in the same folder that only this user can read; gone if it was not moved."""
    made = beside.with_name(f".{beside.name}.{secrets.token_hex(4)}")
    try:
        os.close(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise ConfigurationError(f"{beside} cannot be written ({error.strerror}).") from error
    try:
        yield made
    finally:
        for end in ("", *_LOGS):
            made.with_name(made.name + end).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

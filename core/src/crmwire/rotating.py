"""Another key for all secrets, while the daemon runs.

First the new key is on disk beside the old one; then, in one transaction, the old one is retired:
from there on every process, which asks in the transaction that writes, encrypts with the new one
and finds it in the key file. What is still under the old key is then moved in small transactions.
A rotation that was killed goes on where it stood when it is begun again: nothing is unreadable in
between, since the old key stays until somebody removes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from crmwire import keys
from crmwire.errors import ConfigurationError
from crmwire.keys import KeyMissing
from crmwire.store import audit, setup
from crmwire.store import keys as stored_keys
from crmwire.vault import sealed, unsealed

if TYPE_CHECKING:
    from datetime import datetime

    from sqlite_utils import Database

    from crmwire.store import Store
    from crmwire.vault import Vault

BATCH = 50
"""Secrets that are moved in one transaction, so that nobody waits long for the next."""
PAUSE = 0.002
"""Seconds between two transactions: whoever waits for the database is not fair by itself."""


@frozen(kw_only=True)
class Rotation:
    """What a rotation did. `unreadable` are the places of secrets that no key opens: those whose
    key is not there stay as they are, those that are damaged need no key any more.

    `idle` are keys that no secret of this data folder needs any more.
    """

    key_id: str
    moved: int
    resumed: bool
    unreadable: tuple[str, ...]
    idle: tuple[str, ...]


@frozen(kw_only=True)
class KeyState:
    """One key: how many secrets it encrypts, and whether this process has it."""

    id: str
    secrets: int
    for_new: bool
    there: bool


def key_states(store: Store, vault: Vault) -> list[KeyState]:
    """All keys that are there or that secrets need, the one for new secrets first."""
    vault.keys.reread()
    with store.read() as db:
        counts, retired = stored_keys.count_by_key(db), stored_keys.retired(db)
    new = next((key_id for key_id in vault.keys if key_id not in retired), None)
    return [
        KeyState(
            id=key_id,
            secrets=counts.get(key_id, 0),
            for_new=key_id == new,
            there=key_id in vault.keys,
        )
        for key_id in dict.fromkeys([*vault.keys, *counts])
    ]


def rotated(
    home: Path,
    store: Store,
    vault: Vault,
    *,
    now: datetime,
    given: tuple[str, bytes] | None = None,
    daemon_runs: bool = False,
    told: Callable[[int, int], object] = lambda done, all_: None,
    batch: int = BATCH,
) -> Rotation:
    """Move all secrets to a new key: the one given, one that was put first, or a fresh one.

    `told` hears how many were moved, of how many. Raises: ConfigurationError if there is no new
    key and none can be added here, if the daemon could not read what is moved, or if another
    rotation runs.
    """
    with _alone(home):
        vault.keys.reread()
        target, resumed = _target(store, vault, given)
        if daemon_runs:
            _check_daemon(store, vault, target)
        if target not in vault.keys:
            key = given[1] if given else keys.new_key()[1]
            assert vault.keys.path is not None
            keys.put_first(vault.keys.path, target, key)
            vault.keys.reread()
        _retire(store, vault, target, now)
        moved, unreadable = _move(store, vault, target, told, batch)
        store.truncate_log()  # what the old key opens must not linger in it
    with store.read() as db:
        used = stored_keys.count_by_key(db)
    return Rotation(
        key_id=target,
        moved=moved,
        resumed=resumed,
        unreadable=tuple(unreadable),
        idle=tuple(key_id for key_id in vault.keys if key_id != target and key_id not in used),
    )


def announce(store: Store, vault: Vault) -> None:
    """Note which keys this daemon has, so that nothing is moved to one that it cannot read."""
    store.write(lambda db: stored_keys.announce(db, vault.keys.where, list(vault.keys)))


def removed_key(store: Store, vault: Vault, key_id: str, now: datetime) -> None:
    """Take a key that no secret needs out of the key file.

    Raises: ConfigurationError if secrets need it, if it is for new ones, or if it is not there.
    """
    path = vault.keys.path
    if path is None:
        raise ConfigurationError(
            f"The keys are in {keys.VARIABLE}.",
            remedy=f"Take {key_id} out of it, then start the daemon again.",
        )
    vault.keys.reread()
    if key_id not in vault.keys:
        raise ConfigurationError(
            f"There is no key {key_id!r}.", remedy=f"There are: {', '.join(vault.keys)}."
        )

    def job(db: Database) -> None:
        if vault.key_for_new(db) == key_id:
            raise ConfigurationError(
                f"New secrets are encrypted with {key_id}.", remedy="First `crmwire keys rotate`."
            )
        number = stored_keys.count_by_key(db).get(key_id, 0)
        if number:
            raise ConfigurationError(
                f"{number} secrets are encrypted with {key_id}.",
                remedy="First `crmwire keys rotate`.",
            )
        stored_keys.retire(db, [key_id], but="")
        audit.record(db, now.timestamp(), "removed", "key", key_id)

    store.write(job)
    keys.take_out(path, key_id)


@contextlib.contextmanager
def _alone(home: Path) -> Iterator[None]:
    with (home / "keys.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigurationError(
                "Another rotation runs on this data folder.", remedy="Wait until it is done."
            ) from None
        yield


def _target(store: Store, vault: Vault, given: tuple[str, bytes] | None) -> tuple[str, bool]:
    """The key to move to, and whether a rotation to it has begun before or was prepared."""
    first = next(iter(vault.keys))
    with store.read() as db:
        counts, retired = stored_keys.count_by_key(db), stored_keys.retired(db)
    if given is not None:
        known = vault.keys.get(given[0])
        if known is not None and known != given[1]:
            raise ConfigurationError(
                f"There is another key {given[0]!r}.", remedy="Give the new one another id."
            )
        if known is None and vault.keys.path is None:
            raise _in_environment()
        return given[0], known is not None
    if first not in retired and any(key_id != first for key_id in counts):
        return first, True
    if vault.keys.path is None:
        raise _in_environment()
    return keys.new_key()[0], False


def _in_environment() -> ConfigurationError:
    return ConfigurationError(
        f"The keys are in {keys.VARIABLE}, which this command cannot change.",
        remedy=(
            "Put a new key (`crmwire keys make` prints one) before the others in it, separated by"
            " a comma, start the daemon again with it, then run this again."
        ),
    )


def _check_daemon(store: Store, vault: Vault, target: str) -> None:
    """Raises: ConfigurationError if the running daemon cannot come to know the new key."""
    with store.read() as db:
        said = stored_keys.announced(db)
    if said is None:
        return
    source, ids = said
    if target in ids or (vault.keys.path is not None and source == vault.keys.where):
        return
    raise ConfigurationError(
        f"The daemon has its keys from {source}, without {target}: it could read no secret moved.",
        remedy="Give it the new key before the others and start it again, then run this again.",
    )


def _retire(store: Store, vault: Vault, target: str, now: datetime) -> None:
    def job(db: Database) -> None:
        counts = stored_keys.count_by_key(db)
        left = sum(number for key_id, number in counts.items() if key_id != target)
        stored_keys.retire(db, [*vault.keys, *counts], but=target)
        audit.record(db, now.timestamp(), "rotated", "key", target, secrets=left)

    store.write(job)


def _move(
    store: Store,
    vault: Vault,
    target: str,
    told: Callable[[int, int], object],
    batch: int,
) -> tuple[int, list[str]]:
    key = vault.keys[target]
    with store.read() as db:
        counts = stored_keys.count_by_key(db)
    whole = sum(number for key_id, number in counts.items() if key_id != target)
    moved, unreadable, after = 0, list[str](), ("", "")

    def job(db: Database) -> tuple[int, list[str], tuple[str, str] | None]:
        rows = stored_keys.not_of(db, target, after, batch)
        failed = []
        for owner, name, key_id, blob in rows:
            old = vault.keys.find(key_id)
            if old is None:  # it stays as it is: the key may be put back
                failed.append(f"{owner} {name}")
                continue
            try:
                secret = unsealed(old, owner, name, blob)
            except KeyMissing:
                stored_keys.mark_damaged(db, owner, name)
                failed.append(f"{owner} {name}")
                continue
            setup.put_secret(db, owner, name, target, sealed(key, owner, name, secret))
        return len(rows) - len(failed), failed, (rows[-1][0], rows[-1][1]) if rows else None

    while True:
        done, failed, last = store.write(job)
        moved += done
        unreadable += failed
        if last is None:
            return moved, unreadable
        after = last
        told(moved, whole)
        time.sleep(PAUSE)

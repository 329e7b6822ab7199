"""The keys that secrets are encrypted with: where they are kept, made, added and removed.

Never in the data folder: `CRMWIRE_KEYS` (one or more `id:base64`), `CRMWIRE_KEY_FILE` (a file of
such lines), or a file that is made on first run in the user's configuration folder. The first is
for new secrets, the others still read.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import os
import re
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from crmwire.errors import ConfigurationError

VARIABLE = "CRMWIRE_KEYS"
_SIZE = 32
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


class KeyMissing(ConfigurationError):
    """The key that the secrets were encrypted with is not there."""


class Keyring(Mapping[str, bytes]):
    """Keys by id, the one for new secrets first; read again when one is missed.

    `path` is the file they came from, None if they came from elsewhere and cannot change.
    """

    def __init__(self, keys: Mapping[str, bytes], path: Path | None = None) -> None:
        self.path = path
        self._keys = dict(keys)
        self._lock = threading.Lock()

    def __getitem__(self, key_id: str) -> bytes:
        return self._keys[key_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, key_id: str) -> bytes | None:
        """A key, looked for in the file again if it is not known: another process may have
        added it."""
        if key_id not in self._keys:
            self.reread()
        return self._keys.get(key_id)

    def reread(self) -> None:
        """Take the file's order and what it has anew; a key once known still reads.

        Raises: ConfigurationError if the file does not hold keys.
        """
        if self.path is None:
            return
        with self._lock, contextlib.suppress(OSError):
            self._keys = {**_read(self.path), **self._keys}

    @property
    def where(self) -> str:
        """Where the keys are kept: a file's whole path, or the variable."""
        return str(self.path.resolve()) if self.path is not None else VARIABLE


def key_file() -> Path:
    """Where the key is kept if the environment does not say otherwise."""
    named = os.environ.get("CRMWIRE_KEY_FILE")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "crmwire" / "keys"


def load_keys(
    *,
    may_create: bool,
    told: Callable[[str], object] = lambda _: None,
    outside: Path | None = None,
) -> Keyring:
    """The keys, the one for new secrets first.

    `may_create` allows making the first key, and `told` hears where. A key file in the folder
    `outside` of which it has to be is refused. Raises: ConfigurationError, KeyMissing.
    """
    text = os.environ.get(VARIABLE)
    if text:
        return Keyring(parsed(text.replace(",", "\n"), VARIABLE))
    path = key_file()
    if outside is not None and path.resolve().is_relative_to(outside.resolve()):
        raise ConfigurationError(
            f"The key file {path} is in the data folder, a copy of which would open its secrets.",
            remedy="Keep it elsewhere, and name it with CRMWIRE_KEY_FILE.",
        )
    try:
        return Keyring(_read(path), path)
    except FileNotFoundError:
        if not may_create:
            raise KeyMissing(
                f"There is no key file {path}, but the data folder holds secrets.",
                remedy="Put the key back, or name it with CRMWIRE_KEYS or CRMWIRE_KEY_FILE.",
            ) from None
    except OSError as error:
        raise ConfigurationError(
            f"The key file {path} cannot be read ({error.strerror}).",
            remedy="Give this user the right to read it.",
        ) from error
    return _created(path, told)


def _created(path: Path, told: Callable[[str], object]) -> Keyring:
    line = line_of(*new_key())
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:  # another process was first
        return Keyring(_read(path), path)
    except OSError as error:
        raise ConfigurationError(
            f"The key file {path} cannot be made ({error.strerror}).",
            remedy="Set CRMWIRE_KEY_FILE to a file outside the data folder that can be written.",
        ) from error
    with os.fdopen(descriptor, "w") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
    told(f"Made the key for secrets in {path}. Keep a copy of it: without it they are lost.")
    return Keyring(parsed(line, str(path)), path)


def _read(path: Path) -> dict[str, bytes]:
    return parsed(path.read_text(errors="replace"), str(path))


def parsed(text: str, where: str) -> dict[str, bytes]:
    """Keys from their lines, in order. Raises: ConfigurationError, which never shows a key."""
    keys: dict[str, bytes] = {}
    for line in text.split():
        name, _, value = line.partition(":")
        try:
            key = base64.b64decode(value, validate=True)
        except ValueError:
            key = b""
        if not _ID.fullmatch(name) or len(key) != _SIZE or keys.get(name, key) != key:
            raise ConfigurationError(
                f"{where} does not hold keys.",
                remedy="Each line is an id of its own, a colon and 32 bytes in base64.",
            )
        keys[name] = key
    if not keys:
        raise ConfigurationError(f"{where} is empty.", remedy="Put the key back.")
    return keys


# ---------------------------------------------------------------- new and old keys


def new_key() -> tuple[str, bytes]:
    """A key, with an id that no other key has had."""
    return f"k{datetime.now(UTC):%Y%m%d}-{secrets.token_hex(3)}", secrets.token_bytes(_SIZE)


def line_of(key_id: str, key: bytes) -> str:
    """A key as a key file or CRMWIRE_KEYS has it."""
    return f"{key_id}:{base64.b64encode(key).decode()}\n"


def put_first(path: Path, key_id: str, key: bytes) -> None:
    """Add a key to the file, before the others. On disk when this returns.

    Raises: ConfigurationError if the file cannot be written, or has another key of that id.
    """
    with _changing(path):
        known = _read(path)
        if known.get(key_id, key) != key:
            raise ConfigurationError(
                f"{path} has another key {key_id!r}.", remedy="Give the new one another id."
            )
        _replace(path, {key_id: key, **known})


def take_out(path: Path, key_id: str) -> None:
    """Remove a key from the file. Raises: ConfigurationError if it is the last one."""
    with _changing(path):
        known = _read(path)
        known.pop(key_id, None)
        if not known:
            raise ConfigurationError(f"{key_id!r} is the only key of {path}.")
        _replace(path, known)


@contextlib.contextmanager
def _changing(path: Path) -> Iterator[None]:
    """Be the only process that changes this file: several data folders may share it.

    The lock is beside the file itself, wherever a link to it is.
    """
    real = path.resolve()
    try:
        with real.with_name(real.name + ".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise ConfigurationError(
            f"The key file {path} cannot be changed ({error.strerror}).",
            remedy="Change it where it is kept; `crmwire keys make` prints a new key's line.",
        ) from error


def _replace(path: Path, keys: Mapping[str, bytes]) -> None:
    """Write the file whole or not at all, readable to whom it was and nobody else."""
    real = path.resolve()
    before = real.stat()
    new = real.with_name(f".{real.name}.{secrets.token_hex(4)}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.writelines(line_of(key_id, key) for key_id, key in keys.items())
            if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(file.fileno(), before.st_uid, before.st_gid)
            os.fchmod(file.fileno(), before.st_mode & 0o777)
            file.flush()
            os.fsync(file.fileno())
        new.replace(real)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    folder = os.open(real.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

"""Secrets at rest: AES-256-GCM, each bound to the row it stands in.

The key is never in the data folder: `CRMWIRE_KEYS` (one or more `id:base64`, the first is used
for new secrets), `CRMWIRE_KEY_FILE` (a file of such lines), or a file that is made on first run
in the user's configuration folder.
"""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from crmwire.errors import ConfigurationError
from crmwire.store import setup

if TYPE_CHECKING:
    from sqlite_utils import Database

    from crmwire.store import Store

_NONCE = 12


class KeyMissing(ConfigurationError):
    """The key that the secrets were encrypted with is not there."""


def key_file() -> Path:
    """Where the key is kept if the environment does not say otherwise."""
    named = os.environ.get("CRMWIRE_KEY_FILE")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "crmwire" / "keys"


def load_keys(
    *, may_create: bool, told: Callable[[str], object] = lambda _: None
) -> dict[str, bytes]:
    """The keys by id, the one for new secrets first.

    `may_create` allows making the first key, and `told` hears where. Raises: ConfigurationError,
    KeyMissing.
    """
    text = os.environ.get("CRMWIRE_KEYS")
    if text:
        return _parsed(text.replace(",", "\n"), "CRMWIRE_KEYS")
    path = key_file()
    try:
        return _parsed(path.read_text(), str(path))
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


def _created(path: Path, told: Callable[[str], object]) -> dict[str, bytes]:
    line = f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:  # another process was first
        return _parsed(path.read_text(), str(path))
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
    return _parsed(line, str(path))


def _parsed(text: str, where: str) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for line in text.split():
        name, _, value = line.partition(":")
        try:
            key = base64.b64decode(value, validate=True)
        except ValueError:
            key = b""
        if not name or len(key) != 32:
            raise ConfigurationError(
                f"{where} does not hold keys.",
                remedy="Each line is an id, a colon and 32 bytes in base64.",
            )
        keys[name] = key
    if not keys:
        raise ConfigurationError(f"{where} is empty.", remedy="Put the key back.")
    return keys


class Vault:
    """Encrypts and decrypts the secrets of the store."""

    def __init__(self, store: Store, keys: Mapping[str, bytes]) -> None:
        self._store = store
        self._keys = dict(keys)
        self._current = next(iter(self._keys))

    def check(self) -> None:
        """Raises: KeyMissing if a stored secret cannot be read with these keys."""
        with self._store.read() as db:
            row = setup.any_secret(db)
        if row is not None:
            self._decrypt(*row)

    def encrypted(self, owner: str, name: str, secret: str) -> tuple[str, bytes]:
        """The key id and the blob of a secret for this place."""
        nonce = secrets.token_bytes(_NONCE)
        cipher = AESGCM(self._keys[self._current])
        sealed = cipher.encrypt(nonce, secret.encode(), _place(owner, name))
        return self._current, nonce + sealed

    def put(self, owner: str, name: str, secret: str) -> None:
        """Keep a secret, in the place of one of that name."""
        self._store.write(lambda db: self.put_in(db, owner, name, secret))

    def put_in(self, db: Database, owner: str, name: str, secret: str) -> None:
        """As `put`, inside a transaction that is open."""
        setup.put_secret(db, owner, name, *self.encrypted(owner, name, secret))

    def get(self, owner: str, name: str) -> str | None:
        """A secret, or None. Raises: KeyMissing."""
        return self.all(owner).get(name)

    def all(self, owner: str) -> dict[str, str]:
        """All secrets of an owner by name. Raises: KeyMissing."""
        with self._store.read() as db:
            rows = setup.get_secrets(db, owner)
        return {
            name: self._decrypt(owner, name, key_id, blob) for name, (key_id, blob) in rows.items()
        }

    def _decrypt(self, owner: str, name: str, key_id: str, blob: bytes) -> str:
        key = self._keys.get(key_id)
        if key is None:
            raise KeyMissing(
                f"The key {key_id!r} that the secrets were encrypted with is not there.",
                remedy="Put it back, or name it with CRMWIRE_KEYS or CRMWIRE_KEY_FILE.",
            )
        try:
            plain = AESGCM(key).decrypt(blob[:_NONCE], blob[_NONCE:], _place(owner, name))
        except InvalidTag:
            raise KeyMissing(
                "A secret cannot be decrypted: the key is another one, or the row was changed.",
                remedy="Use the key that the secrets were made with, or restore a backup.",
            ) from None
        return plain.decode()


def _place(owner: str, name: str) -> bytes:
    return f"{owner}/{name}".encode()

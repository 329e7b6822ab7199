"""Secrets at rest: AES-256-GCM, each bound to the row it stands in.

Which keys there are is said in `keys`; how all secrets come to another one, in `rotating`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from crmwire.keys import KeyMissing, Keyring, key_file, load_keys
from crmwire.store import keys as stored_keys
from crmwire.store import setup

if TYPE_CHECKING:
    from sqlite_utils import Database

    from crmwire.store import Store

__all__ = ["KeyMissing", "Vault", "key_file", "load_keys", "sealed", "unsealed"]

_NONCE = 12
_TRIED = 5
"""On how many secrets a key is tried before it is called the wrong one: a row may be damaged."""


def sealed(key: bytes, owner: str, name: str, secret: str) -> bytes:
    """A secret encrypted for its place: it can be read nowhere else."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, secret.encode(), _place(owner, name))


def unsealed(key: bytes, owner: str, name: str, blob: bytes) -> str:
    """The secret of a place. Raises: KeyMissing if key, place or blob is not what it was."""
    try:
        plain = AESGCM(key).decrypt(blob[:_NONCE], blob[_NONCE:], _place(owner, name))
    except (InvalidTag, ValueError):  # a blob cut short has no whole nonce
        raise KeyMissing(
            "A secret cannot be decrypted: the key is another one, or the row was changed.",
            remedy="Use the key that the secrets were made with, or restore a backup.",
        ) from None
    return plain.decode()


def _place(owner: str, name: str) -> bytes:
    return f"{owner}/{name}".encode()


class Vault:
    """Encrypts and decrypts the secrets of the store."""

    def __init__(self, store: Store, keys: Keyring | Mapping[str, bytes]) -> None:
        self._store = store
        self.keys = keys if isinstance(keys, Keyring) else Keyring(keys)

    def check(self) -> None:
        """Raises: KeyMissing if what is stored cannot be read with these keys."""
        with self._store.read() as db:
            samples = stored_keys.some_of_each(db, _TRIED)
        for key_id, rows in samples.items():
            self._check_key(key_id, rows)

    def _check_key(self, key_id: str, rows: Sequence[stored_keys.Secret]) -> None:
        """Raises: KeyMissing if none of these can be read with their key."""
        for row in rows:
            try:
                self._decrypt(*row)
            except KeyMissing as error:
                last = error
            else:
                return
        if self.keys.find(key_id) is None:
            raise last
        raise KeyMissing(
            f"The key {key_id!r} in {self.keys.where} does not decrypt what is stored: "
            "it is another one, or the rows were changed.",
            remedy=last.remedy,
        ) from last

    def put(self, owner: str, name: str, secret: str) -> None:
        """Keep a secret, in the place of one of that name."""
        self._store.write(lambda db: self.put_in(db, owner, name, secret))

    def put_in(self, db: Database, owner: str, name: str, secret: str) -> None:
        """As `put`, inside a transaction that is open. Raises: KeyMissing."""
        key_id = self.key_for_new(db)
        setup.put_secret(db, owner, name, key_id, sealed(self.keys[key_id], owner, name, secret))

    def key_for_new(self, db: Database) -> str:
        """The key for new secrets: the first that was not rotated away. Raises: KeyMissing.

        Asked for inside the transaction that uses it: a rotation by another process retires the
        old key first, so that nothing is written with it from then on.
        """
        retired = stored_keys.retired(db)
        if next(iter(self.keys)) in retired:
            self.keys.reread()
        for key_id in self.keys:
            if key_id not in retired:
                return key_id
        raise KeyMissing(
            f"The keys in {self.keys.where} were rotated away; nothing new is encrypted with them.",
            remedy="Give this process the new key too, as `crmwire keys` lists it.",
        )

    def get(self, owner: str, name: str) -> str | None:
        """A secret, or None. Raises: KeyMissing."""
        with self._store.read() as db:
            row = setup.get_secrets(db, owner).get(name)
        return None if row is None else self._decrypt(owner, name, *row)

    def all(self, owner: str) -> dict[str, str]:
        """All secrets of an owner by name. Raises: KeyMissing."""
        with self._store.read() as db:
            rows = setup.get_secrets(db, owner)
        return {
            name: self._decrypt(owner, name, key_id, blob) for name, (key_id, blob) in rows.items()
        }

    def _decrypt(self, owner: str, name: str, key_id: str, blob: bytes) -> str:
        if key_id.startswith(stored_keys.DAMAGED):
            raise KeyMissing(
                f"The secret {name} of {owner} is damaged: no key opens it.",
                remedy="Give it anew, or restore a backup; `crmwire keys rotate` says how.",
            )
        key = self.keys.find(key_id)
        if key is None:
            raise KeyMissing(
                f"The key {key_id!r} that secrets were encrypted with is not in {self.keys.where}.",
                remedy="Put it back, or name it with CRMWIRE_KEYS or CRMWIRE_KEY_FILE.",
            )
        return unsealed(key, owner, name, blob)

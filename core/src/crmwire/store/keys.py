"""Which keys the stored secrets are encrypted with, and which may not be used any more."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlite_utils import Database

Secret = tuple[str, str, str, bytes]
"""Owner, name, key id and blob."""
DAMAGED = "damaged/"
"""Stands before the key's id where that very key does not open the secret: no key ever will."""


def count_by_key(db: Database) -> dict[str, int]:
    """How many secrets each key can open, by its id."""
    rows = db.execute(
        "SELECT key_id, count(*) FROM secrets WHERE instr(key_id, ?) != 1"
        " GROUP BY key_id ORDER BY key_id",
        (DAMAGED,),
    )
    return {row[0]: row[1] for row in rows.fetchall()}


def some_of_each(db: Database, number: int) -> dict[str, list[Secret]]:
    """A few secrets of each key, to try it on."""
    return {
        key_id: [
            tuple(row)
            for row in db.execute(
                "SELECT owner, name, key_id, blob FROM secrets WHERE key_id = ? LIMIT ?",
                (key_id, number),
            ).fetchall()
        ]
        for key_id in count_by_key(db)
    }


def not_of(db: Database, key_id: str, after: tuple[str, str], limit: int) -> list[Secret]:
    """Secrets that another key has encrypted, in the order of their places, after one of these."""
    rows = db.execute(
        "SELECT owner, name, key_id, blob FROM secrets WHERE key_id != ?"
        " AND (owner, name) > (?, ?) ORDER BY owner, name LIMIT ?",
        (key_id, *after, limit),
    ).fetchall()
    return [tuple(row) for row in rows]


def mark_damaged(db: Database, owner: str, name: str) -> None:
    """Note that a secret's own key does not open it: it needs that key no longer."""
    db.execute(
        "UPDATE secrets SET key_id = ? || key_id WHERE owner = ? AND name = ?",
        (DAMAGED, owner, name),
    )


def retired(db: Database) -> frozenset[str]:
    """The keys that no secret may be encrypted with any more: they may be gone tomorrow."""
    row = db.execute("SELECT value FROM meta WHERE name = 'retired_keys'").fetchone()
    return frozenset(json.loads(row[0])) if row else frozenset()


def retire(db: Database, ids: Sequence[str], *, but: str) -> None:
    """From this transaction on these keys are only read with, and `but` is used."""
    kept = sorted((retired(db) | set(ids)) - {but})
    _put(db, "retired_keys", json.dumps(kept))


def announce(db: Database, source: str, ids: Sequence[str]) -> None:
    """Note which keys the daemon has, and where from."""
    _put(db, "daemon_keys", json.dumps({"source": source, "ids": list(ids)}))


def announced(db: Database) -> tuple[str, tuple[str, ...]] | None:
    """What the daemon that started last has said of its keys: where from, and their ids."""
    row = db.execute("SELECT value FROM meta WHERE name = 'daemon_keys'").fetchone()
    if row is None:
        return None
    told = json.loads(row[0])
    return told["source"], tuple(told["ids"])


def _put(db: Database, name: str, value: str) -> None:
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

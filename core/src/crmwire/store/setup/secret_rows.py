"""Secrets as stored: sealed, each under its owner."""

from __future__ import annotations

from sqlite_utils import Database


def put_secret(db: Database, owner: str, name: str, key_id: str, blob: bytes) -> None:
    db.execute("INSERT OR REPLACE INTO secrets VALUES (?, ?, ?, ?)", (owner, name, key_id, blob))


def delete_secret(db: Database, owner: str, name: str) -> None:
    db.execute("DELETE FROM secrets WHERE owner = ? AND name = ?", (owner, name))


def get_secrets(db: Database, owner: str) -> dict[str, tuple[str, bytes]]:
    rows = db.execute(
        "SELECT name, key_id, blob FROM secrets WHERE owner = ? ORDER BY name", (owner,)
    ).fetchall()
    return {row[0]: (row[1], row[2]) for row in rows}


def any_secret(db: Database) -> tuple[str, str, str, bytes] | None:
    row = db.execute("SELECT owner, name, key_id, blob FROM secrets LIMIT 1").fetchone()
    return None if row is None else tuple(row)

"""Removing a person from what belongs to no booking: odd webhooks, caches, texts."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlite_utils import Database

from crmwire import stored
from crmwire.store import tombstones
from crmwire.store.forgetting.naming import names, plain
from crmwire.store.forgetting.values import Removed

TEXTS = (
    ("connections", "problem"),
    ("connections", "remedy"),
    ("lanes", "reason"),
    ("logins", "problem"),
    ("polls", "problem"),
    ("polls", "remedy"),
    ("alert_targets", "problem"),
    ("notices", "title"),
    ("notices", "body"),
    ("notices", "data"),
    ("notices", "problem"),
    ("checks", "findings"),
)
"""Texts for people, in which a vendor's message may name somebody."""


def forget_elsewhere(db: Database, email: str, events: Sequence[int]) -> Removed:
    """Remove the person from what belongs to no booking: odd webhooks, caches, texts."""
    removed, pattern = Removed(), tombstones.pattern([email])
    for id_ in events:
        tombstones.empty_event(db, id_, tombstones.FORGOTTEN, "#")
        removed.events += 1
    for id_, body, reason in db.execute("SELECT id, body, reason FROM unreadable").fetchall():
        if names(email, pattern, body, reason):
            db.execute("DELETE FROM unreadable WHERE id = ?", (id_,))
            removed.webhooks += 1
    forget_created(db, email, ())
    for connection, key, value in db.execute("SELECT connection, key, value FROM cache").fetchall():
        if names(email, pattern, key, value):
            db.execute("DELETE FROM cache WHERE connection = ? AND key = ?", (connection, key))
            removed.others += 1
    for table, column in TEXTS:
        for (text,) in db.execute(f"SELECT DISTINCT {column} FROM {table}").fetchall():
            if names(email, pattern, text):
                data = plain(text)
                new = tombstones.replaced(data, pattern)
                db.execute(
                    f"UPDATE {table} SET {column} = ? WHERE {column} = ?",
                    (new if isinstance(new, str) else stored.written(new), text),
                )
                removed.others += 1
    return removed


def forget_created(
    db: Database, email: str, records: Collection[tuple[str, str, str, str]]
) -> None:
    """Forget that crmwire made the person's record lately."""
    for connection, type_, record, _ in records:
        db.execute(
            "DELETE FROM created WHERE type = ? AND record = ? AND lane ="
            " (SELECT lane FROM connections WHERE name = ?)",
            (type_, record, connection),
        )
    db.execute("DELETE FROM created WHERE lower(value) = ?", (email,))

"""Feeds as stored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attrs import frozen
from sqlite_utils import Database

from crmwire.store.setup.names import require_free, unknown
from crmwire.store.setup.route_rows import remove_route


@frozen(kw_only=True)
class FeedRow:
    """A feed as stored; its secrets are in the vault under `feed/ID`."""

    id: int
    name: str
    team: str
    source: str
    settings: Mapping[str, Any]
    allow_unsigned: bool
    since: float | None

    @property
    def owner(self) -> str:
        return f"feed/{self.id}"


_FEEDS = (
    "SELECT id, name, team, source, settings, allow_unsigned, coalesce(since, created_at)"
    " FROM feeds"
)


def _feed(row: tuple[Any, ...]) -> FeedRow:
    return FeedRow(
        id=row[0],
        name=row[1],
        team=row[2],
        source=row[3],
        settings=json.loads(row[4]),
        allow_unsigned=bool(row[5]),
        since=row[6],
    )


def feeds(db: Database) -> list[FeedRow]:
    return [
        _feed(row)
        for row in db.execute(f"{_FEEDS} WHERE removed_at IS NULL ORDER BY name").fetchall()
    ]


def feed(db: Database, name: str) -> FeedRow:
    """Raises: UnknownName."""
    row = db.execute(f"{_FEEDS} WHERE name = ? AND removed_at IS NULL", (name,)).fetchone()
    if row is None:
        raise unknown("feed", name, [one.name for one in feeds(db)], "crmwire feed add")
    return _feed(row)


def feed_by_token(db: Database, token_hash: bytes) -> FeedRow | None:
    row = db.execute(f"{_FEEDS} WHERE token_hash = ?", (token_hash,)).fetchone()
    return None if row is None else _feed(row)


def insert_feed(
    db: Database,
    *,
    name: str,
    team: str,
    source: str,
    token_hash: bytes,
    settings: Mapping[str, Any],
    allow_unsigned: bool,
    since: float | None,
    now: float,
) -> int:
    """Raises: ConfigurationError if the name is taken."""
    require_free(db, "feeds", name)
    row = db.execute(
        "INSERT INTO feeds (name, team, source, token_hash, settings, allow_unsigned, since,"
        " created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (name, team, source, token_hash, json.dumps(settings), allow_unsigned, since, now),
    ).fetchone()
    return int(row[0])


def update_feed(
    db: Database, id_: int, *, settings: Mapping[str, Any], allow_unsigned: bool
) -> None:
    db.execute(
        "UPDATE feeds SET settings = ?, allow_unsigned = ? WHERE id = ?",
        (json.dumps(settings), allow_unsigned, id_),
    )


def delete_feed(db: Database, id_: int, now: float) -> None:
    """Remove a feed, its secrets and its routes; its events and deliveries stay readable."""
    for (route_id,) in db.execute(
        "SELECT id FROM routes WHERE feed = ? AND removed_at IS NULL", (id_,)
    ).fetchall():
        remove_route(db, route_id, now)
    db.execute("DELETE FROM secrets WHERE owner = ?", (f"feed/{id_}",))
    db.execute("DELETE FROM polls WHERE feed = ?", (id_,))
    db.execute("DELETE FROM questions WHERE feed = ?", (id_,))
    db.execute(
        "UPDATE feeds SET name = name || ' (removed ' || id || ')', token_hash = randomblob(32),"
        " removed_at = ? WHERE id = ?",
        (now, id_),
    )

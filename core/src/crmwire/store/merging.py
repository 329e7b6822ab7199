"""Two subjects that turn out to be one."""

from __future__ import annotations

from sqlite_utils import Database

from crmwire.store.records import place_link


def merge(db: Database, loser: int, keep: int) -> None:
    """Give everything of one subject to another; of two links the newest version stays."""
    db.execute("UPDATE aliases SET subject = ? WHERE subject = ?", (keep, loser))
    db.execute("UPDATE deliveries SET subject = ? WHERE subject = ?", (keep, loser))
    db.execute("UPDATE events SET subject = ? WHERE subject = ?", (keep, loser))
    db.execute("UPDATE subjects SET merged_into = ? WHERE id = ?", (keep, loser))
    db.execute("UPDATE forgotten SET subject = ? WHERE subject = ?", (keep, loser))
    for connection, version in db.execute(
        "SELECT connection, version FROM progress WHERE subject = ?", (loser,)
    ).fetchall():
        db.execute(
            "INSERT INTO progress VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
            " SET version = max(version, excluded.version)",
            (connection, keep, version),
        )
    db.execute("DELETE FROM progress WHERE subject = ?", (loser,))
    links = db.execute(
        "SELECT connection, role, item, type, record, version, url, retired FROM links"
        " WHERE subject = ?",
        (loser,),
    ).fetchall()
    db.execute("DELETE FROM links WHERE subject = ?", (loser,))
    for link in links:
        place_link(db, keep, *link)
    # Each delivery waits with those before it.
    db.execute(
        "UPDATE deliveries AS d SET due_at = (SELECT max(o.due_at) FROM deliveries o"
        " WHERE o.connection = d.connection AND o.subject = d.subject AND o.state < 2"
        " AND o.id <= d.id) WHERE d.subject = ? AND d.state = 0",
        (keep,),
    )

"""Leaving of a person's own bookings and tickets nothing but hashed ids."""

from __future__ import annotations

import json

from sqlite_utils import Database

from crmwire.store import tombstones
from crmwire.store.forgetting.elsewhere import forget_created
from crmwire.store.forgetting.families import FAMILY, is_working
from crmwire.store.forgetting.values import Removed
from crmwire.store.states import DISMISSED, HELD, READY, add_history, count


def forget_subject(db: Database, subject: int, email: str, by: str, now: float) -> Removed | None:
    """Leave of a booking or a ticket its hashed ids; None if a delivery is being worked on."""
    if is_working(db, subject):
        return None
    removed = Removed(subjects=1)
    feed = db.execute("SELECT feed FROM subjects WHERE id = ?", (subject,)).fetchone()[0]
    removed.records = _records(db, subject)
    forget_created(db, email, removed.records)
    removed.links = db.execute("DELETE FROM links WHERE subject = ?", (subject,)).rowcount
    for (alias,) in db.execute(
        "SELECT alias FROM aliases WHERE subject = ? AND substr(alias, 1, 1) != '#'", (subject,)
    ).fetchall():
        db.execute("DELETE FROM aliases WHERE feed = ? AND alias = ?", (feed, alias))
        db.execute("DELETE FROM halves WHERE feed = ? AND alias = ?", (feed, alias))
        db.execute(
            "INSERT OR REPLACE INTO aliases VALUES (?, ?, ?, 'cancelled')",
            (feed, tombstones.hashed(feed, alias), subject),
        )
    for id_, current in db.execute(
        f"{FAMILY} SELECT id, current FROM subjects WHERE id IN family", (subject,)
    ).fetchall():
        db.execute(
            "UPDATE subjects SET details = '{}', status = 'cancelled', current = ? WHERE id = ?",
            (current if current.startswith("#") else tombstones.hashed(feed, current), id_),
        )
    db.execute("DELETE FROM forgotten WHERE subject = ?", (subject,))
    for id_, text in db.execute(
        "SELECT id, event FROM events WHERE subject = ?", (subject,)
    ).fetchall():
        data = json.loads(text)
        if data.get("removed") != tombstones.FORGOTTEN:
            alias = tombstones.hashed(feed, data.get("subject_id", ""))
            tombstones.empty_event(db, id_, tombstones.FORGOTTEN, alias)
            removed.events += 1
    for id_, connection, state in db.execute(
        "SELECT id, connection, state FROM deliveries WHERE subject = ?", (subject,)
    ).fetchall():
        removed.deliveries += 1
        if state in (READY, HELD):
            removed.waiting += 1
            count(db, connection, DISMISSED, 1)
            state = DISMISSED
        db.execute(
            "UPDATE deliveries SET state = ?, attempt = NULL, attempt_open = 0, again = 0,"
            " chosen = NULL, reason = ?, remedy = NULL, code = NULL, changed_at = ? WHERE id = ?",
            (state, tombstones.FORGOTTEN, now, id_),
        )
        db.execute("DELETE FROM history WHERE delivery = ?", (id_,))
        add_history(db, id_, "forgotten", {"by": by}, now)
    return removed


def _records(db: Database, subject: int) -> set[tuple[str, str, str, str]]:
    rows = db.execute(
        "SELECT c.name, l.type, l.record, coalesce(l.url, '') FROM links l"
        " JOIN connections c ON c.id = l.connection"
        " WHERE l.subject = ? AND l.role = 'person' AND l.item = ''",
        (subject,),
    ).fetchall()
    return {(row[0], row[1], row[2], row[3]) for row in rows}

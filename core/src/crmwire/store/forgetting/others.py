"""Taking a person out of bookings of others, and out of what is kept of any delivery."""

from __future__ import annotations

import json
from collections.abc import Collection

from sqlite_utils import Database

from crmwire import stored
from crmwire.store import tombstones
from crmwire.store.forgetting.families import FAMILY, is_working


def take_out_of_subject(db: Database, subject: int, email: str) -> bool | None:
    """Take the person out of a booking of others; None if a delivery is being worked on.

    Their own records made for it are no longer linked, and they are left out of what comes later.
    """
    if is_working(db, subject):
        return None
    words = {email}
    events = db.execute(
        "SELECT id, event, snapshot FROM events WHERE subject = ?", (subject,)
    ).fetchall()
    subjects = db.execute(
        f"{FAMILY} SELECT id, details FROM subjects WHERE id IN family", (subject,)
    ).fetchall()
    read = [
        (id_, json.loads(event), json.loads(old) if old else None) for id_, event, old in events
    ]
    states = [(id_, json.loads(details)) for id_, details in subjects]

    def theirs(one: str) -> bool:
        return one == email

    for _, event, snapshot in read:
        words |= tombstones.take_out(event.get("details", {}), theirs)
        words |= tombstones.take_out((snapshot or {}).get("details", {}), theirs)
    for _, details in states:
        words |= tombstones.take_out(details, theirs)
    pattern = tombstones.pattern(words)
    for id_, event, snapshot in read:
        db.execute(
            "UPDATE events SET event = ?, snapshot = ? WHERE id = ?",
            (
                _json(tombstones.replaced(event, pattern)),
                _json(tombstones.replaced(snapshot, pattern)),
                id_,
            ),
        )
    for id_, details in states:
        db.execute(
            "UPDATE subjects SET details = ? WHERE id = ?",
            (_json(tombstones.replaced(details, pattern)), id_),
        )
    ids = [row[0] for row in db.execute("SELECT id FROM deliveries WHERE subject = ?", (subject,))]
    for id_ in ids:
        scrub_delivery(db, id_, words)
    for item in db.execute(
        "SELECT DISTINCT item FROM links WHERE subject = ? AND item != ''", (subject,)
    ).fetchall():
        if pattern.search(item[0]):
            db.execute("DELETE FROM links WHERE subject = ? AND item = ?", (subject, item[0]))
    tombstones.remember(db, subject, email)
    return True


def scrub_delivery(db: Database, id_: int, words: Collection[str]) -> bool:
    """Replace words in what is kept of a delivery's attempts and history; whether any was there."""
    pattern = tombstones.pattern(words)
    attempt, reason, remedy, chosen = db.execute(
        "SELECT attempt, reason, remedy, chosen FROM deliveries WHERE id = ?", (id_,)
    ).fetchone()
    texts = (json.loads(attempt or "null"), reason, remedy, json.loads(chosen or "null"))
    found = tombstones.mentions(list(texts), pattern)
    if found:
        new_attempt, reason, remedy, new_chosen = tombstones.replaced(list(texts), pattern)
        db.execute(
            "UPDATE deliveries SET attempt = ?, reason = ?, remedy = ?, chosen = ? WHERE id = ?",
            (_json(new_attempt), reason, remedy, _json(new_chosen), id_),
        )
    for line, detail in db.execute(
        "SELECT id, detail FROM history WHERE delivery = ?", (id_,)
    ).fetchall():
        data = json.loads(detail)
        if tombstones.mentions(data, pattern):
            found = True
            new = _json(tombstones.replaced(data, pattern))
            db.execute("UPDATE history SET detail = ? WHERE id = ?", (new, line))
    return found


def _json(value: object) -> str | None:
    return None if value is None else stored.written(value)

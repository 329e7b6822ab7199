"""Bookings that were moved by cancelling and booking anew, where the source names no link.

Only where a route of the page asks for it: the same guest, on the same page, one booking
cancelled and another made within so many minutes of each other, whichever is told first, are one
booking that was moved. Otherwise they are two, as the source says.
"""

from __future__ import annotations

import hashlib

import attrs
from sqlite_utils import Database

from crmwire import stored
from crmwire.types import Event
from crmwire.vocabulary import Booking, Details, merged

KEPT = 2 * 86400.0
"""Seconds for which a half is remembered; more than any route may ask for."""
LONGEST = 24 * 60.0
"""Minutes within which two halves may be one move."""
_HALVES = {"booking.created": "cancelled", "booking.cancelled": "created"}
"""Which half of a move the other one is looked for."""


def as_move(db: Database, feed: int, event: Event, now: float) -> Event:
    """The event, or, if it is half of a move whose other half is known, that move."""
    if event.type not in _HALVES or event.partial or event.previous_ids:
        return event
    known = merged(_known(db, feed, event.subject_id), event.details)
    within = _within(db, feed, known.page.id if known.page and known.page.id else "")
    guest = known.guest.email if known.guest else None
    if within is None or not guest:
        return event
    page = known.page.id if known.page and known.page.id else ""
    key = hashlib.sha256(f"{page}\n{guest.strip().lower()}".encode()).digest()[:16]
    half, at = event.type.rpartition(".")[2], event.occurred_at.timestamp()
    db.execute("DELETE FROM halves WHERE kept_until < ?", (now,))
    db.execute(
        "INSERT OR IGNORE INTO halves VALUES (?, ?, ?, ?, ?, ?)",
        (feed, key, half, event.subject_id, at, now + KEPT),
    )
    found = db.execute(
        "SELECT h.alias, s.version FROM halves h"
        " JOIN aliases a ON a.feed = h.feed AND a.alias = h.alias"
        " JOIN subjects s ON s.id = a.subject"
        " WHERE h.feed = ? AND h.key = ? AND h.half = ? AND h.alias != ? AND abs(h.at - ?) <= ?"
        # The other half stands as it was told: it is not a part of another move already.
        " AND s.current = h.alias AND s.status = ?"
        " ORDER BY abs(h.at - ?), h.alias LIMIT 1",
        (
            feed,
            key,
            _HALVES[event.type],
            event.subject_id,
            at,
            within * 60,
            "cancelled" if half == "created" else "active",
            at,
        ),
    ).fetchone()
    if found is None:
        return event
    if half == "created":
        # It is newer than the end of the booking before it, even if it was made a moment earlier.
        return attrs.evolve(
            event,
            type="booking.rescheduled",
            previous_ids=(found[0],),
            version=max(event.order, found[1] + 1),
        )
    old = known.booking or Booking()
    return attrs.evolve(
        event,
        type="booking.rescheduled",
        subject_id=found[0],
        previous_ids=(event.subject_id,),
        partial=True,
        details=Details(
            booking=Booking(previous_start=old.start, previous_end=old.end, reason=old.reason)
        ),
    )


def _within(db: Database, feed: int, page: str) -> float | None:
    """The most minutes that a route of this page asks for; None if none asks."""
    row = db.execute(
        "SELECT max(join_within) FROM routes"
        " WHERE feed = ? AND removed_at IS NULL AND page IN (?, '*')",
        (feed, page),
    ).fetchone()
    return None if row is None or row[0] is None else float(row[0])


def _known(db: Database, feed: int, alias: str) -> Details:
    row = db.execute(
        "SELECT s.details FROM aliases a JOIN subjects s ON s.id = a.subject"
        " WHERE a.feed = ? AND a.alias = ?",
        (feed, alias),
    ).fetchone()
    return Details() if row is None else stored.loads(row[0], Details)

"""What is known of subjects: their state, after each event, and their ids."""

from __future__ import annotations

import attrs
from attrs import frozen
from sqlite_utils import Database

from crmwire import stored
from crmwire.store.merging import merge
from crmwire.store.retelling import retold, with_previous
from crmwire.types import Event, Subject
from crmwire.vocabulary import Details, merged

STATUS = {
    "booking.requested": "requested",
    "booking.created": "active",
    "booking.rescheduled": "active",
    "booking.updated": "active",
    "booking.reassigned": "active",
    "booking.no_show_cleared": "active",
    "booking.no_show": "no_show",
    "booking.completed": "completed",
    "booking.cancelled": "cancelled",
    "booking.rejected": "rejected",
}
"""What a subject is after an event; tickets are `open`."""
ENDINGS = ("cancelled", "rejected")


@frozen(kw_only=True)
class State:
    """What is known of a subject. `order` is that of its newest event; `version` counts what
    became known, also by events that came late."""

    id: int | None
    status: str
    version: int
    current: str
    details: Details
    order: int = -(2**62)


UNKNOWN = State(id=None, status="unknown", version=-(2**62), current="", details=Details())
"""What is known of a subject that nobody has heard of."""


def is_late(event: Event, state: State) -> bool:
    """Whether something newer is known; of the same moment, the beginning is older."""
    if event.order != state.order:
        return event.order < state.order
    return event.type == "booking.requested" or (
        event.type == "booking.created" and state.status != "requested"
    )


def before(db: Database, feed: int, event: Event) -> State:
    """The subject's state before this event; subjects that the event's ids join become one."""
    ids = (event.subject_id, *event.previous_ids)
    marks = ", ".join("?" * len(ids))
    rows = db.execute(
        "SELECT DISTINCT s.id, s.status, s.version, s.current, s.details, coalesce((SELECT"
        " max(e.version) FROM events e WHERE e.subject = s.id AND e.ignored IS NULL), s.version)"
        " AS newest FROM aliases a JOIN subjects s ON s.id = a.subject"
        f" WHERE a.feed = ? AND a.alias IN ({marks}) ORDER BY newest, s.id",
        (feed, *ids),
    ).fetchall()
    if not rows:
        return UNKNOWN
    states = [
        State(
            id=row[0],
            status=row[1],
            version=row[2],
            current=row[3],
            details=stored.loads(row[4], Details),
            order=row[5],
        )
        for row in rows
    ]
    newest = next((one for one in reversed(states) if one.status != "unknown"), states[-1])
    details = states[0].details
    for state in states[1:]:
        details = merged(details, state.details)
    keep = min(state.id for state in states if state.id is not None)
    for state in states:
        if state.id is not None and state.id != keep:
            merge(db, state.id, keep)
    if len(states) > 1:
        details = retold(db, keep, [], details)
    return attrs.evolve(
        newest,
        id=keep,
        details=details,
        version=max(state.version for state in states),
        order=max(state.order for state in states),
    )


def after(db: Database, feed: int, event: Event, state: State, late: bool) -> State:
    """The subject's state with this event taken in."""
    status = STATUS.get(event.type, "open")
    if state.id is not None:
        _name(db, feed, event, state.id)
    if late and state.id is not None:
        details = retold(db, state.id, [event], merged(event.details, state.details))
        known = event.partial or state.status != "unknown"
        made = attrs.evolve(state, details=details, status=state.status if known else status)
        if (made.details, made.status) != (state.details, state.status):
            made = attrs.evolve(made, version=state.version + 1)
    else:
        details = merged(state.details, with_previous(event, state.details))
        made = attrs.evolve(
            state,
            details=details,
            # Each event that is not late makes a newer version, also in the same moment.
            version=max(event.order, state.version + 1),
            status="unknown" if event.partial and state.status == "unknown" else status,
            current=event.subject_id,
        )
    ended = status if status in ENDINGS else ""
    if state.id is not None:
        row = db.execute(
            "SELECT ended FROM aliases WHERE feed = ? AND alias = ?", (feed, made.current)
        ).fetchone()
        ended = row[0] if row else ""
    # A cancelled id stays cancelled whatever comes after; only a new id can be live again.
    return attrs.evolve(made, status=ended) if ended else made


def _name(db: Database, feed: int, event: Event, subject: int) -> None:
    """Let all ids of the event lead to the subject, and keep which of them came to an end."""
    status = STATUS.get(event.type, "open")
    for alias in (event.subject_id, *event.previous_ids):
        ended = status if status in ENDINGS and alias == event.subject_id else ""
        db.execute(
            "INSERT INTO aliases VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE"
            " SET ended = CASE WHEN excluded.ended = '' THEN ended ELSE excluded.ended END,"
            " subject = excluded.subject",
            (feed, alias, subject, ended),
        )


def save(db: Database, feed: int, event: Event, state: State, details: str) -> int:
    """Store what is known now; returns the subject's id."""
    values = (state.status, state.version, state.current, details)
    if state.id is not None:
        db.execute(
            "UPDATE subjects SET status = ?, version = ?, current = ?, details = ? WHERE id = ?",
            (*values, state.id),
        )
        return state.id
    made = db.execute(
        "INSERT INTO subjects (feed, status, version, current, details) VALUES (?, ?, ?, ?, ?)",
        (feed, *values),
    )
    subject = int(made.lastrowid or 0)
    _name(db, feed, event, subject)
    return subject


def of_feed(db: Database, feed: int) -> list[Subject]:
    """The subjects of a feed that were not merged into another, oldest first; without links."""
    rows = db.execute(
        "SELECT s.id, f.name, s.status, s.version, s.details FROM subjects s"
        " JOIN feeds f ON f.id = s.feed WHERE s.feed = ? AND s.merged_into IS NULL ORDER BY s.id",
        (feed,),
    ).fetchall()
    return [
        Subject(
            id=row[0],
            feed=row[1],
            status=row[2],
            version=row[3],
            details=stored.loads(row[4], Details),
        )
        for row in rows
    ]

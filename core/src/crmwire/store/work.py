"""The queue: claiming deliveries of a lane, and settling what became of them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import cattrs
from attrs import evolve, frozen
from sqlite_utils import Database

from crmwire import stored
from crmwire.errors import CrmwireError
from crmwire.store.accepting import count, place_link
from crmwire.store.migrations import DELIVERED, HELD, READY, SKIPPED, STATES, WORKING
from crmwire.types import Delivery, Event, Link, Subject
from crmwire.vocabulary import Details

REMEMBERED_FOR = 24 * 3600.0
"""Seconds for which a record that crmwire created is found though a look-up misses it."""

ROUTE_REMOVED = "the route was removed"


class Fenced(CrmwireError):
    """Another drain of this lane has begun; what this one did is not recorded."""


@frozen(kw_only=True)
class Claimed:
    """A delivery to work on. An open `attempt` was sent and its outcome is not known.

    `shadowed_by` is an earlier delivery of its subject that is held and may have made records.
    """

    delivery: Delivery
    route: int
    attempt: Mapping[str, Any] | None = None
    attempt_open: bool = False
    sent_at: float | None = None
    chosen: Mapping[str, str] | None = None
    route_removed: bool = False
    shadowed_by: int | None = None
    adopt: bool = False
    """An activity that another tool made for it is linked instead of making one."""


@frozen(kw_only=True)
class Batch:
    """Deliveries of one connection, at most one of each subject."""

    connection: int
    items: tuple[Claimed, ...]


@frozen(kw_only=True)
class Outcome:
    """What became of one delivery. `due_at` in seconds since 1970, for `ready`.

    `links` are kept, `unlinked` (role, item) forgotten; `detail` goes into the history.
    `chargeable`: the try counts. An attempt stays open while its outcome is unknown; None leaves
    it as it is stored. `version` is what the connection has seen of the subject, if it is settled.
    """

    delivery: int
    state: Literal["ready", "delivered", "skipped", "held"]
    due_at: float | None = None
    chargeable: bool = False
    attempt_open: bool | None = False
    reason: str | None = None
    remedy: str | None = None
    failure: str | None = None
    code: str | None = None
    version: int | None = None
    links: tuple[Link, ...] = ()
    unlinked: tuple[tuple[str, str], ...] = ()
    detail: Mapping[str, Any] | None = None


@frozen(kw_only=True)
class Created:
    """A record that a write made, remembered by the key it was written under."""

    type: str
    key: str
    value: str
    record: str


def begin_drain(db: Database, lane: str) -> int:
    """Start a drain: a new epoch; what an older one was working on is ready again."""
    row = db.execute(
        "INSERT INTO lanes (name, epoch) VALUES (?, 1) ON CONFLICT DO UPDATE"
        " SET epoch = epoch + 1 RETURNING epoch",
        (lane,),
    ).fetchone()
    for (connection,) in db.execute(
        "SELECT id FROM connections WHERE lane = ?", (lane,)
    ).fetchall():
        db.execute(
            "UPDATE deliveries SET state = ? WHERE connection = ? AND state = ?",
            (READY, connection, WORKING),
        )
    return int(row[0])


def settle_and_claim(
    db: Database,
    lane: str,
    epoch: int,
    outcomes: Sequence[Outcome],
    created: Sequence[Created],
    *,
    limit: int,
    after: int | None,
    now: float,
) -> Batch | None:
    """Record outcomes and take the next batch, of the connection that follows `after` in turn.

    Raises: Fenced if the epoch is old.
    """
    _check_epoch(db, lane, epoch)
    for outcome in outcomes:
        _settle(db, outcome, now)
    for one in created:
        db.execute(
            "INSERT OR REPLACE INTO created VALUES (?, ?, ?, ?, ?, ?)",
            (lane, one.type, one.key, one.value, one.record, now),
        )
    if limit <= 0:
        return None
    row = db.execute("SELECT paused_until FROM lanes WHERE name = ?", (lane,)).fetchone()
    if row and row[0] and row[0] > now:
        return None
    usable = [
        found[0]
        for found in db.execute(
            "SELECT id FROM connections WHERE lane = ? AND state = 'ok'"
            " AND coalesce(paused_until, 0) <= ? ORDER BY id",
            (lane, now),
        ).fetchall()
    ]
    later = [one for one in usable if after is not None and one > after]
    for connection in [*later, *(one for one in usable if one not in later)]:
        ids = _heads(db, connection, limit, now)
        if ids:
            return Batch(connection=connection, items=_claim(db, connection, ids, epoch, now))
    return None


def _check_epoch(db: Database, lane: str, epoch: int) -> None:
    row = db.execute("SELECT epoch FROM lanes WHERE name = ?", (lane,)).fetchone()
    if row is None or row[0] != epoch:
        raise Fenced


def _heads(db: Database, connection: int, limit: int, now: float) -> list[int]:
    """Ready deliveries that are due and first in the queue of their subject."""
    rows = db.execute(
        "SELECT d.id FROM deliveries d WHERE d.connection = ? AND d.state = 0 AND d.due_at <= ?"
        " AND NOT EXISTS (SELECT 1 FROM deliveries o WHERE o.connection = d.connection"
        " AND o.subject = d.subject AND o.state < 2 AND o.id < d.id)"
        " ORDER BY d.due_at, d.id LIMIT ?",
        (connection, now, limit),
    ).fetchall()
    return [row[0] for row in rows]


def _claim(
    db: Database, connection: int, ids: Sequence[int], epoch: int, now: float
) -> tuple[Claimed, ...]:
    marks = ", ".join("?" * len(ids))
    db.execute(
        f"UPDATE deliveries SET state = ?, epoch = ?, changed_at = ?,"
        f" first_try_at = coalesce(first_try_at, ?) WHERE id IN ({marks})",
        (WORKING, epoch, now, now, *ids),
    )
    claimed = load(db, connection, ids)
    for id_ in set(ids) - {item.delivery.id for item in claimed}:
        db.execute(
            "UPDATE deliveries SET state = ?, reason = ?, remedy = ? WHERE id = ?",
            (HELD, "what is stored of it cannot be read", "Update crmwire, then retry.", id_),
        )
    return claimed


def load(db: Database, connection: int, ids: Sequence[int]) -> tuple[Claimed, ...]:
    """Deliveries with all that the pipeline needs of them, in the order of `ids`.

    Those that cannot be read (another version wrote them) are left out.
    """
    marks = ", ".join("?" * len(ids))
    rows = db.execute(
        "SELECT d.id, d.event, d.subject, d.route, d.tries, d.first_try_at, d.again, d.attempt,"
        " d.attempt_open, d.sent_at, d.chosen, e.event, e.snapshot, e.late, r.name, c.name,"
        " f.name, d.state, r.removed_at,"
        # What happened before a backup was put back may have been sent since it was made.
        " b.adopt OR e.occurred_at < (SELECT CAST(value AS REAL) FROM meta"
        " WHERE name = 'restored_at') FROM deliveries d"
        " JOIN events e ON e.id = d.event LEFT JOIN backfills b ON b.id = d.backfill"
        " JOIN routes r ON r.id = d.route JOIN connections c ON c.id = d.connection"
        f" JOIN feeds f ON f.id = e.feed WHERE d.id IN ({marks})",
        tuple(ids),
    ).fetchall()
    subjects = sorted({row[2] for row in rows})
    links = _links(db, connection, subjects)
    progress = dict(
        db.execute(
            f"SELECT subject, version FROM progress WHERE connection = ?"
            f" AND subject IN ({', '.join('?' * len(subjects))})",
            (connection, *subjects),
        ).fetchall()
    )
    held = _held_in_doubt(db, connection, subjects)
    made = {}
    for row in rows:
        shadows = [id_ for id_ in held.get(row[2], ()) if id_ < row[0]]
        with contextlib.suppress(cattrs.BaseValidationError, ValueError, LookupError, TypeError):
            made[row[0]] = _claimed(
                row, links.get(row[2], ()), progress.get(row[2]), min(shadows, default=None)
            )
    return tuple(made[one] for one in ids if one in made)


def _claimed(
    row: tuple[Any, ...], links: Sequence[Link], progress: int | None, shadowed_by: int | None
) -> Claimed:
    snapshot = json.loads(row[12])
    subject = Subject(
        id=row[2],
        feed=row[16],
        status=snapshot.get("status", "unknown"),
        version=snapshot.get("version", 0),
        details=stored.structure(snapshot.get("details", {}), Details),
        links=tuple(links),
        delivered=-(2**62) if progress is None else progress,
    )
    return Claimed(
        delivery=Delivery(
            id=row[0],
            event_id=row[1],
            event=stored.loads(row[11], Event),
            subject=subject,
            connection=row[15],
            route=row[14],
            state=STATES[row[17]],
            tries=row[4],
            first_try_at=stored.moment(row[5]),
            late=bool(row[13]),
            again=bool(row[6]),
        ),
        route=row[3],
        attempt=json.loads(row[7]) if row[7] else None,
        attempt_open=bool(row[8]),
        sent_at=row[9],
        chosen=json.loads(row[10]) if row[10] else None,
        route_removed=row[18] is not None,
        shadowed_by=shadowed_by,
        adopt=bool(row[19]),
    )


def _held_in_doubt(db: Database, connection: int, subjects: Sequence[int]) -> dict[int, list[int]]:
    """The held deliveries of each subject that may have made records, nobody knows."""
    found: dict[int, list[int]] = {}
    for subject, id_, attempt in db.execute(
        "SELECT subject, id, attempt FROM deliveries WHERE attempt_open = 1 AND connection = ?"
        f" AND subject IN ({', '.join('?' * len(subjects))}) AND state = {HELD}",
        (connection, *subjects),
    ).fetchall():
        if any(one["write"].get("action") == "create" for one in _entries(attempt)):
            found.setdefault(subject, []).append(id_)
    return found


def _entries(attempt: str | None) -> list[dict[str, Any]]:
    try:
        entries = json.loads(attempt or "{}").get("writes", [])
        return [one for one in entries if isinstance(one.get("write"), dict)]
    except (ValueError, AttributeError):
        return []


def being_made(db: Database, lane: str, since: float) -> dict[str, float]:
    """The keys of people and companies that unanswered attempts may be making, and since when.

    Only attempts sent after `since` count: what older ones made can be looked up. A key is
    `role:field=value` in lower case, of every text that is written: another booking may tell the
    same company by another key.
    """
    found: dict[str, float] = {}
    for attempt, sent_at in db.execute(
        "SELECT d.attempt, d.sent_at FROM connections c JOIN deliveries d ON d.connection = c.id"
        " AND d.attempt_open = 1 WHERE c.lane = ? AND d.sent_at > ?",
        (lane, since),
    ).fetchall():
        for entry in _entries(attempt):
            write = entry["write"]
            role = write.get("role")
            if write.get("action") == "create" and role in ("person", "company"):
                given = write.get("fields", {}).items()
                texts = [
                    f"{role}:{name}={text.strip()}" for name, text in given if isinstance(text, str)
                ]
                for key in (one.lower() for one in (write["key"], *texts)):
                    found[key] = max(sent_at, found.get(key, 0.0))
    return found


def _links(db: Database, connection: int, subjects: Sequence[int]) -> dict[int, list[Link]]:
    found: dict[int, list[Link]] = {}
    for row in db.execute(
        "SELECT subject, role, item, type, record, version, url, retired FROM links"
        f" WHERE connection = ? AND subject IN ({', '.join('?' * len(subjects))})",
        (connection, *subjects),
    ).fetchall():
        found.setdefault(row[0], []).append(
            Link(
                role=row[1],
                item=row[2],
                type=row[3],
                record=row[4],
                version=row[5],
                url=row[6],
                retired=bool(row[7]),
            )
        )
    return found


def save_attempts(
    db: Database, lane: str, epoch: int, attempts: Mapping[int, str], now: float
) -> None:
    """Store what is about to be sent. Raises: Fenced.

    It is so too for a delivery that this drain no longer works on: its connection may have come
    into another lane meanwhile.
    """
    _check_epoch(db, lane, epoch)
    for delivery, attempt in attempts.items():
        mine = db.execute(
            "SELECT 1 FROM deliveries d JOIN connections c ON c.id = d.connection"
            " WHERE d.id = ? AND d.state = ? AND d.epoch = ? AND c.lane = ?",
            (delivery, WORKING, epoch, lane),
        ).fetchone()
        if mine is None:
            raise Fenced
        db.execute(
            "UPDATE deliveries SET attempt = ?, attempt_open = 1, sent_at = ? WHERE id = ?",
            (stored.whole(attempt), now, delivery),
        )


def _settle(db: Database, outcome: Outcome, now: float) -> None:
    row = db.execute(
        "SELECT d.connection, d.subject, r.removed_at FROM deliveries d"
        " LEFT JOIN routes r ON r.id = d.route WHERE d.id = ? AND d.state = ?",
        (outcome.delivery, WORKING),
    ).fetchone()
    if row is None:
        return
    connection, subject, removed_at = row
    if outcome.state == "ready" and removed_at is not None:
        outcome = evolve(outcome, state="skipped", reason=ROUTE_REMOVED)
    state = STATES.index(outcome.state)
    due = outcome.due_at if outcome.due_at is not None else now
    db.execute(
        "UPDATE deliveries SET state = ?, due_at = ?, tries = tries + ?,"
        " first_try_at = CASE WHEN ? OR tries > 0 THEN first_try_at END,"
        " attempt_open = coalesce(?, attempt_open),"
        " again = CASE WHEN ? THEN again ELSE 0 END, reason = ?, remedy = ?, failure = ?,"
        " code = ?, changed_at = ? WHERE id = ?",
        (
            state,
            due,
            outcome.chargeable,
            # What used up no try has not begun the time in which it is tried.
            outcome.chargeable or state != READY,
            outcome.attempt_open,
            state in (READY, HELD),
            _whole(outcome.reason),
            _whole(outcome.remedy),
            outcome.failure,
            _whole(outcome.code),
            now,
            outcome.delivery,
        ),
    )
    for role, item in outcome.unlinked:
        db.execute(
            "DELETE FROM links WHERE connection = ? AND subject = ? AND role = ? AND item = ?",
            (connection, subject, role, item),
        )
    for link in outcome.links:
        place_link(
            db,
            subject,
            connection,
            link.role,
            link.item,
            link.type,
            link.record,
            link.version,
            link.url,
        )
    if outcome.version is not None:
        db.execute(
            "INSERT INTO progress VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
            " SET version = max(version, excluded.version)",
            (connection, subject, outcome.version),
        )
    if outcome.detail is not None:
        add_history(db, outcome.delivery, outcome.state, outcome.detail, now)
    if state == READY and due > now:
        # Followers wait with the head of their subject, so that a claim need not step over them.
        _shift_followers(db, connection, subject, outcome.delivery, due)
    elif state == HELD:
        _shift_followers(db, connection, subject, outcome.delivery, now)
    if state in (DELIVERED, SKIPPED):
        count(db, connection, state, 1)


def _shift_followers(
    db: Database, connection: int, subject: int, delivery: int, due: float
) -> None:
    db.execute(
        "UPDATE deliveries SET due_at = ? WHERE connection = ? AND subject = ? AND state = 0"
        " AND id > ?",
        (due, connection, subject, delivery),
    )


def add_history(
    db: Database, delivery: int, state: str, detail: Mapping[str, Any], now: float
) -> None:
    """Add a line to a delivery's history."""
    db.execute(
        "INSERT INTO history (delivery, at, state, detail) VALUES (?, ?, ?, ?)",
        (delivery, now, state, _whole(json.dumps(detail, ensure_ascii=False, default=str))),
    )


def _whole(text: str | None) -> str | None:
    """The text as it can be stored: what a CRM answers may hold halves of characters."""
    return None if text is None else stored.whole(text)


def pause_lane(db: Database, lane: str, until: float, reason: str, code: str = "") -> None:
    """Let nothing of this lane be claimed until then; a later end stays. `code` is the vendor's."""
    db.execute(
        "INSERT INTO lanes (name, paused_until, reason, code) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE"
        " SET paused_until = max(coalesce(paused_until, 0), excluded.paused_until),"
        " reason = excluded.reason, code = excluded.code",
        (lane, until, reason, code),
    )


def rests(db: Database, lane: str, now: float) -> bool:
    """Whether a lane is paused: nothing of it can be claimed."""
    row = db.execute("SELECT paused_until FROM lanes WHERE name = ?", (lane,)).fetchone()
    return row is not None and (row[0] or 0.0) > now


def due_lanes(db: Database, now: float) -> list[str]:
    """Lanes with a delivery to claim now, or one that is worked on: if nobody does, it waits."""
    return [
        row[0]
        for row in db.execute(
            "SELECT DISTINCT c.lane FROM connections c LEFT JOIN lanes l ON l.name = c.lane"
            " WHERE c.state = 'ok' AND coalesce(c.paused_until, 0) <= ?"
            " AND coalesce(l.paused_until, 0) <= ? AND (EXISTS (SELECT 1 FROM deliveries d"
            " WHERE d.connection = c.id AND d.state = 0 AND d.due_at <= ?) OR EXISTS"
            " (SELECT 1 FROM deliveries d WHERE d.connection = c.id AND d.state = 1))",
            (now, now, now),
        ).fetchall()
    ]


def remembered(
    db: Database, lane: str, keys: Sequence[tuple[str, str, str]], now: float
) -> dict[tuple[str, str, str], str]:
    """Records that crmwire created lately, by (type, key, value)."""
    found = {}
    for type_, key, value in keys:
        row = db.execute(
            "SELECT record FROM created WHERE lane = ? AND type = ? AND key = ? AND value = ?"
            " AND at > ?",
            (lane, type_, key, value, now - REMEMBERED_FOR),
        ).fetchone()
        if row:
            found[(type_, key, value)] = row[0]
    return found


def forget_record(db: Database, lane: str, type_: str, record: str) -> None:
    """Forget a record that the CRM says is not there: as created, and as a person's link."""
    db.execute(
        "DELETE FROM created WHERE lane = ? AND type = ? AND record = ?", (lane, type_, record)
    )
    db.execute(
        "DELETE FROM links WHERE type = ? AND record = ? AND connection IN"
        " (SELECT id FROM connections WHERE lane = ?)",
        (type_, record, lane),
    )


Owner = tuple[int, int, str, str]
"""Whose record it is: connection, subject, role, item."""


def linked(
    db: Database, lane: str, records: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], list[Owner]]:
    """Who of the lane's connections is linked to these (type, record) pairs."""
    found: dict[tuple[str, str], list[Owner]] = {}
    for type_, record in records:
        for row in db.execute(
            "SELECT l.connection, l.subject, l.role, l.item FROM connections c JOIN links l"
            " ON l.connection = c.id WHERE c.lane = ? AND l.type = ? AND l.record = ?",
            (lane, type_, record),
        ).fetchall():
            found.setdefault((type_, record), []).append(tuple(row))
    return found

"""What people ask the store: deliveries with their histories, counts, repairs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen
from sqlite_utils import Database

from crmwire.errors import ConfigurationError, UnknownName
from crmwire.store.states import (
    DELIVERED,
    DISMISSED,
    HELD,
    READY,
    STATES,
    WORKING,
    add_history,
    count,
)


@frozen(kw_only=True)
class DeliveryFilter:
    """Which deliveries are meant; all that is given must hold."""

    states: tuple[str, ...] = ()
    connection: str | None = None
    route: str | None = None
    failure: str | None = None
    reason: str | None = None
    after: int = 0
    limit: int = 50


@frozen(kw_only=True)
class DeliveryRow:
    """One line of the list of deliveries. Times in seconds since 1970."""

    id: int
    state: str
    event_type: str
    connection: str
    route: str
    tries: int
    due_at: float
    changed_at: float
    occurred_at: float
    reason: str | None
    remedy: str | None
    failure: str | None


_ROWS = (
    "SELECT d.id, d.state, e.type, c.name, r.name, d.tries, d.due_at, d.changed_at,"
    " e.occurred_at, d.reason, d.remedy, d.failure FROM deliveries d"
    " JOIN events e ON e.id = d.event JOIN connections c ON c.id = d.connection"
    " JOIN routes r ON r.id = d.route"
)


def _row(row: Sequence[Any]) -> DeliveryRow:
    return DeliveryRow(
        id=row[0],
        state=STATES[row[1]],
        event_type=row[2],
        connection=row[3],
        route=row[4],
        tries=row[5],
        due_at=row[6],
        changed_at=row[7],
        occurred_at=row[8],
        reason=row[9],
        remedy=row[10],
        failure=row[11],
    )


_FEW = {
    state: f"SELECT id FROM deliveries INDEXED BY deliveries_{name} WHERE state = {state}"
    for name, state in (("ready", READY), ("working", WORKING), ("held", HELD))
}
"""Deliveries that are not done are found by their indices, however many are."""


def _where(wanted: DeliveryFilter) -> tuple[str, list[Any]]:
    parts = ["d.id > ?"]
    values: list[Any] = [wanted.after]
    if wanted.states:
        unknown = set(wanted.states) - set(STATES)
        if unknown:
            raise ConfigurationError(
                f"There is no state {min(unknown)!r}.",
                remedy=f"States: {', '.join(STATES)}.",
            )
        states = sorted({STATES.index(state) for state in wanted.states})
        if all(state in _FEW for state in states):
            found = " UNION ALL ".join(_FEW[state] for state in states)
            parts.append(f"d.id IN ({found})")
        else:
            parts.append(f"d.state IN ({', '.join(map(str, states))})")
    for column, value in (
        ("c.name", wanted.connection),
        ("r.name", wanted.route),
        ("d.failure", wanted.failure),
    ):
        if value is not None:
            parts.append(f"{column} = ?")
            values.append(value)
    if wanted.reason is not None:
        parts.append("instr(lower(coalesce(d.reason, '')), lower(?))")
        values.append(wanted.reason)
    return " AND ".join(parts), values


def deliveries(db: Database, wanted: DeliveryFilter) -> list[DeliveryRow]:
    """The newest deliveries that fit, newest first. Raises: ConfigurationError."""
    where, values = _where(wanted)
    rows = db.execute(
        f"{_ROWS} WHERE {where} ORDER BY d.id DESC LIMIT ?", (*values, wanted.limit)
    ).fetchall()
    return [_row(row) for row in rows]


@frozen(kw_only=True)
class DeliveryView:
    """All that is known of one delivery."""

    row: DeliveryRow
    feed: str
    event: Mapping[str, Any]
    late: bool
    attempt_open: bool
    history: tuple[Mapping[str, Any], ...]
    links: tuple[Mapping[str, Any], ...]


def delivery(db: Database, id_: int) -> DeliveryView:
    """Raises: UnknownName."""
    row = db.execute(f"{_ROWS} WHERE d.id = ?", (id_,)).fetchone()
    if row is None:
        raise UnknownName(f"There is no delivery {id_}.", remedy="`crmwire deliveries` lists them.")
    event, late, feed, subject, connection, is_open = db.execute(
        "SELECT e.event, e.late, f.name, d.subject, d.connection, d.attempt_open"
        " FROM deliveries d JOIN events e ON e.id = d.event JOIN feeds f ON f.id = e.feed"
        " WHERE d.id = ?",
        (id_,),
    ).fetchone()
    history = db.execute(
        "SELECT at, state, detail FROM history WHERE delivery = ? ORDER BY id", (id_,)
    ).fetchall()
    links = db.execute(
        "SELECT role, item, type, record, url FROM links WHERE connection = ? AND subject = ?",
        (connection, subject),
    ).fetchall()
    return DeliveryView(
        row=_row(row),
        feed=feed,
        event=json.loads(event),
        late=bool(late),
        attempt_open=bool(is_open),
        history=tuple(
            {"at": at, "state": state, **json.loads(detail)} for at, state, detail in history
        ),
        links=tuple(
            dict(zip(("role", "item", "type", "record", "url"), link, strict=True))
            for link in links
        ),
    )


@frozen(kw_only=True)
class Counts:
    """How many deliveries of a connection stand in each state; ages in seconds since 1970."""

    connection: str
    by_state: Mapping[str, int]
    oldest_waiting: float | None


def counts(db: Database) -> list[Counts]:
    """Open ones are counted by their index, finished ones by counters."""
    made = []
    for id_, name in db.execute(
        "SELECT id, name FROM connections WHERE state != 'removed' ORDER BY name"
    ).fetchall():
        numbers = dict.fromkeys(STATES, 0)
        for state, number in db.execute(
            "SELECT state, count(*) FROM deliveries WHERE connection = ? AND state < 2"
            " GROUP BY state",
            (id_,),
        ).fetchall():
            numbers[STATES[state]] = number
        numbers["held"] = db.execute(
            "SELECT count(*) FROM deliveries WHERE connection = ? AND state = 4", (id_,)
        ).fetchone()[0]
        for state, number in db.execute(
            "SELECT state, count FROM counters WHERE connection = ?", (id_,)
        ).fetchall():
            numbers[STATES[state]] = number
        oldest = db.execute(
            "SELECT e.received_at FROM deliveries d JOIN events e ON e.id = d.event"
            " WHERE d.connection = ? AND d.state < 2 ORDER BY d.id LIMIT 1",
            (id_,),
        ).fetchone()
        made.append(
            Counts(connection=name, by_state=numbers, oldest_waiting=oldest[0] if oldest else None)
        )
    return made


def lanes(db: Database) -> dict[str, tuple[float | None, str | None]]:
    """Until when each lane is paused, and why."""
    return {
        row[0]: (row[1], row[2])
        for row in db.execute("SELECT name, paused_until, reason FROM lanes").fetchall()
    }


def unreadable(db: Database, limit: int = 20) -> list[tuple[int, str, float, str]]:
    """Webhooks that were signed but could not be read: (id, feed, received_at, reason)."""
    return [
        (row[0], row[1], row[2], row[3])
        for row in db.execute(
            "SELECT u.id, f.name, u.received_at, u.reason FROM unreadable u"
            " JOIN feeds f ON f.id = u.feed ORDER BY u.id DESC LIMIT ?",
            (limit,),
        ).fetchall()
    ]


# ---------------------------------------------------------------- repairs by a person


def retry(
    db: Database,
    ids: Sequence[int],
    now: float,
    *,
    again: bool = False,
    use: Mapping[str, str] | None = None,
) -> tuple[list[int], set[str]]:
    """Make held deliveries ready (with `again` delivered ones too); returns them and their lanes.

    Ready ones that wait for their next try become due at once. With `use`, the record chosen for
    a role, every held delivery of the same person in the lane is resolved with it.
    """
    done: list[int] = []
    woken: set[str] = set()
    allowed = {READY, HELD, DELIVERED} if again else {READY, HELD}
    for id_ in ids:
        row = db.execute(
            "SELECT d.state, c.lane, d.connection, d.subject, c.state = 'removed'"
            " OR r.removed_at IS NOT NULL, e.snapshot IS NULL FROM deliveries d"
            " JOIN connections c ON c.id = d.connection JOIN routes r ON r.id = d.route"
            " JOIN events e ON e.id = d.event WHERE d.id = ?",
            (id_,),
        ).fetchone()
        if row is None:
            raise UnknownName(f"There is no delivery {id_}.")
        state, lane, connection, subject, gone, empty = row
        if empty and len(ids) == 1:
            raise ConfigurationError(
                f"What the event of delivery {id_} told is no longer kept.",
                remedy="What it wrote stands in the CRM.",
            )
        gone = gone or empty
        if gone and state in allowed and len(ids) == 1:
            raise ConfigurationError(
                f"The route of delivery {id_} was removed.",
                remedy=f"`crmwire dismiss {id_}`; a new route carries what happens from then on.",
            )
        if gone:
            continue
        if state not in allowed:
            continue
        db.execute(
            "UPDATE deliveries SET state = ?, due_at = ?, again = max(again, ?),"
            " tries = CASE WHEN state = ? THEN tries ELSE 0 END,"
            " first_try_at = CASE WHEN state = ? THEN first_try_at END,"
            # Where nobody but a person could find out, the person has looked.
            " attempt_open = CASE WHEN failure = 'needs_review' THEN 0 ELSE attempt_open END,"
            " chosen = coalesce(?, chosen), changed_at = ? WHERE id = ?",
            (
                READY,
                now,
                state == DELIVERED,
                READY,
                READY,
                json.dumps(use) if use else None,
                now,
                id_,
            ),
        )
        db.execute(
            "UPDATE deliveries SET due_at = ? WHERE connection = ? AND subject = ? AND state = 0"
            " AND id > ?",
            (now, connection, subject, id_),
        )
        if state == DELIVERED:
            count(db, connection, DELIVERED, -1)
        add_history(db, id_, "ready", {"by": "retry", **({"use": use} if use else {})}, now)
        done.append(id_)
        woken.add(lane)
    return done, woken


def dismiss(db: Database, ids: Sequence[int], by: str, now: float) -> list[int]:
    """Give up held or waiting deliveries for good."""
    done: list[int] = []
    for id_ in ids:
        row = db.execute(
            "SELECT state, connection, subject FROM deliveries WHERE id = ?", (id_,)
        ).fetchone()
        if row is None:
            raise UnknownName(
                f"There is no delivery {id_}.", remedy="`crmwire deliveries` lists them."
            )
        if row[0] == WORKING:
            raise ConfigurationError(
                f"Delivery {id_} is being worked on.", remedy="Try again in a moment."
            )
        if row[0] not in (READY, HELD):
            continue
        db.execute(
            "UPDATE deliveries SET state = ?, reason = ?, changed_at = ? WHERE id = ?",
            (DISMISSED, f"dismissed by {by}", now, id_),
        )
        count(db, row[1], DISMISSED, 1)
        db.execute(
            "UPDATE deliveries SET due_at = ? WHERE connection = ? AND subject = ? AND state = 0",
            (now, row[1], row[2]),
        )
        add_history(db, id_, "dismissed", {"by": by}, now)
        done.append(id_)
    return done


def matching_ids(db: Database, wanted: DeliveryFilter) -> list[int]:
    """The ids of all deliveries that fit, oldest first."""
    where, values = _where(wanted)
    rows = db.execute(
        "SELECT d.id FROM deliveries d JOIN connections c ON c.id = d.connection"
        f" JOIN routes r ON r.id = d.route WHERE {where} ORDER BY d.id",
        values,
    ).fetchall()
    return [row[0] for row in rows]

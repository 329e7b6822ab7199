"""What people ask the store: deliveries with their histories, and counts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen
from sqlite_utils import Database

from crmwire.errors import ConfigurationError, UnknownName
from crmwire.store.states import (
    DISMISSED,
    HELD,
    READY,
    SKIPPED,
    STATES,
    WORKING,
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


_COLUMNS = (
    "d.id, d.state, e.type, c.name, r.name, d.tries, d.due_at, d.changed_at,"
    " e.occurred_at, d.reason, d.remedy, d.failure"
)
_JOINED = (
    " JOIN events e ON e.id = d.event JOIN connections c ON c.id = d.connection"
    " JOIN routes r ON r.id = d.route"
)
_ROWS = f"SELECT {_COLUMNS} FROM deliveries d{_JOINED}"


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


_INDICES: Mapping[int | None, str] = {
    READY: "deliveries_ready",
    WORKING: "deliveries_working",
    HELD: "deliveries_held",
    SKIPPED: "deliveries_skipped",
    DISMISSED: "deliveries_dismissed",
}
"""Deliveries that were not delivered are found by these, however many were."""


def _states(wanted: DeliveryFilter) -> Sequence[int | None]:
    """The states to look in, each by its index if it has one; None: in all at once.

    Raises: ConfigurationError.
    """
    unknown = set(wanted.states) - set(STATES)
    if unknown:
        raise ConfigurationError(
            f"There is no state {min(unknown)!r}.",
            remedy=f"States: {', '.join(STATES)}.",
        )
    if wanted.states:
        return sorted({STATES.index(state) for state in wanted.states})
    if wanted.failure is not None or wanted.reason is not None:
        return list(_INDICES)  # what was delivered has neither
    return [None]


def _where(wanted: DeliveryFilter) -> tuple[str, list[Any]]:
    parts = ["d.id > ?"]
    values: list[Any] = [wanted.after]
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


def _selected(db: Database, columns: str, wanted: DeliveryFilter, end: str) -> list[Any]:
    """What fits, from each state by its index; `end` orders and limits each part."""
    where, values = _where(wanted)
    found: list[Any] = []
    for state in _states(wanted):
        index = f" INDEXED BY {_INDICES[state]}" if state in _INDICES else ""
        of_state = "" if state is None else f"d.state = {state} AND "
        found += db.execute(
            f"SELECT {columns} FROM deliveries d{index}{_JOINED} WHERE {of_state}{where} {end}",
            values,
        ).fetchall()
    return found


def deliveries(db: Database, wanted: DeliveryFilter) -> list[DeliveryRow]:
    """The newest deliveries that fit, newest first. Raises: ConfigurationError."""
    end = f"ORDER BY d.id DESC LIMIT {wanted.limit}"
    rows = [_row(row) for row in _selected(db, _COLUMNS, wanted, end)]
    return sorted(rows, key=lambda row: -row.id)[: wanted.limit]


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


def matching_ids(db: Database, wanted: DeliveryFilter) -> list[int]:
    """The ids of all deliveries that fit, oldest first."""
    return sorted(row[0] for row in _selected(db, "d.id", wanted, ""))

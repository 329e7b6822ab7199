"""A store with as many past deliveries as wanted, made in minutes and not in days.

A few bookings go the whole way first: webhook, daemon, CRM's sandbox. `grow` then copies
all rows that the product left of the first of them, each copy with ids, names, times and records
of its own, and `checked` holds the copies against what the product left of another booking.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from attrs import frozen

from crmwire.app import App
from crmwire.demo.bookings import SampleBooking
from crmwire.demo.processes import Process, sandbox
from crmwire.runner import Daemon

SAMPLES = ("5000000001", "5000000002", "5000000003")
"""Numbers in the ids, names and addresses of what the product delivers; those of copies begin
with a 9."""
APART = 30.0
"""Seconds between two past events: a million of them are a year."""
AT_ONCE = 50_000
"""Copies in one transaction."""
PATIENCE = 30.0
_TABLES = {
    "subjects": "id = :subject",
    "aliases": "subject = :subject",
    "events": "id = :event",
    "deliveries": "id = :delivery",
    "history": "delivery = :delivery",
    "links": "subject = :subject",
    "progress": "subject = :subject",
    "created": "record IN (SELECT record FROM links WHERE subject = :subject)",
}
"""What the product leaves of one booking, by table."""
_TIMES = ("occurred_at", "received_at", "due_at", "first_try_at", "sent_at", "changed_at", "at")
_DAY = 86_400.0
_DELIVERED = 2
"""How the store writes that state."""
_STEP = 387_420_489
"""Prime to 10**9: the copies' numbers come in no order, as a source's ids do."""


def booking(number: str) -> bytes:
    """The webhook of a booking made just now."""
    made = SampleBooking(
        uid=f"bk-{number}", email=f"guest{number}@example.com", name=f"Guest Number{number}"
    )
    return made.created(datetime.now(UTC) + timedelta(seconds=2))


@frozen(kw_only=True)
class Sampled:
    """A data folder in which the product delivered SAMPLES; `path` is its feed's."""

    home: Path
    path: str
    lane: str
    connection: int
    feed: int


def sampled(folder: Path, crm: Process) -> Sampled:
    """Set up a feed and a connection to HubSpot's sandbox, and deliver SAMPLES."""
    with App(folder / "home") as app:
        path = app.add_feed("feed", source="calcom", allow_unsigned=True)
        app.add_connection("crm", crm="hubspot", token="bench", settings={"host": crm.url})
        app.add_route(feed="feed", connection="crm", preset="linktime")
        assert app.check("crm").ok
        row, feed = app.store.connection("crm"), app.store.feed("feed")
    with App(folder / "home", threaded=True) as app:
        running = Daemon(app)
        running.start()
        try:
            for number in SAMPLES:
                running.engine.wake(app.accept("feed", booking(number), trusted=True).lanes)
            wait_for(folder / "home", len(SAMPLES))
        finally:
            running.stop()
    return Sampled(home=folder / "home", path=path, lane=row.lane, connection=row.id, feed=feed.id)


def hubspot(folder: Path, environment: Mapping[str, str]) -> Process:
    """HubSpot's sandbox without its limits, as a process."""
    options = {"limits": "off", "search_lag": "0"}
    return sandbox("hubspot", folder, token="bench", options=options, environment=environment)


def database(home: Path) -> Path:
    return home / "crmwire.db"


def finished(home: Path) -> int:
    """How many deliveries of a data folder are delivered or skipped."""
    with opened(home) as db:
        return sum(row[0] for row in db.execute("SELECT count FROM counters"))


def wait_for(home: Path, number: int, seconds: float = PATIENCE) -> None:
    """Wait until so many deliveries are finished. Raises: TimeoutError."""
    deadline = time.monotonic() + seconds
    while (now := finished(home)) < number:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{now} of {number} were finished")
        time.sleep(0.02)


def opened(home: Path) -> contextlib.closing[sqlite3.Connection]:
    """A connection of our own to a data folder's database."""
    made = sqlite3.connect(database(home), timeout=10, isolation_level=None)
    return contextlib.closing(made)


# ---------------------------------------------------------------- copies


def grow(home: Path, number: int) -> None:
    """Add so many past deliveries; nothing else may have the data folder open."""
    with opened(home) as db:
        if db.execute("SELECT 1 FROM subjects WHERE current LIKE 'bk-9%' LIMIT 1").fetchone():
            raise ValueError("it has a past already")
        db.execute("PRAGMA journal_mode = MEMORY")
        db.execute("PRAGMA synchronous = OFF")
        db.execute("PRAGMA cache_size = -800000")
        statements = list(_statements(db, number))
        for first in range(0, number, AT_ONCE):
            db.execute("BEGIN")
            for sql, values in statements:
                some = {**values, "first": first, "last": min(first + AT_ONCE, number)}
                db.execute(sql, some)
            db.execute("COMMIT")
        db.execute("UPDATE counters SET count = count + ? WHERE state = ?", (number, _DELIVERED))
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with opened(home) as db:
        checked(db, number)


def _left_of(db: sqlite3.Connection, uid: str) -> dict[str, list[dict[str, Any]]]:
    """All rows that the product left of a booking, by table."""
    db.row_factory = sqlite3.Row
    ids = db.execute(
        "SELECT e.subject, e.id AS event, d.id AS delivery FROM events e"
        " JOIN deliveries d ON d.event = e.id JOIN aliases a ON a.subject = e.subject"
        " WHERE a.alias = ?",
        (uid,),
    ).fetchone()
    made = {
        table: [dict(row) for row in db.execute(f"SELECT * FROM {table} WHERE {where}", dict(ids))]
        for table, where in _TABLES.items()
    }
    db.row_factory = None
    return made


def _statements(db: sqlite3.Connection, number: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """For each row of the sample the statement that copies it, and the values it takes."""
    left = _left_of(db, f"bk-{SAMPLES[0]}")
    base = {
        table: int(db.execute(f"SELECT max(id) FROM {table}").fetchone()[0]) + 1
        for table in ("subjects", "events", "deliveries", "history")
    }
    (delivery,) = left["deliveries"]
    assert delivery["state"] == _DELIVERED, "the sample was not delivered"
    texts = {SAMPLES[0]: f"'9' || printf('%09d', (n * {_STEP}) % 1000000000)"}
    for place, link in enumerate(left["links"]):
        texts[link["record"]] = f"'{31 + place}' || printf('%010d', n)"
    mine = f"{base['deliveries']} + n"
    for before in ('"id": "d', '"$ref": "d'):
        texts[f"{before}{delivery['id']}."] = f"'{before}' || ({mine}) || '.'"
    texts[f'"group": "{delivery["id"]}"'] = f"'\"group\": \"' || ({mine}) || '\"'"
    numbers = {
        ("subjects", "id"): "subjects", ("events", "id"): "events",
        ("deliveries", "id"): "deliveries", ("history", "id"): "history",
        **{(table, "subject"): "subjects" for table in _TABLES},
        ("deliveries", "event"): "events", ("history", "delivery"): "deliveries",
    }  # fmt: skip
    for table, rows in left.items():
        assert table != "history" or len(rows) == 1, "a sample took more than one try"
        for row in rows:
            values: dict[str, Any] = {}
            parts = []
            for column, value in row.items():
                values[column] = value
                if (table, column) in numbers:
                    parts.append(f"{base[numbers[table, column]]} + n")
                elif isinstance(value, bytes):
                    parts.append(f"randomblob({len(value)})")
                elif column in _TIMES and value is not None:
                    parts.append(f":{column} - ({number} - n) * {APART}")
                else:
                    parts.append(_replaced(f":{column}", value, texts))
                if parts[-1] != f":{column}" and column not in parts[-1]:
                    del values[column]
            fresh = f" AND ({number} - n) * {APART} < {_DAY}" if table == "created" else ""
            sql = (
                f"INSERT INTO {table} ({', '.join(row)}) WITH RECURSIVE numbers(n) AS"
                " (SELECT :first UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :last)"
                f" SELECT {', '.join(parts)} FROM numbers WHERE true{fresh}"
            )
            yield sql, values


def _replaced(expression: str, value: object, texts: Mapping[str, str]) -> str:
    if isinstance(value, str):
        for text, instead in texts.items():
            if text in value:
                quoted = text.replace("'", "''")
                expression = f"replace({expression}, '{quoted}', {instead})"
    return expression


# ---------------------------------------------------------------- the check


def checked(db: sqlite3.Connection, number: int) -> None:
    """Hold copies against what the product itself left of another booking.

    Raises: AssertionError where they differ in more than numbers and random ids.
    """
    wanted = _shapes(_left_of(db, f"bk-{SAMPLES[1]}"))
    for n in {0, number // 2, number - 1}:
        copy = _left_of(db, f"bk-9{n * _STEP % 10**9:09}")
        if not copy["created"]:  # it is older than what is remembered
            copy["created"] = _left_of(db, f"bk-{SAMPLES[0]}")["created"]
        found = _shapes(copy)
        for table, rows in wanted.items():
            assert found[table] == rows, (table, found[table], rows)


def _shapes(left: Mapping[str, list[dict[str, Any]]]) -> dict[str, list[list[tuple[str, Any]]]]:
    return {
        table: sorted([(name, _shape(name, value)) for name, value in row.items()] for row in rows)
        for table, rows in left.items()
    }


def _shape(column: str, value: object) -> object:
    if isinstance(value, str):
        return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{12,}|\d+", "#", value)
    is_id = column in ("id", "subject", "event", "delivery")
    return value if value is None or (value in (0, 1, 2) and not is_id) else type(value).__name__

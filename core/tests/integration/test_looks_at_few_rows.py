"""However many deliveries are done: no statement of the daemon's daily work looks through them."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from crmwire.alerting.watcher import Watcher
from crmwire.metrics import exposition
from crmwire.store import DeliveryFilter, database
from crmwire.tallies import Tallies
from crmwire.timekeeping import Timekeeper

GROWING = ("subjects", "aliases", "events", "deliveries", "history", "links", "progress")
"""Tables that have rows of everything that was ever carried."""
SCAN = re.compile(
    r"^SCAN (\w+)(?: USING (?:COVERING )?INDEX (?!deliveries_(?!subject|event))\w+)?$"
    r"|^SEARCH (\w+) USING INTEGER PRIMARY KEY \(rowid[<>]"
)
_ALIASES = re.compile(r"\b(?:FROM|JOIN) (\w+) (?:AS )?(\w+)\b")

Opens = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Every statement that is run from now on, by any connection opened from now on."""
    found: set[str] = set()
    real = database.connect

    def traced(path: Path, *, read_only: bool = False) -> Any:
        db = real(path, read_only=read_only)
        db.conn.set_trace_callback(found.add)
        return db

    monkeypatch.setattr(database, "connect", traced)
    return found


def scanned(db: Any, statement: str) -> list[str]:
    """The growing tables that a statement looks through from end to end."""
    names = {alias: table for table, alias in _ALIASES.findall(statement)}
    found = []
    for *_, step in db.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall():
        if match := SCAN.match(step):
            name = match[1] or match[2]
            found.append(names.get(name, name))
    return [table for table in found if table in GROWING]


def newest_first(statement: str) -> bool:
    """Whether it takes the newest rows whatever their state, and stops."""
    return "DESC LIMIT" in statement and "state" not in statement.partition(" WHERE ")[2]


def test_no_statement_looks_through_what_is_done(
    statements: set[str], toy: Opens, tmp_path: Path
) -> None:
    with toy(tmp_path) as scene:
        app = scene.app
        scene.accept(scene.event("created", "a", 0))
        scene.drain()
        statements.clear()
        scene.accept(scene.event("created", "b", 1))
        scene.accept(scene.event("created", "b", 1))
        scene.drain()
        scene.accept(scene.event("rescheduled", "c", 2, previous="b"))
        scene.accept(scene.event("cancelled", "c", 3))
        scene.drain()
        Watcher(app.store, app.vault, app.clock).decide()
        Timekeeper(app.store, app.clock).begin()
        app.store.due_lanes(app.clock.now())
        exposition(app.openings, Tallies())
        app.delivery(1)
        for states in ((), ("ready", "working"), ("held",), ("skipped",), ("dismissed", "held")):
            app.deliveries(DeliveryFilter(states=states))
            app.store.matching_ids(DeliveryFilter(states=states or ("held",), route="toy"))
        app.deliveries(DeliveryFilter(failure="rejected"))
        app.deliveries(DeliveryFilter(reason="superseded", connection="toy"))
        asked = {one for one in statements if one.startswith(("SELECT", "UPDATE", "DELETE"))}
        assert len(asked) > 50
        with app.store.read() as db:
            through = {one: scanned(db, one) for one in asked}
    assert [one for one, tables in through.items() if tables and not newest_first(one)] == []

"""The states of a delivery, its history, and how many ended in which."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlite_utils import Database

from crmwire import stored

# Deliveries' states. Ready and working are open: they block later deliveries of their subject.
READY, WORKING, DELIVERED, SKIPPED, HELD, DISMISSED = range(6)
STATES = ("ready", "working", "delivered", "skipped", "held", "dismissed")


def count(db: Database, connection: int, state: int, by: int) -> None:
    """Add to the counter of finished deliveries."""
    db.execute(
        "INSERT INTO counters VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
        " SET count = count + excluded.count",
        (connection, state, by),
    )


def add_history(
    db: Database, delivery: int, state: str, detail: Mapping[str, Any], now: float
) -> None:
    """Add a line to a delivery's history."""
    db.execute(
        "INSERT INTO history (delivery, at, state, detail) VALUES (?, ?, ?, ?)",
        (delivery, now, state, stored.whole(json.dumps(detail, ensure_ascii=False, default=str))),
    )

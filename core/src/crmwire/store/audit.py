"""The audit: who of this machine did what to the set-up and the deliveries, and when.

Entries hold names of things that people set up, numbers of deliveries and counts: never a
secret's value and nothing of a person that events are about.
"""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from attrs import frozen
from sqlite_utils import Database

Action = Literal[
    "added",
    "changed",
    "removed",
    "connected",
    "disconnected",
    "retried",
    "dismissed",
    "ingested",
    "rotated",
    "forgot",
    "applied",
    "backed up",
    "restored",
]
Kind = Literal[
    "feed",
    "connection",
    "route",
    "alert",
    "delivery",
    "webhook",
    "key",
    "person",
    "setting",
    "team",
    "database",
]
Detail = str | int | float | bool | Sequence[str] | Sequence[int]


@frozen(kw_only=True)
class AuditEntry:
    """One thing that was done. `at` in seconds since 1970, `by` a user of this machine."""

    id: int
    at: float
    by: str
    action: str
    kind: str
    name: str
    detail: Mapping[str, Any]


def acting_user() -> str:
    """The user of this machine that this process runs as, and on whose behalf if by sudo.

    Taken from the process's user id, not from variables that anyone can set; only the name
    behind sudo is what sudo says.
    """
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:  # containers run as numbers that nobody has a name for
        name = str(uid)
    behind = os.environ.get("SUDO_USER")
    return f"{name} (sudo: {behind})" if behind and uid == 0 else name


def record(
    db: Database,
    now: float,
    action: Action,
    kind: Kind,
    name: str,
    /,
    **detail: Detail | None,
) -> None:
    """Note what is done, inside the transaction that does it.

    `name` is the thing's own name. `detail` may hold names and counts, never a secret or a
    person's data; what is None or empty is left out.
    """
    kept = {key: value for key, value in detail.items() if value is not None and value != ()}
    db.execute(
        "INSERT INTO audit (at, who, action, kind, name, detail) VALUES (?, ?, ?, ?, ?, ?)",
        (now, acting_user(), action, kind, name, json.dumps(kept, ensure_ascii=False)),
    )


def entries(db: Database, *, since: float | None = None, limit: int = 200) -> list[AuditEntry]:
    """The newest entries since then, oldest first."""
    rows = db.execute(
        "SELECT id, at, who, action, kind, name, detail FROM audit WHERE at >= ?"
        " ORDER BY id DESC LIMIT ?",
        (-1e18 if since is None else since, limit),
    ).fetchall()
    return [
        AuditEntry(
            id=row[0],
            at=row[1],
            by=row[2],
            action=row[3],
            kind=row[4],
            name=row[5],
            detail=json.loads(row[6]),
        )
        for row in reversed(rows)
    ]


def different(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of what is not the same in two mappings; the values are nobody's business."""
    return tuple(
        sorted(
            key
            for key in before.keys() | after.keys()
            if before.get(key, ...) != after.get(key, ...)
        )
    )

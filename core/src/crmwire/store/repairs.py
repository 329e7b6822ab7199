"""Repairs by a person: what is held or waits is tried again, or given up."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from sqlite_utils import Database

from crmwire.errors import ConfigurationError, UnknownName
from crmwire.store.states import (
    DELIVERED,
    DISMISSED,
    HELD,
    READY,
    WORKING,
    add_history,
    count,
)


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
            " attempt_open = CASE WHEN state = ? AND failure = 'needs_review' THEN 0"
            " ELSE attempt_open END, chosen = coalesce(?, chosen), changed_at = ? WHERE id = ?",
            (
                READY,
                now,
                state == DELIVERED,
                READY,
                READY,
                HELD,
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

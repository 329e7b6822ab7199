"""Settling deliveries: what became of them, and who may go next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from attrs import evolve, frozen
from sqlite_utils import Database

from crmwire import stored
from crmwire.store.records import place_link
from crmwire.store.states import (
    DELIVERED,
    HELD,
    READY,
    SKIPPED,
    STATES,
    WORKING,
    add_history,
    count,
)
from crmwire.types import Link

ROUTE_REMOVED = "the route was removed"


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


def keep_links(db: Database, subject: int, connection: int, links: Sequence[Link]) -> None:
    """Store which records are a subject's."""
    for link in links:
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


def settle(db: Database, outcome: Outcome, now: float) -> None:
    """Record what became of a delivery, unless a newer drain has taken it."""
    row = db.execute(
        "SELECT d.connection, d.subject, r.removed_at, d.reason, d.attempt_open,"
        " (SELECT state FROM connections WHERE id = d.connection) FROM deliveries d"
        " LEFT JOIN routes r ON r.id = d.route WHERE d.id = ? AND d.state = ?",
        (outcome.delivery, WORKING),
    ).fetchone()
    if row is None:
        return
    connection, subject, removed_at, reason, was_open, of_connection = row
    if outcome.state == "ready" and removed_at is not None:
        in_doubt = was_open if outcome.attempt_open is None else outcome.attempt_open
        # What it may have made is looked for first, as long as anybody can.
        if not in_doubt or of_connection == "removed":
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
    keep_links(db, subject, connection, outcome.links)
    if outcome.version is not None:
        db.execute(
            "INSERT INTO progress VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
            " SET version = max(version, excluded.version)",
            (connection, subject, outcome.version),
        )
    # A vendor that is down for days is asked each few seconds: its answer is told once.
    told = outcome.state == "ready" and not outcome.chargeable and reason == _whole(outcome.reason)
    if outcome.detail is not None and not (told and not outcome.attempt_open):
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


def _whole(text: str | None) -> str | None:
    """The text as it can be stored: what a CRM answers may hold halves of characters."""
    return None if text is None else stored.whole(text)

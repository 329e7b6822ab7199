"""The queue's entrance: which routes an event takes, and a delivery for each."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen
from sqlite_utils import Database

from crmwire.store.generations import Place
from crmwire.store.states import READY, SKIPPED, count
from crmwire.vocabulary import Details

EARLY = "happened before the route's `since`"
"""Why an event is skipped that was there before the route."""


@frozen(kw_only=True)
class Target:
    """Where an event goes: a route and its connection."""

    route: int
    connection: int
    since: float
    lane: str


def routes_for(places: Sequence[Place], details: Details) -> list[Target]:
    """The routes of a page's events: one for each connection, the page's own before `*`."""
    page = details.page.id if details.page and details.page.id else ""
    found: dict[int, Target] = {}
    for one in places:
        if one.page == "*" or one.page == page:
            target = Target(
                route=one.route, connection=one.connection, since=one.since, lane=one.lane
            )
            found.setdefault(one.connection, target)
    return list(found.values())


def insert_delivery(
    db: Database,
    event_id: int,
    subject: int,
    target: Target,
    now: float,
    *,
    early: bool = False,
    backfill: int | None = None,
    fresh: bool = False,
) -> None:
    """Put a delivery in the queue, or record at once that it is skipped.

    A `fresh` subject has no others.
    """
    # It waits with those before it, so that nobody looks for it before.
    waits = (
        None
        if fresh
        else db.execute(
            "SELECT max(due_at) FROM deliveries WHERE connection = ? AND subject = ? AND state < 2",
            (target.connection, subject),
        ).fetchone()[0]
    )
    db.execute(
        "INSERT INTO deliveries (event, subject, connection, route, state, due_at, reason,"
        " changed_at, backfill) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            event_id,
            subject,
            target.connection,
            target.route,
            SKIPPED if early else READY,
            max(now, waits or now),
            EARLY if early else None,
            now,
            backfill,
        ),
    )
    if early:
        count(db, target.connection, SKIPPED, 1)

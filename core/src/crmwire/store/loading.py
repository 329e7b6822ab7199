"""Deliveries with all that is needed to work on them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import cattrs
from attrs import evolve, frozen
from sqlite_utils import Database

from crmwire import stored
from crmwire.store.doubts import held_in_doubt
from crmwire.store.records import links_of
from crmwire.store.states import STATES
from crmwire.types import Delivery, Event, Link, Subject
from crmwire.vocabulary import Details

CLOCKS_DIFFER = 86_400.0
"""Seconds by which a source's clock may be ahead; what is looked for in vain costs calls only."""
UNSEEN = -(2**62)
"""What a connection has seen of a subject that it was told nothing of."""


@frozen(kw_only=True)
class Lost:
    """The time, in seconds since 1970, of which nothing is known since a backup was put back."""

    since: float
    until: float


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
    sent_until: float | None = None
    """Until when it may have been sent, if a drain ended amid it or the clock was set since."""
    chosen: Mapping[str, str] | None = None
    route_removed: bool = False
    shadowed_by: int | None = None
    adopt: bool = False
    """An activity that another tool made for it is linked instead of making one."""
    lost: Lost | None = None
    """What it makes may stand in the CRM already, and nobody here knows of it."""


def load(db: Database, connection: int, ids: Sequence[int]) -> tuple[Claimed, ...]:
    """Deliveries with all that the pipeline needs of them, in the order of `ids`.

    Those that cannot be read (another version wrote them) are left out.
    """
    marks = ", ".join("?" * len(ids))
    rows = db.execute(
        "SELECT d.id, d.event, d.subject, d.route, d.tries, d.first_try_at, d.again, d.attempt,"
        " d.attempt_open, d.sent_at, d.chosen, e.event, e.snapshot, e.late, r.name, c.name,"
        " f.name, d.state, r.removed_at,"
        " b.adopt, e.received_at, d.backfill, d.sent_until FROM deliveries d"
        " JOIN events e ON e.id = d.event LEFT JOIN backfills b ON b.id = d.backfill"
        " JOIN routes r ON r.id = d.route JOIN connections c ON c.id = d.connection"
        f" JOIN feeds f ON f.id = e.feed WHERE d.id IN ({marks})",
        tuple(ids),
    ).fetchall()
    subjects = sorted({row[2] for row in rows})
    links = links_of(db, connection, subjects)
    progress = dict(
        db.execute(
            f"SELECT subject, version FROM progress WHERE connection = ?"
            f" AND subject IN ({', '.join('?' * len(subjects))})",
            (connection, *subjects),
        ).fetchall()
    )
    held = held_in_doubt(db, connection, subjects)
    lost = _lost(db)
    made = {}
    for row in rows:
        shadows = [id_ for id_ in held.get(row[2], ()) if id_ < row[0]]
        with contextlib.suppress(cattrs.BaseValidationError, ValueError, LookupError, TypeError):
            one = _claimed(
                row, links.get(row[2], ()), progress.get(row[2]), min(shadows, default=None)
            )
            past = row[21] is not None or (lost is not None and row[20] < lost.until)
            if lost is not None and (past or _may_stand(one.delivery, lost)):
                one = evolve(one, lost=lost)
            made[row[0]] = one
    return tuple(made[one] for one in ids if one in made)


def _lost(db: Database) -> Lost | None:
    rows = db.execute("SELECT name, value FROM meta WHERE name IN ('lost_since', 'restored_at')")
    meta = {name: float(value) for name, value in rows.fetchall()}
    if "restored_at" not in meta:
        return None
    return Lost(since=meta.get("lost_since", 0.0), until=meta["restored_at"])


def _may_stand(delivery: Delivery, lost: Lost) -> bool:
    """Whether a delivery may make what was made in the time of which nothing is known.

    Either it tells something of that time, by the source's clock, or it goes on with what nobody
    here has heard of.
    """
    if delivery.event.occurred_at.timestamp() < lost.until + CLOCKS_DIFFER:
        return True
    begins = delivery.event.type.endswith(".created")
    return not begins and not delivery.subject.links and delivery.subject.delivered == UNSEEN


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
        delivered=UNSEEN if progress is None else progress,
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
        sent_until=row[22],
        chosen=json.loads(row[10]) if row[10] else None,
        route_removed=row[18] is not None,
        shadowed_by=shadowed_by,
        adopt=bool(row[19]),
    )

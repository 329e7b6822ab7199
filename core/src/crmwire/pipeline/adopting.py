"""Adopting: a backfill links the activity that another tool made instead of making one more."""

from __future__ import annotations

from collections.abc import Sequence

from crmwire.errors import Failure, NeedsReview
from crmwire.pipeline.desk import Desk
from crmwire.pipeline.folding import Line
from crmwire.pipeline.planning import Planned
from crmwire.pipeline.writes import Outbox
from crmwire.types import Match, Record, Write
from crmwire.waves import references


def adopt(desk: Desk, planned: Sequence[Planned], box: Outbox) -> bool:
    """Turn what would be created, and stands in the CRM already, into links, in place.

    Only for deliveries of a backfill that adopts, and only where the person was found: nobody
    else's activity can be about a person who is made just now. What was adopted is not written
    to; the next event of its booking changes it. Returns whether the outbox is to be made anew.
    """
    wanted = list(_creates(planned, box))
    if not wanted:
        return False
    writes = [write for _, _, write in wanted]
    try:
        answers = desk.conn.hooks.find_adoptable(writes)
    except Failure as failure:
        answers = [failure] * len(writes)
    places = {
        (record.type, record.id)
        for answer in answers
        if not isinstance(answer, Failure)
        for record in answer
    }
    linked = desk.store.linked(desk.lane, sorted(places))
    taken: set[tuple[str, str]] = set()
    changed = False
    for (one, line, _), answer in zip(wanted, answers, strict=True):
        if isinstance(answer, Failure):
            # Not knowing is not "none": it would be doubled.
            one.failure = one.failure or answer
            changed = True
            continue
        free = [
            record
            for record in answer
            if (record.type, record.id) not in taken and not linked.get((record.type, record.id))
        ]
        if not free:
            continue
        changed = True
        if len(free) > 1:
            line.failure = _several(line, free)
            one.failure = one.failure or line.failure
            continue
        taken.add((free[0].type, free[0].id))
        line.match = Match(
            action="update",
            type=free[0].type,
            record=free[0],
            why="adopted: another tool made it of the same person and start",
        )
        line.changes = []
    return changed


def _several(line: Line, free: Sequence[Record]) -> NeedsReview:
    return NeedsReview(
        f"{line.draft.role}: {len(free)} records of the same person and start stand in the CRM.",
        remedy="Choose one with `crmwire retry ID --use RECORD`.",
        candidates=tuple(free),
    )


def _creates(planned: Sequence[Planned], box: Outbox) -> list[tuple[Planned, Line, Write]]:
    """What would be created about people who are known."""
    found = []
    for one in planned:
        if not one.claimed.adopt or one.failure is not None or one.skip is not None:
            continue
        for line in one.lines:
            write = box.of_line(line)
            if write is None or write.action != "create" or line.chosen is not None:
                continue
            if line.draft.role not in ("person", "company") and not references(write):
                found.append((one, line, write))
    return found

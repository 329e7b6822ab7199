"""Adopting: what stands in the CRM already is linked instead of made once more.

A backfill asks for it where another tool made activities. After a backup was put back it is done
unasked: what was made since the backup is linked to nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import attrs
from attrs import frozen

from crmwire import stored
from crmwire.errors import Failure, NeedsReview
from crmwire.pipeline.desk import Desk
from crmwire.pipeline.folding import Line
from crmwire.pipeline.planned import Planned
from crmwire.pipeline.roles import SHARED
from crmwire.pipeline.writes import Outbox
from crmwire.types import Match, Record, Write
from crmwire.waves import references

MAY_STAND = "MAY_STAND_ALREADY"
"""The code of a hold that ends when a person says which record it is, or that it is none."""
NEW = "new"
"""What a person gives instead of a record then."""
CLOCK_SLACK = timedelta(seconds=60)

Answers = Sequence[Sequence[Record] | Failure]


@frozen(kw_only=True, eq=False)
class _Wanted:
    """An activity that would be created, about people who are known."""

    one: Planned
    line: Line
    write: Write


def adopt(desk: Desk, planned: Sequence[Planned], box: Outbox) -> bool:
    """Turn what would be created, and stands in the CRM already, into links, in place.

    Only where the person was found: nobody's activity can be about a person who is made just now.
    What was adopted is not written to; the next event of its booking changes it. Returns whether
    the outbox is to be made anew.
    """
    wanted = _creates(planned, box)
    lost = [each for each in wanted if each.one.claimed.lost is not None]
    taken: set[tuple[str, str]] = set()
    steps: tuple[tuple[list[_Wanted], Callable[..., Answers], Callable[..., None]], ...] = (
        (lost, _as_it_was_written, _take_oldest),
        (wanted, _at_its_start, _take_only),
        ([each for each in lost if not each.line.draft.per_event], _made_since, _ask),
    )
    for some, find, settle in steps:
        left = [each for each in some if each.one.failure is None and _is_create(each.line)]
        if left:
            _search(desk, left, find(desk, left), settle, taken)
    return any(each.one.failure is not None or not _is_create(each.line) for each in wanted)


def _creates(planned: Sequence[Planned], box: Outbox) -> list[_Wanted]:
    found = []
    for one in planned:
        claimed = one.claimed
        adopts = claimed.adopt or claimed.lost is not None
        if not adopts or one.failure is not None or one.skip is not None:
            continue
        for line in one.lines:
            write = box.of_line(line)
            if write is None or write.action != "create" or line.chosen is not None:
                continue
            if claimed.chosen == chosen_new(line.draft.role) and not line.draft.item:
                continue
            if line.draft.role not in SHARED and not references(write):
                found.append(_Wanted(one=one, line=line, write=write))
    return found


def _is_create(line: Line) -> bool:
    return line.match is not None and line.match.action == "create"


def chosen_new(role: str) -> dict[str, str]:
    """What is stored of a person's word that a record is to be made, whatever stands there."""
    return {"role": role, "type": "", "record": ""}


# ---------------------------------------------------------------- where it may stand


def _as_it_was_written(desk: Desk, lost: Sequence[_Wanted]) -> Answers:
    """What has the very content of these writes, and was made in the lost time."""
    writes = _dated(lost)
    return _asked(desk.conn.hooks.find_written, writes)


def _at_its_start(desk: Desk, wanted: Sequence[_Wanted]) -> Answers:
    """What another tool, or somebody by hand, made of the same person and start."""
    return _asked(desk.conn.hooks.find_adoptable, [each.write for each in wanted])


def _made_since(desk: Desk, lost: Sequence[_Wanted]) -> Answers:
    """What was made of the person in the lost time, of whatever start: it may have moved."""
    writes = _dated(lost)
    answers = _asked(desk.conn.hooks.find_made, writes)
    return [
        answer
        if isinstance(answer, Failure)
        else [record for record in answer if _in_lost_time(record, each)]
        for each, answer in zip(lost, answers, strict=True)
    ]


def _asked(hook: Callable[[Sequence[Write]], Answers | None], writes: Sequence[Write]) -> Answers:
    try:
        answers = hook(writes)
    except Failure as failure:
        return [failure] * len(writes)
    return [() for _ in writes] if answers is None else answers


def _dated(lost: Sequence[_Wanted]) -> list[Write]:
    return [
        attrs.evolve(each.write, sent_at=stored.moment(each.one.claimed.lost.since))
        for each in lost
        if each.one.claimed.lost is not None
    ]


def _in_lost_time(record: Record, each: _Wanted) -> bool:
    lost = each.one.claimed.lost
    end = stored.moment(lost.until) if lost is not None else None
    return record.created_at is None or end is None or record.created_at <= end + CLOCK_SLACK


# ---------------------------------------------------------------- what becomes of it


def _search(
    desk: Desk,
    wanted: Sequence[_Wanted],
    answers: Answers,
    settle: Callable[[_Wanted, list[Record]], None],
    taken: set[tuple[str, str]],
) -> None:
    """Give each what was found for it and belongs to nobody yet."""
    places = {
        (record.type, record.id)
        for answer in answers
        if not isinstance(answer, Failure)
        for record in answer
    }
    linked = desk.store.linked(desk.lane, sorted(places))
    for each, answer in zip(wanted, answers, strict=True):
        if isinstance(answer, NeedsReview) and each.one.claimed.lost is not None:
            _ask(each, [])  # nobody but a person can find out
            continue
        if isinstance(answer, Failure):
            # Not knowing is not "none": it would be doubled.
            each.one.failure = each.one.failure or answer
            continue
        free = [
            record
            for record in answer
            if (record.type, record.id) not in taken and not linked.get((record.type, record.id))
        ]
        if free:
            settle(each, free)
        if not _is_create(each.line) and each.line.match and each.line.match.record:
            taken.add((each.line.match.record.type, each.line.match.record.id))


def _take_oldest(each: _Wanted, free: list[Record]) -> None:
    _link(each.line, free[0], "it was written before the backup was put back")


def _take_only(each: _Wanted, free: list[Record]) -> None:
    if len(free) == 1:
        _link(each.line, free[0], "adopted: it stands there of the same person and start")
        return
    _hold(
        each,
        NeedsReview(
            f"{each.line.draft.role}: {len(free)} records of the same person and start stand in"
            " the CRM.",
            remedy="Choose one with `crmwire retry ID --use RECORD`.",
            candidates=tuple(free),
        ),
    )


def _ask(each: _Wanted, free: list[Record]) -> None:
    role = each.line.draft.role
    which = "Choose it with `crmwire retry ID --use RECORD`; if it is none of them, with"
    _hold(
        each,
        NeedsReview(
            f"{role}: it may have been made since the backup that was put back, and moved since.",
            remedy=f"{which} `--use {NEW}` one is made."
            if free
            else f"Look in the CRM: `crmwire retry ID --use Type/ID`, or `--use {NEW}`.",
            candidates=tuple(free),
            code=MAY_STAND,
        ),
    )


def _hold(each: _Wanted, failure: NeedsReview) -> None:
    each.line.failure = failure
    each.one.failure = each.one.failure or failure


def _link(line: Line, record: Record, why: str) -> None:
    line.match = Match(action="update", type=record.type, record=record, why=why)
    line.changes = []

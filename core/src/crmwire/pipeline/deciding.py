"""Steps 5 and 6: which record it is, and what may be written to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import attrs

from crmwire.dedup import same
from crmwire.errors import Failure, NeedsReview, RetryLater
from crmwire.filters import truncate
from crmwire.pipeline.desk import Desk
from crmwire.pipeline.folding import Line
from crmwire.pipeline.roles import SHARED
from crmwire.types import Candidates, FieldChange, Match, UserRef


def key_of(line: Line) -> str:
    """What a person or company is known by, over all deliveries."""
    return f"{line.draft.role}:{line.keys[0].name}={line.keys[0].value}"


def decide(desk: Desk, line: Line, users: dict[str, str | Failure | None]) -> None:
    """Choose a line's record, and what may be written to it."""
    for answer in line.answers:
        if isinstance(answer, Failure):
            raise answer
    candidates = [answer for answer in line.answers if isinstance(answer, Candidates)]
    if line.match is None:
        line.match = desk.conn.hooks.choose_match(line.draft, candidates)
        adopted = line.adopting and line.match.action == "update"
        if line.upsert is not None and line.match.action in ("create", "update") and not adopted:
            line.previewed = line.match
            line.match = line.upsert
    match = line.match
    if match.action == "hold":
        raise NeedsReview(
            f"{line.draft.role}: {match.why}.",
            remedy=_remedy(match),
            candidates=match.candidates,
        )
    if match.action in ("skip", "delete"):
        return
    seen = line.previewed or match
    if match.action == "upsert" and seen.action == "update":
        seen = attrs.evolve(seen, action="update")
    line.changes = [
        _with_user(change, users) for change in desk.conn.hooks.merge_fields(line.draft, seen)
    ]
    _cut(desk, line)


def _cut(desk: Desk, line: Line) -> None:
    """Cut the texts that the mapping allows to be cut to the length of their fields."""
    type_ = line.match.type if line.match else None
    allowed = {one.name for one in line.draft.fields.get(type_ or "", ()) if one.cut}
    if type_ is None or not any(one.name in allowed for one in line.changes if one.written):
        return
    lengths = {one.name: one.length for one in desk.conn.hooks.list_fields(type_) or ()}
    for number, change in enumerate(line.changes):
        length = lengths.get(change.name)
        if change.name in allowed and length and isinstance(change.new, str):
            text = truncate(change.new, length)
            if text != change.new:
                why = f"{change.why}, cut to {length} characters"
                line.changes[number] = attrs.evolve(change, new=text, why=why)


def _remedy(match: Match) -> str:
    if match.candidates:
        return "Choose one with `crmwire retry ID --use RECORD`, or merge them in the CRM."
    return "Add an address to the booking form, or let the mapping create without a key."


def _with_user(change: FieldChange, users: dict[str, str | Failure | None]) -> FieldChange:
    if not isinstance(change.new, UserRef) or not change.written:
        return change
    user = users.get(change.new.email)
    if isinstance(user, Failure):
        raise user
    if user is None:
        return attrs.evolve(change, written=False, why="no active user has this address")
    if same(change.old, user):
        return attrs.evolve(change, new=user, written=False, why="unchanged")
    return attrs.evolve(change, new=user)


def spare(desk: Desk, lines: Sequence[Line]) -> None:
    """Make nobody anew whom an unanswered attempt of another delivery may still make.

    It may be under way, or stand there and not be found yet (search indices lag): who sent it
    first finds out what came of it, and the others wait for that.
    """
    making = [
        line
        for line in lines
        if line.failure is None and line.match is not None and line.match.action == "create"
        if line.draft.role in SHARED and line.keys
    ]
    if not making:
        return
    settle_after, moment = desk.conn.settle_after, desk.conn.now()
    others = desk.store.being_made(desk.lane, moment - timedelta(seconds=settle_after), moment)
    now = moment.timestamp()
    for line in making:
        keys = [f"{line.draft.role}:{key.name}={key.value}".lower() for key in line.keys]
        known = [others[key] for key in keys if key in others]
        lately = max((one.lately for one in known if one.lately is not None), default=None)
        # One of the same booking waits for this very delivery.
        mine = {(desk.connection_id, one.claimed.delivery.subject.id) for one in line.planned}
        open_ = [sent for one in known for sent, *whose in one.open if tuple(whose) not in mine]
        earliest = min(open_, default=None)
        if lately is not None:
            after = min(lately - now, 0.0) + settle_after
        elif earliest is not None and earliest < _sent_first(line, now):
            after = settle_after
        else:
            continue
        line.failure = RetryLater(
            f"The answer to an earlier write of this {line.draft.role} was lost; it is looked"
            " up once it has surely been written or not.",
            after=after,
        )


def _sent_first(line: Line, now: float) -> float:
    """When the first open attempt was sent that made this very record; `now` if there is none."""
    own = (one.claimed for one in line.planned)
    return min((one.sent_at for one in own if one.attempt_open and one.sent_at), default=now)

"""Steps 1 to 6: what is wanted, what is there, what may be written. Sends nothing but reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

import attrs
from attrs import define, field

from crmwire.dedup import can_upsert, same
from crmwire.errors import ConfigurationError, Failure, NeedsReview, Rejected, RetryLater
from crmwire.filters import truncate
from crmwire.mapping import ENDINGS
from crmwire.pipeline.desk import Desk
from crmwire.pipeline.effects import (
    SUPERSEDED,
    UNKNOWN_PART,
    effective,
    is_part_of_unknown,
    seen_by,
    told_by,
)
from crmwire.pipeline.folding import Line, folded
from crmwire.store import ROUTE_REMOVED, Claimed
from crmwire.types import (
    Candidates,
    Delivery,
    Draft,
    FieldChange,
    Link,
    Match,
    Query,
    Record,
    Subject,
    UserRef,
    WritePolicy,
)

__all__ = ["Line", "Planned", "plan"]


@define(kw_only=True)
class Planned:
    """What is to become of one delivery: skipped, failed, or lines to write."""

    claimed: Claimed
    skip: str | None = None
    ended: bool = False
    """The booking is over and nothing stands for it, so what is older writes nothing any more."""
    failure: Failure | None = None
    lines: list[Line] = field(factory=list)
    sent_steady: float | None = None
    """When it was sent, by a clock that nobody sets."""
    found: tuple[Link, ...] = ()
    """Links to records that an earlier, unanswered attempt turned out to have made."""

    @property
    def id(self) -> int:
        return self.claimed.delivery.id


def plan(
    desk: Desk,
    planned: Sequence[Planned],
    *,
    look_up_all: bool = False,
    made: Mapping[tuple[str, str, str], str] | None = None,
) -> None:
    """Work out lines, matches and field changes for these deliveries, in place.

    `look_up_all` reads even where an upsert would need no look-up (for previews). `made` are
    records, by (type, key, value), that unanswered attempts turned out to have made just now.
    """
    for one in planned:
        if one.failure is None and one.skip is None:
            try:
                _draft(desk, one)
            except Failure as failure:
                one.failure = failure
            except ConfigurationError as error:
                one.failure = unusable(error)
    lines = folded([one for one in planned if one.failure is None and one.skip is None])
    for line in lines:
        try:
            _ask(desk, line, look_up_all)
        except Failure as failure:
            line.failure = failure
    users = _look_up(desk, [line for line in lines if line.failure is None], made or {})
    for line in lines:
        if line.failure is None:
            try:
                _decide(desk, line, users)
            except Failure as failure:
                line.failure = failure
    if not look_up_all:
        _spare(desk, lines)
    for one in planned:
        _conclude(one)


def unusable(error: ConfigurationError) -> Rejected:
    """Why a delivery is held whose route's mapping cannot be used."""
    message = " ".join([error.message, "; ".join(error.problems)]).strip()
    return Rejected(message, remedy=error.remedy or "Mend the route's mapping, then retry.")


# ---------------------------------------------------------------- steps 1 and 2


def _draft(desk: Desk, one: Planned) -> None:
    delivery = one.claimed.delivery
    if one.claimed.route_removed:
        one.skip = ROUTE_REMOVED
        return
    mapping = desk.mapping_of(one.claimed.route)
    one.skip = mapping.reason_to_skip(delivery.event, delivery.subject)
    one.skip = one.skip or desk.conn.hooks.filter_event(delivery)
    event = effective(delivery)
    if one.skip is None and event is None:
        one.skip = UNKNOWN_PART if is_part_of_unknown(delivery) else SUPERSEDED
    if one.skip is not None or event is None:
        return
    subject = seen_by(delivery)
    drafts = list(desk.conn.hooks.map_event(event, subject, mapping))
    if delivery.late:
        # The record that belongs to the event itself tells what the event told.
        drafts = [draft for draft in drafts if not draft.per_event]
        if subject.status not in ("cancelled", "rejected"):
            own = desk.conn.hooks.map_event(delivery.event, told_by(delivery), mapping)
            drafts += [draft for draft in own if draft.per_event]
    elif event.type != delivery.event.type:
        drafts = [draft for draft in drafts if not draft.per_event]
    if subject.delivered > subject.version:
        if not any(draft.per_event for draft in drafts):
            one.skip = SUPERSEDED
            return
        # What belongs to the event itself is still written, with its person if nobody was yet.
        drafts = [one_ for one_ in drafts if one_.per_event or _is_lacking(one_, subject)]
    if not drafts and not one.found:
        one.skip = _nothing(delivery, event.type)
        one.ended = event.type.rpartition(".")[2] in ENDINGS and not subject.links
    one.lines = [Line(draft=draft, planned=[one]) for draft in drafts]


def _is_lacking(draft: Draft, subject: Subject) -> bool:
    """Whether a draft is of a person or company that nobody wrote for the subject yet."""
    shared = draft.role in ("person", "company")
    return shared and subject.link(draft.role, draft.item) is None


def _nothing(delivery: Delivery, type_: str) -> str:
    """Why an event leaves nothing to do."""
    subject = delivery.subject
    if delivery.late:
        return SUPERSEDED
    if not subject.links:
        return f"nothing was written for it before, so {type_} changes nothing"
    if subject.delivered >= subject.version:
        return "already written"
    return f"the mapping does nothing on {type_}"


# ---------------------------------------------------------------- steps 3 and 4


def _ask(desk: Desk, line: Line, look_up_all: bool) -> None:
    """Find out how this line's record is known: by a choice, a link, a key."""
    draft = line.draft
    if line.chosen is not None:
        line.match = Match(
            action="update",
            type=line.chosen.type,
            record=line.chosen,
            why="chosen by a person",
        )
        return
    if draft.link is not None:
        action = "delete" if draft.action == "delete" else "update"
        record = Record(type=draft.link.type, id=draft.link.record, url=draft.link.url)
        line.match = Match(action=action, type=record.type, record=record, why="linked")  # type: ignore[arg-type]
        return
    if not draft.match:
        line.match = Match(action="create", type=draft.create_type, why="new record")
        return
    line.keys = tuple(desk.conn.hooks.match_keys(draft))
    unique: tuple[str, ...] = ()
    if len(draft.types) == 1:
        info = desk.conn.info.object_types.get(draft.types[0])
        unique = info.upsert if info else ()
        if info is None and draft.role not in ("person", "company") and line.keys:
            unique = (line.keys[0].name,)
    key = can_upsert(draft, line.keys, unique)
    if key is not None:
        line.upsert = Match(
            action="upsert", type=key.types[0], key=key, why=f"created or updated by {key.name}"
        )
        if not look_up_all and not line.adopting:
            line.match = line.upsert


def _look_up(
    desk: Desk, lines: Sequence[Line], made: Mapping[tuple[str, str, str], str]
) -> dict[str, str | Failure | None]:
    """One call for all look-ups of the batch; users come back by address."""
    queries: list[Query] = []
    for line in lines:
        if line.match is None:
            line.queries = [
                Query(
                    id=f"q{len(queries) + number}",
                    role=line.draft.role,
                    types=key.types,
                    key=key.name,
                    value=key.value,
                    fields={
                        type_: tuple(one.name for one in line.draft.fields.get(type_, ()))
                        for type_ in key.types
                    },
                )
                for number, key in enumerate(line.keys)
            ]
            queries += line.queries
    emails = sorted(set(_users(lines)))
    user_queries = [
        Query(id=f"u{number}", role="user", types=("user",), key="email", value=email)
        for number, email in enumerate(emails)
    ]
    if not queries and not user_queries:
        return {}
    answers: dict[str, Candidates | Failure] = {}
    try:
        found = desk.conn.hooks.find_records([*queries, *user_queries])
        answers = {
            query.id: answer for query, answer in zip([*queries, *user_queries], found, strict=True)
        }
    except Failure as failure:
        answers = dict.fromkeys((query.id for query in [*queries, *user_queries]), failure)
    _remember(desk, queries, answers, made)
    for line in lines:
        line.answers = [answers[query.id] for query in line.queries]
    users: dict[str, str | Failure | None] = {}
    for query in user_queries:
        answer = answers[query.id]
        if isinstance(answer, Failure):
            users[query.value] = answer
        else:
            users[query.value] = answer.records[0].id if answer.records else None
    return users


def _users(lines: Iterable[Line]) -> Iterable[str]:
    for line in lines:
        for fields in line.draft.fields.values():
            for one in fields:
                updating = line.match is not None and line.match.action == "update"
                if isinstance(one.value, UserRef) and not (
                    updating and one.write is WritePolicy.ON_CREATE
                ):
                    yield one.value.email


def _remember(
    desk: Desk,
    queries: Sequence[Query],
    answers: dict[str, Candidates | Failure],
    made: Mapping[tuple[str, str, str], str],
) -> None:
    """Where a look-up found nothing, add what crmwire itself created lately: indices lag."""
    empty = [
        (query, answer)
        for query in queries
        if isinstance(answer := answers[query.id], Candidates) and not answer.records
    ]
    keys = [(type_, query.key, query.value) for query, _ in empty for type_ in query.types]
    known = desk.store.remembered(desk.lane, keys, desk.conn.now()) if keys else {}
    known = {**known, **made}
    for query, answer in empty:
        records = tuple(
            Record(type=type_, id=record)
            for type_ in query.types
            if (record := known.get((type_, query.key, query.value)))
        )
        answers[query.id] = attrs.evolve(answer, records=records)


# ---------------------------------------------------------------- steps 5 and 6


def _spare(desk: Desk, lines: Sequence[Line]) -> None:
    """Make nobody anew whom an unanswered attempt of another delivery may still make."""
    making = [
        line
        for line in lines
        if line.failure is None and line.match is not None and line.match.action == "create"
        if line.draft.role in ("person", "company") and line.keys
    ]
    if not making:
        return
    settle_after = desk.conn.settle_after
    now = desk.conn.now()
    others = desk.store.being_made(desk.lane, now - timedelta(seconds=settle_after))
    for line in making:
        keys = [f"{line.draft.role}:{key.name}={key.value}".lower() for key in line.keys]
        sent = max((others[key] for key in keys if key in others), default=None)
        if sent is not None:
            line.failure = RetryLater(
                f"The answer to an earlier write of this {line.draft.role} was lost; it is looked"
                " up once it has surely been written or not.",
                after=min(sent - now.timestamp(), 0.0) + settle_after,
            )


def key_of(line: Line) -> str:
    """What a person or company is known by, over all deliveries."""
    return f"{line.draft.role}:{line.keys[0].name}={line.keys[0].value}"


def _decide(desk: Desk, line: Line, users: dict[str, str | Failure | None]) -> None:
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


def _conclude(one: Planned) -> None:
    """A line's failure, or its finding nobody, is its delivery's."""
    for line in one.lines:
        if line.failure is not None and one.failure is None:
            one.failure = line.failure
        skipped = line.match is not None and line.match.action == "skip"
        if skipped and line.draft.role == "person" and "" in line.items_of(one):
            one.skip = line.match.why if line.match else None
    if one.failure is None and one.skip is None and one.claimed.chosen is not None:
        roles = {line.draft.role for line in one.lines}
        if one.claimed.chosen["role"] not in roles and not one.found:
            one.failure = Rejected("The chosen record fits none of the records to be written.")

"""One batch from claim to settlement: doubts, plan, attempt, writes, outcomes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from attrs import define, field

from crmwire import stored
from crmwire.drills import step
from crmwire.errors import (
    Failure,
    NeedsLogin,
    NeedsReview,
    PluginBroken,
    RecordGone,
    RetryLater,
)
from crmwire.http import Exchange, recording
from crmwire.pipeline.adopting import adopt
from crmwire.pipeline.desk import Desk
from crmwire.pipeline.doubts import settle_doubts
from crmwire.pipeline.folding import Line
from crmwire.pipeline.outcomes import Pause, lane_pause, of_failure
from crmwire.pipeline.planning import Planned, key_of, plan
from crmwire.pipeline.telling import Told, owners
from crmwire.pipeline.writes import Outbox, outbox
from crmwire.store import Batch, Created, Outcome
from crmwire.types import DeliveryChange, Link, Write, Written
from crmwire.waves import because_of


@define(kw_only=True)
class Result:
    """What a batch came to: to be settled, and whether lane or connection must rest."""

    outcomes: list[Outcome] = field(factory=list)
    created: list[Created] = field(factory=list)
    pause: Pause | None = None
    needs_login: NeedsLogin | None = None
    broken: PluginBroken | None = None
    changes: list[DeliveryChange] = field(factory=list)
    moved_to: str | None = None
    """The lane that the connection turned out to belong to."""
    odd: int = 0
    """How many deliveries were given back to be tried one by one, since one of them is at fault."""


def carry_out(desk: Desk, batch: Batch, epoch: int) -> Result:
    """Carry out a batch. Nothing is settled here: the caller does it with the next claim.

    Raises: Fenced if another drain of the lane has begun; then nothing was sent.
    """
    step("after_claim")
    planned = [Planned(claimed=item) for item in batch.items]
    result = Result()
    with recording() as exchanges:
        waiting = settle_doubts(desk, planned)
        still_open = {one.id for one in planned if one.failure is not None}
        left = {outcome.delivery for outcome in waiting}
        working = [one for one in planned if one.id not in left]
        _stand_back(working)
        plan(desk, working, made=_found(working))
        box = outbox(desk, working)
        if adopt(desk, working, box):
            box = outbox(desk, working)
        answers = _send(desk, epoch, working, box, exchanges)
    result.outcomes += waiting
    failures: list[Failure] = []
    told = Told(exchanges, owners(working, box, answers))
    for one in working:
        outcome, failure = _outcome(desk, one, box, answers, told, one.id in still_open)
        result.outcomes.append(outcome)
        if failure is not None:
            failures.append(failure)
        result.changes.append(_change(desk, one, outcome))
    result.created = _created(working, box, answers)
    result.pause = lane_pause(failures)
    for failure in failures:
        if isinstance(failure, NeedsLogin):
            result.needs_login = failure
        if isinstance(failure, PluginBroken):
            result.broken = failure
    return result


def _stand_back(planned: Sequence[Planned]) -> None:
    """Let a delivery wait for an earlier one that is held and may have made its records."""
    for one in planned:
        earlier = one.claimed.shadowed_by
        if earlier is not None and one.failure is None:
            one.failure = RetryLater(
                f"What delivery {earlier} of the same subject wrote is not known.",
                remedy=f"Retry or dismiss delivery {earlier} first.",
            )


def _found(planned: Sequence[Planned]) -> dict[tuple[str, str, str], str]:
    return {
        (one_.type, one_.key, one_.value): one_.record
        for one in planned
        for link in one.found
        for one_ in _keys_of_found(one, link)
    }


# ---------------------------------------------------------------- steps 7 and 8


def _send(
    desk: Desk,
    epoch: int,
    planned: Sequence[Planned],
    box: Outbox,
    exchanges: list[Exchange],
) -> dict[str, Written | Failure]:
    if not box.writes:
        return {}
    now = desk.conn.now()
    attempts = {}
    for one in planned:
        entries = [
            {"item": item, "write": stored.write_to_json(write)}
            for line in one.lines
            if (write := box.of_line(line)) is not None
            for item in line.items_of(one)
        ]
        if entries and one.failure is None and one.skip is None:
            attempts[one.id] = json.dumps({"writes": entries}, ensure_ascii=False)
            one.claimed = attrs.evolve(one.claimed, sent_at=now.timestamp())
            one.sent_steady = desk.conn.clock.monotonic()
    step("before_attempt")
    desk.store.save_attempts(desk.lane, epoch, attempts, now)
    step("after_attempt")
    before = len(exchanges)
    try:
        answers = list(desk.conn.hooks.write_records(box.writes))
    except Failure as failure:
        if any(_may_have_changed(exchange) for exchange in exchanges[before:]):
            failure.sent = "unknown"
        answers = [_for_this(failure) for _ in box.writes]
    step("before_settle")
    return {write.id: answer for write, answer in zip(box.writes, answers, strict=True)}


def _may_have_changed(exchange: Exchange) -> bool:
    """Whether a request, though the call as a whole failed, may have written something."""
    return exchange.method != "GET" and (exchange.status is None or exchange.status < 400)


def _for_this(failure: Failure) -> Failure:
    copy = because_of(failure)
    copy.sent = failure.sent
    return copy


# ---------------------------------------------------------------- step 9: outcomes


def _outcome(
    desk: Desk,
    one: Planned,
    box: Outbox,
    answers: Mapping[str, Written | Failure],
    told: Told,
    still_open: bool,
) -> tuple[Outcome, Failure | None]:
    version = one.claimed.delivery.subject.version
    links = list(one.found)
    unlinked: list[tuple[str, str]] = []
    failures: list[tuple[Line, Failure]] = []
    in_doubt = still_open
    for line in one.lines if one.failure is None and one.skip is None else ():
        write = box.of_line(line)
        answer = answers.get(write.id) if write is not None else None
        if isinstance(answer, Failure):
            failures.append((line, answer))
            # An update too may still land, and must not do so after a newer one.
            in_doubt = in_doubt or answer.sent == "unknown"
            if isinstance(answer, RecordGone) and write is not None:
                unlinked += _forget(desk, one, answer, write)
        elif isinstance(answer, Written) or line.match is not None:
            link = _link(line, box, answer, version)
            if link is not None:
                links += [attrs.evolve(link, item=item) for item in line.items_of(one)]
            gone = line.draft.link is not None and line.draft.link.retired
            if gone or (line.match is not None and line.match.action == "delete"):
                unlinked.append((line.draft.role, line.draft.item))
    asked = [one.failure] if one.failure is not None else [failure for _, failure in failures]
    detail = {**_detail(one, answers, box, told), **_question(one, answers, box, asked)}
    if one.failure is not None:
        return _failed(desk, one, one.failure, in_doubt, links, unlinked, detail), one.failure
    if one.skip is not None:
        return (
            Outcome(
                delivery=one.id,
                state="skipped",
                reason=one.skip,
                version=version if one.ended else None,
                links=tuple(links),
            ),
            None,
        )
    if failures:
        failure = _worst([answer for _, answer in failures])
        return _failed(desk, one, failure, in_doubt, links, unlinked, detail), failure
    return (
        Outcome(
            delivery=one.id,
            state="delivered",
            version=version,
            links=tuple(links),
            unlinked=tuple(unlinked),
            chargeable=True,
            detail=detail,
        ),
        None,
    )


def _forget(desk: Desk, one: Planned, gone: RecordGone, write: Write) -> list[tuple[str, str]]:
    """Forget the record that is not there any more; returns the links that named it."""
    type_, record = gone.type or write.type, gone.record or write.record
    if not record:
        return []
    desk.store.forget_record(desk.lane, type_, record)
    return [
        (link.role, link.item)
        for link in one.claimed.delivery.subject.links
        if (link.type, link.record) == (type_, record)
    ]


def _failed(
    desk: Desk,
    one: Planned,
    failure: Failure,
    in_doubt: bool,
    links: Sequence[Link],
    unlinked: Sequence[tuple[str, str]],
    detail: dict[str, Any],
) -> Outcome:
    return of_failure(
        desk,
        one,
        failure,
        attempt_open=in_doubt,
        links=links,
        unlinked=unlinked,
        detail=detail,
    )


def _worst(failures: Sequence[Failure]) -> Failure:
    """The failure that decides: one that a person must mend before one that passes by itself."""
    order: tuple[type[Failure], ...] = (NeedsLogin, PluginBroken, RetryLater)
    lasting = [failure for failure in failures if not isinstance(failure, order)]
    unknown = [failure for failure in failures if failure.sent == "unknown"]
    return (unknown or lasting or list(failures))[0]


def _link(line: Line, box: Outbox, answer: Written | Failure | None, version: int) -> Link | None:
    draft, match = line.draft, line.match
    if match is None or match.action in ("delete", "skip"):
        return None
    if draft.link is not None and draft.link.retired:
        return None
    if isinstance(answer, Written):
        return Link(
            role=draft.role,
            item=draft.item,
            type=answer.type,
            record=answer.record,
            url=answer.url or (match.record.url if match.record else None),
            version=version,
        )
    known = box.known.get(id(line))
    if known is None:
        return None
    return Link(
        role=draft.role,
        item=draft.item,
        type=known.alias_type or known.type,
        record=known.alias_of or known.id,
        url=known.url,
        version=version,
    )


def _created(
    planned: Sequence[Planned], box: Outbox, answers: Mapping[str, Written | Failure]
) -> list[Created]:
    """What this batch made, by the keys it was made under."""
    made: dict[tuple[str, str, str], Created] = {}
    for one in planned:
        for line in one.lines:
            write = box.of_line(line)
            answer = answers.get(write.id) if write is not None else None
            if write is None or not isinstance(answer, Written) or write.action == "update":
                continue
            for key in line.keys:
                if key.name != "id" and answer.type in key.types:
                    made[(answer.type, key.name, key.value)] = Created(
                        type=answer.type, key=key.name, value=key.value, record=answer.record
                    )
        for link in one.found:
            for key_ in _keys_of_found(one, link):
                made[(key_.type, key_.key, key_.value)] = key_
    return list(made.values())


def _keys_of_found(one: Planned, link: Link) -> list[Created]:
    """A person that a lost attempt made is remembered by the key that attempt wrote."""
    found = []
    for entry in (one.claimed.attempt or {}).get("writes", ()):
        write: Write = stored.write_from_json(entry["write"])
        if write.role != link.role or ":" not in write.key or "=" not in write.key:
            continue
        name, _, value = write.key.partition(":")[2].partition("=")
        found.append(Created(type=link.type, key=name, value=value, record=link.record))
    return found


def _detail(
    one: Planned,
    answers: Mapping[str, Written | Failure],
    box: Outbox,
    told: Told,
) -> dict[str, Any]:
    lines = []
    for line in one.lines:
        write = box.of_line(line)
        answer = answers.get(write.id) if write is not None else None
        match = line.match
        lines.append(
            {
                "role": line.draft.role,
                "do": match.action if match else None,
                "why": match.why if match else None,
                "type": match.type if match else None,
                "record": answer.record
                if isinstance(answer, Written)
                else (match.record.id if match and match.record else None),
                "before": {
                    change.name: change.old
                    for change in line.changes
                    if change.written and change.old is not None
                },
                "dropped": list(answer.dropped) if isinstance(answer, Written) else [],
            }
        )
    return {
        "lines": lines,
        "requests": told.of(one.id),
    }


def _question(
    one: Planned,
    answers: Mapping[str, Written | Failure],
    box: Outbox,
    failures: Sequence[Failure],
) -> dict[str, Any]:
    """Whom a person is asked about: the role, and by what the person is known."""
    for line in one.lines:
        write = box.of_line(line)
        failure = line.failure or (answers.get(write.id) if write is not None else None)
        if isinstance(failure, NeedsReview) and failure in failures:
            return {
                "role": line.draft.role,
                **({"person": key_of(line)} if line.keys else {}),
            }
    return {}


def _change(desk: Desk, one: Planned, outcome: Outcome) -> DeliveryChange:
    return DeliveryChange(
        delivery=one.id,
        connection=desk.conn.name,
        crm=desk.conn.crm,
        event_type=one.claimed.delivery.event.type,
        before="working",
        after=outcome.state,
        failure=outcome.failure or "",
        message=outcome.reason or "",
        remedy=outcome.remedy or "",
    )

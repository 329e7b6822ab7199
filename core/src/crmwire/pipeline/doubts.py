"""Attempts whose outcome is not known: looked up before anything is sent again."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from crmwire import stored
from crmwire.errors import ConfigurationError, Failure, NeedsReview
from crmwire.pipeline.desk import Desk
from crmwire.pipeline.planned import Planned
from crmwire.pipeline.planning import unusable
from crmwire.pipeline.roles import SHARED
from crmwire.store import Outcome
from crmwire.store.records import Owner
from crmwire.types import Link, Record, Write
from crmwire.waves import filled

LOOK_IN_THE_CRM = (
    "Look in the CRM: if the record stands there, `crmwire dismiss`; if not, `crmwire retry`."
)


def settle_doubts(desk: Desk, planned: Sequence[Planned]) -> list[Planned]:
    """Look up what open attempts of these deliveries may have made.

    What is found becomes a link of its delivery; what was certainly not made is planned again.
    Returns the deliveries that must wait first, since a commit may still land.
    """
    waiting: list[Planned] = []
    doubtful: list[Planned] = []
    steady = desk.conn.clock.monotonic()
    for one in planned:
        claimed = one.claimed
        if not claimed.attempt_open or claimed.attempt is None:
            continue
        sent, now = stored.moment(claimed.sent_until or claimed.sent_at), desk.conn.now()
        if sent is not None:
            # The clock may have been put back since it was claimed: nothing was sent later.
            passed = max((now - sent).total_seconds(), 0.0)
            if passed < desk.conn.settle_after:
                one.ready_steady = steady + desk.conn.settle_after - passed
                one.skip = "waits"
                waiting.append(one)
                continue
        doubtful.append(one)
    _look_up(desk, doubtful)
    return waiting


def waits(desk: Desk, one: Planned) -> Outcome:
    """What becomes of a delivery that must wait; made when it is settled.

    The batch may take long, and the time of day be set meanwhile.
    """
    left = (one.ready_steady or 0.0) - desk.conn.clock.monotonic()
    return Outcome(
        delivery=one.id,
        state="ready",
        due_at=desk.conn.now().timestamp() + max(left, 0.0),
        attempt_open=True,
        reason="an answer was lost; it is looked up before it is sent again",
    )


def _look_up(desk: Desk, doubtful: Sequence[Planned]) -> None:
    asked: dict[str, Write] = {}
    owners: dict[str, list[tuple[Planned, str]]] = {}
    for one in doubtful:
        for write, item in _made(desk, one):
            known = asked.setdefault(write.id, write)
            if known.sent_at and write.sent_at and write.sent_at < known.sent_at:
                asked[write.id] = write
            owners.setdefault(write.id, []).append((one, item))
    if all(write.action == "upsert" and write.role in SHARED for write in asked.values()):
        return
    writes = list(asked.values())
    try:
        answers = desk.conn.hooks.find_written(writes)
    except Failure as failure:
        answers = [failure] * len(writes)
    if answers is None:
        answers = [unknowable()] * len(writes)
    _give_out(desk, writes, answers, owners)


def unknowable() -> NeedsReview:
    """Only a person can find out; retried, it is sent again."""
    return NeedsReview("It may have been written.", remedy=LOOK_IN_THE_CRM)


def _made(desk: Desk, one: Planned) -> list[tuple[Write, str]]:
    """What an open attempt may have made, each with its item.

    People and companies that it did make, as their links tell, are named where others refer to
    them, and not looked for.
    """
    subject = one.claimed.delivery.subject
    try:
        crm = desk.mapping_of(one.claimed.route).crm
    except ConfigurationError as error:
        one.failure = unusable(error)
        return []
    sent_at = stored.moment(one.claimed.sent_at)
    sent_at = None if sent_at is None else desk.conn.by_their_clock(sent_at)
    attempt = one.claimed.attempt or {}
    known: dict[str, str] = {}
    made = []
    try:
        entries, user = attempt["writes"], str(attempt.get("user") or "")
        for entry in entries:
            write = stored.write_from_json(entry["write"])
            link = subject.link(write.role, entry["item"])
            shared = write.role in SHARED
            if shared and link is not None and link.version == subject.version:
                known[write.id] = link.record
            elif write.action in ("create", "upsert"):
                write = attrs.evolve(write, settings=crm, sent_at=sent_at, sent_by=user)
                made.append((write, entry["item"]))
    except (LookupError, TypeError, ValueError):  # another version wrote it
        one.failure = unknowable()
        return []
    return [(filled(write, known), item) for write, item in made]


def _give_out(
    desk: Desk,
    writes: Sequence[Write],
    answers: Sequence[Sequence[Record] | Failure],
    owners: dict[str, list[tuple[Planned, str]]],
) -> None:
    pairs = [
        (record.type, record.id)
        for answer in answers
        if not isinstance(answer, Failure)
        for record in answer
    ]
    linked = desk.store.linked(desk.lane, pairs)
    taken: set[tuple[str, str]] = set()
    for write, answer in zip(writes, answers, strict=True):
        if write.action == "upsert":
            _note_upserted(desk, write, answer, linked, owners[write.id])
            continue
        if isinstance(answer, Failure):
            for one, _ in owners[write.id]:
                one.failure = one.failure or answer
            continue
        for one, item in owners[write.id]:
            mine = (desk.connection_id, one.claimed.delivery.subject.id, write.role, item)
            record = _free(write, answer, mine, linked, taken)
            if record is None:
                continue
            if write.role not in SHARED:
                taken.add((record.type, record.id))
            _link(one, write, item, record)


def _note_upserted(
    desk: Desk,
    write: Write,
    answer: Sequence[Record] | Failure,
    linked: dict[tuple[str, str], list[Owner]],
    owners: Sequence[tuple[Planned, str]],
) -> None:
    """Keep in mind what an upsert may have made: mostly it is simply sent again.

    It is not where the booking's other half was delivered meanwhile: that record is then updated.
    """
    if write.role in SHARED:
        return
    for one, item in owners:
        link = one.claimed.delivery.subject.link(write.role, item)
        if isinstance(answer, Failure):
            if link is not None:
                one.failure = one.failure or answer
            one.not_known = answer
            continue
        mine = (desk.connection_id, one.claimed.delivery.subject.id, write.role, item)
        record = _free(write, answer, mine, linked, set())
        if record is None:
            continue
        if link is not None and (link.type, link.record) != (record.type, record.id):
            _link(one, write, item, record)
        else:
            one.upserted = (*one.upserted, _link_to(one, write, item, record))


def mind_upserted(planned: Sequence[Planned]) -> set[int]:
    """Link what was upserted for deliveries that are over, since a newer event was delivered.

    Their records are still to be marked. Returns those that must be asked for again, since it is
    not known what was upserted.
    """
    again = set()
    for one in planned:
        if one.skip is None or one.failure is not None:
            continue
        if one.not_known is not None:
            one.failure, one.skip = one.not_known, None
            again.add(one.id)
        one.found = (*one.found, *one.upserted)
    return again


def _free(
    write: Write,
    records: Sequence[Record],
    mine: Owner,
    linked: dict[tuple[str, str], list[Owner]],
    taken: set[tuple[str, str]],
) -> Record | None:
    """The first record that no other subject has; people and companies may be shared."""
    for record in records:
        place = (record.type, record.id)
        if write.role in SHARED:
            return record
        if place not in taken and all(owner == mine for owner in linked.get(place, ())):
            return record
    return None


def _link(one: Planned, write: Write, item: str, record: Record) -> None:
    delivery, link = one.claimed.delivery, _link_to(one, write, item, record)
    one.found = (*one.found, link)
    subject = attrs.evolve(delivery.subject, links=(*delivery.subject.links, link))
    one.claimed = attrs.evolve(one.claimed, delivery=attrs.evolve(delivery, subject=subject))


def _link_to(one: Planned, write: Write, item: str, record: Record) -> Link:
    return Link(
        role=write.role,
        item=item,
        type=record.type,
        record=record.id,
        url=record.url,
        version=one.claimed.delivery.subject.version,
    )

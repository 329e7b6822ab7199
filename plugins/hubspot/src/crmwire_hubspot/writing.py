"""`write_records`: persons first, then what refers to them, each kind in one batch call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs

from crmwire.errors import Failure, Rejected
from crmwire.types import Write, Written
from crmwire.waves import references, resolve
from crmwire_hubspot.associating import associate
from crmwire_hubspot.batches import Answers, Input, Verb, send
from crmwire_hubspot.existing import fill_existing
from crmwire_hubspot.inputs import VERBS, input_of

if TYPE_CHECKING:
    from crmwire.connections import Connection

Outcome = Written | Failure


def write_records(conn: Connection, writes: Sequence[Write]) -> list[Outcome]:
    """One answer per write, in order."""
    done: dict[str, Outcome] = {}
    rest = list(writes)
    while rest:
        now = _next(rest, done)
        ready: list[Write] = []
        for write in now:
            resolved = resolve(write, done)
            if isinstance(resolved, Failure):
                done[write.id] = resolved
            else:
                ready.append(resolved)
        done |= _send_all(conn, ready)
        rest = [write for write in rest if write.id not in done]
    return [done[write.id] for write in writes]


def _next(rest: Sequence[Write], done: dict[str, Outcome]) -> list[Write]:
    """What is sent next: the object types of which everything can be sent.

    So all meetings go in one call, also those of persons that are known already.
    Raises: ValueError if writes refer to each other in a circle.
    """
    names = {write.id for write in rest}
    ready = [write for write in rest if not references(write) & names]
    if not ready:
        raise ValueError(f"writes refer to each other: {sorted(names)}")
    waiting = {write.type for write in rest if references(write) & names}
    return [write for write in ready if write.type not in waiting] or ready


def _send_all(conn: Connection, writes: Sequence[Write]) -> dict[str, Outcome]:
    outcomes: dict[str, Outcome] = {}
    groups: dict[tuple[str, Verb], list[Input]] = {}
    for write in writes:
        try:
            one = input_of(write)
        except Rejected as error:
            outcomes[write.id] = error
            continue
        groups.setdefault((write.type, VERBS[write.action]), []).append(one)
    for (object_type, verb), inputs in groups.items():
        outcomes |= _send_group(conn, object_type, verb, inputs)
    return outcomes | associate(conn, writes, outcomes)


def _send_group(
    conn: Connection, object_type: str, verb: Verb, inputs: Sequence[Input]
) -> dict[str, Outcome]:
    answers = send(conn, object_type, verb, inputs)
    _without_what_may_be_dropped(conn, object_type, verb, inputs, answers)
    if verb == "create":
        answers.outcomes |= fill_existing(conn, object_type, inputs, answers)
    if verb == "upsert":
        _tell_unsent(inputs, answers)
    return answers.outcomes


def _without_what_may_be_dropped(
    conn: Connection, object_type: str, verb: Verb, inputs: Sequence[Input], answers: Answers
) -> None:
    """Send again, without the properties HubSpot refused, what the mapping allows to drop."""
    dropped: dict[str, tuple[str, ...]] = {}
    while True:
        again: list[Input] = []
        for one in inputs:
            refused = answers.outcomes.get(one.write.id)
            gone = dropped.get(one.write.id, ())
            if not isinstance(refused, Rejected) or not refused.fields:
                continue
            fields = set(refused.fields)
            if fields & set(gone) or not fields <= set(one.properties):
                continue
            if fields <= set(one.write.drop_allowed):
                dropped[one.write.id] = (*gone, *refused.fields)
                again.append(_without(one, dropped[one.write.id]))
        if not again:
            break
        answers.add(send(conn, object_type, verb, again))
    for name, fields_ in dropped.items():
        outcome = answers.outcomes[name]
        if isinstance(outcome, Written):
            answers.outcomes[name] = attrs.evolve(outcome, dropped=fields_)


def _without(one: Input, names: Sequence[str]) -> Input:
    kept = {name: value for name, value in one.properties.items() if name not in names}
    return attrs.evolve(one, body={**one.body, "properties": kept})


def _tell_unsent(inputs: Sequence[Input], answers: Answers) -> None:
    """An upsert has no place for fields of new records only; say which were left out."""
    for one in inputs:
        outcome = answers.outcomes[one.write.id]
        if isinstance(outcome, Written) and outcome.created and one.write.on_create:
            dropped = (*outcome.dropped, *one.write.on_create)
            answers.outcomes[one.write.id] = attrs.evolve(outcome, dropped=dropped)

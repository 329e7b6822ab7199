"""`write_records`: persons first, then what refers to them, each kind in one batch call."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import attrs

from crmwire.errors import Failure, Rejected
from crmwire.types import Write, Written
from crmwire.waves import references, resolve
from crmwire_hubspot.associating import associate
from crmwire_hubspot.batches import Answers, Input, Verb, send
from crmwire_hubspot.companies import folded, of_followers
from crmwire_hubspot.existing import conflicts, fill_existing
from crmwire_hubspot.gone import gone, missing_record
from crmwire_hubspot.inputs import VERBS, input_of
from crmwire_hubspot.kinds import linked_type
from crmwire_hubspot.newcomers import as_creates
from crmwire_hubspot.options import fitted, read_options, refused_outcome
from crmwire_hubspot.preparing import prepared

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
    sending, followers = folded(writes)
    creates, failures = as_creates(conn, sending)
    outcomes: dict[str, Outcome] = dict(failures)
    now = [creates.get(write.id, write) for write in sending if write.id not in outcomes]
    outcomes |= _send_each(conn, now, newcomers=creates)
    # Somebody was faster: they are not new, and are upserted as all others are.
    met = [write for write in sending if write.id in creates and conflicts(outcomes[write.id])]
    outcomes |= _send_each(conn, met)
    for write in met:
        del creates[write.id]
    outcomes |= of_followers(followers, outcomes)
    return outcomes | associate(conn, [creates.get(write.id, write) for write in sending], outcomes)


def _send_each(
    conn: Connection, writes: Sequence[Write], *, newcomers: Collection[str] = ()
) -> dict[str, Outcome]:
    outcomes: dict[str, Outcome] = {}
    left_out: dict[str, tuple[str, ...]] = {}
    groups: dict[tuple[str, Verb], list[Input]] = {}
    for write in writes:
        try:
            ready, left_out[write.id] = prepared(conn, write)
            one = input_of(ready)
        except Rejected as error:
            outcomes[write.id] = error
            continue
        if write.action == "update" and not ready.fields and ready.record is not None:
            # Only to be associated: there is nothing to change in the record itself.
            outcomes[write.id] = Written(id=write.id, type=write.type, record=ready.record)
            continue
        groups.setdefault((write.type, VERBS[write.action]), []).append(one)
    for (object_type, verb), inputs in groups.items():
        outcomes |= _send_group(conn, object_type, verb, inputs, newcomers)
    for write in writes:
        outcome = _with_left_out(outcomes[write.id], left_out.get(write.id, ()))
        outcomes[write.id] = gone(write, outcome) if isinstance(outcome, Failure) else outcome
    return outcomes


def _with_left_out(outcome: Outcome, names: Sequence[str]) -> Outcome:
    if isinstance(outcome, Written) and names:
        return attrs.evolve(outcome, dropped=(*names, *outcome.dropped))
    return outcome


def _send_group(
    conn: Connection,
    object_type: str,
    verb: Verb,
    inputs: Sequence[Input],
    newcomers: Collection[str],
) -> dict[str, Outcome]:
    answers = send(conn, object_type, verb, inputs)
    inputs, left_out = _spelled_otherwise(conn, object_type, verb, inputs, answers)
    _without_what_may_be_dropped(conn, object_type, verb, inputs, answers)
    if verb == "create":
        others = [one for one in inputs if one.write.id not in newcomers]
        answers.outcomes |= fill_existing(conn, object_type, others, answers)
    if verb == "upsert":
        _tell_unsent(inputs, answers)
    for name, names in left_out.items():
        answers.outcomes[name] = _with_left_out(answers.outcomes[name], names)
    return answers.outcomes


def _spelled_otherwise(
    conn: Connection, object_type: str, verb: Verb, inputs: Sequence[Input], answers: Answers
) -> tuple[Sequence[Input], dict[str, tuple[str, ...]]]:
    """Send meetings that were refused for their outcome as the account spells it, if at all.

    Returns the inputs as they were sent last, and what was left out of them.
    """
    refused = [one for one in inputs if refused_outcome(answers.outcomes.get(one.write.id))]
    left_out: dict[str, tuple[str, ...]] = {}
    if not refused or not read_options(conn):
        return inputs, left_out
    again: dict[str, Input] = {}
    for one in refused:
        try:
            write, names = fitted(conn, one.write)
        except Rejected as error:
            answers.outcomes[one.write.id] = error
            continue
        if write != one.write:
            left_out[write.id] = names
            again[write.id] = input_of(write)
    answers.add(send(conn, object_type, verb, list(again.values())))
    return [again.get(one.write.id, one) for one in inputs], left_out


def _without_what_may_be_dropped(
    conn: Connection, object_type: str, verb: Verb, inputs: Sequence[Input], answers: Answers
) -> None:
    """Send again, without the fields HubSpot refused, what the mapping allows to drop."""
    dropped: dict[str, tuple[str, ...]] = {}
    while True:
        again: list[Input] = []
        for one in inputs:
            refused = answers.outcomes.get(one.write.id)
            before = dropped.get(one.write.id, ())
            fields = _refused_fields(one, refused)
            if not fields or set(fields) & set(before) or not set(fields) <= set(one.write.fields):
                continue
            if set(fields) <= set(one.write.drop_allowed):
                dropped[one.write.id] = (*before, *fields)
                again.append(_without(one, dropped[one.write.id]))
        if not again:
            break
        answers.add(send(conn, object_type, verb, again))
    for name, fields_ in dropped.items():
        outcome = answers.outcomes[name]
        if isinstance(outcome, Written):
            answers.outcomes[name] = attrs.evolve(outcome, dropped=fields_)


def _refused_fields(one: Input, refused: Outcome | None) -> tuple[str, ...]:
    """The fields that a refusal is about. An association that cannot be names no property."""
    if not isinstance(refused, Rejected):
        return ()
    if refused.fields:
        return refused.fields
    if one.write.action != "create" or missing_record(refused) is None:
        return ()
    return tuple(name for name in one.write.fields if linked_type(name) is not None)


def _without(one: Input, names: Sequence[str]) -> Input:
    kept = {name: value for name, value in one.write.fields.items() if name not in names}
    return input_of(attrs.evolve(one.write, fields=kept))


def _tell_unsent(inputs: Sequence[Input], answers: Answers) -> None:
    """An upsert has no place for fields of new records only; say which were left out."""
    for one in inputs:
        outcome = answers.outcomes[one.write.id]
        if isinstance(outcome, Written) and outcome.created and one.write.on_create:
            dropped = (*outcome.dropped, *one.write.on_create)
            answers.outcomes[one.write.id] = attrs.evolve(outcome, dropped=dropped)

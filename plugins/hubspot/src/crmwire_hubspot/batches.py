"""One batch call after another: at most 100 inputs, no key twice, every input answered for.

Every input carries an `objectWriteTraceId`: without it one bad input refuses the whole batch,
with it the others are written and the answer is 207. Results come in any order and are matched by
that id. (developers.hubspot.com/docs, "Batch operations", read 2026-11; the rest is seen in
published answers of the live service.)
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import attrs
from attrs import define, frozen

from crmwire.errors import Failure, RetryLater
from crmwire.types import Json, Write, Written
from crmwire_hubspot import paths
from crmwire_hubspot.bodies import ErrorBody, read, read_text
from crmwire_hubspot.errors import classify, failure
from crmwire_hubspot.results import is_text
from crmwire_hubspot.scopes import naming_scope, scope

if TYPE_CHECKING:
    from crmwire.connections import Connection
    from crmwire.http import Response

MOST = 100
"""Inputs in one call."""
_WHOLE = frozenset([400, 409])
"""Statuses by which a whole batch is refused because of some of its inputs; nothing is written."""

Verb = Literal["create", "update", "upsert", "archive"]
Outcome = Written | Failure


@frozen(kw_only=True)
class Input:
    """One record of a batch. `key` (an id, an address) may stand only once in a call."""

    write: Write
    key: str
    body: Mapping[str, Json]

    @property
    def properties(self) -> Mapping[str, Any]:
        given = self.body.get("properties")
        return given if isinstance(given, Mapping) else {}


@define(kw_only=True)
class Answers:
    """The outcome of each write, by its id; `existing`: the record a create met instead."""

    outcomes: dict[str, Outcome] = attrs.field(factory=dict)
    existing: dict[str, str] = attrs.field(factory=dict)

    def add(self, other: Answers) -> None:
        self.outcomes |= other.outcomes
        self.existing |= other.existing

    def fail(self, inputs: Iterable[Input], why: Failure) -> None:
        """Give each of these inputs a failure of its own."""
        for one in inputs:
            self.outcomes[one.write.id] = copy.copy(why)


def send(conn: Connection, object_type: str, verb: Verb, inputs: Sequence[Input]) -> Answers:
    """Send all inputs in as few calls as the API allows; never raises for an input's sake."""
    answers = Answers()
    for chunk in chunks(inputs):
        answers.add(_send(conn, object_type, verb, chunk))
    return answers


def chunks(inputs: Iterable[Input]) -> Iterator[list[Input]]:
    """Split inputs into calls: a key twice in one call would refuse it, so it goes into the next.

    Inputs of one key stay in order.
    """
    calls: list[list[Input]] = []
    keys: list[set[str]] = []
    for one in inputs:
        for call, known in zip(calls, keys, strict=True):
            if len(call) < MOST and one.key not in known:
                call.append(one)
                known.add(one.key)
                break
        else:
            calls.append([one])
            keys.append({one.key})
    yield from calls


def _send(conn: Connection, object_type: str, verb: Verb, inputs: list[Input]) -> Answers:
    answers = Answers()
    traced = [
        {**one.body, "objectWriteTraceId": str(number)} if verb != "archive" else dict(one.body)
        for number, one in enumerate(inputs)
    ]
    try:
        response = conn.http.post(
            paths.objects(conn, object_type, "batch", verb),
            {"inputs": traced},
            safe=verb != "create",
            accept=_WHOLE,
        )
        if response.status in _WHOLE:
            return _refused(conn, object_type, verb, inputs, response)
        data = response.json()
    except Failure as error:
        answers.fail(inputs, naming_scope(error, scope(object_type, "write")))
        return answers
    if verb == "archive" and not data:  # 204: no body
        for one in inputs:
            answers.outcomes[one.write.id] = _written(one, verb, {"id": one.key}, response)
        return answers
    return _matched(verb, inputs, data if isinstance(data, Mapping) else {}, response)


# ---------------------------------------------------------------- a batch that was refused


def _refused(
    conn: Connection, object_type: str, verb: Verb, inputs: list[Input], response: Response
) -> Answers:
    """Fail the inputs that the refusal names and send the others again, or halve the batch."""
    error = read_text(response.text)
    why = classify(response.status, response.headers, response.text)
    why.marked(sent="no", request_id=response.request_id)
    answers = Answers()
    named = inputs if len(inputs) == 1 else _named(inputs, error)
    if named:
        answers.fail(named, why)
        if len(named) == 1 and error.existing_id:
            answers.existing[named[0].write.id] = error.existing_id
        rest = [one for one in inputs if one not in named]
        parts = [rest] if rest else []
    else:
        middle = len(inputs) // 2
        parts = [inputs[:middle], inputs[middle:]]
    for part in parts:
        answers.add(_send(conn, object_type, verb, part))
    return answers


def _named(inputs: list[Input], error: ErrorBody) -> list[Input]:
    """The inputs that a refusal is surely about; none if it does not say."""
    if error.trace_ids:
        return [one for number, one in enumerate(inputs) if str(number) in error.trace_ids]
    unknown = {
        problem.field for problem in error.problems if problem.code == "PROPERTY_DOESNT_EXIST"
    }
    if unknown and unknown == set(error.fields):
        return [one for one in inputs if unknown & set(one.properties)]
    return []


# ---------------------------------------------------------------- a batch that was answered


def _matched(
    verb: Verb, inputs: list[Input], data: Mapping[str, Any], response: Response
) -> Answers:
    """Give each input its result or error; what has neither is of unknown outcome."""
    answers = Answers()
    open_ = {str(number): one for number, one in enumerate(inputs)}
    for result in _objects(data.get("results")):
        number = _number_of_result(result, open_, alone=len(inputs) == 1)
        if number is not None and is_text(result.get("id")):
            one = open_.pop(number)
            answers.outcomes[one.write.id] = _written(one, verb, result, response)
    for item in _objects(data.get("errors")):
        error = read(item)
        for number in _numbers_of_error(error, open_):
            one = open_.pop(number)
            answers.outcomes[one.write.id] = failure(error, request_id=response.request_id)
            if error.existing_id:
                answers.existing[one.write.id] = error.existing_id
    for one in open_.values():
        answers.outcomes[one.write.id] = RetryLater(
            "HubSpot's answer says nothing about this record.",
            code="NO_RESULT",
            request_id=response.request_id,
            sent="unknown",
        )
    return answers


def _number_of_result(
    result: Mapping[str, Any], open_: Mapping[str, Input], *, alone: bool
) -> str | None:
    """Whose result it is: by its trace id; where that is left out, by what is unmistakable."""
    trace = result.get("objectWriteTraceId")
    if trace is not None:
        return str(trace) if str(trace) in open_ else None
    if alone:
        return next(iter(open_), None)
    properties = result.get("properties")
    seen = properties if isinstance(properties, Mapping) else {}
    keys = {str(result.get("id")), str(seen.get("email") or "").lower()} - {""}
    found = [number for number, one in open_.items() if one.key in keys]
    return found[0] if len(found) == 1 else None


def _numbers_of_error(error: ErrorBody, open_: Mapping[str, Input]) -> list[str]:
    if error.trace_ids:
        return [number for number in dict.fromkeys(error.trace_ids) if number in open_]
    if error.ids:
        ids = {name.lower() for name in error.ids}
        return [number for number, one in open_.items() if one.key.lower() in ids]
    return list(open_) if len(open_) == 1 else []


def _written(one: Input, verb: Verb, result: Mapping[str, Any], response: Response) -> Written:
    created = {"create": True, "upsert": result.get("new")}.get(verb, False)
    url = result.get("url")
    return Written(
        id=one.write.id,
        type=one.write.type,
        record=str(result["id"]),
        created=created if isinstance(created, bool) else None,
        url=url if isinstance(url, str) else None,
        request_id=response.request_id,
    )


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []

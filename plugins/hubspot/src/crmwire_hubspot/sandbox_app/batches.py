"""Batch routes of records: 207, trace ids, shuffled results, keys that may stand once only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from crmwire_hubspot.sandbox_app.answers import batch_answer, inputs_of
from crmwire_hubspot.sandbox_app.kinds import CONTACTS, Kind, kind_of
from crmwire_hubspot.sandbox_app.records import (
    Plan,
    archive,
    check_unique_property,
    planned_create,
    planned_update,
    planned_upsert,
    shown,
)
from crmwire_hubspot.sandbox_app.refusals import Refusal, conflict, invalid, malformed

if TYPE_CHECKING:
    from crmwire_hubspot.sandbox_app.calls import Call
    from crmwire_hubspot.sandbox_app.portal import Portal

MOST = 100
Given = Mapping[str, Any]


class _Gone(Exception):
    """An input names a record that is not there; it never refuses the others."""


def create(call: Call) -> Response:
    """POST .../batch/create."""
    kind = kind_of(call.params["type"])
    inputs = inputs_of(call, MOST)
    if kind is CONTACTS:
        # Guess: that addresses that stand twice refuse the batch as ids do.
        _refuse_duplicates([_email(one) for one in inputs])
    return _run(
        call,
        inputs,
        lambda one: planned_create(call, kind, one.get("properties"), one.get("associations")),
        201,
    )


def update(call: Call) -> Response:
    """POST .../batch/update: by record id or a unique custom property, not by email."""
    kind = kind_of(call.params["type"])
    inputs = inputs_of(call, MOST)
    _refuse_duplicates([str(one.get("id")) for one in inputs])

    def plan(one: Given) -> Plan:
        by, key = one.get("idProperty"), str(one.get("id"))
        if by in (None, "hs_object_id"):
            record = call.portal.to_write(kind, key)
        else:
            if by == "email":
                # Measured by others: batch update by address is refused.
                raise Refusal(
                    400,
                    f"Unable to perform update/upsert by non-unique {kind.type_id} property "
                    f"email in portal ID {call.portal.portal_id}",
                )
            check_unique_property(call.portal, kind, str(by))
            record = call.portal.by_property(kind, str(by), key)
        if record is None:
            raise _Gone(key)
        return planned_update(call, kind, record, one.get("properties"))

    return _run(call, inputs, plan, 200, kind=kind)


def upsert(call: Call) -> Response:
    """POST .../batch/upsert: by the contact's address or a unique property."""
    kind = kind_of(call.params["type"])
    inputs = inputs_of(call, MOST)
    _refuse_duplicates([str(one.get("id", "")).strip().lower() for one in inputs])

    def plan(one: Given) -> Plan:
        name, key = str(one.get("idProperty") or "hs_object_id"), str(one.get("id", ""))
        return planned_upsert(call, kind, name, key, one.get("properties"))

    return _run(call, inputs, plan, 200)


def read(call: Call) -> Response:
    """POST .../batch/read: what is found, and an error that names what is not."""
    kind = kind_of(call.params["type"])
    portal = call.portal
    inputs = inputs_of(call, MOST)
    by = call.body.get("idProperty")
    names = call.body.get("properties") or ()
    if by not in (None, "", "hs_object_id"):
        check_unique_property(portal, kind, str(by))
    results: dict[str, dict[str, Any]] = {}
    missing: list[str] = []
    for one in inputs:
        key = str(one.get("id"))
        record = (
            portal.by_id(kind, key)
            if by in (None, "", "hs_object_id")
            else portal.by_property(kind, str(by), key)
        )
        if record is None:
            missing.append(key)
        else:
            results[record.id] = shown(portal, record, names)
    errors = [_gone(kind, missing).item()] if missing else []
    return batch_answer(_shuffled(portal, list(results.values())), errors, 200)


def archive_all(call: Call) -> Response:
    """POST .../batch/archive: 204, also for ids that are not there."""
    kind = kind_of(call.params["type"])
    inputs = inputs_of(call, MOST)
    _refuse_duplicates([str(one.get("id")) for one in inputs])
    for one in inputs:
        record = call.portal.by_id(kind, str(one.get("id")))
        if record is not None:
            archive(call.portal, record, call.commit)
    return Response(status_code=204)


def _run(
    call: Call,
    inputs: Sequence[Given],
    plan: Callable[[Given], Plan],
    status: int,
    *,
    kind: Kind | None = None,
) -> JSONResponse:
    """Check all, then do what may be done.

    With a trace id in every input the bad ones are told and the others written; without, one bad
    input refuses all. Guess: trace ids in some of the inputs count as none.
    """
    traces = [str(one["objectWriteTraceId"]) for one in inputs if "objectWriteTraceId" in one]
    traced = len(traces) == len(inputs)
    if traced and len(set(traces)) != len(traces):
        raise malformed("`objectWriteTraceId` must be unique in a request")  # Guess.
    plans: list[tuple[Given, Plan]] = []
    refused: list[tuple[Given, Refusal]] = []
    gone: list[str] = []
    for one in inputs:
        try:
            plans.append((one, plan(one)))
        except _Gone as missing:
            gone.append(str(missing))
        except Refusal as refusal:
            refused.append((one, refusal))
    if refused and not traced:
        raise _together([refusal for _, refusal in refused])
    results = [_result(call.portal, one, planned) for one, planned in plans]
    errors = [refusal.item(str(one["objectWriteTraceId"])) for one, refusal in refused]
    if gone and kind is not None:
        errors.append(_gone(kind, gone).item())
    return batch_answer(_omitted(call.portal, results), errors, status)


def _result(portal: Portal, one: Given, plan: Plan) -> dict[str, Any]:
    _, data = plan()
    if portal.trace_echo and "objectWriteTraceId" in one:
        data = {**data, "objectWriteTraceId": str(one["objectWriteTraceId"])}
    return data


def _together(refusals: Sequence[Refusal]) -> Refusal:
    """One refusal for the whole batch."""
    problems = [problem for refusal in refusals for problem in refusal.problems]
    if problems:
        return invalid(problems)
    first = refusals[0]
    if first.existing is not None:
        return conflict(first.existing if len(refusals) == 1 else None)
    return first


def _gone(kind: Kind, ids: list[str]) -> Refusal:
    return Refusal(
        404,
        f"Could not get some {kind.upper} objects, they may be deleted or not exist. "
        "Check that ids are valid.",
        category="OBJECT_NOT_FOUND",
        context={"ids": ids},
    )


def _refuse_duplicates(keys: Sequence[str]) -> None:
    twice = sorted({key for key in keys if key and keys.count(key) > 1})
    if twice:
        raise Refusal(
            400,
            f"Duplicate IDs found in batch input: [{', '.join(twice)}]. IDs must be unique",
            context={"ids": twice},
        )


def _email(one: Given) -> str:
    given = one.get("properties")
    value = given.get("email") if isinstance(given, Mapping) else None
    return str(value or "").strip().lower()


def _shuffled(portal: Portal, results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Results are not in the order of the inputs (recorded: ten creates came back shuffled)."""
    portal.random.shuffle(results)
    return results


def _omitted(portal: Portal, results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Shuffled, and less those that a person told the sandbox to leave out."""
    results = _shuffled(portal, results)
    left_out = min(portal.omit_results, len(results))
    portal.omit_results -= left_out
    return results[left_out:]

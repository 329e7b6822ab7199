"""Writes judged one by one: up to 200 records in a call of `composite/sobjects`.

"Collections" in the REST API Developer Guide (read 2026-11): 200 rows, in at most 10 runs of
one type.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crmwire.errors import Failure, Rejected
from crmwire.http import Method, Request
from crmwire.types import Write, Written
from crmwire_salesforce.api import data_path, record_url
from crmwire_salesforce.bodies import body_of
from crmwire_salesforce.errors import failure_of, unreadable
from crmwire_salesforce.graphs import graph_of, send_graphs
from crmwire_salesforce.mending import mended
from crmwire_salesforce.outcomes import Outcomes, dropped

if TYPE_CHECKING:
    from crmwire.connections import Connection

MAX_ROWS = 200
MAX_RUNS = 10


def send_rows(
    conn: Connection,
    writes: Sequence[Write],
    outcomes: Outcomes,
    headers: Mapping[str, str],
) -> None:
    """Send creates, updates and upserts until each has an outcome."""
    asked = {write.id: write for write in writes}
    queue = list(writes)
    unnamed: list[Write] = []
    while queue:
        again: list[Write] = []
        for method, path, part in _calls(queue):
            if outcomes.stopped is not None:
                outcomes.not_sent(part)
                continue
            request = Request(
                method=method,
                path=data_path(conn, path),
                json={"allOrNone": False, "records": [_row(w, outcomes) for w in part]},
                headers=headers,
            )
            again += _send(conn, request, part, outcomes, asked, unnamed)
        queue = again
    # A collection does not name the records that a duplicate rule found; a graph does.
    send_graphs(conn, [graph_of([write]) for write in unnamed], outcomes, headers)


def _calls(writes: Sequence[Write]) -> Iterator[tuple[Method, str, list[Write]]]:
    """The calls that hold these writes: method, path and writes of each."""
    by_call: dict[tuple[Method, str], list[Write]] = {}
    for write in sorted(writes, key=lambda write: write.type):
        if write.action == "upsert" and write.match is not None:
            key: tuple[Method, str] = (
                "PATCH",
                f"/composite/sobjects/{write.type}/{write.match.name}",
            )
        else:
            key = ("POST" if write.action == "create" else "PATCH", "/composite/sobjects")
        by_call.setdefault(key, []).append(write)
    for (method, path), together in by_call.items():
        part: list[Write] = []
        for write in together:
            types = {one.type for one in part} | {write.type}
            if len(part) == MAX_ROWS or len(types) > MAX_RUNS:
                yield method, path, part
                part = []
            part.append(write)
        yield method, path, part


def _row(write: Write, outcomes: Outcomes) -> dict[str, Any]:
    row: dict[str, Any] = {"attributes": {"type": write.type}}
    if write.action == "update":
        row["id"] = write.record
    if write.match is not None:
        row[write.match.name] = write.match.value
    return row | body_of(write, lambda name: outcomes.record(name) or "")


def _send(
    conn: Connection,
    request: Request,
    writes: list[Write],
    outcomes: Outcomes,
    asked: Mapping[str, Write],
    unnamed: list[Write],
) -> list[Write]:
    """Make one call, note what is settled, and return what is to be sent again at once.

    What a duplicate rule refused is put into `unnamed`.
    """
    try:
        response = conn.http.send(request)
        results = response.json()
        if not isinstance(results, list) or len(results) != len(writes):
            raise unreadable("a write", response.request_id)
    except Failure as failure:
        if not isinstance(failure, Rejected) or len(writes) == 1:
            outcomes.failed_call(writes, failure)
            return []
        # Refused before anything was run. One row may be the cause, so each goes alone.
        left = []
        for write in writes:
            if outcomes.stopped is not None:
                outcomes.not_sent([write])
                continue
            alone = {"allOrNone": False, "records": [_row(write, outcomes)]}
            left += _send(conn, _with_json(request, alone), [write], outcomes, asked, unnamed)
        return left
    again = []
    for write, result in zip(writes, results, strict=True):
        outcome = _outcome(conn, write, result, asked, response.request_id)
        if isinstance(outcome, Failure) and outcome.code == "DUPLICATES_DETECTED":
            unnamed.append(write)
            continue
        if isinstance(outcome, Failure):
            better = mended(conn, write, outcome, outcomes)
            if isinstance(better, Write):
                again.append(better)
                continue
            outcome = better
        outcomes.by_id[write.id] = outcome
    return again


def _with_json(request: Request, json: object) -> Request:
    return Request(method=request.method, path=request.path, json=json, headers=request.headers)


def _outcome(
    conn: Connection, write: Write, result: Any, asked: Mapping[str, Write], request_id: str
) -> Written | Failure:
    """One row's result. Errors are named by `statusCode` here, without a status."""
    if isinstance(result, dict) and result.get("success") is True:
        id_ = str(result.get("id") or write.record)
        return Written(
            id=write.id,
            type=write.type,
            record=id_,
            created=write.action == "create" or result.get("created") is True,
            url=record_url(conn, id_),
            dropped=dropped(write, asked),
            request_id=request_id,
        )
    failure = failure_of(400, result, request_id=request_id)
    return failure or unreadable("a write", request_id)

"""`composite` and `composite/graph`: several calls in one, referring to each other's results."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from crmwire_salesforce.sandbox_app.calls import Answer, Call, read_call
from crmwire_salesforce.sandbox_app.org import Org
from crmwire_salesforce.sandbox_app.problems import Refused, not_parsed

Dispatch = Callable[[Org, Call], Answer]

MAX_REQUESTS = 25
MAX_QUERIES = 5
MAX_GRAPHS = 75
MAX_NODES = 500
MAX_FAILED_GRAPHS = 14
MAX_DEPTH = 15
MAX_KINDS = 15

_REFERENCE = re.compile(r"@\{([A-Za-z]\w*)((?:\.\w+|\[\d+\])+)\}|@\{([^}]*)\}")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_REFERENCE_ID = re.compile(r"[A-Za-z]\w*")
_GRAPH_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,38}")
_HALTED = "The transaction was rolled back since another operation in the same transaction failed."


def answer_composite(org: Org, call: Call, dispatch: Dispatch) -> Answer:
    """Answer `/composite`. The status is 200 once the request could be read. Raises: Refused."""
    requests = _requests(call.body)
    queries = sum(
        "/query" in str(r.get("url")) or "/composite/" in str(r.get("url")) for r in requests
    )
    # Guess: code and wording of both limits; that they are refused as a whole is documented.
    if len(requests) > MAX_REQUESTS:
        raise Refused("LIMIT_EXCEEDED", f"A composite has at most {MAX_REQUESTS} subrequests.")
    if queries > MAX_QUERIES:
        raise Refused("LIMIT_EXCEEDED", f"A composite has at most {MAX_QUERIES} queries.")
    all_or_none = bool(call.body.get("allOrNone"))
    results = _run(org, call, requests, dispatch, all_or_none=all_or_none)
    return Answer(body={"compositeResponse": results})


def answer_graph(org: Org, call: Call, dispatch: Dispatch) -> Answer:
    """Answer `/composite/graph`: each graph stands or falls alone. Raises: Refused."""
    graphs = call.body.get("graphs") if isinstance(call.body, dict) else None
    if not isinstance(graphs, list) or not all(isinstance(graph, dict) for graph in graphs):
        raise not_parsed("The request needs a list `graphs`.")
    ids = [str(graph.get("graphId", "")) for graph in graphs]
    nodes = [_requests(graph) for graph in graphs]
    # Guess: code and wording of these refusals; the limits are documented.
    if len(graphs) > MAX_GRAPHS or sum(len(requests) for requests in nodes) > MAX_NODES:
        raise Refused("LIMIT_EXCEEDED", f"At most {MAX_GRAPHS} graphs and {MAX_NODES} nodes.")
    if len({_kind(request) for requests in nodes for request in requests}) > MAX_KINDS:
        raise Refused("LIMIT_EXCEEDED", f"At most {MAX_KINDS} kinds of nodes.")
    if any(_depth(requests) > MAX_DEPTH for requests in nodes):
        raise Refused("LIMIT_EXCEEDED", f"At most {MAX_DEPTH} nodes may depend on each other.")
    if len(set(ids)) < len(ids) or not all(_GRAPH_ID.fullmatch(id_) for id_ in ids):
        raise not_parsed("Each graph needs a graphId of its own.")
    answers, failed = [], 0
    for id_, requests in zip(ids, nodes, strict=True):
        if failed < MAX_FAILED_GRAPHS:
            results = _run(org, call, requests, dispatch, all_or_none=True, graph=True)
        else:
            # Guess: what graphs that were not run show; that they are not run is documented.
            results = [_halted(request, "The graph was not processed.") for request in requests]
        good = all(result["httpStatusCode"] < 300 for result in results)
        failed += not good
        answers.append(
            {"graphId": id_, "graphResponse": {"compositeResponse": results}, "isSuccessful": good}
        )
    return Answer(body={"graphs": answers})


def _kind(request: Mapping[str, Any]) -> tuple[str, str]:
    """What counts as one kind of node: its method, object and version."""
    return str(request.get("method")), "/".join(str(request.get("url")).split("/")[:6])


def _depth(requests: Sequence[Mapping[str, Any]]) -> int:
    """How many nodes of a graph follow each other by their references."""
    depths: dict[str, int] = {}
    for request in requests:
        named = _REFERENCE.findall(json.dumps([request.get("url"), request.get("body")]))
        depths[str(request["referenceId"])] = 1 + max(
            (depths.get(name, 0) for name, _, _ in named), default=0
        )
    return max(depths.values(), default=0)


def _requests(body: Any) -> list[dict[str, Any]]:
    requests = body.get("compositeRequest") if isinstance(body, dict) else None
    if not isinstance(requests, list) or not all(isinstance(one, dict) for one in requests):
        raise not_parsed("The request needs a list `compositeRequest`.")
    ids = [str(request.get("referenceId", "")) for request in requests]
    if len(set(ids)) < len(ids) or not all(_REFERENCE_ID.fullmatch(id_) for id_ in ids):
        raise not_parsed("Each subrequest needs a referenceId of its own: letters, digits and _.")
    return requests


def _run(
    org: Org,
    call: Call,
    requests: Sequence[Mapping[str, Any]],
    dispatch: Dispatch,
    *,
    all_or_none: bool,
    graph: bool = False,
) -> list[dict[str, Any]]:
    """Run the subrequests in order; with `all_or_none` one failure takes all of them back."""
    begin = org.mark()
    results: list[dict[str, Any]] = []
    bodies: dict[str, Any] = {}
    for request in requests:
        mark = org.mark()
        try:
            answer = _one(org, call, request, bodies, dispatch, graph=graph)
        except Refused as error:
            org.roll_back(mark)
            answer = Answer(status=error.status, body=error.body())
        name = str(request["referenceId"])
        if answer.status < 300:
            bodies[name] = answer.body
        results.append(_result(name, answer))
        if all_or_none and answer.status >= 300:
            org.roll_back(begin)
            return [
                results[-1] if other is request else _halted(other, _HALTED) for other in requests
            ]
    return results


def _one(
    org: Org,
    call: Call,
    request: Mapping[str, Any],
    bodies: Mapping[str, Any],
    dispatch: Dispatch,
    *,
    graph: bool,
) -> Answer:
    headers = {str(k).lower(): str(v) for k, v in (request.get("httpHeaders") or {}).items()}
    inner = read_call(
        str(request.get("method", "")),
        _filled(str(request.get("url", "")), bodies),
        {**call.headers, **headers},
        _filled(request.get("body"), bodies),
    )
    if graph and (inner.path[:1] != ("sobjects",) or len(inner.path) < 2):
        raise Refused("INVALID_INPUT", "A graph takes single records only.")
    if inner.path[:1] == ("composite",) and inner.path[1:2] != ("sobjects",):
        raise Refused("INVALID_INPUT", "A composite cannot stand in a composite.")
    return dispatch(org, inner)


def _result(name: str, answer: Answer) -> dict[str, Any]:
    return {
        "body": answer.body,
        "httpHeaders": dict(answer.headers),
        "httpStatusCode": answer.status,
        "referenceId": name,
    }


def _halted(request: Mapping[str, Any], message: str) -> dict[str, Any]:
    body = Refused("PROCESSING_HALTED", message).body()
    return _result(str(request["referenceId"]), Answer(status=400, body=body))


def _filled(value: Any, bodies: Mapping[str, Any]) -> Any:
    """The value with each `@{name.path}` replaced by what that subrequest answered."""
    if isinstance(value, str):
        return _REFERENCE.sub(lambda found: _looked_up(found, bodies), value)
    if isinstance(value, dict):
        return {name: _filled(part, bodies) for name, part in value.items()}
    if isinstance(value, list):
        return [_filled(part, bodies) for part in value]
    return value


def _looked_up(found: re.Match[str], bodies: Mapping[str, Any]) -> str:
    name, path, _ = found.groups()
    value = bodies.get(name) if name else None
    for key, index in _STEP.findall(path or ""):
        if key and isinstance(value, dict):
            value = value.get(key)
        elif index and isinstance(value, list) and int(index) < len(value):
            value = value[int(index)]
        else:
            value = None
    if not isinstance(value, str | int | float):
        told = found[0][2:-1]
        raise Refused(
            "PROCESSING_HALTED",
            f"Invalid reference specified. No value for {told} found in {name or told}",
        )
    return str(value)

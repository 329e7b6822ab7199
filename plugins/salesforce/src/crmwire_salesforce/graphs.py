"""Writes that stand or fall together, each group as one graph, many graphs in a call.

"Composite Graph" in the REST API Developer Guide (read 2026-11): 75 graphs and 500 nodes in a
call; each graph is all-or-nothing by itself; after 14 failed graphs the rest are not run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from attrs import frozen

from crmwire.errors import Failure, Rejected, RetryLater
from crmwire.http import Request
from crmwire.types import Write, Written
from crmwire.waves import waves
from crmwire_salesforce.api import data_path, record_url
from crmwire_salesforce.bodies import body_of
from crmwire_salesforce.error_table import TABLE
from crmwire_salesforce.errors import HALTED, codes, failure_of, unreadable
from crmwire_salesforce.mending import mended
from crmwire_salesforce.outcomes import GONE, Outcomes, consequence, dropped

if TYPE_CHECKING:
    from crmwire.connections import Connection

MAX_GRAPHS = 75
MAX_NODES = 500
MAX_KINDS = 15
"""Different kinds of nodes in a call: method and object."""


@frozen
class Graph:
    """The writes of one group, in an order in which each comes after those it refers to."""

    writes: tuple[Write, ...]

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice does no harm."""
        return all(write.action != "create" for write in self.writes)

    @property
    def nodes(self) -> int:
        """How many requests it consists of."""
        return len(self.writes) + sum(is_new_person_account(write) for write in self.writes)


def graph_of(writes: Sequence[Write]) -> Graph:
    return Graph(tuple(write for wave in waves(writes) for write in wave))


def send_graphs(
    conn: Connection, graphs: Sequence[Graph], outcomes: Outcomes, headers: Mapping[str, str]
) -> None:
    """Send graphs until each has an outcome."""
    asked = {write.id: write for graph in graphs for write in graph.writes}
    queue = list(graphs)
    while queue:
        if outcomes.stopped is not None:
            outcomes.not_sent(write for graph in queue for write in graph.writes)
            return
        call, queue = _filled_call(queue)
        queue = _send(conn, call, outcomes, asked, headers) + queue


def _filled_call(queue: list[Graph]) -> tuple[list[Graph], list[Graph]]:
    """As many graphs as one call takes, and the rest."""
    nodes = 0
    kinds: set[tuple[str, str]] = set()
    for count, graph in enumerate(queue):
        nodes += graph.nodes
        kinds |= {(write.action, write.type) for write in graph.writes}
        full = nodes > MAX_NODES or len(kinds) > MAX_KINDS - 1  # one is left for a reading
        if count == MAX_GRAPHS or (count and full):
            return queue[:count], queue[count:]
    return queue, []


def _send(
    conn: Connection,
    graphs: list[Graph],
    outcomes: Outcomes,
    asked: Mapping[str, Write],
    headers: Mapping[str, str],
) -> list[Graph]:
    """Make one call, note what is settled, and return what is to be sent again at once."""
    request = Request(
        method="POST",
        path=data_path(conn, "/composite/graph"),
        json={"graphs": [_json(conn, n, graph, outcomes) for n, graph in enumerate(graphs)]},
        headers=headers,
        safe=all(graph.repeatable for graph in graphs),
    )
    writes = [write for graph in graphs for write in graph.writes]
    try:
        response = conn.http.send(request)
        answers = _answers(response.json(), response.request_id)
    except Rejected as failure:
        # Refused before anything was run. One graph may be the cause, so the halves go alone.
        if len(graphs) == 1:
            outcomes.failed_call(writes, failure)
            return []
        half = len(graphs) // 2
        again = _send(conn, graphs[:half], outcomes, asked, headers)
        if outcomes.stopped is not None:
            return [*again, *graphs[half:]]
        return again + _send(conn, graphs[half:], outcomes, asked, headers)
    except Failure as failure:
        outcomes.failed_call(writes, failure)
        return []
    again, not_run = [], []
    for number, graph in enumerate(graphs):
        answer = answers.get(f"g{number}")
        left = _settle(conn, graph, answer, outcomes, asked, response.request_id)
        if left is graph:
            not_run.append(graph)
        elif left is not None:
            again.append(left)
    if len(not_run) == len(graphs):
        none_run = RetryLater(
            "Salesforce ran none of the graphs.", code=HALTED, remedy=TABLE[HALTED].remedy
        )
        outcomes.failed_call(writes, none_run)
        return []
    return again + not_run


# ---------------------------------------------------------------- one graph


def _json(conn: Connection, number: int, graph: Graph, outcomes: Outcomes) -> dict[str, Any]:
    nodes = {write.id: f"n{place}" for place, write in enumerate(graph.writes)}
    accounts = {write.id for write in graph.writes if is_new_person_account(write)}

    def ref_to(name: str) -> str:
        if name in accounts:
            return f"@{{{nodes[name]}c.PersonContactId}}"
        if name in nodes:
            return f"@{{{nodes[name]}.id}}"
        return outcomes.record(name) or ""

    requests: list[dict[str, Any]] = []
    for write in graph.writes:
        node = nodes[write.id]
        requests.append({**_node(conn, write), "referenceId": node, **_body(write, ref_to)})
        if write.id in accounts:
            # What an activity refers to is the contact that the account has.
            path = data_path(conn, f"/sobjects/Account/@{{{node}.id}}?fields=PersonContactId")
            requests.append({"method": "GET", "url": path, "referenceId": f"{node}c"})
    return {"graphId": f"g{number}", "compositeRequest": requests}


def is_new_person_account(write: Write) -> bool:
    """Whether this creates an account that is a person: accounts else have a name only."""
    return write.action == "create" and write.type == "Account" and "LastName" in write.fields


def _node(conn: Connection, write: Write) -> dict[str, str]:
    path = data_path(conn, f"/sobjects/{quote(write.type)}")
    record = quote(write.record or "", safe="")
    match write.action:
        case "create":
            return {"method": "POST", "url": path}
        case "upsert":
            assert write.match is not None
            return {
                "method": "PATCH",
                "url": f"{path}/{write.match.name}/{quote(write.match.value, safe='')}",
            }
        case "update":
            return {"method": "PATCH", "url": f"{path}/{record}"}
        case "delete":
            return {"method": "DELETE", "url": f"{path}/{record}"}


def _body(write: Write, ref_to: Any) -> dict[str, Any]:
    return {} if write.action == "delete" else {"body": body_of(write, ref_to)}


def _answers(content: Any, request_id: str) -> dict[str, dict[str, Any]]:
    """Each graph's nodes by their names. Raises: RetryLater if the answer is none."""
    try:
        return {
            graph["graphId"]: {
                node["referenceId"]: node for node in graph["graphResponse"]["compositeResponse"]
            }
            for graph in content["graphs"]
        }
    except (KeyError, TypeError):
        raise unreadable("a write", request_id) from None


def _settle(
    conn: Connection,
    graph: Graph,
    nodes: Mapping[str, Any] | None,
    outcomes: Outcomes,
    asked: Mapping[str, Write],
    request_id: str,
) -> Graph | None:
    """Note what became of a graph. Return what is left of it to send again, itself if it was
    not run at all, None if it is settled.
    """
    names = [f"n{place}" for place in range(len(graph.writes))]
    if nodes is None or not all(_is_node(nodes.get(name)) for name in names):
        for write in graph.writes:
            outcomes.by_id[write.id] = unreadable("a write", request_id)
        return None
    pairs = [(write, nodes[name]) for write, name in zip(graph.writes, names, strict=True)]
    culprit = next(_failed(pairs), None)
    if culprit is None:
        if any(node["httpStatusCode"] >= 300 for _, node in pairs):
            return graph
        for write, node in pairs:
            contact = (nodes.get(f"{names[graph.writes.index(write)]}c") or {}).get("body") or {}
            outcomes.by_id[write.id] = _written(conn, write, node, asked, request_id, contact)
        return None
    bad, node = culprit
    failure = failure_of(node["httpStatusCode"], node.get("body"), request_id=request_id)
    failure = failure or Rejected("Salesforce refused it without a reason.", request_id=request_id)
    others = tuple(write for write in graph.writes if write is not bad)
    if bad.action == "delete" and failure.code in GONE:
        outcomes.by_id[bad.id] = _written(conn, bad, {}, asked, request_id, {})
        return Graph(others) if others else None
    better = mended(conn, bad, failure, outcomes)
    if isinstance(better, Write):
        return Graph(tuple(better if write is bad else write for write in graph.writes))
    outcomes.by_id[bad.id] = better
    if isinstance(better, Written):
        # Another record stands for it: what refers to it is sent with that one.
        return Graph(others) if others else None
    for write in others:
        outcomes.by_id[write.id] = consequence(better)
    return None


def _is_node(node: Any) -> bool:
    return isinstance(node, dict) and isinstance(node.get("httpStatusCode"), int)


def _failed(pairs: Sequence[tuple[Write, Any]]) -> Iterator[tuple[Write, Any]]:
    """The nodes that failed by themselves, not because of another."""
    for write, node in pairs:
        own = [code for code in codes(node.get("body")) if code != HALTED]
        if node["httpStatusCode"] >= 300 and (own or not codes(node.get("body"))):
            yield write, node


def _written(
    conn: Connection,
    write: Write,
    node: Mapping[str, Any],
    asked: Mapping[str, Write],
    request_id: str,
    contact: Mapping[str, Any],
) -> Written:
    body = node.get("body")
    body = body if isinstance(body, dict) else {}
    id_ = str(contact.get("PersonContactId") or body.get("id") or write.record)
    created = write.action == "create" or body.get("created") is True
    return Written(
        id=write.id,
        type=write.type,
        record=id_,
        created=created,
        url=record_url(conn, id_),
        dropped=dropped(write, asked),
        request_id=request_id,
    )

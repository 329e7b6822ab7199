"""Doing many small conversations with the API at once.

A flow is a generator that yields one request at a time and is given its answer; a failure is
thrown into it, where it may be caught. Flows advance together, so that the requests of one round
go out at once, within the vendor's limits.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TypeVar

from crmwire.connections import Connection
from crmwire.errors import Failure
from crmwire.http import Request, Response

T = TypeVar("T")
Flow = Generator[Request, Response, T]


def run(conn: Connection, flows: Sequence[Flow[T]]) -> list[T | Failure]:
    """What each flow returns, in order, or the failure that ended it."""
    outcomes: dict[int, T | Failure] = {}
    asked: dict[int, Request] = {}
    for number, flow in enumerate(flows):
        _advance(flow, None, number, asked, outcomes)
    while asked:
        sent, asked = asked, {}
        answers = conn.http.map(list(sent.values()))
        for number, answer in zip(sent, answers, strict=True):
            _advance(flows[number], answer, number, asked, outcomes)
    return [outcomes[number] for number in range(len(flows))]


def _advance(
    flow: Flow[T],
    answer: Response | Failure | None,
    number: int,
    asked: dict[int, Request],
    outcomes: dict[int, T | Failure],
) -> None:
    try:
        if answer is None:
            asked[number] = next(flow)
        elif isinstance(answer, Failure):
            asked[number] = flow.throw(answer)
        else:
            asked[number] = flow.send(answer)
    except StopIteration as end:
        outcomes[number] = end.value
    except Failure as failure:
        outcomes[number] = failure

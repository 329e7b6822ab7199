"""Paths of the REST API, and queries sent several at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from crmwire.errors import Failure, RetryLater
from crmwire.http import Request, Response
from crmwire_salesforce.errors import failure_of, unreadable

if TYPE_CHECKING:
    from crmwire.connections import Connection

Row = Mapping[str, Any]
QUERIES = 5
"""Queries in one composite: "Composite" in the REST API Developer Guide, read 2026-11."""
CHUNKS = 50
"""Chunks of one query's answer that are followed, of up to 2,000 rows each."""


def data_path(conn: Connection, path: str = "") -> str:
    """The path of a resource in the connection's API version."""
    return f"/services/data/v{conn.api_version}{path}"


def record_url(conn: Connection, id_: str) -> str:
    """Where a person sees the record."""
    return f"{conn.http.base_url}/{id_}"


def run_queries(
    conn: Connection, statements: Sequence[str], *, deleted: bool = False
) -> list[list[Row] | Failure]:
    """Run SOQL statements, up to five in one call; give the rows of each, or why it failed.

    With `deleted` those in the recycle bin are seen too, and those merged into others.
    """
    path = "/queryAll" if deleted else "/query"
    subrequests = [
        {"method": "GET", "url": data_path(conn, f"{path}?q={quote(text)}"), "referenceId": f"q{n}"}
        for n, text in enumerate(statements)
    ]
    answers = run_composite(conn, subrequests)
    return [_all_rows(conn, answer) for answer in answers]


def run_composite(
    conn: Connection,
    subrequests: Sequence[Mapping[str, Any]],
    *,
    seen: list[Response] | None = None,
) -> list[Any]:
    """Send reads, up to five in one call; give the body of each, or its Failure, in order.

    The answers as they came in are put into `seen`.
    """
    parts = [subrequests[at : at + QUERIES] for at in range(0, len(subrequests), QUERIES)]
    responses = conn.http.map(
        [
            Request(
                method="POST",
                path=data_path(conn, "/composite"),
                json={"allOrNone": False, "compositeRequest": list(part)},
                safe=True,
            )
            for part in parts
        ]
    )
    results: list[Any] = []
    if seen is not None:
        seen += [response for response in responses if isinstance(response, Response)]
    for part, response in zip(parts, responses, strict=True):
        results += _parts(response, [str(one["referenceId"]) for one in part])
    return results


def _parts(response: Response | Failure, names: Sequence[str]) -> list[Any]:
    """The body or the Failure of each subrequest of one call."""
    if isinstance(response, Failure):
        return [response] * len(names)
    try:
        by_name = {one["referenceId"]: one for one in response.json()["compositeResponse"]}
        return [_part(by_name[name], response.request_id) for name in names]
    except (KeyError, TypeError, ValueError, OverflowError, RetryLater):
        failure = unreadable("a look-up", response.request_id).marked(sent="no")
        return [failure] * len(names)


def _part(one: Mapping[str, Any], request_id: str) -> Any:
    status, body = int(one["httpStatusCode"]), one["body"]
    if status < 300:
        return body
    failure = failure_of(status, body, request_id=request_id)
    return failure or unreadable("a look-up", request_id).marked(sent="no")


def _is_row(row: Any) -> bool:
    """Whether it is a row, and names its record if it names one at all."""
    if not isinstance(row, Mapping):
        return False
    id_ = row.get("Id", "none asked for")
    return isinstance(id_, str) and bool(id_.strip())


def _all_rows(conn: Connection, answer: Any) -> list[Row] | Failure:
    """The rows of a query's answer and of the chunks that follow it."""
    rows: list[Row] = []
    try:
        for _ in range(CHUNKS):
            if isinstance(answer, Failure):
                return answer
            some = answer["records"]
            if not isinstance(some, list) or not all(map(_is_row, some)):
                return unreadable("a look-up").marked(sent="no")
            rows += some
            if answer["done"]:
                return rows
            answer = conn.http.get(answer["nextRecordsUrl"]).json()
    except Failure as failure:
        return failure
    except (KeyError, TypeError):
        return unreadable("a look-up").marked(sent="no")
    return RetryLater("A look-up found far more records than one value should have.")

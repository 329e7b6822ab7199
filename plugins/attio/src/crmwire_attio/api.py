"""The requests that the plugin makes, and what their answers hold.

Calls and shapes: docs.attio.com/rest-api/endpoint-reference (read 2026-11). A write answers 200
with the whole record, a create too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from crmwire.errors import RetryLater
from crmwire.http import Method, Request, Response
from crmwire_attio.flows import Flow

Row = Mapping[str, Any]
"""One record, note or task as the API gives it."""
Values = Mapping[str, Sequence[Any]]
"""Attributes by slug, each with a list of values in the form that a write takes."""

CHUNKS = 1000
"""Chunks of one list that are read."""
PAGE = 500
"""Rows of one query: the default, and as many as are asked for at once."""
NOTES_PAGE = 50
"""Notes of one listing at most."""
TASKS_PAGE = 100
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""The form of an id; they are not all of one version (recorded 2026-05)."""
LIST = "lists/"
"""What the type of a list's entries begins with; the list's slug follows."""


def _path(*parts: str) -> str:
    return "/".join(["v2", *(quote(part, safe="", errors="replace") for part in parts)])


# ---------------------------------------------------------------- records


def query(
    object_: str,
    filter_: Mapping[str, Any],
    *,
    offset: int = 0,
    sorts: Sequence[Mapping[str, str]] = (),
) -> Request:
    body: dict[str, Any] = {"filter": filter_, "limit": PAGE, "offset": offset}
    if sorts:
        body["sorts"] = list(sorts)
    return Request(
        method="POST",
        path=_path("objects", object_, "records", "query"),
        json=body,
        safe=True,
        limit="read",
    )


def create(object_: str, values: Values) -> Request:
    return _write("POST", _path("objects", object_, "records"), {"values": values})


def upsert(object_: str, matching_attribute: str, values: Values) -> Request:
    """Update the record that has the matching attribute's value, or create it."""
    return _write(
        "PUT",
        _path("objects", object_, "records"),
        {"values": values},
        {"matching_attribute": matching_attribute},
    )


def append(object_: str, record: str, values: Values) -> Request:
    """Update; values of multiselect attributes join those that are there."""
    return _write("PATCH", _path("objects", object_, "records", record), {"values": values})


def overwrite(object_: str, record: str, values: Values) -> Request:
    """Update; multiselect attributes become exactly what is sent, and `[]` empties any."""
    return _write("PUT", _path("objects", object_, "records", record), {"values": values})


def remove(*parts: str) -> Flow[Response]:
    """Delete; that it is gone already (404) is as good.

    Raises (in the flow): RetryLater if the answer is another than the empty object that the
    documents show, since nothing else says that it is done.
    """
    response = yield Request(
        method="DELETE", path=_path(*parts), accept=frozenset([404]), limit="write"
    )
    if response.status != 404 and response.json():
        raise _unreadable(response)
    return response


def assert_entry(list_: str, object_: str, record: str, values: Values) -> Request:
    """Update the entry that the record has in the list, or create it."""
    data = {"parent_object": object_, "parent_record_id": record, "entry_values": values}
    return _write("PUT", _path("lists", list_, "entries"), data)


def change_entry(list_: str, entry: str, values: Values) -> Request:
    """Update; values of multiselect attributes become exactly what is sent."""
    return _write("PUT", _path("lists", list_, "entries", entry), {"entry_values": values})


def container(type_: str) -> tuple[str, str]:
    """Where the attributes of an object or of a list stand: the parts of their path."""
    if type_.startswith(LIST):
        return "lists", type_.removeprefix(LIST)
    return "objects", type_


# ---------------------------------------------------------------- what a workspace is made of


def make(data: Mapping[str, Any], *parts: str) -> Request:
    """Create an object, an attribute or an option."""
    return _write("POST", _path(*parts), data)


# ---------------------------------------------------------------- notes and tasks


def list_notes(offset: int, parent: tuple[str, str] | None = None) -> Request:
    """The notes of one record, or of the workspace, oldest first."""
    of = {"parent_object": parent[0], "parent_record_id": parent[1]} if parent else {}
    return Request(
        method="GET",
        path=_path("notes"),
        params={**of, "limit": str(NOTES_PAGE), "offset": str(offset)},
        accept=frozenset([404]),
        limit="notes",
    )


def list_tasks(offset: int) -> Request:
    """All tasks of the workspace, newest first."""
    params = {"sort": "created_at:desc", "limit": str(TASKS_PAGE), "offset": str(offset)}
    return Request(method="GET", path=_path("tasks"), params=params, limit="read")


def add(kind: str, data: Mapping[str, Any]) -> Request:
    return _write("POST", _path(kind), data)


def change(kind: str, id_: str, data: Mapping[str, Any]) -> Request:
    return _write("PATCH", _path(kind, id_), data)


def read(*parts: str, missing: bool = False) -> Request:
    """Get one thing or a whole list; with `missing`, 404 is an answer."""
    accept = frozenset([404]) if missing else frozenset[int]()
    return Request(method="GET", path=_path(*parts), accept=accept, limit="read")


def _write(
    method: Method, path: str, data: Mapping[str, Any], params: Mapping[str, str] | None = None
) -> Request:
    return Request(
        method=method, path=path, json={"data": data}, params=params or {}, limit="write"
    )


# ---------------------------------------------------------------- answers


def row(response: Response) -> Row:
    """The one thing an answer holds. Raises: RetryLater (outcome unknown) if it holds none."""
    data = _data(response)
    if not _is_row(data):
        raise _unreadable(response)
    made: Row = data
    return made


def rows(response: Response, *texts: str) -> list[Row]:
    """The list an answer holds, each thing in it with these texts.

    Raises: RetryLater if it holds none: that nothing was found must never be read out of nonsense.
    """
    data = _data(response)
    if not isinstance(data, list) or not all(map(_is_row, data)):
        raise _unreadable(response)
    if not all(isinstance(one.get(name), str) for one in data for name in texts):
        raise _unreadable(response)
    return data


def _is_row(data: object) -> bool:
    """Whether this is a thing as Attio tells it: an id in parts, of a record lists of values."""
    if not isinstance(data, dict) or not isinstance(data.get("id"), dict):
        return False
    if not all(isinstance(data.get(name) or {}, dict) for name in ("config", "created_by_actor")):
        return False
    stored = [data.get("values", {}), data.get("entry_values", {})]
    if not all(isinstance(one, dict) for one in stored):
        return False
    return all(
        isinstance(elements, list) and all(isinstance(element, dict) for element in elements)
        for one in stored
        for elements in one.values()
    )


def all_rows(object_: str, filter_: Mapping[str, Any], **more: Any) -> Flow[list[Row]]:
    """Every row of a query: chunk by chunk, until one comes back that is not full."""
    found: list[Row] = []
    for _ in range(CHUNKS):
        answer = yield query(object_, filter_, offset=len(found), **more)
        chunk = rows(answer)
        if not all("values" in row for row in chunk):
            raise _unreadable(answer)
        found += chunk
        if len(chunk) < PAGE:
            return found
    raise endless()


def endless() -> RetryLater:
    """A list of which each chunk was full, however many were read."""
    return RetryLater("Attio's list has far more in it than it should have.")


def _data(response: Response) -> Any:
    body = response.json()
    return body.get("data") if isinstance(body, dict) else None


def _unreadable(response: Response) -> RetryLater:
    return RetryLater(
        "Attio's answer is not in the form that it should have.",
        code=f"HTTP {response.status}",
        request_id=response.request_id,
        sent="unknown",
    )


def id_of(row: Row, kind: str = "record") -> str:
    """The id of a thing. Raises: RetryLater (outcome unknown) if it has none."""
    id_ = row["id"].get(f"{kind}_id")
    if not isinstance(id_, str) or not id_.strip():
        raise RetryLater(f"Attio's answer names no {kind}.", sent="unknown")
    return id_


def parsed_time(text: object) -> datetime | None:
    """A time as the API gives it: UTC with nine decimals, of which Python keeps six."""
    if not isinstance(text, str):
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def written_time(time: datetime) -> str:
    """A time as a write takes it."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def distinct(values: Iterable[Any]) -> list[Any]:
    """The values without repeats, in order."""
    return list(dict.fromkeys(values))

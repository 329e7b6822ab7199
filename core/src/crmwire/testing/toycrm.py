"""The smallest CRM plugin: copy it, then change what your CRM does otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from itertools import chain
from typing import TYPE_CHECKING, Any

from crmwire import Failure, RecordGone, Rejected, hookimpl
from crmwire.http import Method, Request
from crmwire.testing.toylogin import login_at
from crmwire.types import (
    AuthScheme,
    Candidates,
    ConnectionReport,
    CrmInfo,
    Limit,
    ObjectType,
    Query,
    Record,
    Write,
    Written,
)
from crmwire.waves import references, resolve, waves

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from crmwire.connections import Connection
    from crmwire.sandbox import SandboxSettings

URL = "https://toycrm.example.com"
METHODS: dict[str, Method] = {"create": "POST", "update": "PATCH", "delete": "DELETE"}


@hookimpl
def crm_info() -> CrmInfo | None:
    return CrmInfo(
        key="toy",
        title="Toy CRM",
        base_url=URL,
        api_version="1",
        host_suffixes=("toycrm.example.com",),
        object_types={
            "contacts": ObjectType(name="contacts", title="Contact", unique=("email",)),
            "activities": ObjectType(name="activities", title="Activity"),
        },
        limits=(Limit(name="calls", calls=50, seconds=1.0),),
    )


@hookimpl
def auth_scheme(conn: Connection) -> AuthScheme | None:
    return AuthScheme(base_url=URL, oauth=login_at(conn.settings.login_host or URL))


@hookimpl
def check_connection(conn: Connection) -> ConnectionReport | None:
    me = conn.http.get("me").json()
    return ConnectionReport(account_id=me["account"], account_name=me["name"], user_id=me["user"])


@hookimpl
def presets(conn: Connection) -> Mapping[str, str] | None:
    return {"linktime": (files("crmwire.testing") / "toycrm.toml").read_text("utf-8")}


@hookimpl
def find_records(
    conn: Connection, queries: Sequence[Query]
) -> Sequence[Candidates | Failure] | None:
    """One call for all; users are records of the type `user`."""
    found = _search(conn, [{"types": one.types, "where": {one.key: one.value}} for one in queries])
    return [
        answer if isinstance(answer, Failure) else Candidates(query=query, records=tuple(answer))
        for query, answer in zip(queries, found, strict=True)
    ]


@hookimpl
def write_records(conn: Connection, writes: Sequence[Write]) -> Sequence[Written | Failure] | None:
    """A call for each record, those first that others refer to; one failure stops no other."""
    done: dict[str, Written | Failure] = {}
    for write in chain.from_iterable(waves(writes)):
        ready = resolve(write, done)
        done[write.id] = ready if isinstance(ready, Failure) else _send(conn, ready)
    return [done[write.id] for write in writes]


@hookimpl
def find_written(
    conn: Connection, writes: Sequence[Write]
) -> Sequence[Sequence[Record] | Failure] | None:
    """What was made since these were sent; where a person was not made, nothing else was."""
    found: dict[str, list[Record] | Failure] = {}
    done: dict[str, Written | Failure] = {}
    for write in chain.from_iterable(waves(writes)):
        known = references(write) <= done.keys()
        found[write.id] = answer = _made_by(conn, resolve(write, done)) if known else []
        if isinstance(answer, Failure):
            done[write.id] = answer
        elif answer:
            done[write.id] = Written(id=write.id, type=write.type, record=answer[0].id)
    return [found[write.id] for write in writes]


@hookimpl
def sandbox(settings: SandboxSettings) -> ASGIApp | None:
    from crmwire.testing.toysandbox import ToySandbox

    return ToySandbox(settings)


def _search(conn: Connection, searches: list[dict[str, Any]]) -> list[list[Record] | Failure]:
    if not searches:
        return []
    answer = conn.http.post("search", {"searches": searches}, safe=True).json()
    return [
        [Record(type=one["type"], id=one["id"], fields=one) for one in result["records"]]
        if "records" in result
        else Rejected(result["error"])
        for result in answer["results"]
    ]


def _fields(write: Write) -> dict[str, Any]:
    return {
        name: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
        for name, value in write.fields.items()
    }


def _send(conn: Connection, write: Write) -> Written | Failure:
    path = write.type if write.action == "create" else f"{write.type}/{write.record}"
    request = Request(method=METHODS[write.action], path=path, json=_fields(write))
    try:
        record = conn.http.send(request).json()["id"]
    except Failure as failure:
        return RecordGone() if failure.code == "HTTP 404" else failure
    return Written(id=write.id, type=write.type, record=record)


def _made_by(conn: Connection, write: Write | Failure) -> list[Record] | Failure:
    if isinstance(write, Failure):
        return write
    since = write.sent_at and (write.sent_at - timedelta(minutes=1)).isoformat()
    return _search(conn, [{"types": [write.type], "where": _fields(write), "since": since}])[0]

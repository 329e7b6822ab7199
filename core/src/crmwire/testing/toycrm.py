"""The smallest CRM plugin: a module with hooks. Copy it, and change what your CRM does otherwise.

Its API (`crmwire.testing.toysandbox`) writes one record with each call and searches for several.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from crmwire import Failure, NeedsLogin, NotAllowed, RecordGone, Rejected, hookimpl
from crmwire.http import Method, Request, Response
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
TELLING = ("email", "contact", "title", "start")  # the fields that tell records apart


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
    return AuthScheme(base_url=URL)


@hookimpl
def check_connection(conn: Connection) -> ConnectionReport | None:
    me = conn.http.get("me").json()
    return ConnectionReport(account_id=me["account"], account_name=me["name"], user_id=me["user"])


@hookimpl
def presets(conn: Connection) -> Mapping[str, str] | None:
    return {"linktime": (files("crmwire.testing") / "toycrm.toml").read_text("utf-8")}


@hookimpl
def classify_error(
    conn: Connection, status: int, headers: Mapping[str, str], body: str
) -> Failure | None:
    kinds = {401: NeedsLogin, 403: NotAllowed, 404: RecordGone, 422: Rejected}
    return kinds[status](code=f"HTTP {status}") if status in kinds else None


@hookimpl
def find_records(
    conn: Connection, queries: Sequence[Query]
) -> Sequence[Candidates | Failure] | None:
    """One call for all. Users are not asked for: the toy CRM has none."""
    asked = [query for query in queries if query.role != "user"]
    searches = [{"types": query.types, "where": {query.key: query.value}} for query in asked]
    found = dict(zip([query.id for query in asked], _search(conn, searches), strict=True))
    answers = [(query, found.get(query.id, [])) for query in queries]
    return [
        answer if isinstance(answer, Failure) else Candidates(query=query, records=tuple(answer))
        for query, answer in answers
    ]


@hookimpl
def write_records(conn: Connection, writes: Sequence[Write]) -> Sequence[Written | Failure] | None:
    """A call for each record; records that others refer to go first."""
    done: dict[str, Written | Failure] = {}
    for wave in waves(writes):
        ready = _ready(wave, done)
        answers = conn.http.map([_request(write) for write in ready])
        done |= {
            write.id: _written(write, answer) for write, answer in zip(ready, answers, strict=True)
        }
    return [done[write.id] for write in writes]


@hookimpl
def find_written(
    conn: Connection, writes: Sequence[Write]
) -> Sequence[Sequence[Record] | Failure] | None:
    """Search for what was made since it was sent; for who was not made, nothing else was."""
    found: dict[str, list[Record] | Failure] = {}
    done: dict[str, Written | Failure] = {}
    for wave in waves(writes):
        ready = _ready([write for write in wave if references(write) <= done.keys()], done)
        for write, records in zip(ready, _search(conn, [*map(_traces, ready)]), strict=True):
            found[write.id] = records
            if isinstance(records, Failure):
                done[write.id] = records
            elif records:
                done[write.id] = Written(id=write.id, type=write.type, record=records[0].id)
    failed = {id_: one for id_, one in done.items() if isinstance(one, Failure)}
    return [failed.get(write.id) or found.get(write.id, []) for write in writes]


@hookimpl
def sandbox(settings: SandboxSettings) -> ASGIApp | None:
    from crmwire.testing.toysandbox import ToySandbox

    return ToySandbox(settings)


def _search(conn: Connection, searches: list[dict[str, Any]]) -> list[list[Record] | Failure]:
    if not searches:
        return []
    results = conn.http.post("search", {"searches": searches}, safe=True).json()["results"]
    return [
        [Record(type=one["type"], id=one["id"], fields=one) for one in result["records"]]
        if "records" in result
        else Rejected(result["error"])
        for result in results
    ]


def _ready(wave: Sequence[Write], done: dict[str, Written | Failure]) -> list[Write]:
    """The writes, with ids for references; who refers to a failure shares it."""
    resolved = {write.id: resolve(write, done) for write in wave}
    done |= {id_: one for id_, one in resolved.items() if isinstance(one, Failure)}
    return [one for one in resolved.values() if isinstance(one, Write)]


def _fields(write: Write) -> dict[str, Any]:
    return {
        name: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
        for name, value in write.fields.items()
    }


def _request(write: Write) -> Request:
    path = write.type if write.action == "create" else f"{write.type}/{write.record}"
    methods: dict[str, Method] = {"create": "POST", "update": "PATCH", "delete": "DELETE"}
    return Request(method=methods[write.action], path=path, json=_fields(write))


def _written(write: Write, answer: Response | Failure) -> Written | Failure:
    try:
        if isinstance(answer, Failure):
            return answer
        made, new = answer.json()["id"], write.action == "create"
        return Written(id=write.id, type=write.type, record=made, created=new)
    except Failure as failure:  # the answer is not JSON
        return failure


def _traces(write: Write) -> dict[str, Any]:
    where = {name: value for name, value in _fields(write).items() if name in TELLING}
    since = write.sent_at and (write.sent_at - timedelta(seconds=60)).isoformat()
    return {"types": [write.type], "where": where, "since": since}

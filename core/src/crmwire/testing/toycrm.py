"""The smallest CRM plugin: a module with hooks. Copy it, and change what your CRM does otherwise.

Its API (`crmwire.testing.toysandbox`) takes one record for each call and searches for several.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from crmwire import Failure, NeedsLogin, NotAllowed, RecordGone, Rejected, hookimpl
from crmwire.http import Request
from crmwire.types import (
    AuthScheme,
    Candidates,
    ConnectionReport,
    CrmInfo,
    Limit,
    ObjectType,
    Query,
    Record,
    Value,
    Write,
    Written,
)
from crmwire.waves import resolve, waves

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from crmwire.connections import Connection
    from crmwire.http import Response
    from crmwire.sandbox import SandboxSettings

URL = "https://toycrm.example.com"
INFO = CrmInfo(
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
LINKTIME = """
title  = "LinkTime: contact and activity"
events = ["booking.created", "booking.rescheduled", "booking.cancelled"]
[person]
look_in = ["contacts"]
match   = ["link", "email"]
create  = "contacts"
[person.fields.contacts]
email = "{{ guest.email }}"
name  = "{{ guest.full_name }}"
phone = { value = "{{ guest.phone }}", write = "always" }
[activity]
object = "activities"
[activity.fields]
contact = { record = "person" }
title   = "{{ page.title }}: {{ guest.full_name }}"
start   = "{{ booking.start }}"
state   = "planned"
[activity.on.rescheduled]
fields = { state = "moved" }
[activity.on.cancelled]
fields = { state = "cancelled" }
"""


@hookimpl
def crm_info() -> CrmInfo | None:
    return INFO


@hookimpl
def auth_scheme(conn: Connection) -> AuthScheme | None:
    return AuthScheme(base_url=URL)


@hookimpl
def check_connection(conn: Connection) -> ConnectionReport | None:
    me = conn.http.get("me").json()
    return ConnectionReport(account_id=me["account"], account_name=me["name"], user_id=me["user"])


@hookimpl
def presets(conn: Connection) -> Mapping[str, str] | None:
    return {"linktime": LINKTIME}


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
    """One search for each type and key that is asked for, all at once."""
    wanted: dict[tuple[str, str], list[Query]] = {}
    for query in queries:
        for type_ in _types(query):
            wanted.setdefault((type_, query.key), []).append(query)
    searches = [
        _search(type_, [{key: query.value} for query in several])
        for (type_, key), several in wanted.items()
    ]
    found = dict(zip(wanted, _searched(conn, searches), strict=True))
    return [
        _candidates(query, [found[type_, query.key] for type_ in _types(query)])
        for query in queries
    ]


@hookimpl
def write_records(conn: Connection, writes: Sequence[Write]) -> Sequence[Written | Failure] | None:
    """A call for each record, those that others refer to first."""
    done: dict[str, Written | Failure] = {}
    for wave in waves(writes):
        ready = []
        for write in wave:
            resolved = resolve(write, done)
            if isinstance(resolved, Failure):
                done[write.id] = resolved
            else:
                ready.append(resolved)
        for write, answer in zip(ready, conn.http.map([*map(_request, ready)]), strict=True):
            body = _json(answer)
            done[write.id] = body if isinstance(body, Failure) else _written(write, body["id"])
    return [done[write.id] for write in writes]


@hookimpl
def find_written(
    conn: Connection, writes: Sequence[Write]
) -> Sequence[Sequence[Record] | Failure] | None:
    """Look for what we made since, by what tells one record from another."""
    me = conn.cache("me", 86400, lambda: conn.http.get("me").json()["user"]) if writes else None
    found: dict[str, Sequence[Record] | Failure] = {}
    people: dict[str, Written | Failure] = {}
    for wave in waves(writes):
        ready = []
        for write in wave:
            resolved = resolve(write, people)
            if isinstance(resolved, Write):
                ready.append(resolved)
            else:  # its person was not made, so neither was it, or could not be looked for
                found[write.id] = resolved if resolved.sent == "unknown" else []
        since = [(write.sent_at or conn.now()) - CLOCK_SLACK for write in ready]
        searches = [
            _search(write.type, [_telling(write) | {"created_by": me}], at)
            for write, at in zip(ready, since, strict=True)
        ]
    return [found[write.id] for write in writes]

"""Writing: `POST /v1/batch` takes up to fifty records and answers for each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from crmwire.errors import Failure
from crmwire.http import Request
from crmwire.types import Write, Written
from crmwire.waves import resolve, waves

from crmwire_acme import errors

if TYPE_CHECKING:
    from crmwire.connections import Connection

CHUNK = 50


def write(conn: Connection, writes: Sequence[Write]) -> list[Written | Failure]:
    """People before the meetings that refer to them; one that is refused fails alone."""
    done: dict[str, Written | Failure] = {}
    for wave in waves(writes):
        ready: list[Write] = []
        for one in wave:
            resolved = resolve(one, done)
            if isinstance(resolved, Failure):
                done[one.id] = resolved
            else:
                ready.append(resolved)
        for start in range(0, len(ready), CHUNK):
            done |= _sent(conn, ready[start : start + CHUNK])
    return [done[one.id] for one in writes]


def _sent(conn: Connection, writes: Sequence[Write]) -> dict[str, Written | Failure]:
    items = [
        {"do": one.action, "type": one.type, "id": one.record, "fields": sendable(one)}
        for one in writes
    ]
    creates = any(one.action == "create" for one in writes)
    request = Request(method="POST", path="v1/batch", json={"items": items}, safe=not creates)
    try:
        results = conn.http.send(request).json()["results"]
    except Failure as failure:
        # Not raised: what an earlier call of this batch made stands there all the same.
        return {one.id: failure for one in writes}
    return {
        one.id: _outcome(conn, one, result) for one, result in zip(writes, results, strict=True)
    }


def _outcome(conn: Connection, write: Write, result: Mapping[str, Any]) -> Written | Failure:
    if "error" in result:
        return errors.of_error(result["error"], conn.name)
    created = write.action == "create"
    return Written(id=write.id, type=write.type, record=result["id"], created=created)


def sendable(write: Write) -> dict[str, object]:
    """The fields as Acme takes them: times in UTC."""
    return {name: _value(value) for name, value in write.fields.items()}


def _value(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value

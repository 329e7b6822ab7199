"""Records of objects.

docs.attio.com/rest-api/endpoint-reference (read 2026-11).
"""

from __future__ import annotations

from typing import Any

from crmwire_attio.sandbox_app import filters
from crmwire_attio.sandbox_app.answers import (
    Answer,
    Refusal,
    bad_body,
    checked,
    kind_of,
    not_found_value,
    wrong,
)
from crmwire_attio.sandbox_app.call import Call, Endpoint
from crmwire_attio.sandbox_app.workspace import Attribute, Object, Record, Workspace

_READ = ("record_permission:read", "object_configuration:read")
_WRITE = ("record_permission:read-write", "object_configuration:read")
_DEFAULT_LIMIT = 500


def as_json(workspace: Workspace, object_: Object, record: Record) -> dict[str, Any]:
    kind = {"people": "person", "companies": "company"}.get(object_.slug, object_.slug)
    return {
        "id": {
            "workspace_id": workspace.id,
            "object_id": object_.id,
            "record_id": record.id,
        },
        "created_at": record.created_at,
        "web_url": f"https://app.attio.com/{workspace.slug}/{kind}/{record.id}",
        "values": {
            slug: [element_json(workspace, object_, attribute, one) for one in record.values[slug]]
            for slug, attribute in object_.attributes.items()
        },
    }


def element_json(
    workspace: Workspace, object_: Object, attribute: Attribute, element: dict[str, Any]
) -> dict[str, Any]:
    """The stored value; a choice's id is read with the ids above it."""
    name = {"select": "option", "status": "status"}.get(attribute.type)
    if name is None:
        return element
    above = {
        "workspace_id": workspace.id,
        "object_id": object_.id,
        "attribute_id": attribute.id,
    }
    choice = element[name]
    return element | {name: choice | {"id": above | choice["id"]}}


# ---------------------------------------------------------------- records


def create(call: Call) -> Answer:
    record = call.writer.create(call.object, _values(call))
    return _written(call, record)


def assert_(call: Call) -> Answer:
    object_ = call.object
    slug = call.query.get("matching_attribute", "")
    try:
        matching = object_.attribute(slug)
    except Refusal:
        raise not_found_value(
            f'No attribute was found for matching_attribute slug/ID "{slug}".'
        ) from None
    if not matching.unique:
        raise Refusal(
            400,
            "matching_attribute_definition_not_unique",
            "The matching attribute specified is not a unique attribute.",
        )
    return _written(call, call.writer.put(object_, matching, _values(call)))


def get(call: Call) -> Answer:
    return Answer(body={"data": as_json(call.workspace, call.object, call.record)})


def append(call: Call) -> Answer:
    record = call.writer.update(call.object, call.record, _values(call), "append")
    return _written(call, record)


def overwrite(call: Call) -> Answer:
    record = call.writer.update(call.object, call.record, _values(call), "overwrite")
    return _written(call, record)


def delete(call: Call) -> Answer:
    call.writer.delete(call.object, call.record)
    return Answer(body={})


def _values(call: Call) -> dict[str, Any]:
    values: dict[str, Any] = checked(call.body, {"values": "object"}, required=True)["values"]
    return values


def _written(call: Call, record: Record) -> Answer:
    body = {"data": as_json(call.workspace, call.object, record)}
    if call.object.slug == "people":
        call.linker.person_written(call.workspace, record, call.commit)
    return Answer(body=body)


def query(call: Call) -> Answer:
    body = call.body if isinstance(call.body, dict) else {}
    object_ = call.object
    for name, expected in (("limit", "number"), ("offset", "number")):
        if name in body and kind_of(body[name]) != expected:
            raise bad_body(wrong([name], expected, body[name]))
    filter_, sorts = body.get("filter") or {}, body.get("sorts") or []
    found = filters.matching(call.workspace, object_, filter_)
    found = filters.ordered(object_, found, sorts)
    offset = int(body.get("offset", 0))
    chunk = found[offset : offset + int(body.get("limit", _DEFAULT_LIMIT))]
    return Answer(
        body={"data": [as_json(call.workspace, object_, record) for record in chunk]},
        headers={"x-attio-record-query-score": str(filters.score(filter_, sorts))},
    )


_OBJECT = "/v2/objects/{object}"
_RECORD = f"{_OBJECT}/records/{{record_id}}"


def _read(path: str, handler: Any, scopes: tuple[str, ...]) -> Endpoint:
    return Endpoint(method="GET", path=path, handler=handler, scopes=scopes, limits=("read",))


def _change(method: str, path: str, handler: Any) -> Endpoint:
    return Endpoint(method=method, path=path, handler=handler, scopes=_WRITE, limits=("write",))


ENDPOINTS = (
    # A query is a POST that counts as a read.
    Endpoint(
        method="POST",
        path=f"{_OBJECT}/records/query",
        handler=query,
        scopes=_READ,
        limits=("read",),
    ),
    _change("POST", f"{_OBJECT}/records", create),
    _change("PUT", f"{_OBJECT}/records", assert_),
    _read(_RECORD, get, _READ),
    _change("PATCH", _RECORD, append),
    _change("PUT", _RECORD, overwrite),
    _change("DELETE", _RECORD, delete),
)

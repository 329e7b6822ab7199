"""Objects, their attributes and their records.

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
_CONFIGURATION = ("object_configuration:read",)
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
            slug: [_element(workspace, object_, attribute, one) for one in record.values[slug]]
            for slug, attribute in object_.attributes.items()
        },
    }


def _element(
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


# ---------------------------------------------------------------- objects and attributes


def _object_json(workspace: Workspace, object_: Object) -> dict[str, Any]:
    return {
        "id": {"workspace_id": workspace.id, "object_id": object_.id},
        "api_slug": object_.slug,
        "singular_noun": object_.singular,
        "plural_noun": object_.plural,
        "created_at": object_.created_at,
    }


def list_objects(call: Call) -> Answer:
    objects = call.workspace.objects.values()
    return Answer(body={"data": [_object_json(call.workspace, object_) for object_ in objects]})


def get_object(call: Call) -> Answer:
    return Answer(body={"data": _object_json(call.workspace, call.object)})


def attribute_json(workspace: Workspace, object_: Object, attribute: Attribute) -> dict[str, Any]:
    targets = [
        workspace.objects[slug].id for slug in attribute.targets if slug in workspace.objects
    ]
    relationship = None
    if attribute.relation:
        other = workspace.objects[attribute.relation[0]]
        back = other.attributes[attribute.relation[1]]
        relationship = {
            "id": {
                "workspace_id": workspace.id,
                "object_id": other.id,
                "attribute_id": back.id,
            },
            "object_slug": other.slug,
            "api_slug": back.slug,
            "is_multiselect": back.multi,
            "title": back.title,
        }
    return {
        "id": {
            "workspace_id": workspace.id,
            "object_id": object_.id,
            "attribute_id": attribute.id,
        },
        "title": attribute.title,
        "description": attribute.description,
        "api_slug": attribute.slug,
        "type": attribute.type,
        "is_system_attribute": attribute.system,
        "is_writable": attribute.writable,
        "is_required": attribute.required,
        "is_unique": attribute.unique,
        "is_multiselect": attribute.multi,
        "is_default_value_enabled": False,
        "is_archived": False,
        "default_value": None,
        "relationship": relationship,
        "created_at": object_.created_at,
        "config": {
            "currency": {
                "default_currency_code": attribute.currency,
                "display_type": "symbol" if attribute.currency else None,
            },
            "record_reference": {"allowed_object_ids": targets or None},
        },
    }


def list_attributes(call: Call) -> Answer:
    several = list(call.object.attributes.values())
    offset = call.number("offset", 0)
    chunk = several[offset : offset + call.number("limit", len(several))]
    return Answer(
        body={"data": [attribute_json(call.workspace, call.object, one) for one in chunk]}
    )


def get_attribute(call: Call) -> Answer:
    attribute = call.object.attribute(call.params["attribute"])
    return Answer(body={"data": attribute_json(call.workspace, call.object, attribute)})


def list_options(call: Call) -> Answer:
    return _choices(call, "select", "option")


def list_statuses(call: Call) -> Answer:
    return _choices(call, "status", "status")


def _choices(call: Call, type_: str, name: str) -> Answer:
    attribute = call.object.attribute(call.params["attribute"])
    if attribute.type != type_:
        raise Refusal(400, "validation_type", f"This attribute is not a {type_} attribute.")
    above = {
        "workspace_id": call.workspace.id,
        "object_id": call.object.id,
        "attribute_id": attribute.id,
    }
    more: dict[str, Any] = {}
    if name == "status":
        more = {"target_time_in_status": None, "celebration_enabled": False}
    return Answer(
        body={
            "data": [
                {
                    "id": {**above, f"{name}_id": option.id},
                    "title": option.title,
                    "is_archived": False,
                    **more,
                }
                for option in attribute.options
            ]
        }
    )


_OBJECT = "/v2/objects/{object}"
_RECORD = f"{_OBJECT}/records/{{record_id}}"
_ATTRIBUTE = f"{_OBJECT}/attributes/{{attribute}}"


def _read(path: str, handler: Any, scopes: tuple[str, ...]) -> Endpoint:
    return Endpoint(method="GET", path=path, handler=handler, scopes=scopes, limits=("read",))


def _change(method: str, path: str, handler: Any) -> Endpoint:
    return Endpoint(method=method, path=path, handler=handler, scopes=_WRITE, limits=("write",))


ENDPOINTS = (
    _read("/v2/objects", list_objects, _CONFIGURATION),
    _read(_OBJECT, get_object, _CONFIGURATION),
    _read(f"{_OBJECT}/attributes", list_attributes, _CONFIGURATION),
    _read(_ATTRIBUTE, get_attribute, _CONFIGURATION),
    _read(f"{_ATTRIBUTE}/options", list_options, _CONFIGURATION),
    _read(f"{_ATTRIBUTE}/statuses", list_statuses, _CONFIGURATION),
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

"""Attributes: what the records of an object, or the entries of a list, tell.

docs.attio.com/rest-api/endpoint-reference, objects and attributes (read 2026-11). The shapes of
created objects and attributes are recorded (2026-05, 2025-07).
"""

from __future__ import annotations

from typing import Any

from crmwire_attio.sandbox_app.answers import (
    Answer,
    Refusal,
    bad_body,
    checked,
    no_option,
    slug_taken,
    stamp,
)
from crmwire_attio.sandbox_app.call import Call
from crmwire_attio.sandbox_app.objects import new_id
from crmwire_attio.sandbox_app.workspace import Attribute, EntryList, Object, Workspace

TYPES = (
    *("text", "number", "checkbox", "currency", "date", "timestamp", "rating", "status"),
    *("select", "record-reference", "actor-reference", "location", "domain", "email-address"),
    "phone-number",
)
"""Types that an attribute may be made with; names and interactions are Attio's own."""
_ATTRIBUTE = {
    "title": "string",
    "description": "string?",
    "api_slug": "string",
    "type": "string",
    "is_required": "boolean",
    "is_unique": "boolean",
    "is_multiselect": "boolean",
    "config": "object",
}
# Recorded (2026-05) of system attributes.
_DEFAULTS = {
    "created_at": {"type": "dynamic", "template": "PT0S"},
    "created_by": {"type": "dynamic", "template": "current-user"},
}
_RELATIONSHIP = {
    "object": "string",
    "title": "string",
    "api_slug": "string",
    "is_multiselect": "boolean",
}


def ids_above(workspace: Workspace, target: Object, attribute: Attribute) -> dict[str, str]:
    # The specification has object_id for a list's attributes too; guess: it is the list's id.
    return {
        "workspace_id": workspace.id,
        "object_id": target.id,
        "attribute_id": attribute.id,
    }


def attribute_json(workspace: Workspace, target: Object, attribute: Attribute) -> dict[str, Any]:
    targets = [
        workspace.objects[slug].id for slug in attribute.targets if slug in workspace.objects
    ]
    relationship = None
    if attribute.relation:
        other = workspace.objects[attribute.relation[0]]
        back = other.attributes[attribute.relation[1]]
        relationship = {
            "id": ids_above(workspace, other, back),
            "object_slug": other.slug,
            "api_slug": back.slug,
            "is_multiselect": back.multi,
            "title": back.title,
        }
    return {
        "id": ids_above(workspace, target, attribute),
        "title": attribute.title,
        "description": attribute.description,
        "api_slug": attribute.slug,
        "type": attribute.type,
        "is_system_attribute": attribute.system,
        "is_writable": attribute.writable,
        "is_required": attribute.required,
        "is_unique": attribute.unique,
        "is_multiselect": attribute.multi,
        "is_default_value_enabled": attribute.slug in _DEFAULTS,
        "is_archived": attribute.archived,
        "default_value": _DEFAULTS.get(attribute.slug),
        "relationship": relationship,
        "created_at": attribute.created_at or target.created_at,
        "config": {
            "currency": {
                "default_currency_code": attribute.currency,
                "display_type": "symbol" if attribute.currency else None,
            },
            "record_reference": {"allowed_object_ids": targets or None},
        },
    }


def list_attributes(call: Call) -> Answer:
    archived = call.query.get("show_archived") == "true"
    several = [one for one in call.target.attributes.values() if archived or not one.archived]
    offset = call.number("offset", 0)
    chunk = several[offset : offset + call.number("limit", len(several))]
    return Answer(
        body={"data": [attribute_json(call.workspace, call.target, one) for one in chunk]}
    )


def attribute_of(call: Call) -> Attribute:
    return call.target.attribute(call.params["attribute"])


def get_attribute(call: Call) -> Answer:
    return Answer(body={"data": attribute_json(call.workspace, call.target, attribute_of(call))})


def create_attribute(call: Call) -> Answer:
    target, data = call.target, checked(call.body, _ATTRIBUTE, required=True)
    if data["type"] not in TYPES:
        raise bad_body(no_option(["data", "type"], sorted(TYPES), data["type"]))
    if data["api_slug"] in target.attributes:
        raise slug_taken(data["api_slug"])
    config = data["config"]
    allowed = (config.get("record_reference") or {}).get("allowed_objects") or ()
    targets = tuple(call.workspace.object(name).slug for name in allowed)
    currency = (config.get("currency") or {}).get("default_currency_code")
    if data["type"] == "currency" and not currency:
        path = ["data", "config", "currency"]
        raise bad_body({"code": "invalid_type", "path": path, "message": "Required"})
    made = Attribute(
        slug=data["api_slug"],
        title=data["title"],
        type=data["type"],
        id=new_id(call, f"{target.slug}.{data['api_slug']}"),
        description=data["description"],
        system=False,
        required=data["is_required"],
        unique=data["is_unique"],
        multi=data["is_multiselect"],
        currency=currency,
        targets=targets,
        created_at=stamp(call.now),
    )
    if data.get("relationship"):
        made.relation = _reverse(call, target, made, data["relationship"])
    _add(target, made)
    call.commit("create", "attributes", made.id, {"of": target.slug, "api_slug": made.slug})
    return Answer(body={"data": attribute_json(call.workspace, target, made)})


def _add(target: Object, attribute: Attribute) -> None:
    target.attributes[attribute.slug] = attribute
    for record in target.records.values():
        record.values[attribute.slug] = []


def _reverse(
    call: Call, target: Object, attribute: Attribute, given: dict[str, Any]
) -> tuple[str, str]:
    """Make the attribute on the other side of a relationship; the object and slug of it."""
    if attribute.type != "record-reference" or isinstance(target, EntryList):
        path = ["data", "relationship"]
        raise bad_body({"code": "custom", "path": path, "message": "Not a record reference"})
    checked({"data": given}, _RELATIONSHIP, required=True)
    other = call.workspace.object(given["object"])
    if given["api_slug"] in other.attributes:
        raise slug_taken(given["api_slug"])
    back = Attribute(
        slug=given["api_slug"],
        title=given["title"],
        type="record-reference",
        system=False,
        multi=given["is_multiselect"],
        targets=(target.slug,),
        relation=(target.slug, attribute.slug),
        created_at=stamp(call.now),
    )
    _add(other, back)
    attribute.targets = attribute.targets or (other.slug,)
    return other.slug, back.slug


def update_attribute(call: Call) -> Answer:
    attribute = attribute_of(call)
    wanted = {name: kind for name, kind in _ATTRIBUTE.items() if name not in ("type", "config")}
    data = checked(call.body, wanted | {"is_archived": "boolean"}, required=False)
    if attribute.system:
        raise Refusal(400, "system_edit_unauthorized", "Cannot update a System attribute.")
    attribute.title = data.get("title", attribute.title)
    attribute.description = data.get("description", attribute.description)
    attribute.required = data.get("is_required", attribute.required)
    attribute.unique = data.get("is_unique", attribute.unique)
    attribute.archived = data.get("is_archived", attribute.archived)
    return Answer(body={"data": attribute_json(call.workspace, call.target, attribute)})

"""Objects and attributes: what a workspace is made of.

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
from crmwire_attio.sandbox_app.call import Call, Endpoint, Handler
from crmwire_attio.sandbox_app.workspace import (
    Attribute,
    EntryList,
    Object,
    Option,
    Workspace,
)

TYPES = (
    *("text", "number", "checkbox", "currency", "date", "timestamp", "rating", "status"),
    *("select", "record-reference", "actor-reference", "location", "domain", "email-address"),
    "phone-number",
)
"""Types that an attribute may be made with; names and interactions are Attio's own."""
_OBJECT = {"api_slug": "string", "singular_noun": "string", "plural_noun": "string"}
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


# ---------------------------------------------------------------- objects


def object_json(workspace: Workspace, object_: Object) -> dict[str, Any]:
    return {
        "id": {"workspace_id": workspace.id, "object_id": object_.id},
        "api_slug": object_.slug,
        "singular_noun": object_.singular,
        "plural_noun": object_.plural,
        "created_at": object_.created_at,
    }


def list_objects(call: Call) -> Answer:
    objects = call.workspace.objects.values()
    return Answer(body={"data": [object_json(call.workspace, object_) for object_ in objects]})


def get_object(call: Call) -> Answer:
    return Answer(body={"data": object_json(call.workspace, call.object)})


def create_object(call: Call) -> Answer:
    data = checked(call.body, _OBJECT, required=True)
    if data["api_slug"] in call.workspace.objects:
        raise slug_taken(data["api_slug"])
    there = sum(object_.custom for object_ in call.workspace.objects.values())
    if there >= call.workspace.custom_objects:
        # Guess: the message; the code is the specification's.
        raise Refusal(
            400,
            "quota_exceeded",
            "You have reached the maximum number of custom objects for your plan.",
        )
    made = new_object(call, data["api_slug"], data["singular_noun"], data["plural_noun"])
    call.workspace.objects[made.slug] = made
    call.commit("create", "objects", made.id, {"api_slug": made.slug})
    return Answer(body={"data": object_json(call.workspace, made)})


def new_object(call: Call, slug: str, singular: str, plural: str) -> Object:
    """An object with the attributes that each has from the first."""
    now = stamp(call.now)
    own = [
        Attribute(slug="record_id", title="Record ID", type="text", unique=True, writable=False),
        # Guess: public clients say that a new object has a name, of type text.
        Attribute(slug="name", title="Name", type="text"),
        Attribute(slug="created_at", title="Created at", type="timestamp", writable=False),
        Attribute(slug="created_by", title="Created by", type="actor-reference", writable=False),
    ]
    return Object(
        slug=slug,
        singular=singular,
        plural=plural,
        id=_new_id(call, f"objects.{slug}"),
        created_at=now,
        attributes={attribute.slug: attribute for attribute in own},
        custom=True,
    )


def _new_id(call: Call, name: str) -> str:
    from crmwire_attio.sandbox_app.standard import fixed_id

    return fixed_id(call.workspace, name)


def update_object(call: Call) -> Answer:
    object_, data = call.object, checked(call.body, _OBJECT, required=False)
    slug = data.get("api_slug", object_.slug)
    if slug != object_.slug and slug in call.workspace.objects:
        raise slug_taken(slug)
    del call.workspace.objects[object_.slug]
    object_.slug = slug
    object_.singular = data.get("singular_noun", object_.singular)
    object_.plural = data.get("plural_noun", object_.plural)
    call.workspace.objects[slug] = object_
    return Answer(body={"data": object_json(call.workspace, object_)})


def delete_object(call: Call) -> Answer:
    object_ = call.object
    if not object_.custom:
        raise Refusal(400, "system_edit_unauthorized", "Cannot delete a System object.")
    for record in list(object_.records.values()):
        call.writer.delete(object_, record)
    del call.workspace.objects[object_.slug]
    call.commit("delete", "objects", object_.id, {})
    return Answer(body={})


# ---------------------------------------------------------------- attributes


def _above(workspace: Workspace, target: Object, attribute: Attribute) -> dict[str, str]:
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
            "id": _above(workspace, other, back),
            "object_slug": other.slug,
            "api_slug": back.slug,
            "is_multiselect": back.multi,
            "title": back.title,
        }
    return {
        "id": _above(workspace, target, attribute),
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


def _attribute(call: Call) -> Attribute:
    return call.target.attribute(call.params["attribute"])


def get_attribute(call: Call) -> Answer:
    return Answer(body={"data": attribute_json(call.workspace, call.target, _attribute(call))})


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
        id=_new_id(call, f"{target.slug}.{data['api_slug']}"),
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
    attribute = _attribute(call)
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


# ---------------------------------------------------------------- options and statuses


def _choice_json(call: Call, attribute: Attribute, name: str, option: Option) -> dict[str, Any]:
    above = _above(call.workspace, call.target, attribute)
    more: dict[str, Any] = {}
    if name == "status":
        more = {"target_time_in_status": None, "celebration_enabled": False}
    return {
        "id": {**above, f"{name}_id": option.id},
        "title": option.title,
        "is_archived": option.archived,
        **more,
    }


_NAMES = {"select": "option", "status": "status"}


def _choosing(call: Call, type_: str) -> Attribute:
    attribute = _attribute(call)
    if attribute.type != type_:
        raise Refusal(400, "validation_type", f"This attribute is not a {type_} attribute.")
    return attribute


def _choices(type_: str) -> Handler:
    def list_choices(call: Call) -> Answer:
        attribute = _choosing(call, type_)
        archived = call.query.get("show_archived") == "true"
        shown = [one for one in attribute.options if archived or not one.archived]
        name = _NAMES[type_]
        return Answer(
            body={"data": [_choice_json(call, attribute, name, option) for option in shown]}
        )

    return list_choices


def _new_choice(type_: str) -> Handler:
    def create_choice(call: Call) -> Answer:
        attribute, data = (
            _choosing(call, type_),
            checked(call.body, {"title": "string"}, required=True),
        )
        if data["title"] in [option.title for option in attribute.options]:
            raise slug_taken(data["title"])
        made = Option(title=data["title"])
        attribute.options.append(made)
        call.commit("create", "options", made.id, {"of": attribute.slug, "title": made.title})
        return Answer(body={"data": _choice_json(call, attribute, _NAMES[type_], made)})

    return create_choice


# ---------------------------------------------------------------- endpoints


def _endpoint(method: str, path: str, handler: Handler) -> Endpoint:
    is_read = method == "GET"
    of = "list" if path.startswith("/v2/lists") else "object"
    scope = f"{of}_configuration:{'read' if is_read else 'read-write'}"
    more = ("record_permission:read-write",) if method == "DELETE" else ()
    return Endpoint(
        method=method,
        path=path,
        handler=handler,
        scopes=(scope, *more),
        limits=("read",) if is_read else ("write",),
    )


def _of_target(above: str) -> tuple[Endpoint, ...]:
    attribute = f"{above}/attributes/{{attribute}}"
    return (
        _endpoint("GET", f"{above}/attributes", list_attributes),
        _endpoint("POST", f"{above}/attributes", create_attribute),
        _endpoint("GET", attribute, get_attribute),
        _endpoint("PATCH", attribute, update_attribute),
        _endpoint("GET", f"{attribute}/options", _choices("select")),
        _endpoint("POST", f"{attribute}/options", _new_choice("select")),
        _endpoint("GET", f"{attribute}/statuses", _choices("status")),
        _endpoint("POST", f"{attribute}/statuses", _new_choice("status")),
    )


ENDPOINTS = (
    _endpoint("GET", "/v2/objects", list_objects),
    _endpoint("POST", "/v2/objects", create_object),
    _endpoint("GET", "/v2/objects/{object}", get_object),
    _endpoint("PATCH", "/v2/objects/{object}", update_object),
    _endpoint("DELETE", "/v2/objects/{object}", delete_object),
    *_of_target("/v2/objects/{object}"),
    *_of_target("/v2/lists/{list}"),
)

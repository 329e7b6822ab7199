"""Objects: the kinds of records that a workspace has.

docs.attio.com/rest-api/endpoint-reference, objects and attributes (read 2026-11). The shapes of
created objects and attributes are recorded (2026-05, 2025-07).
"""

from __future__ import annotations

from typing import Any

from crmwire_attio.sandbox_app.answers import Answer, Refusal, checked, slug_taken, stamp
from crmwire_attio.sandbox_app.call import Call
from crmwire_attio.sandbox_app.workspace import Attribute, Object, Workspace

_OBJECT = {"api_slug": "string", "singular_noun": "string", "plural_noun": "string"}


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
        id=new_id(call, f"objects.{slug}"),
        created_at=now,
        attributes={attribute.slug: attribute for attribute in own},
        custom=True,
    )


def new_id(call: Call, name: str) -> str:
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

"""What an attribute of type select or status may be: its options, its statuses.

docs.attio.com/rest-api/endpoint-reference, objects and attributes (read 2026-11). The shapes of
created objects and attributes are recorded (2026-05, 2025-07).
"""

from __future__ import annotations

from typing import Any

from crmwire_attio.sandbox_app.answers import Answer, Refusal, checked, slug_taken
from crmwire_attio.sandbox_app.attributes import attribute_of, ids_above
from crmwire_attio.sandbox_app.call import Call, Handler
from crmwire_attio.sandbox_app.workspace import Attribute, Option


def _choice_json(call: Call, attribute: Attribute, name: str, option: Option) -> dict[str, Any]:
    above = ids_above(call.workspace, call.target, attribute)
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
    attribute = attribute_of(call)
    if attribute.type != type_:
        raise Refusal(400, "validation_type", f"This attribute is not a {type_} attribute.")
    return attribute


def choices(type_: str) -> Handler:
    def list_choices(call: Call) -> Answer:
        attribute = _choosing(call, type_)
        archived = call.query.get("show_archived") == "true"
        shown = [one for one in attribute.options if archived or not one.archived]
        name = _NAMES[type_]
        return Answer(
            body={"data": [_choice_json(call, attribute, name, option) for option in shown]}
        )

    return list_choices


def new_choice(type_: str) -> Handler:
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

"""The routes for property definitions, their groups, and what the account requires."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs
from starlette.responses import JSONResponse, Response

from crmwire_hubspot.sandbox_app.answers import batch_answer, inputs_of
from crmwire_hubspot.sandbox_app.checks import ENFORCING
from crmwire_hubspot.sandbox_app.definitions import Property
from crmwire_hubspot.sandbox_app.kinds import Kind, kind_of
from crmwire_hubspot.sandbox_app.refusals import Refusal, malformed, missing_scope, not_found

if TYPE_CHECKING:
    from crmwire_hubspot.sandbox_app.calls import Call

MOST = 100
MOST_UNIQUE = 10
FIELD_TYPES = {
    "string": {"text", "textarea", "html", "file", "phonenumber"},
    "number": {"number", "calculation_equation"},
    "enumeration": {"select", "radio", "checkbox", "booleancheckbox"},
    "bool": {"booleancheckbox"},
    "date": {"date"},
    "datetime": {"date"},
    "phone_number": {"phonenumber"},
}
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def list_(call: Call) -> Response:
    """GET all properties of a type; there is no paging."""
    kind = _readable(call)
    known = call.portal.properties[kind.name].values()
    return JSONResponse({"results": [one.shown(order) for order, one in enumerate(known)]})


def one(call: Call) -> Response:
    """GET one property."""
    known = call.portal.properties[_readable(call).name].get(call.params["name"])
    if known is None:
        raise not_found()
    return JSONResponse(known.shown(0))


def create(call: Call) -> Response:
    """POST a property. Guess: a name that is there is refused with 409 (its status is unknown)."""
    kind = _definable(call)
    made = _made(call, kind, call.body)
    call.portal.properties[kind.name][made.name] = made
    call.commit("define", kind.name, made.name, {"label": made.label})
    return JSONResponse(made.shown(-1), 201)


def batch_create(call: Call) -> Response:
    """POST .../batch/create: names that are there are errors of a 207."""
    kind = _definable(call)
    results, errors = [], []
    for given in inputs_of(call, MOST):
        try:
            made = _made(call, kind, given)
        except Refusal as refusal:
            if refusal.status != 409:
                raise
            errors.append(refusal.item())
            continue
        call.portal.properties[kind.name][made.name] = made
        call.commit("define", kind.name, made.name, {"label": made.label})
        results.append(made.shown(-1))
    return batch_answer(results, errors, 200 if call.version == ENFORCING else 201)


def batch_read(call: Call) -> Response:
    """POST .../batch/read. Guess: names that are not there are errors of a 207."""
    known = call.portal.properties[_readable(call).name]
    names = [str(given.get("name")) for given in inputs_of(call, MOST)]
    missing = [name for name in names if name not in known]
    errors = [Refusal(404, "no such property", context={"name": missing}).item()] if missing else []
    return batch_answer([known[name].shown(0) for name in names if name in known], errors, 200)


def batch_archive(call: Call) -> Response:
    """POST .../batch/archive: 204. Guess: built-in and unknown ones are left alone."""
    known = call.portal.properties[_definable(call).name]
    for given in inputs_of(call, MOST):
        if (one := known.get(str(given.get("name")))) is not None and not one.built_in:
            del known[one.name]
    return Response(status_code=204)


def change(call: Call) -> Response:
    """PATCH a property: what is given replaces what was there, the list of options whole."""
    kind = _definable(call)
    known = _own(call, kind)
    given = {key: call.body[key] for key in ("label", "groupName", "options") if key in call.body}
    changed = attrs.evolve(
        known,
        label=str(given.get("label", known.label)),
        group=str(given.get("groupName", known.group)),
        options=tuple(str(one["value"]) for one in given["options"])
        if "options" in given
        else known.options,
    )
    if changed.group not in call.portal.groups[kind.name]:
        raise Refusal(400, f"There is no group {changed.group}")
    call.portal.properties[kind.name][known.name] = changed
    call.commit("define", kind.name, known.name, given)
    return JSONResponse(changed.shown(-1))


def delete(call: Call) -> Response:
    """DELETE a property of the account's own."""
    kind = _definable(call)
    del call.portal.properties[kind.name][_own(call, kind).name]
    return Response(status_code=204)


def _own(call: Call, kind: Kind) -> Property:
    """Guess: HubSpot's own properties are refused with 400."""
    known = call.portal.properties[kind.name].get(call.params["name"])
    if known is None:
        raise not_found()
    if known.built_in:
        raise Refusal(400, f"{known.name} is defined by HubSpot")
    return known


def change_group(call: Call) -> Response:
    """PATCH a group."""
    known, name = call.portal.groups[_definable(call).name], call.params["name"]
    if name not in known:
        raise not_found()
    known[name] = str(call.body.get("label", known[name]))
    return JSONResponse(_group(name, known[name]))


def delete_group(call: Call) -> Response:
    """DELETE a group. Guess: one that holds properties is refused."""
    kind, name = _definable(call), call.params["name"]
    if any(one.group == name for one in call.portal.properties[kind.name].values()):
        raise Refusal(400, f"The group {name} is not empty")
    if call.portal.groups[kind.name].pop(name, None) is None:
        raise not_found()
    return Response(status_code=204)


def validations(call: Call) -> Response:
    """GET the account's rules for values: none in a fresh portal."""
    _readable(call)
    return JSONResponse({"results": []})


def groups(call: Call) -> Response:
    """GET the groups of a type."""
    known = call.portal.groups[_readable(call).name]
    return JSONResponse({"results": [_group(name, label) for name, label in known.items()]})


def create_group(call: Call) -> Response:
    """POST a group. Guess: one that is there is refused as a property is."""
    kind = _definable(call)
    name, label = call.body.get("name"), call.body.get("label")
    if not isinstance(name, str) or not isinstance(label, str):
        raise malformed("a group has `name` and `label`")
    if name in call.portal.groups[kind.name]:
        raise _exists("group", name, "Properties.GROUP_WITH_NAME_EXISTS")
    call.portal.groups[kind.name][name] = label
    call.commit("define", kind.name, name, {"label": label})
    return JSONResponse(_group(name, label), 201)


def schema(call: Call) -> Response:
    """GET what is required of a type. Guess: that the schemas' read scopes open it."""
    kind = kind_of(call.params["type"])
    wanted = {f"crm.schemas.{kind.scope}.read", "crm.schemas.custom.read"}
    if not wanted & call.scopes:
        raise Refusal(
            403,
            "One or more of the following scopes are required.",
            category="MISSING_SCOPES",
            context={
                "requiredGranularScopes": sorted(wanted),
                "links": ["https://developers.hubspot.com/scopes"],
            },
        )
    return JSONResponse(
        {
            "id": kind.type_id,
            "objectTypeId": kind.type_id,
            "name": kind.name,
            "fullyQualifiedName": kind.upper,
            "labels": {"singular": kind.singular, "plural": kind.name},
            "primaryDisplayProperty": kind.defaults[0],
            "requiredProperties": sorted(call.portal.required[kind.name]),
            "searchableProperties": [],
            "secondaryDisplayProperties": [],
            "properties": [],
            "associations": [],
            "allowsSensitiveProperties": False,
            "archived": False,
        }
    )


def _readable(call: Call) -> Kind:
    """This API words its refusal in its own way, without a category."""
    kind = kind_of(call.params["type"])
    opening = {f"crm.objects.{kind.scope}.read", f"crm.schemas.{kind.scope}.read"}
    if not opening & call.scopes:
        raise Refusal(
            403,
            "You do not have permissions to view object type "
            f"ObjectTypeId{{legacyObjectType={kind.upper}}} in portal {call.portal.portal_id} "
            f"(requires one of [{kind.scope}-read])",
            category=None,
        )
    return kind


def _definable(call: Call) -> Kind:
    """There is no scope that lets properties of meetings, notes and tasks be made."""
    kind = kind_of(call.params["type"])
    wanted = f"crm.schemas.{kind.name}.write"
    if wanted not in call.scopes:
        raise missing_scope(wanted)
    return kind


def _made(call: Call, kind: Kind, given: Mapping[str, Any]) -> Property:
    missing = [
        name
        for name in ("name", "label", "groupName", "type", "fieldType")
        if not isinstance(given.get(name), str)
    ]
    if missing:
        raise malformed(f"a property needs {', '.join(missing)}")
    name = given["name"]
    # Guess: the wordings below; the rules are documented.
    if not _NAME.fullmatch(name):
        raise Refusal(400, f"{name} is not a valid property name")
    if given["fieldType"] not in FIELD_TYPES.get(given["type"], set()):
        raise Refusal(400, f"{given['fieldType']} does not fit the type {given['type']}")
    if given["groupName"] not in call.portal.groups[kind.name]:
        raise Refusal(400, f"There is no group {given['groupName']}")
    known = call.portal.properties[kind.name]
    if name in known:
        raise _exists("property", name, "Properties.PROPERTY_WITH_NAME_EXISTS")
    unique = bool(given.get("hasUniqueValue"))
    if unique and sum(one.unique for one in known.values()) >= MOST_UNIQUE:
        raise Refusal(400, f"An object has at most {MOST_UNIQUE} unique properties")
    return Property(
        name=name,
        label=given["label"],
        type=given["type"],
        field_type=given["fieldType"],
        group=given["groupName"],
        options=tuple(str(option["value"]) for option in given.get("options") or ()),
        unique=unique,
        built_in=False,
    )


def _exists(what: str, name: str, code: str) -> Refusal:
    return Refusal(
        409,
        f"A {what} named '{name}' already exists.",
        category="OBJECT_ALREADY_EXISTS",
        sub_category=code,
        context={"name": [name]},
    )


def _group(name: str, label: str) -> dict[str, Any]:
    return {"name": name, "label": label, "displayOrder": -1, "archived": False}

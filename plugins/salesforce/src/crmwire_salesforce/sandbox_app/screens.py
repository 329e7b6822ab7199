"""What a person does in Salesforce's own screens, for tests and demonstrations.

`create_record` type, fields · `delete_record` id · `get_record` id · `convert_lead` id ·
`set_validation_rule` type, field, message, contains (without it, a blank field is refused) ·
`clear_validation_rules` · `set_required_field` type, field · `duplicate_rule` mode ·
`deactivate_user` and `activate_user` id or email ·
`set_object_rights` type, createable, updateable, readable · `set_api_access` enabled ·
`merge_records` winner, loser · `add_field` type, field, length,
external_id, unique, visible · `hide_field` type, field ·
`add_record_type` type, name, available · `restrict_picklist` type, field, options ·
`set_assignment_rule` owner (without it, none) · `refuse` code, message, status, fields, where
(record, call, query), type, times, more (further members): answers that have no natural cause in a
sandbox. Those of the login stand in `logins`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from crmwire_salesforce.sandbox_app import records
from crmwire_salesforce.sandbox_app.duplicates import DuplicateOptions
from crmwire_salesforce.sandbox_app.org import Org, Refusal, Row, ValidationRule
from crmwire_salesforce.sandbox_app.schema import Field, ObjectSchema, RecordType
from crmwire_salesforce.sandbox_app.setup_objects import RECORD_TYPE, RECORD_TYPE_ID
from crmwire_salesforce.sandbox_app.values import shown

_OPTIONS = DuplicateOptions()
_MOVED = ("FirstName", "LastName", "Email", "Phone", "MobilePhone", "Title", "LeadSource")


def act(org: Org, action: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Do what a person would do. Raises: LookupError for what is not there; Refused."""
    match action:
        case "create_record":
            schema = _schema(org, body)
            row = records.create(org, schema, body.get("fields", {}), _OPTIONS, as_admin=True)
            return {"id": row["Id"]}
        case "get_record":
            return {name: shown(value) for name, value in _found(org, body)[1].items()}
        case "delete_record":
            records.delete(org, *_found(org, body))
        case "convert_lead":
            return _convert(org, *_found(org, body))
        case "set_validation_rule":
            org.rules.append(
                ValidationRule(
                    type=_schema(org, body).name,
                    field=str(body["field"]),
                    message=str(body.get("message", "Not allowed by the validation rule.")),
                    contains=body.get("contains"),
                )
            )
        case "clear_validation_rules":
            org.rules.clear()
        case "set_required_field":
            _require(org, _schema(org, body), str(body["field"]))
        case "duplicate_rule":
            mode = body.get("mode")
            if mode not in ("off", "alert", "block"):
                raise LookupError(f"no duplicate rule {mode!r}: off, alert or block")
            org.duplicate_rule = mode
            for row in list(org.rows("DuplicateRule")):
                org.put("DuplicateRule", {**row, "IsActive": mode != "off"}, "", {})
        case "deactivate_user":
            user = _user(org, body)
            org.put("User", {**user, "IsActive": False}, "update", {"IsActive": False})
        case "activate_user":
            user = _user(org, body)
            org.put("User", {**user, "IsActive": True}, "update", {"IsActive": True})
        case "set_object_rights":
            schema = _schema(org, body)
            if body.get("readable") is False:
                del org.schemas[schema.name.lower()]  # it is as if it were not there
                return {"done": action}
            org.schemas[schema.name.lower()] = attrs.evolve(
                schema,
                createable=bool(body.get("createable", True)),
                updateable=bool(body.get("updateable", True)),
            )
        case "set_api_access":
            org.api_enabled = bool(body.get("enabled", True))
        case "merge_records":
            _merge(org, _row_of(org, body.get("winner")), _row_of(org, body.get("loser")))
        case "add_field":
            _add_field(org, body)
        case "hide_field":
            org.hide(str(body["type"]), str(body["field"]))
        case "add_record_type":
            return {"id": _add_record_type(org, _schema(org, body), body)}
        case "restrict_picklist":
            schema = _schema(org, body)
            picklist = schema.fields[str(body["field"]).lower()]
            options = tuple(body["options"])
            restricted = attrs.evolve(picklist, restricted=True, options=options)
            org.schemas[schema.name.lower()] = schema.with_field(restricted)
        case "set_assignment_rule":
            org.assignment_owner = body.get("owner")
        case "refuse":
            fields = body.get("fields")
            org.refusals.append(
                Refusal(
                    where=body.get("where", "record"),
                    code=str(body["code"]),
                    message=str(body.get("message", "Refused by the sandbox.")),
                    status=int(body.get("status", 400)),
                    fields=None if fields is None else tuple(fields),
                    type=body.get("type"),
                    times=int(body.get("times", 1)),
                    more=dict(body.get("more", {})),
                )
            )
        case _:
            raise LookupError(f"no admin action {action!r}")
    return {"done": action}


def _schema(org: Org, body: Mapping[str, Any]) -> ObjectSchema:
    schema = org.schema(str(body.get("type")))
    if schema is None:
        raise LookupError(f"no object type {body.get('type')!r}")
    return schema


def _found(org: Org, body: Mapping[str, Any]) -> tuple[ObjectSchema, Row]:
    found = org.any_row(str(body.get("id")))
    if found is None:
        raise LookupError(f"no record {body.get('id')!r}")
    return found


def _row_of(org: Org, id_: object) -> tuple[ObjectSchema, Row]:
    return _found(org, {"id": id_})


def _merge(org: Org, winner: tuple[ObjectSchema, Row], loser: tuple[ObjectSchema, Row]) -> None:
    """Merge a record into another: the losing one is deleted, its activities move."""
    (schema, kept), (other, lost) = winner, loser
    if schema.name != other.name:
        raise LookupError("only records of one type can be merged")
    gone = {"IsDeleted": True, "MasterRecordId": kept["Id"]}
    org.put(schema.name, {**lost, **gone}, "delete", gone)
    _move_activities(org, lost["Id"], {"WhoId": kept["Id"], "AccountId": kept.get("AccountId")})


def _move_activities(org: Org, who: str, moved: Mapping[str, Any]) -> None:
    for name in ("Event", "Task"):
        for row in list(org.rows(name)):
            if row.get("WhoId") == who:
                org.put(name, {**row, **moved}, "update", moved)


def _add_field(org: Org, body: Mapping[str, Any]) -> None:
    """Make a custom field; those of `Activity` are fields of events and of tasks."""
    name, type_ = str(body["field"]), str(body["type"])
    made = Field(
        name=name,
        label=name.removesuffix("__c").replace("_", " "),
        length=int(body.get("length", 255)),
        external_id=bool(body.get("external_id", False)),
        unique=bool(body.get("unique", False)),
    )
    for owner in ("Event", "Task") if type_ == "Activity" else (type_,):
        org.schemas[owner.lower()] = org.schemas[owner.lower()].with_field(made)
        if not body.get("visible", True):
            org.hide(owner, name)


def _add_record_type(org: Org, schema: ObjectSchema, body: Mapping[str, Any]) -> str:
    id_ = org.fresh_id(RECORD_TYPE)
    name = str(body.get("name", "Customer"))
    made = RecordType(id=id_, name=name, available=bool(body.get("available", True)))
    schema = attrs.evolve(schema, record_types=(*schema.record_types, made))
    org.schemas[schema.name.lower()] = schema.with_field(RECORD_TYPE_ID)
    org.put("RecordType", {"Id": id_, "Name": name, "SobjectType": schema.name}, "", {})
    return id_


def _user(org: Org, body: Mapping[str, Any]) -> Row:
    for row in org.rows("User"):
        if row["Id"] == body.get("id") or row["Email"] == body.get("email"):
            return row
    raise LookupError("no such user")


def _require(org: Org, schema: ObjectSchema, name: str) -> None:
    """Make a field compulsory; a custom one is made if it is not there."""
    field = schema.field(name) or Field(name=name, label=name.removesuffix("__c"), length=255)
    org.schemas[schema.name.lower()] = schema.with_field(attrs.evolve(field, nillable=False))


def _convert(org: Org, schema: ObjectSchema, lead: Row) -> dict[str, Any]:
    """Convert a lead: an account and a contact are made, and its activities move to the contact."""
    if schema.name != "Lead" or lead["IsConverted"]:
        raise LookupError("only a lead that is not converted can be converted")
    fields = {name: lead[name] for name in _MOVED if lead.get(name)}
    account = records.create(
        org, org.schemas["account"], {"Name": lead["Company"]}, _OPTIONS, as_admin=True
    )
    contact = records.create(
        org,
        org.schemas["contact"],
        {**fields, "AccountId": account["Id"]},
        _OPTIONS,
        as_admin=True,
    )
    done = {
        "IsConverted": True,
        "Status": "Closed - Converted",
        "ConvertedDate": org.now().date(),
        "ConvertedAccountId": account["Id"],
        "ConvertedContactId": contact["Id"],
    }
    org.put("Lead", {**lead, **done}, "update", {"IsConverted": True})
    moved = {"WhoId": contact["Id"], "AccountId": account["Id"]}
    _move_activities(org, lead["Id"], moved)
    return {"contact": contact["Id"], "account": account["Id"]}

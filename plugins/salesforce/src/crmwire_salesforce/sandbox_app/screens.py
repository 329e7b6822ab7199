"""What a person does in Salesforce's own screens, for tests and demonstrations.

`create_record` type, fields · `delete_record` id · `get_record` id · `convert_lead` id ·
`set_validation_rule` type, field, message, contains (without it, a blank field is refused) ·
`clear_validation_rules` · `set_required_field` type, field · `duplicate_rule` mode ·
`deactivate_user` id or email · `set_object_rights` type, createable, updateable ·
`set_api_access` enabled
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from crmwire_salesforce.sandbox_app import records
from crmwire_salesforce.sandbox_app.duplicates import DuplicateOptions
from crmwire_salesforce.sandbox_app.org import Org, Row, ValidationRule
from crmwire_salesforce.sandbox_app.schema import Field, ObjectSchema
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
        case "deactivate_user":
            user = _user(org, body)
            org.put("User", {**user, "IsActive": False}, "update", {"IsActive": False})
        case "set_object_rights":
            schema = _schema(org, body)
            org.schemas[schema.name.lower()] = attrs.evolve(
                schema,
                createable=bool(body.get("createable", True)),
                updateable=bool(body.get("updateable", True)),
            )
        case "set_api_access":
            org.api_enabled = bool(body.get("enabled", True))
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
    for name in ("Event", "Task"):
        for row in list(org.rows(name)):
            if row.get("WhoId") == lead["Id"]:
                moved = {"WhoId": contact["Id"], "AccountId": account["Id"]}
                org.put(name, {**row, **moved}, "update", moved)
    return {"contact": contact["Id"], "account": account["Id"]}

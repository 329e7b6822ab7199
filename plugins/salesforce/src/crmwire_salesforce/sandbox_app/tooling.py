"""Custom fields and the rights to them, as an admin gives them through the API.

Tooling API, CustomField; Object Reference, FieldPermissions and PermissionSetAssignment (read
2026-11). A new field is hidden until a permission set with a right to it is assigned.
"""

from __future__ import annotations

from typing import Any

from crmwire_salesforce.sandbox_app.calls import Answer, Call
from crmwire_salesforce.sandbox_app.org import Org, Row
from crmwire_salesforce.sandbox_app.problems import Refused
from crmwire_salesforce.sandbox_app.schema import Field


def answer_custom_field(org: Org, call: Call) -> Answer:
    """Make a custom field. Raises: Refused."""
    org.refuse("call")
    body = call.body if isinstance(call.body, dict) else {}
    full, metadata = str(body.get("FullName", "")), body.get("Metadata")
    owner, _, name = full.partition(".")
    if not name.endswith("__c") or not isinstance(metadata, dict):
        raise Refused("FIELD_INTEGRITY_EXCEPTION", "FullName or Metadata is wrong", fields=[])
    types = ("Event", "Task") if owner == "Activity" else (owner,)
    if any(org.schema(type_) is None for type_ in types):
        raise Refused("INVALID_TYPE", f"sObject type '{owner}' is not supported.")
    if any(org.has_field(type_, name) for type_ in types):
        # Guess: the wording.
        raise Refused(
            "DUPLICATE_DEVELOPER_NAME",
            f"There is already a field named {name.removesuffix('__c')} on {owner}.",
            fields=["FullName"],
        )
    made = Field(
        name=name,
        label=str(metadata.get("label", name)),
        length=int(metadata.get("length", 255)),
        external_id=bool(metadata.get("externalId")),
        # Guess: whether a field of Activity may be unique is not documented.
        unique=bool(metadata.get("unique")),
    )
    for type_ in types:
        org.schemas[type_.lower()] = org.schemas[type_.lower()].with_field(made)
        org.hide(type_, name)
    number = sum(1 for _ in org.hidden) + 1
    done: dict[str, Any] = {"id": f"00N{number:012d}AAA", "success": True}
    return Answer(status=201, body={**done, "errors": [], "warnings": [], "infos": []})


def grant(org: Org, type_: str, row: Row) -> None:
    """Show the connected user the fields of a permission set that was assigned, or extended."""
    if type_ == "PermissionSetAssignment":
        same = [
            other
            for other in org.rows(type_)
            if (other["AssigneeId"], other["PermissionSetId"])
            == (row["AssigneeId"], row["PermissionSetId"])
        ]
        if len(same) > 1:
            raise Refused(
                "DUPLICATE_VALUE",
                "Duplicate PermissionSetAssignment. Assignee: "
                f"{row['AssigneeId'][:15]}; Permission Set: {row['PermissionSetId'][:15]}",
                fields=["AssigneeId", "PermissionSetId"],
            )
    if type_ not in ("PermissionSetAssignment", "FieldPermissions"):
        return
    mine = {
        one["PermissionSetId"][:15]
        for one in org.rows("PermissionSetAssignment")
        if one["AssigneeId"] == org.user_id
    }
    for right in org.rows("FieldPermissions"):
        if right["ParentId"][:15] in mine and right["PermissionsRead"]:
            owner, _, name = right["Field"].partition(".")
            org.show(owner, name)

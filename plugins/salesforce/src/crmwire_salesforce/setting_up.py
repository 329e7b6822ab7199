"""What may be set up in an org: the external-id field of activities, and the right to it.

Tooling API, CustomField; Object Reference, PermissionSet, FieldPermissions and
PermissionSetAssignment (read 2026-11). Needs "Customize Application" and "Manage Profiles and
Permission Sets"; daily work needs neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crmwire.errors import Failure, Rejected
from crmwire.http import Request
from crmwire.types import SetupStep
from crmwire_salesforce import describing, soql, users
from crmwire_salesforce.api import data_path, run_queries
from crmwire_salesforce.info import SalesforceMapping
from crmwire_salesforce.preparing import ACTIVITIES

if TYPE_CHECKING:
    from crmwire.connections import Connection
    from crmwire.mapping import Mapping as FieldMapping

FIELD = "external-id-field"
PERMISSION = "external-id-permission"
USUAL_NAME = "Booking_Id__c"
PERMISSION_SET = "crmwire_fields"
_THERE = frozenset({"DUPLICATE_DEVELOPER_NAME", "DUPLICATE_VALUE"})
"""Codes that tell that what should be made is there already."""


def set_up(
    conn: Connection, mapping: FieldMapping | None, steps: Sequence[str]
) -> list[SetupStep] | None:
    """The steps with their state, after the named ones were done. Raises: Failure."""
    name = _field_name(mapping)
    if name is None:
        return None
    if FIELD in steps:
        _make_field(conn, name)
    if PERMISSION in steps:
        _give_right(conn, name)
    for type_ in ACTIVITIES if steps else ():
        describing.forget(conn, type_)
    return _steps(conn, name, made=FIELD in steps)


def _field_name(mapping: FieldMapping | None) -> str | None:
    """The field that the mapping wants; the usual one if there is no mapping yet."""
    if mapping is None:
        return USUAL_NAME
    crm = mapping.crm
    return crm.external_id if isinstance(crm, SalesforceMapping) else None


def _steps(conn: Connection, name: str, *, made: bool) -> list[SetupStep]:
    seen = describing.field_of(conn, "Event", name)
    usable = describing.is_key(conn, "Event", name)
    field = SetupStep(
        id=FIELD,
        title=f"Create the field {name} on Activity",
        detail="A text field, an external id and unique: by it no event can be made twice.",
        state="done" if seen is not None or made else "todo",
        remedy=""
        if seen is not None or made
        else "If it is there but hidden, this step changes nothing; go on with the next.",
    )
    if seen is not None and not usable:
        remedy = f"In Setup, Activity Custom Fields, make {name} an External ID, or rename it."
        return [
            SetupStep(
                id=FIELD,
                title=field.title,
                detail=f"A field {name} is there, but events cannot be written by it.",
                state="impossible",
                remedy=remedy,
            )
        ]
    permission = SetupStep(
        id=PERMISSION,
        title=f"Give the connected user read and edit access to {name}",
        detail=f"By the permission set {PERMISSION_SET}, for Event and Task. A daemon that runs "
        "uses the field within an hour.",
        state="done" if usable else "todo",
    )
    return [field, permission]


# ---------------------------------------------------------------- doing it


def _make_field(conn: Connection, name: str) -> None:
    metadata = {
        "label": name.removesuffix("__c").replace("_", " "),
        "type": "Text",
        "length": 255,
        "externalId": True,
        "unique": True,
        "caseSensitive": False,
        "required": False,
        "description": "Filled by crmwire: one value for each booking or message.",
    }
    body = {"FullName": f"Activity.{name}", "Metadata": metadata}
    _post(conn, "/tooling/sobjects/CustomField", body)


def _give_right(conn: Connection, name: str) -> None:
    parent = _permission_set(conn)
    for type_ in ACTIVITIES:
        right = {"ParentId": parent, "SobjectType": type_, "Field": f"{type_}.{name}"}
        right |= {"PermissionsRead": True, "PermissionsEdit": True}  # type: ignore[dict-item]
        _post(conn, "/sobjects/FieldPermissions", right)
    assignment = {"AssigneeId": users.own_id(conn), "PermissionSetId": parent}
    _post(conn, "/sobjects/PermissionSetAssignment", assignment)


def _permission_set(conn: Connection) -> str:
    """The id of our permission set, which is made if it is not there. Raises: Failure."""
    condition = soql.among("Name", [soql.quoted(PERMISSION_SET)])
    (rows,) = run_queries(conn, [soql.select(("Id",), "PermissionSet", condition)])
    if isinstance(rows, Failure):
        raise rows
    if rows:
        return str(rows[0]["Id"])
    body = {"Name": PERMISSION_SET, "Label": "crmwire fields"}
    made = _post(conn, "/sobjects/PermissionSet", body)
    return str(made["id"])


def _post(conn: Connection, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Make something; that it is there already is as good. Raises: Failure."""
    request = Request(method="POST", path=data_path(conn, path), json=dict(body))
    try:
        answer = conn.http.send(request).json()
    except Rejected as failure:
        if failure.code in _THERE:
            return {}
        raise
    return answer if isinstance(answer, dict) else {}

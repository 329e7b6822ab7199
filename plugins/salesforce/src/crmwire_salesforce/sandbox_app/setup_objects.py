"""What an admin sets up, as objects that can be read or written: rules, rights, record types."""

from __future__ import annotations

from crmwire_salesforce.sandbox_app.fields import READ, area, common, flag, link, needed, text
from crmwire_salesforce.sandbox_app.schema import ObjectSchema, by_name

DUPLICATE_RULE = ObjectSchema(
    name="DuplicateRule",
    label="Duplicate Rule",
    plural="Duplicate Rules",
    prefix="0Bm",
    createable=False,
    updateable=False,
    deletable=False,
    fields=by_name(
        *(field for field in common("Duplicate Rule ID") if field.name != "IsDeleted"),
        text("DeveloperName", "Duplicate Rule Name", 80, **READ),
        text("MasterLabel", "Master Label", 40, **READ),
        text("SobjectType", "Object Type", 40, **READ),
        flag("IsActive", "Active", **READ),
    ),
)

PERMISSION_SET = ObjectSchema(
    name="PermissionSet",
    label="Permission Set",
    plural="Permission Sets",
    prefix="0PS",
    fields=by_name(
        *(field for field in common("PermissionSet ID") if field.name != "IsDeleted"),
        text("Name", "Permission Set Name", 80, nillable=False, unique=True),
        needed("Label", "Permission Set Label", 80),
        area("Description", "Description", 255),
    ),
)

FIELD_PERMISSIONS = ObjectSchema(
    name="FieldPermissions",
    label="Field Permissions",
    plural="Field Permissions",
    prefix="01k",
    fields=by_name(
        *(field for field in common("Field Permissions ID") if field.name != "IsDeleted"),
        link("ParentId", "Parent ID", "PermissionSet", nillable=False),
        needed("SobjectType", "Sobject Type Name", 40),
        needed("Field", "Field Name", 255),
        flag("PermissionsRead", "Read Field"),
        flag("PermissionsEdit", "Edit Field"),
    ),
)

PERMISSION_SET_ASSIGNMENT = ObjectSchema(
    name="PermissionSetAssignment",
    label="Permission Set Assignment",
    plural="Permission Set Assignments",
    prefix="0Pa",
    updateable=False,
    fields=by_name(
        *(field for field in common("Assignment ID") if field.name != "IsDeleted"),
        link("AssigneeId", "Assignee ID", "User", nillable=False),
        link("PermissionSetId", "PermissionSet ID", "PermissionSet", nillable=False),
    ),
)

RECORD_TYPE = ObjectSchema(
    name="RecordType",
    label="Record Type",
    plural="Record Types",
    prefix="012",
    createable=False,
    deletable=False,
    fields=by_name(
        *(field for field in common("Record Type ID") if field.name != "IsDeleted"),
        text("Name", "Name", 80, **READ),
        text("SobjectType", "SObject Type Name", 40, **READ),
    ),
)
RECORD_TYPE_ID = link("RecordTypeId", "Record Type ID", "RecordType")
"""A field of objects that have record types."""

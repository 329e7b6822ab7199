"""The standard objects, as a Developer Edition org describes them (API v62 to v66).

Lengths and flags are those that the describe resource gives; seldom used fields are left out.
"""

from __future__ import annotations

from typing import Any

from crmwire_salesforce.sandbox_app.schema import Field, ObjectSchema, by_name

_SOURCES = ("Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other")
_SALUTATIONS = ("Mr.", "Ms.", "Mrs.", "Dr.", "Prof.")
_INDUSTRIES = ("Agriculture", "Banking", "Consulting", "Education", "Technology", "Other")
_STAGES = ("Open - Not Contacted", "Working - Contacted", "Closed - Converted")


def _text(name: str, label: str, length: int, **more: Any) -> Field:
    return Field(name=name, label=label, length=length, **more)


def _needed(name: str, label: str, length: int) -> Field:
    return _text(name, label, length, nillable=False)


def _area(name: str, label: str, length: int = 32000) -> Field:
    return _text(name, label, length, type="textarea", filterable=length <= 255)


def _phone(name: str, label: str) -> Field:
    return _text(name, label, 40, type="phone")


def _pick(name: str, label: str, *options: str, **more: Any) -> Field:
    return _text(name, label, more.pop("length", 255), type="picklist", options=options, **more)


def _flag(name: str, label: str, **more: Any) -> Field:
    more = {"nillable": False, "defaulted": True, "default": False, **more}
    return Field(name=name, label=label, type="boolean", **more)


def _link(name: str, label: str, *refers: str, **more: Any) -> Field:
    relation = more.pop("relationship", name.removesuffix("Id"))
    return _text(name, label, 18, type="reference", refers=refers, relationship=relation, **more)


def _when(name: str, label: str, type_: str = "datetime", **more: Any) -> Field:
    return Field(name=name, label=label, type=type_, **more)


_READ: dict[str, Any] = {"createable": False, "updateable": False}
_SET: dict[str, Any] = {**_READ, "nillable": False, "defaulted": True}


def _address(prefix: str) -> tuple[Field, ...]:
    start = f"{prefix} " if prefix else ""
    return (
        _area(f"{prefix}Street", f"{start}Street", 255),
        _text(f"{prefix}City", f"{start}City", 40),
        _text(f"{prefix}State", f"{start}State/Province", 80),
        _text(f"{prefix}PostalCode", f"{start}Zip/Postal Code", 20),
        _text(f"{prefix}Country", f"{start}Country", 80),
    )


def _common(label: str) -> tuple[Field, ...]:
    """What every record has."""
    return (
        _text("Id", label, 18, type="id", id_lookup=True, **_SET),
        _flag("IsDeleted", "Deleted", **_READ),
        _when("CreatedDate", "Created Date", **_SET),
        _link("CreatedById", "Created By ID", "User", **_SET),
        _when("LastModifiedDate", "Last Modified Date", **_SET),
        _link("LastModifiedById", "Last Modified By ID", "User", **_SET),
        _when("SystemModstamp", "System Modstamp", **_SET),
    )


def _owner(label: str, *types: str) -> Field:
    return _link("OwnerId", label, *types, nillable=False, defaulted=True)


_LAST_ACTIVITY = _when("LastActivityDate", "Last Activity", "date", **_READ)
_EMAIL = _text("Email", "Email", 80, type="email", id_lookup=True)

CONTACT = ObjectSchema(
    name="Contact",
    label="Contact",
    plural="Contacts",
    prefix="003",
    fields=by_name(
        *_common("Contact ID"),
        _link("MasterRecordId", "Master Record ID", "Contact", **_READ),
        _link("AccountId", "Account ID", "Account"),
        _needed("LastName", "Last Name", 80),
        _text("FirstName", "First Name", 40),
        _pick("Salutation", "Salutation", *_SALUTATIONS, length=40),
        _text("Name", "Full Name", 121, **_READ, nillable=False),
        *_address("Mailing"),
        _phone("Phone", "Business Phone"),
        _phone("MobilePhone", "Mobile Phone"),
        _EMAIL,
        _text("Title", "Title", 128),
        _text("Department", "Department", 80),
        _pick("LeadSource", "Lead Source", *_SOURCES),
        _area("Description", "Contact Description"),
        _owner("Owner ID", "User"),
        _LAST_ACTIVITY,
    ),
)

LEAD = ObjectSchema(
    name="Lead",
    label="Lead",
    plural="Leads",
    prefix="00Q",
    fields=by_name(
        *_common("Lead ID"),
        _link("MasterRecordId", "Master Record ID", "Lead", **_READ),
        _needed("LastName", "Last Name", 80),
        _text("FirstName", "First Name", 40),
        _pick("Salutation", "Salutation", *_SALUTATIONS, length=40),
        _text("Name", "Full Name", 121, **_READ, nillable=False),
        _text("Title", "Title", 128),
        _needed("Company", "Company", 255),
        *_address(""),
        _phone("Phone", "Phone"),
        _phone("MobilePhone", "Mobile Phone"),
        _EMAIL,
        _text("Website", "Website", 255, type="url"),
        _area("Description", "Description"),
        _pick("LeadSource", "Lead Source", *_SOURCES),
        _pick("Status", "Status", *_STAGES, nillable=False, defaulted=True, default=_STAGES[0]),
        _pick("Industry", "Industry", *_INDUSTRIES),
        _pick("Rating", "Rating", "Hot", "Warm", "Cold"),
        _owner("Owner ID", "Group", "User"),
        _flag("IsConverted", "Converted", **_READ),
        _when("ConvertedDate", "Converted Date", "date", **_READ),
        _link("ConvertedAccountId", "Converted Account ID", "Account", **_READ),
        _link("ConvertedContactId", "Converted Contact ID", "Contact", **_READ),
        _LAST_ACTIVITY,
    ),
)

ACCOUNT = ObjectSchema(
    name="Account",
    label="Account",
    plural="Accounts",
    prefix="001",
    fields=by_name(
        *_common("Account ID"),
        _link("MasterRecordId", "Master Record ID", "Account", **_READ),
        _needed("Name", "Account Name", 255),
        _pick("Type", "Account Type", "Prospect", "Customer - Direct", "Other", length=40),
        _link("ParentId", "Parent Account ID", "Account"),
        *_address("Billing"),
        _phone("Phone", "Account Phone"),
        _text("Website", "Website", 255, type="url"),
        _pick("Industry", "Industry", *_INDUSTRIES, length=40),
        _area("Description", "Account Description"),
        _text("Site", "Account Site", 80),
        _owner("Owner ID", "User"),
        _LAST_ACTIVITY,
    ),
)


def _activity_links() -> tuple[Field, ...]:
    return (
        _link("WhoId", "Name ID", "Contact", "Lead"),
        _link("WhatId", "Related To ID", "Account"),
        _link("AccountId", "Account ID", "Account", **_READ),
        _flag("IsArchived", "Archived", **_READ),
    )


EVENT = ObjectSchema(
    name="Event",
    label="Event",
    plural="Events",
    prefix="00U",
    fields=by_name(
        *_common("Activity ID"),
        *_activity_links(),
        _text("Subject", "Subject", 255, type="combobox", options=("Call", "Email", "Meeting")),
        _text("Location", "Location", 255),
        _flag("IsAllDayEvent", "All-Day Event"),
        _when("ActivityDateTime", "Due Date Time"),
        _when("ActivityDate", "Due Date Only", "date"),
        Field(name="DurationInMinutes", label="Duration", type="int"),
        _when("StartDateTime", "Start Date Time"),
        _when("EndDateTime", "End Date Time"),
        _when("EndDate", "End Date", "date", **_READ),
        _area("Description", "Description"),
        _owner("Assigned To ID", "Calendar", "User"),
        _flag("IsPrivate", "Private"),
        _pick(
            "ShowAs",
            "Show Time As",
            *("Busy", "OutOfOffice", "Free"),
            length=40,
            restricted=True,
            defaulted=True,
            default="Busy",
        ),
        _flag("IsChild", "Is Child", **_READ),
        _flag("IsGroupEvent", "Is Group Event", **_READ),
        _when("ReminderDateTime", "Reminder Date/Time"),
        _flag("IsReminderSet", "Reminder Set"),
        _pick(
            "EventSubtype",
            "Event Subtype",
            "Event",
            length=40,
            restricted=True,
            updateable=False,
            default="Event",
        ),
    ),
)

TASK = ObjectSchema(
    name="Task",
    label="Task",
    plural="Tasks",
    prefix="00T",
    fields=by_name(
        *_common("Activity ID"),
        *_activity_links(),
        _text("Subject", "Subject", 255, type="combobox", options=("Call", "Email")),
        _when("ActivityDate", "Due Date Only", "date"),
        _pick(
            "Status",
            "Status",
            *("Not Started", "In Progress", "Completed"),
            nillable=False,
            defaulted=True,
            default="Not Started",
        ),
        _pick(
            "Priority",
            "Priority",
            *("High", "Normal", "Low"),
            length=20,
            nillable=False,
            defaulted=True,
            default="Normal",
        ),
        _area("Description", "Description"),
        _owner("Assigned To ID", "Group", "User"),
        _pick(
            "TaskSubtype",
            "Task Subtype",
            *("Task", "Call", "Email"),
            length=40,
            restricted=True,
            updateable=False,
            default="Task",
        ),
    ),
)

USER = ObjectSchema(
    name="User",
    label="User",
    plural="Users",
    prefix="005",
    deletable=False,
    fields=by_name(
        *(field for field in _common("User ID") if field.name != "IsDeleted"),
        _needed("Username", "Username", 80),
        _needed("LastName", "Last Name", 80),
        _text("FirstName", "First Name", 40),
        _text("Name", "Full Name", 121, **_READ, nillable=False),
        _text("Email", "Email", 128, type="email", nillable=False),
        _flag("IsActive", "Active", default=True),
        _text("TimeZoneSidKey", "Time Zone", 40, defaulted=True, default="Europe/London"),
        _pick("UserType", "User Type", "Standard", length=40, default="Standard", **_READ),
    ),
)

ORGANIZATION = ObjectSchema(
    name="Organization",
    label="Organization",
    plural="Organizations",
    prefix="00D",
    createable=False,
    deletable=False,
    fields=by_name(
        *(field for field in _common("Organization ID") if field.name != "IsDeleted"),
        _needed("Name", "Name", 80),
        _pick("OrganizationType", "Edition", "Developer Edition", length=40, **_READ),
        _flag("IsSandbox", "Is Sandbox", **_READ),
        _text("InstanceName", "Instance Name", 5, **_READ),
        _text("TimeZoneSidKey", "Time Zone", 40, defaulted=True),
    ),
)

DUPLICATE_RULE = ObjectSchema(
    name="DuplicateRule",
    label="Duplicate Rule",
    plural="Duplicate Rules",
    prefix="0Bm",
    createable=False,
    updateable=False,
    deletable=False,
    fields=by_name(
        *(field for field in _common("Duplicate Rule ID") if field.name != "IsDeleted"),
        _text("DeveloperName", "Duplicate Rule Name", 80, **_READ),
        _text("MasterLabel", "Master Label", 40, **_READ),
        _text("SobjectType", "Object Type", 40, **_READ),
        _flag("IsActive", "Active", **_READ),
    ),
)

PERMISSION_SET = ObjectSchema(
    name="PermissionSet",
    label="Permission Set",
    plural="Permission Sets",
    prefix="0PS",
    fields=by_name(
        *(field for field in _common("PermissionSet ID") if field.name != "IsDeleted"),
        _text("Name", "Permission Set Name", 80, nillable=False, unique=True),
        _needed("Label", "Permission Set Label", 80),
        _area("Description", "Description", 255),
    ),
)

FIELD_PERMISSIONS = ObjectSchema(
    name="FieldPermissions",
    label="Field Permissions",
    plural="Field Permissions",
    prefix="01k",
    fields=by_name(
        *(field for field in _common("Field Permissions ID") if field.name != "IsDeleted"),
        _link("ParentId", "Parent ID", "PermissionSet", nillable=False),
        _needed("SobjectType", "Sobject Type Name", 40),
        _needed("Field", "Field Name", 255),
        _flag("PermissionsRead", "Read Field"),
        _flag("PermissionsEdit", "Edit Field"),
    ),
)

PERMISSION_SET_ASSIGNMENT = ObjectSchema(
    name="PermissionSetAssignment",
    label="Permission Set Assignment",
    plural="Permission Set Assignments",
    prefix="0Pa",
    updateable=False,
    fields=by_name(
        *(field for field in _common("Assignment ID") if field.name != "IsDeleted"),
        _link("AssigneeId", "Assignee ID", "User", nillable=False),
        _link("PermissionSetId", "PermissionSet ID", "PermissionSet", nillable=False),
    ),
)

STANDARD = {
    schema.name.lower(): schema
    for schema in (
        *(CONTACT, LEAD, ACCOUNT, EVENT, TASK, USER, ORGANIZATION),
        *(DUPLICATE_RULE, PERMISSION_SET, FIELD_PERMISSIONS, PERMISSION_SET_ASSIGNMENT),
    )
}

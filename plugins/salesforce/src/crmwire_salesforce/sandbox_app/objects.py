"""The standard objects, as a Developer Edition org describes them (API v62 to v66).

Lengths and flags are those that the describe resource gives; seldom used fields are left out.
"""

from __future__ import annotations

from crmwire_salesforce.sandbox_app.fields import (
    READ,
    address,
    area,
    common,
    flag,
    link,
    needed,
    owner,
    phone,
    pick,
    text,
    when,
)
from crmwire_salesforce.sandbox_app.schema import Field, ObjectSchema, by_name
from crmwire_salesforce.sandbox_app.setup_objects import (
    DUPLICATE_RULE,
    FIELD_PERMISSIONS,
    PERMISSION_SET,
    PERMISSION_SET_ASSIGNMENT,
    RECORD_TYPE,
)

_SOURCES = ("Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other")
_SALUTATIONS = ("Mr.", "Ms.", "Mrs.", "Dr.", "Prof.")
_INDUSTRIES = ("Agriculture", "Banking", "Consulting", "Education", "Technology", "Other")
_STAGES = ("Open - Not Contacted", "Working - Contacted", "Closed - Converted")

_LAST_ACTIVITY = when("LastActivityDate", "Last Activity", "date", **READ)
_EMAIL = text("Email", "Email", 80, type="email", id_lookup=True)

CONTACT = ObjectSchema(
    name="Contact",
    label="Contact",
    plural="Contacts",
    prefix="003",
    fields=by_name(
        *common("Contact ID"),
        link("MasterRecordId", "Master Record ID", "Contact", **READ),
        link("AccountId", "Account ID", "Account"),
        needed("LastName", "Last Name", 80),
        text("FirstName", "First Name", 40),
        pick("Salutation", "Salutation", *_SALUTATIONS, length=40),
        text("Name", "Full Name", 121, **READ, nillable=False),
        *address("Mailing"),
        phone("Phone", "Business Phone"),
        phone("MobilePhone", "Mobile Phone"),
        _EMAIL,
        text("Title", "Title", 128),
        text("Department", "Department", 80),
        pick("LeadSource", "Lead Source", *_SOURCES),
        area("Description", "Contact Description"),
        owner("Owner ID", "User"),
        _LAST_ACTIVITY,
    ),
)

LEAD = ObjectSchema(
    name="Lead",
    label="Lead",
    plural="Leads",
    prefix="00Q",
    fields=by_name(
        *common("Lead ID"),
        link("MasterRecordId", "Master Record ID", "Lead", **READ),
        needed("LastName", "Last Name", 80),
        text("FirstName", "First Name", 40),
        pick("Salutation", "Salutation", *_SALUTATIONS, length=40),
        text("Name", "Full Name", 121, **READ, nillable=False),
        text("Title", "Title", 128),
        needed("Company", "Company", 255),
        *address(""),
        phone("Phone", "Phone"),
        phone("MobilePhone", "Mobile Phone"),
        _EMAIL,
        text("Website", "Website", 255, type="url"),
        area("Description", "Description"),
        pick("LeadSource", "Lead Source", *_SOURCES),
        pick("Status", "Status", *_STAGES, nillable=False, defaulted=True, default=_STAGES[0]),
        pick("Industry", "Industry", *_INDUSTRIES),
        pick("Rating", "Rating", "Hot", "Warm", "Cold"),
        owner("Owner ID", "Group", "User"),
        flag("IsConverted", "Converted", updateable=False),
        when("ConvertedDate", "Converted Date", "date", **READ),
        link("ConvertedAccountId", "Converted Account ID", "Account", **READ),
        link("ConvertedContactId", "Converted Contact ID", "Contact", **READ),
        _LAST_ACTIVITY,
    ),
)

ACCOUNT = ObjectSchema(
    name="Account",
    label="Account",
    plural="Accounts",
    prefix="001",
    fields=by_name(
        *common("Account ID"),
        link("MasterRecordId", "Master Record ID", "Account", **READ),
        needed("Name", "Account Name", 255),
        pick("Type", "Account Type", "Prospect", "Customer - Direct", "Other", length=40),
        link("ParentId", "Parent Account ID", "Account"),
        *address("Billing"),
        phone("Phone", "Account Phone"),
        text("Website", "Website", 255, type="url"),
        pick("Industry", "Industry", *_INDUSTRIES, length=40),
        area("Description", "Account Description"),
        text("Site", "Account Site", 80),
        owner("Owner ID", "User"),
        _LAST_ACTIVITY,
    ),
)


def _activity_links() -> tuple[Field, ...]:
    return (
        link("WhoId", "Name ID", "Contact", "Lead"),
        link("WhatId", "Related To ID", "Account"),
        link("AccountId", "Account ID", "Account", **READ),
        flag("IsArchived", "Archived", **READ),
    )


EVENT = ObjectSchema(
    name="Event",
    label="Event",
    plural="Events",
    prefix="00U",
    fields=by_name(
        *common("Activity ID"),
        *_activity_links(),
        text("Subject", "Subject", 255, type="combobox", options=("Call", "Email", "Meeting")),
        text("Location", "Location", 255),
        flag("IsAllDayEvent", "All-Day Event"),
        when("ActivityDateTime", "Due Date Time"),
        when("ActivityDate", "Due Date Only", "date"),
        Field(name="DurationInMinutes", label="Duration", type="int"),
        when("StartDateTime", "Start Date Time"),
        when("EndDateTime", "End Date Time"),
        when("EndDate", "End Date", "date", **READ),
        area("Description", "Description"),
        owner("Assigned To ID", "Calendar", "User"),
        flag("IsPrivate", "Private"),
        pick(
            "ShowAs",
            "Show Time As",
            *("Busy", "OutOfOffice", "Free"),
            length=40,
            restricted=True,
            defaulted=True,
            default="Busy",
        ),
        flag("IsChild", "Is Child", **READ),
        flag("IsGroupEvent", "Is Group Event", **READ),
        when("ReminderDateTime", "Reminder Date/Time"),
        flag("IsReminderSet", "Reminder Set"),
        pick(
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
        *common("Activity ID"),
        *_activity_links(),
        text("Subject", "Subject", 255, type="combobox", options=("Call", "Email")),
        when("ActivityDate", "Due Date Only", "date"),
        pick(
            "Status",
            "Status",
            *("Not Started", "In Progress", "Completed"),
            nillable=False,
            defaulted=True,
            default="Not Started",
        ),
        pick(
            "Priority",
            "Priority",
            *("High", "Normal", "Low"),
            length=20,
            nillable=False,
            defaulted=True,
            default="Normal",
        ),
        area("Description", "Description"),
        owner("Assigned To ID", "Group", "User"),
        pick(
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
        *(field for field in common("User ID") if field.name != "IsDeleted"),
        needed("Username", "Username", 80),
        needed("LastName", "Last Name", 80),
        text("FirstName", "First Name", 40),
        text("Name", "Full Name", 121, **READ, nillable=False),
        text("Email", "Email", 128, type="email", nillable=False),
        flag("IsActive", "Active", default=True),
        text("TimeZoneSidKey", "Time Zone", 40, defaulted=True, default="Europe/London"),
        pick("UserType", "User Type", "Standard", length=40, default="Standard", **READ),
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
        *(field for field in common("Organization ID") if field.name != "IsDeleted"),
        needed("Name", "Name", 80),
        pick("OrganizationType", "Edition", "Developer Edition", length=40, **READ),
        flag("IsSandbox", "Is Sandbox", **READ),
        text("InstanceName", "Instance Name", 5, **READ),
        text("TimeZoneSidKey", "Time Zone", 40, defaulted=True),
    ),
)

STANDARD = {
    schema.name.lower(): schema
    for schema in (
        *(CONTACT, LEAD, ACCOUNT, EVENT, TASK, USER, ORGANIZATION),
        *(DUPLICATE_RULE, PERMISSION_SET, FIELD_PERMISSIONS, PERMISSION_SET_ASSIGNMENT),
        RECORD_TYPE,
    )
}

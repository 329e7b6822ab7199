"""The properties of a fresh portal: a modest part of HubSpot's documented defaults.

Names, types and groups are those of developers.hubspot.com/docs, "Default properties" of each
object, read 2026-11. Long lists of options are cut to a few.
"""

from __future__ import annotations

from typing import Any

import attrs
from attrs import frozen

LIFECYCLE = (
    "subscriber",
    "lead",
    "marketingqualifiedlead",
    "salesqualifiedlead",
    "opportunity",
    "customer",
    "evangelist",
    "other",
)
LEAD_STATUS = (
    "NEW",
    "OPEN",
    "IN_PROGRESS",
    "OPEN_DEAL",
    "UNQUALIFIED",
    "ATTEMPTED_TO_CONTACT",
    "CONNECTED",
    "BAD_TIMING",
)
OUTCOMES = ("SCHEDULED", "COMPLETED", "RESCHEDULED", "NO_SHOW", "CANCELED")


@frozen(kw_only=True)
class Property:
    """One property definition."""

    name: str
    label: str
    type: str = "string"
    field_type: str = "text"
    group: str
    options: tuple[str, ...] = ()
    external: bool = False
    read_only: bool = False
    calculated: bool = False
    hidden: bool = False
    unique: bool = False
    built_in: bool = True

    def shown(self, order: int) -> dict[str, Any]:
        """The definition as the properties API gives it; built-in ones have no `createdAt`."""
        return {
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "fieldType": self.field_type,
            "description": "",
            "groupName": self.group,
            "options": [
                {
                    "label": option.replace("_", " ").capitalize(),
                    "value": option,
                    "displayOrder": number,
                    "hidden": False,
                }
                for number, option in enumerate(self.options)
            ],
            "displayOrder": order,
            "calculated": self.calculated,
            "externalOptions": self.external,
            "hasUniqueValue": self.unique,
            "hidden": self.hidden,
            "hubspotDefined": self.built_in,
            "modificationMetadata": {
                "archivable": True,
                "readOnlyDefinition": self.built_in,
                "readOnlyValue": self.read_only or self.calculated,
            },
            "formField": not self.read_only,
            "dataSensitivity": "non_sensitive",
        }


def _texts(group: str, names: str) -> list[Property]:
    """Single-line texts: `name=Label`, one each line."""
    rows = [row.strip().partition("=") for row in names.strip().splitlines()]
    return [Property(name=name, label=label, group=group) for name, _, label in rows]


def _computed(group: str, created: str, modified: str) -> list[Property]:
    """What HubSpot itself keeps of every record."""
    when = Property(
        name=created,
        label="Create Date",
        type="datetime",
        field_type="date",
        group=group,
        read_only=True,
    )
    return [
        when,
        attrs.evolve(when, name=modified, label="Last Modified Date"),
        Property(
            name="hs_object_id",
            label="Record ID",
            type="number",
            field_type="number",
            group=group,
            read_only=True,
        ),
        *(
            Property(name=name, label=label, group=group, read_only=True, hidden=True)
            for name, label in (
                ("hs_object_source", "Record creation source"),
                ("hs_object_source_id", "Record creation source ID"),
                ("hs_object_source_label", "Record source"),
                ("hs_merged_object_ids", "Merged record IDs"),
            )
        ),
    ]


def _owner(label: str, group: str) -> list[Property]:
    owner = Property(
        name="hubspot_owner_id",
        label=label,
        type="enumeration",
        field_type="select",
        group=group,
        external=True,
    )
    return [
        owner,
        *(
            attrs.evolve(owner, name=name, label=text, external=False, calculated=True, hidden=True)
            for name, text in (
                ("hs_all_owner_ids", "All owner IDs"),
                ("hs_user_ids_of_all_owners", "User IDs of all owners"),
                ("hubspot_owner_assigneddate", "Owner assigned date"),
            )
        ),
    ]


def _choice(name: str, label: str, group: str, options: tuple[str, ...]) -> Property:
    return Property(
        name=name,
        label=label,
        type="enumeration",
        field_type="select",
        group=group,
        options=options,
    )


def _phone(name: str, label: str, group: str) -> Property:
    return Property(name=name, label=label, field_type="phonenumber", group=group)


def _number(name: str, label: str, group: str) -> Property:
    return Property(name=name, label=label, type="number", field_type="number", group=group)


def _time(name: str, label: str, group: str, *, read_only: bool = False) -> Property:
    return Property(
        name=name,
        label=label,
        type="datetime",
        field_type="date",
        group=group,
        read_only=read_only,
    )


def _html(name: str, label: str, group: str) -> Property:
    return Property(name=name, label=label, field_type="html", group=group)


def _hidden(group: str, names: str) -> list[Property]:
    return [attrs.evolve(one, calculated=True, hidden=True) for one in _texts(group, names)]


_CONTACT, _COMPANY, _DEAL = "contactinformation", "companyinformation", "dealinformation"
_MEETING, _TASK = "meeting", "task"

_TABLES: dict[str, list[Property]] = {
    "contacts": [
        *_texts(
            _CONTACT,
            """email=Email
            firstname=First Name
            lastname=Last Name
            salutation=Salutation
            company=Company Name
            jobtitle=Job Title
            website=Website URL
            annualrevenue=Annual Revenue
            industry=Industry
            twitterhandle=Twitter Username
            address=Street Address
            city=City
            state=State/Region
            zip=Postal Code
            country=Country/Region""",
        ),
        _phone("phone", "Phone Number", _CONTACT),
        _phone("mobilephone", "Mobile Phone Number", _CONTACT),
        _phone("fax", "Fax Number", _CONTACT),
        _phone("hs_whatsapp_phone_number", "WhatsApp Phone Number", _CONTACT),
        _choice("hs_language", "Preferred language", _CONTACT, ("de", "en", "es", "fr", "ja")),
        _choice("lifecyclestage", "Lifecycle Stage", _CONTACT, LIFECYCLE),
        _choice("hs_lead_status", "Lead Status", "sales_properties", LEAD_STATUS),
        Property(name="message", label="Message", field_type="textarea", group="contact_activity"),
        _time("notes_last_contacted", "Last Contacted", "contact_activity", read_only=True),
        *_owner("Contact owner", "sales_properties"),
        *_computed(_CONTACT, "createdate", "lastmodifieddate"),
        *_hidden(
            _CONTACT,
            """hs_additional_emails=Additional email addresses
            hs_all_contact_vids=All vids for a contact
            hs_email_domain=Email Domain
            hs_full_name_or_email=Full name or email
            hs_is_contact=Is a contact
            hs_is_unworked=Contact unworked
            hs_lifecyclestage_lead_date=Date entered lead
            hs_pipeline=Pipeline
            hs_searchable_calculated_phone_number=Calculated phone number""",
        ),
    ],
    "companies": [
        *_texts(
            _COMPANY,
            """name=Company name
            domain=Company Domain Name
            website=Website URL
            address=Street Address
            address2=Street Address 2
            city=City
            state=State/Region
            zip=Postal Code
            country=Country/Region
            founded_year=Year Founded
            timezone=Time Zone""",
        ),
        Property(name="description", label="Description", field_type="textarea", group=_COMPANY),
        _phone("phone", "Phone Number", _COMPANY),
        _number("numberofemployees", "Number of Employees", _COMPANY),
        _number("annualrevenue", "Annual Revenue", _COMPANY),
        _choice("industry", "Industry", _COMPANY, ("ACCOUNTING", "COMPUTER_SOFTWARE", "RETAIL")),
        _choice("type", "Type", _COMPANY, ("PROSPECT", "PARTNER", "RESELLER", "VENDOR", "OTHER")),
        _choice("lifecyclestage", "Lifecycle Stage", _COMPANY, LIFECYCLE),
        *_owner("Company owner", "sales_properties"),
        *_computed(_COMPANY, "createdate", "hs_lastmodifieddate"),
        *_hidden(_COMPANY, "hs_additional_domains=Additional Domains\nhs_pipeline=Pipeline"),
    ],
    "deals": [
        *_texts(_DEAL, "dealname=Deal Name\ndealstage=Deal Stage\npipeline=Pipeline"),
        _number("amount", "Amount", _DEAL),
        _time("closedate", "Close Date", _DEAL),
        *_owner("Deal owner", _DEAL),
        *_computed(_DEAL, "createdate", "hs_lastmodifieddate"),
    ],
    "meetings": [
        _time("hs_timestamp", "Activity date", _MEETING),
        _time("hs_meeting_start_time", "Meeting start time", _MEETING),
        _time("hs_meeting_end_time", "Meeting end time", _MEETING),
        *_texts(
            _MEETING,
            """hs_meeting_title=Meeting name
            hs_meeting_location=Meeting location
            hs_meeting_external_url=External url
            hs_activity_type=Call and meeting type
            hs_attendee_owner_ids=Attendee owners
            hs_attachment_ids=Attached file IDs""",
        ),
        _html("hs_meeting_body", "Meeting description", _MEETING),
        _html("hs_internal_meeting_notes", "Internal meeting notes", _MEETING),
        _choice("hs_meeting_outcome", "Meeting outcome", _MEETING, OUTCOMES),
        _choice(
            "hs_meeting_location_type",
            "Location type",
            _MEETING,
            ("ADDRESS", "CUSTOM", "PHONE"),
        ),
        *_owner("Activity assigned to", _MEETING),
        *_computed(_MEETING, "hs_createdate", "hs_lastmodifieddate"),
        *_hidden(
            _MEETING,
            """hs_meeting_source=Meeting source
            hs_body_preview=Body preview
            hs_body_preview_html=HTML body preview
            hs_body_preview_is_truncated=Body preview truncated""",
        ),
    ],
    "notes": [
        _time("hs_timestamp", "Activity date", "note"),
        _html("hs_note_body", "Note body", "note"),
        *_owner("Activity assigned to", "note"),
        *_computed("note", "hs_createdate", "hs_lastmodifieddate"),
        *_hidden(
            "note",
            """hs_body_preview=Body preview
            hs_body_preview_html=HTML body preview
            hs_body_preview_is_truncated=Body preview truncated""",
        ),
    ],
    "tasks": [
        _time("hs_timestamp", "Due date", _TASK),
        *_texts(_TASK, "hs_task_subject=Task Title"),
        _html("hs_task_body", "Task Notes", _TASK),
        _choice("hs_task_type", "Task Type", _TASK, ("CALL", "EMAIL", "TODO")),
        _choice("hs_task_priority", "Priority", _TASK, ("LOW", "MEDIUM", "HIGH")),
        _choice(
            "hs_task_status",
            "Task Status",
            _TASK,
            ("NOT_STARTED", "IN_PROGRESS", "WAITING", "COMPLETED", "DEFERRED"),
        ),
        *_owner("Assigned to", _TASK),
        *_computed(_TASK, "hs_createdate", "hs_lastmodifieddate"),
        *_hidden(
            _TASK,
            """hs_body_preview=Body preview
            hs_body_preview_html=HTML body preview
            hs_body_preview_is_truncated=Body preview truncated""",
        ),
    ],
}


GROUPS: dict[str, dict[str, str]] = {
    "contacts": {
        _CONTACT: "Contact information",
        "contact_activity": "Contact activity",
        "sales_properties": "Sales properties",
    },
    "companies": {_COMPANY: "Company information", "sales_properties": "Sales properties"},
    "deals": {_DEAL: "Deal information"},
    "meetings": {_MEETING: "Meeting information"},
    "notes": {"note": "Note information"},
    "tasks": {_TASK: "Task information"},
}
"""The groups of a fresh portal: names and labels, by object type."""


def definitions(kind: str) -> dict[str, Property]:
    """The properties of an object type in a fresh portal, by name."""
    return {one.name: one for one in _TABLES[kind]}

"""The properties of a fresh portal: a modest part of HubSpot's documented defaults.

Names, types and groups are those of developers.hubspot.com/docs, "Default properties" of each
object, read 2026-11. Long lists of options are cut to a few.
"""

from __future__ import annotations

from crmwire_hubspot.sandbox_app.definitions.making import (
    choice,
    computed,
    hidden,
    html,
    moment,
    number,
    owners,
    phone,
    texts,
)
from crmwire_hubspot.sandbox_app.definitions.property import Property

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

_CONTACT, _COMPANY, _DEAL = "contactinformation", "companyinformation", "dealinformation"
_MEETING, _TASK = "meeting", "task"

_TABLES: dict[str, list[Property]] = {
    "contacts": [
        *texts(
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
        phone("phone", "Phone Number", _CONTACT),
        phone("mobilephone", "Mobile Phone Number", _CONTACT),
        phone("fax", "Fax Number", _CONTACT),
        phone("hs_whatsapp_phone_number", "WhatsApp Phone Number", _CONTACT),
        choice("hs_language", "Preferred language", _CONTACT, ("de", "en", "es", "fr", "ja")),
        choice("lifecyclestage", "Lifecycle Stage", _CONTACT, LIFECYCLE),
        choice("hs_lead_status", "Lead Status", "sales_properties", LEAD_STATUS),
        Property(name="message", label="Message", field_type="textarea", group="contact_activity"),
        moment("notes_last_contacted", "Last Contacted", "contact_activity", read_only=True),
        *owners("Contact owner", "sales_properties"),
        *computed(_CONTACT, "createdate", "lastmodifieddate"),
        *hidden(
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
        *texts(
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
        phone("phone", "Phone Number", _COMPANY),
        number("numberofemployees", "Number of Employees", _COMPANY),
        number("annualrevenue", "Annual Revenue", _COMPANY),
        choice("industry", "Industry", _COMPANY, ("ACCOUNTING", "COMPUTER_SOFTWARE", "RETAIL")),
        choice("type", "Type", _COMPANY, ("PROSPECT", "PARTNER", "RESELLER", "VENDOR", "OTHER")),
        choice("lifecyclestage", "Lifecycle Stage", _COMPANY, LIFECYCLE),
        *owners("Company owner", "sales_properties"),
        *computed(_COMPANY, "createdate", "hs_lastmodifieddate"),
        *hidden(_COMPANY, "hs_additional_domains=Additional Domains\nhs_pipeline=Pipeline"),
    ],
    "deals": [
        *texts(_DEAL, "dealname=Deal Name\ndealstage=Deal Stage\npipeline=Pipeline"),
        number("amount", "Amount", _DEAL),
        moment("closedate", "Close Date", _DEAL),
        *owners("Deal owner", _DEAL),
        *computed(_DEAL, "createdate", "hs_lastmodifieddate"),
    ],
    "meetings": [
        moment("hs_timestamp", "Activity date", _MEETING),
        moment("hs_meeting_start_time", "Meeting start time", _MEETING),
        moment("hs_meeting_end_time", "Meeting end time", _MEETING),
        *texts(
            _MEETING,
            """hs_meeting_title=Meeting name
            hs_meeting_location=Meeting location
            hs_meeting_external_url=External url
            hs_activity_type=Call and meeting type
            hs_attendee_owner_ids=Attendee owners
            hs_attachment_ids=Attached file IDs""",
        ),
        html("hs_meeting_body", "Meeting description", _MEETING),
        html("hs_internal_meeting_notes", "Internal meeting notes", _MEETING),
        choice("hs_meeting_outcome", "Meeting outcome", _MEETING, OUTCOMES),
        choice(
            "hs_meeting_location_type",
            "Location type",
            _MEETING,
            ("ADDRESS", "CUSTOM", "PHONE"),
        ),
        *owners("Activity assigned to", _MEETING),
        *computed(_MEETING, "hs_createdate", "hs_lastmodifieddate"),
        *hidden(
            _MEETING,
            """hs_meeting_source=Meeting source
            hs_body_preview=Body preview
            hs_body_preview_html=HTML body preview
            hs_body_preview_is_truncated=Body preview truncated""",
        ),
    ],
    "notes": [
        moment("hs_timestamp", "Activity date", "note"),
        html("hs_note_body", "Note body", "note"),
        *owners("Activity assigned to", "note"),
        *computed("note", "hs_createdate", "hs_lastmodifieddate"),
        *hidden(
            "note",
            """hs_body_preview=Body preview
            hs_body_preview_html=HTML body preview
            hs_body_preview_is_truncated=Body preview truncated""",
        ),
    ],
    "tasks": [
        moment("hs_timestamp", "Due date", _TASK),
        *texts(_TASK, "hs_task_subject=Task Title"),
        html("hs_task_body", "Task Notes", _TASK),
        choice("hs_task_type", "Task Type", _TASK, ("CALL", "EMAIL", "TODO")),
        choice("hs_task_priority", "Priority", _TASK, ("LOW", "MEDIUM", "HIGH")),
        choice(
            "hs_task_status",
            "Task Status",
            _TASK,
            ("NOT_STARTED", "IN_PROGRESS", "WAITING", "COMPLETED", "DEFERRED"),
        ),
        *owners("Assigned to", _TASK),
        *computed(_TASK, "hs_createdate", "hs_lastmodifieddate"),
        *hidden(
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

"""The object types that are written, and how they are associated with each other."""

from __future__ import annotations

from crmwire.types import Json, ObjectType

CONTACTS = "contacts"
COMPANIES = "companies"
DEALS = "deals"
MEETINGS = "meetings"

COMPANY_KEY = "crmwire_domain"
"""A property that `crmwire setup` can make: the company's domain, but unique."""

OBJECT_TYPES = {
    CONTACTS: ObjectType(name=CONTACTS, title="Contact", unique=("email",), upsert=("email",)),
    # `domain` and `name` are looked up by search: neither is unique in HubSpot.
    COMPANIES: ObjectType(
        name=COMPANIES,
        title="Company",
        unique=("domain", "name", COMPANY_KEY),
        upsert=(COMPANY_KEY,),
    ),
    DEALS: ObjectType(name=DEALS, title="Deal"),
    MEETINGS: ObjectType(
        name=MEETINGS, title="Meeting", html_fields=("hs_meeting_body", "hs_internal_meeting_notes")
    ),
}

FOUND = frozenset([CONTACTS, COMPANIES, DEALS])
"""Types that a mapping finds. All others are activities, associated when they are made."""

ASSOCIATION_TYPES = {
    ("meetings", "contacts"): 200,
    ("meetings", "companies"): 188,
    ("meetings", "deals"): 212,
    ("meetings", "tickets"): 226,
    ("contacts", "companies"): 279,
    ("contacts", "deals"): 4,
    ("companies", "contacts"): 280,
    ("companies", "deals"): 342,
    ("deals", "contacts"): 3,
    ("deals", "companies"): 341,
}
"""Ids of HubSpot's own unlabelled association types, from the official clients
(HubSpot/hubspot-api-python, `hubspot/crm/association_type.py`, read 2026-11)."""

ASSOCIATED = "associations."
"""A mapping's field `associations.deals` associates with the record of that id, which an event
itself names, such as a URL parameter. (The search names associations so, too.)"""

PRIMARY = {("contacts", "companies"): 1, ("deals", "companies"): 5}
"""Ids that make the company the primary one; a record has one at most, a new one replaces it."""


def association(from_type: str, to_type: str, *, primary: bool = False) -> dict[str, Json] | None:
    """The `types` entry for an association, None where HubSpot has none of its own."""
    pair = (from_type, to_type)
    type_id = PRIMARY.get(pair) if primary else None
    type_id = type_id or ASSOCIATION_TYPES.get(pair)
    if type_id is None:
        return None
    return {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id}


def linked_type(name: str) -> str | None:
    """The object type that a mapping's field associates with, None for a property."""
    return name.removeprefix(ASSOCIATED) if name.startswith(ASSOCIATED) else None


def linkable(object_type: str) -> list[str]:
    """The types that records of this type can be associated with by id."""
    return [to for from_, to in ASSOCIATION_TYPES if from_ == object_type]

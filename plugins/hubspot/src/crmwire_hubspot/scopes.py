"""Which scope a call needs.

A 403 of the object API lists some thirty scopes of all object types, so it does not say which one
is missing; this table does. Meetings, notes and tasks go by the contacts' scopes: they have none
of their own (security of the routes in the OpenAPI documents of 2026-09, read 2026-11).
"""

from __future__ import annotations

from typing import Literal

from crmwire.errors import Failure, NotAllowed

Access = Literal["read", "write"]

_OF_CONTACTS = frozenset(["meetings", "notes", "tasks"])

CONTACTS_READ = "crm.objects.contacts.read"
OWNERS_READ = "crm.objects.owners.read"


def scope(object_type: str, access: Access) -> str:
    """The scope for reading or writing records of this type."""
    if object_type == "owners":
        return OWNERS_READ
    family = "contacts" if object_type in _OF_CONTACTS else object_type
    if family.startswith("2-"):
        family = "custom"
    return f"crm.objects.{family}.{access}"


def remedy(name: str) -> str:
    """What to do about a scope that is missing."""
    return f"Grant the scope {name} to the service key or app in HubSpot, then retry."


def naming_scope(failure: Failure, name: str) -> Failure:
    """The failure, with the missing scope in its remedy if it is about permissions."""
    if isinstance(failure, NotAllowed):
        failure.remedy = remedy(name)
    return failure

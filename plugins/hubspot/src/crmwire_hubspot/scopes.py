"""Which scope a call needs, and what is lost without it.

A 403 of the object API lists some thirty scopes of all object types, so it does not say which one
is missing; this table does. Meetings, notes and tasks go by the contacts' scopes: they have none
of their own (security of the routes in the OpenAPI documents of 2026-09, read 2026-11).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from crmwire.errors import Failure, NotAllowed

if TYPE_CHECKING:
    from crmwire.connections import Connection

Access = Literal["read", "write"]

_OF_CONTACTS = frozenset(["meetings", "notes", "tasks"])

CONTACTS_READ = "crm.objects.contacts.read"
CONTACTS_WRITE = "crm.objects.contacts.write"
OWNERS_READ = "crm.objects.owners.read"

REQUIRED = ("oauth", CONTACTS_READ, CONTACTS_WRITE)
"""What a login must have; `oauth` opens the account's details."""
OPTIONAL = (
    "crm.objects.companies.read",
    "crm.objects.companies.write",
    OWNERS_READ,
    "crm.schemas.contacts.read",
    "crm.schemas.contacts.write",
    "crm.schemas.companies.read",
    "crm.schemas.companies.write",
)
"""What a login may lack: HubSpot leaves out silently what the account or user does not have."""

LOST: Mapping[str, str] = {
    CONTACTS_READ: "contacts cannot be looked up, nor meetings read",
    CONTACTS_WRITE: "neither contacts nor meetings can be written",
    "crm.objects.companies.read": "companies cannot be looked up, so none is written either",
    "crm.objects.companies.write": "companies cannot be written",
    "crm.objects.deals.read": "deals cannot be looked up",
    "crm.objects.deals.write": "deals cannot be written",
    OWNERS_READ: "owners cannot be found by the host's address, so records stay without one",
    "crm.schemas.contacts.write": "properties of contacts cannot be made by `crmwire setup`",
    "crm.schemas.companies.write": "properties of companies cannot be made by `crmwire setup`",
}
"""The capability that is lost without each scope."""


def scope(object_type: str, access: Access) -> str:
    """The scope for reading or writing records of this type."""
    if object_type == "owners":
        return OWNERS_READ
    family = "contacts" if object_type in _OF_CONTACTS else object_type
    if family.startswith("2-"):
        family = "custom"
    return f"crm.objects.{family}.{access}"


def schema_scope(object_type: str) -> str | None:
    """The scope for making properties of this type; None where no app can have one."""
    return f"crm.schemas.{object_type}.write" if object_type not in _OF_CONTACTS else None


def lost(name: str) -> str:
    """What is lost without a scope, for people."""
    return LOST.get(name, "records of this type can be neither read nor written")


def remedy(name: str) -> str:
    """What to do about a scope that is missing."""
    return (
        f"Grant the scope {name} to the service key or app in HubSpot (an app then connects "
        "again: `crmwire connect`), then retry."
    )


def granted(conn: Connection) -> frozenset[str] | None:
    """The scopes that HubSpot named when it gave the login's token; None for a static token,
    whose scopes no answer tells."""
    known = conn.login.scopes()
    return None if known is None else frozenset(known)


def naming_scope(failure: Failure, name: str) -> Failure:
    """The failure, with the missing scope and what it is for if it is about permissions.

    Properties that the account demands are its configuration, not a scope.
    """
    if isinstance(failure, NotAllowed) and not failure.fields:
        failure.message = f"The scope {name} is missing: {lost(name)}."
        failure.args = (failure.message,)
        failure.remedy = remedy(name)
    return failure

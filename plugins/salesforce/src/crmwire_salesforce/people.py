"""Person accounts: a contact and an account that are one, written on the account's side.

Object Reference, "Person Account Fields" (read 2026-11): the contact's own fields have the prefix
Person on the account, its custom fields end in `__pc`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from crmwire.errors import Failure
from crmwire_salesforce import soql
from crmwire_salesforce.api import run_queries
from crmwire_salesforce.kept import keep, peek

if TYPE_CHECKING:
    from crmwire.connections import Connection
    from crmwire.types import Value, Write

KEPT_FOR = 24 * 3600.0
_SAME = frozenset(
    {"FirstName", "LastName", "Salutation", "OwnerId", "Phone", "Fax", "RecordTypeId"}
)
_LEFT_OUT = frozenset({"AccountId", "Name"})
"""Fields of a contact that its person account has not, or makes itself."""


def account_fields(fields: Mapping[str, Value]) -> dict[str, Value]:
    """A contact's fields under the names that they have on a person account."""
    return {_renamed(name): value for name, value in fields.items() if name not in _LEFT_OUT}


def _renamed(name: str) -> str:
    if name in _SAME:
        return name
    if name.endswith("__c"):
        return f"{name.removesuffix('__c')}__pc"
    return "Description" if name == "Description" else f"Person{name}"


def known_account(conn: Connection, contact: str) -> str | None:
    """The person account that this contact is known to be. No call."""
    kept = peek(conn, f"person-account:{contact[:15]}")
    return kept if isinstance(kept, str) else None


def find_account(conn: Connection, contact: str) -> str | None:
    """The account of a contact whose fields are refused. Raises: Failure."""
    condition = soql.among("Id", [soql.quoted(contact[:15])])
    (rows,) = run_queries(conn, [soql.select(("Id", "AccountId"), "Contact", condition)])
    if isinstance(rows, Failure):
        raise rows
    account = str(rows[0]["AccountId"] or "") if rows else ""
    if account:
        keep(conn, f"person-account:{contact[:15]}", KEPT_FOR, account)
    return account or None


def on_account(write: Write, account: str) -> Write:
    """The update of a contact as one of its person account."""
    return attrs.evolve(
        write, type="Account", record=account, fields=account_fields(write.fields), drop_allowed=()
    )


def as_person_account(write: Write) -> Write:
    """The creation of a contact as one of a person account."""
    return attrs.evolve(write, type="Account", fields=account_fields(write.fields))

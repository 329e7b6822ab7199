"""Variants of an org: several contacts on one activity, and contacts that are accounts.

Object Reference, Event (`EventWhoIds`) and "Person Account Fields" (read 2026-11).
"""

from __future__ import annotations

from typing import Any

import attrs

from crmwire_salesforce.sandbox_app.org import Org, Row
from crmwire_salesforce.sandbox_app.problems import Refused, not_parsed
from crmwire_salesforce.sandbox_app.schema import Field, ObjectSchema

MOST = 50
_PERSON = ("Email", "MobilePhone", "Title", "Department", "LeadSource")
_BOTH = ("FirstName", "LastName", "Salutation", "Phone", "OwnerId")


# ---------------------------------------------------------------- Shared Activities


def junction(name: str) -> Field:
    """The field that lists the people of an activity. Guess: its type in a describe."""
    return Field(
        name=name, label="Relation IDs", type="junctionIdList", updateable=False, filterable=False
    )


def guests_of(org: Org, schema: ObjectSchema, sent: dict[str, Any]) -> list[str]:
    """Take the list of people out of what was sent; the first of them is `WhoId`.

    Raises: Refused. Guess: the codes; that there are at most 50 contacts, or one lead, is
    documented.
    """
    name = next((one for one in ("EventWhoIds", "TaskWhoIds") if one in sent), None)
    if name is None:
        return []
    ids = sent.pop(name)
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        raise not_parsed("Cannot deserialize instance of list from VALUE_STRING")
    leads = [one for one in ids if one.startswith("00Q")]
    if len(ids) > MOST or (leads and len(ids) > 1):
        raise Refused("FIELD_INTEGRITY_EXCEPTION", f"{name}: too many people", fields=[name])
    for one in ids:
        if org.any_row(one) is None:
            raise Refused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", fields=[])
    if ids:
        sent.setdefault("WhoId", ids[0])
    return ids


def relate(org: Org, row: Row, guests: list[str]) -> None:
    """Keep who is on an activity."""
    if guests:
        row["EventWhoIds"] = guests


# ---------------------------------------------------------------- person accounts


def switch_on(org: Org) -> None:
    """Make person accounts possible: more fields on Account, a flag on Contact."""
    contact, account = org.schemas["contact"], org.schemas["account"]
    flag = Field(
        name="IsPersonAccount",
        label="Is Person Account",
        type="boolean",
        createable=False,
        updateable=False,
        nillable=False,
        defaulted=True,
        default=False,
    )
    link = Field(
        name="PersonContactId",
        label="Contact ID",
        type="reference",
        length=18,
        createable=False,
        updateable=False,
        refers=("Contact",),
    )
    fields = [flag, link]
    fields += [
        attrs.evolve(
            contact.fields[name.lower()],
            name=f"Person{name}",
            id_lookup=False,
            nillable=True,
        )
        for name in _PERSON
    ]
    fields += [
        attrs.evolve(contact.fields[name.lower()], nillable=True)
        for name in ("FirstName", "LastName", "Salutation")
    ]
    for field in fields:
        account = account.with_field(field)
    org.schemas["account"] = account
    org.schemas["contact"] = contact.with_field(flag)
    org.person_accounts = True


def complete_account(sent: dict[str, Any]) -> None:
    """A new account with a last name is a person, named so."""
    if sent.get("LastName") and not sent.get("Name"):
        sent["Name"] = " ".join(p for p in (sent.get("FirstName"), sent["LastName"]) if p)


def put_contact(org: Org, account: Row) -> Row:
    """Keep the contact of a person account like it; returns the account as stored."""
    if not account.get("LastName"):
        return account
    schema = org.schemas["contact"]
    fields: dict[str, Any] = {name: account.get(name) for name in _BOTH}
    fields |= {name: account.get(f"Person{name}") for name in _PERSON}
    known = org.row("Contact", account["PersonContactId"] or "")
    blank = {field.name: field.default for field in schema.fields.values()}
    id_ = known["Id"] if known else org.fresh_id(schema)
    made = {name: account[name] for name in ("CreatedDate", "CreatedById", "SystemModstamp")}
    made |= {name: account[name] for name in ("LastModifiedDate", "LastModifiedById")}
    row = {**blank, **(known or {}), **made, **fields, "Id": id_, "Name": account["Name"]}
    row |= {"AccountId": account["Id"], "IsPersonAccount": True}
    org.put("Contact", row, "", {})
    if known:
        return account
    done = {**account, "IsPersonAccount": True, "PersonContactId": id_}
    org.put("Account", done, "", {})
    return done


def is_person_account() -> Refused:
    return Refused(
        "INVALID_PERSON_ACCOUNT_OPERATION",
        "The operation is not supported on the contact of a person account.",
        fields=[],
    )

"""What stands in a fresh org: the organization and the connected user."""

from __future__ import annotations

from typing import Literal, cast

from crmwire.sandbox import SandboxSettings
from crmwire_salesforce.sandbox_app import people, places
from crmwire_salesforce.sandbox_app.objects import ORGANIZATION, USER
from crmwire_salesforce.sandbox_app.org import Org, Row
from crmwire_salesforce.sandbox_app.setup_objects import DUPLICATE_RULE


def new_org(token: str, number: int, settings: SandboxSettings) -> Org:
    """An empty org for this token."""
    rule = settings.option("duplicate_rule", "off")
    if rule not in ("off", "alert", "block"):
        raise ValueError(f"duplicate_rule is off, alert or block, not {rule!r}")
    org = Org(
        token=token,
        name=f"Example Ltd {number}",
        number=number,
        daily_limit=int(settings.option("daily_limit", "15000")),
        page_size=int(settings.option("page_size", "2000")),
        duplicate_rule=cast(Literal["off", "alert", "block"], rule),
    )
    if settings.option("shared_activities", "no") == "yes":
        for name, junction in (("event", "EventWhoIds"), ("task", "TaskWhoIds")):
            org.schemas[name] = org.schemas[name].with_field(people.junction(junction))
    if settings.option("person_accounts", "no") == "yes":
        people.switch_on(org)
    if settings.option("state_picklists", "no") == "yes":
        places.switch_on(org)
    org.multiday_events = settings.option("multiday_events", "no") == "yes"
    org.user_id = org.fresh_id(USER)
    org.org_id = org.fresh_id(ORGANIZATION)
    made: Row = {
        "CreatedDate": org.now(),
        "LastModifiedDate": org.now(),
        "SystemModstamp": org.now(),
    }
    made |= {"CreatedById": org.user_id, "LastModifiedById": org.user_id}
    user: Row = {
        **{field.name: field.default for field in USER.fields.values()},
        **made,
        "Id": org.user_id,
        "Username": f"integration{number}@example.com",
        "Email": f"integration{number}@example.com",
        "FirstName": "Integration",
        "LastName": "User",
        "Name": "Integration User",
    }
    organization: Row = {
        **{field.name: field.default for field in ORGANIZATION.fields.values()},
        **made,
        "Id": org.org_id,
        "Name": org.name,
        "OrganizationType": settings.option("edition", "Developer Edition"),
        "InstanceName": "SBX1",
        "TimeZoneSidKey": "Europe/London",
    }
    for rule in ("Contact", "Lead"):
        _put_duplicate_rule(org, rule)
    org.put("User", user, "", {})
    org.put("Organization", organization, "", {})
    org.settle(lambda *_: None)
    return org


def _put_duplicate_rule(org: Org, type_: str) -> None:
    """The standard rule of a type; whether it is active is the org's `duplicate_rule`."""
    org.put(
        "DuplicateRule",
        {
            **{field.name: field.default for field in DUPLICATE_RULE.fields.values()},
            "Id": org.fresh_id(DUPLICATE_RULE),
            "CreatedDate": org.now(),
            "DeveloperName": f"Standard_{type_}_Duplicate_Rule",
            "MasterLabel": f"Standard {type_} Duplicate Rule",
            "SobjectType": type_,
            "IsActive": org.duplicate_rule != "off",
        },
        "",
        {},
    )

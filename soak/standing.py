"""What stands in the CRMs from the start: people, and companies that some belong to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from soak.links import COMPANY_TEXT, PERSON
from soak.script import KNOWN, known_email
from soak.seen import PROTECTED

if TYPE_CHECKING:
    from soak.world import World

KNOWN_COMPANIES = ("kept0.example", "kept1.example", "elsewhere.example")
"""Companies that stand in the CRMs from the start."""
MEMBERS = {known_email(0): "elsewhere.example", known_email(5): "elsewhere.example"}
"""People who belong to one that their address does not tell."""


def fill(world: World) -> None:
    """Put into the accounts what stands there from the start, and note what they are."""
    accounts: dict[str, dict[str, Any]] = {}
    for link in world.links:
        one = accounts.setdefault(
            f"{link.crm}:{link.token}",
            {"name": f"{link.crm}:{link.token}", "feeds": {}, "known": []},
        )
        one["feeds"][link.feed] = link.style
        if link.companies:
            rules = one.setdefault("companies", {"several": link.crm == "hubspot", "feeds": []})
            rules["feeds"].append(link.feed)
    for name, one in accounts.items():
        crm, _, token = name.partition(":")
        one["known"] = [known_email(number) for number in range(KNOWN)]
        companies: dict[str, str] = {}
        if "companies" in one:
            one["companies"] |= {"known": list(KNOWN_COMPANIES), "of": MEMBERS}
            companies = {
                domain: _known_company(world, crm, token, domain) for domain in KNOWN_COMPANIES
            }
        for email in one["known"]:
            _known(world, crm, token, email, companies.get(MEMBERS.get(email, "")))
    (world.folder / "accounts.json").write_text(json.dumps(list(accounts.values()), indent=1))


def _known_company(world: World, crm: str, token: str, domain: str) -> str:
    """A company that stands there from the start; its id."""
    text = COMPANY_TEXT[crm]
    assert text in PROTECTED["companies"]
    if crm == "hubspot":
        fields = {"domain": domain, text: "Kept"}
        made = world.admin(crm, "create_record", account=token, type="companies", properties=fields)
        return str(made["id"])
    values = {"domains": [domain], text: "Kept"}
    made = world.admin(crm, "create_record", account=token, object="companies", values=values)
    return str(made["record_id"])


def _known(world: World, crm: str, token: str, email: str, company: str | None) -> None:
    name, (type_, title) = email.partition("@")[0], PERSON[crm]
    assert title in PROTECTED[type_]
    if crm == "salesforce":
        fields = {"Email": email, "LastName": f"Kept {name}", title: "Kept"}
        world.admin(crm, "create_record", account=token, type=type_, fields=fields)
    elif crm == "hubspot":
        fields = {"email": email, "lastname": name, title: "Kept"}
        about = {"companies": [company]} if company else {}
        world.admin(crm, "create_record", account=token, type=type_, properties=fields, about=about)
    else:
        values: dict[str, Any] = {"email_addresses": [email], title: "Kept"}
        if company:
            values["company"] = {"target_object": "companies", "target_record_id": company}
        world.admin(crm, "create_record", account=token, object=type_, values=values)

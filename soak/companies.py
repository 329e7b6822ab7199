"""What is wrong with the companies of an account, and with who and what belongs to them.

An account's `companies` say from which `feeds` they are written, which are `known` from the start,
to which company people belonged from the start (`of`: domains by address), and whether a record
may belong to `several`, as in HubSpot; in Attio a person has one, which Attio sets by itself
where nobody else did, and activities have none.
"""

from __future__ import annotations

import collections
from collections.abc import Iterator, Mapping
from typing import Any

from soak.finding import Finding
from soak.model import Expected, company_of
from soak.seen import Seen


def of_companies(
    name: str, rules: Mapping[str, Any], mine: Mapping[str, Expected], there: Seen
) -> Iterator[Finding]:
    """Each company once, as it was, with its own people and their activities."""
    booked = [one for one in mine.values() if one.feed in rules["feeds"]]
    surely = {one.email for one in booked if one.must_stand}
    maybe = surely | {one.email for one in booked} | {one.email for one in there.people}
    yield from _records(name, rules, surely, maybe, there)
    domains = {company.id: company.domain for company in there.companies}
    for person in there.people:
        own, before = company_of(person.email), rules["of"].get(person.email)
        wanted, allowed = {before} - {None}, {before, own} - {None}
        if person.email in surely and (rules["several"] or before is None):
            wanted.add(own)
        if not rules["several"] and before is not None:
            allowed = {before}
        stands = {domains.get(id_, id_) for id_ in person.companies}
        yield from _belonging(name, f"person {person.email}", stands, wanted - {None}, allowed)
    if not rules["several"]:
        return
    for activity in there.activities:
        one = mine.get(activity.booking)
        if one is None or activity.deleted:
            continue
        wanted = {company_of(one.email)} - {None} if one.feed in rules["feeds"] else set()
        stands = {domains.get(id_, id_) for id_ in activity.companies}
        yield from _belonging(name, f"{one.name}: {activity.id}", stands, wanted, wanted)


def _records(
    name: str, rules: Mapping[str, Any], surely: set[str], maybe: set[str], there: Seen
) -> Iterator[Finding]:
    counts = collections.Counter(company.domain for company in there.companies)
    wanted = {company_of(email) for email in surely} | set(rules["known"])
    allowed = {company_of(email) for email in maybe} | set(rules["known"])
    for domain in sorted(str(one) for one in wanted - counts.keys() - {None}):
        yield Finding("lost", name, f"company {domain}")
    for domain, count in counts.items():
        if count > 1:
            yield Finding("doubled", name, f"company {domain}: {count} records")
        if domain not in allowed:
            yield Finding("stray", name, f"company {domain!r}")
    for company in there.companies:
        for text in company.overwritten:
            yield Finding("overwritten", name, f"company {company.domain}: {text}")


def _belonging(
    name: str,
    what: str,
    stands: set[str],
    wanted: set[str | None],
    allowed: set[str | None],
) -> Iterator[Finding]:
    for domain in sorted(str(one) for one in wanted - stands):
        yield Finding("lost", name, f"{what} does not belong to company {domain}")
    for domain in sorted(stands - allowed):
        yield Finding("wrong state", name, f"{what} belongs to company {domain}")

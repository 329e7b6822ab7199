"""How many people, companies and activities stand in each account, and how many should."""

from __future__ import annotations

import collections
import json
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path

from attrs import frozen

from soak.model import company_of, expected
from soak.seen import seen


@frozen
class Count:
    """Of one kind of record: wanted, and how many more or fewer there are."""

    wanted: int
    doubled: int
    lost: int

    def __str__(self) -> str:
        return f"{self.wanted:4} {self.doubled:4} {self.lost:4}"


@frozen
class Counts:
    """One account."""

    account: str
    people: Count
    companies: Count | None
    activities: Count
    held: int = 0
    """Deliveries that wait for a person: what they would write counts as lost."""


HEAD = f"{'':24} {'people':>14}  {'companies':>14}  {'activities':>14}"
_UNDER = "want dbl lost"
UNDER = f"{'account':24} {_UNDER:>14}  {_UNDER:>14}  {_UNDER:>14}  held"


def line(one: Counts) -> str:
    """A row under `HEAD` and `UNDER`."""
    companies = f"{'-':>14}" if one.companies is None else str(one.companies)
    return f"{one.account:24} {one.people}  {companies}  {one.activities}  {one.held:4}"


def counts(folder: Path, held: Mapping[str, int] = {}) -> list[Counts]:
    """What a run left behind, by account; only of the people who booked.

    `held` is how many deliveries wait for a person, by account.
    """
    bookings = expected(folder / "webhooks.jsonl")
    records = json.loads((folder / "seen.json").read_text())
    made = []
    for account in json.loads((folder / "accounts.json").read_text()):
        there = seen(records[account["name"]]["commits"], records[account["name"]]["timelines"])
        mine = {key: one for key, one in bookings.items() if one.feed in account["feeds"]}
        emails = {one.email for one in mine.values() if one.must_stand}
        rules = account.get("companies")
        companies = None
        if rules:
            domains = {
                company_of(one.email)
                for one in mine.values()
                if one.must_stand and one.feed in rules["feeds"]
            }
            companies = _count(domains - {None}, (one.domain for one in there.companies))
        activities: list[Hashable] = []
        wanted: set[Hashable] = set()
        for key, one in mine.items():
            follows = account["feeds"][one.feed] == "follows"
            events = [0] if follows else [told.event for told in one.told]
            wanted |= {(key, event) for event in events} if one.must_stand else set()
            activities += [
                (key, 0 if follows else record.event)
                for record in there.activities
                if record.booking == key and not record.deleted
            ]
        people = _count(emails, (person.email for person in there.people))
        made.append(
            Counts(
                account["name"],
                people,
                companies,
                _count(wanted, activities),
                held.get(account["name"], 0),
            )
        )
    return made


def _count(wanted: Iterable[Hashable], there: Iterable[Hashable]) -> Count:
    keys, counted = set(wanted), collections.Counter(there)
    doubled = sum(counted[key] - 1 for key in keys if counted[key] > 1)
    return Count(len(keys), doubled, sum(not counted[key] for key in keys))

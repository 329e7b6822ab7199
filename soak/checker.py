"""Holding what stands in the CRMs against what was acknowledged to the source.

Reads a folder that a run left behind: `webhooks.jsonl` (each webhook and its answer),
`accounts.json` (which feed goes into which account, and how) and `seen.json` (commits and
timelines of each account). It imports nothing of crmwire and asks nothing of the daemon or its
store.
"""

from __future__ import annotations

import collections
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import asdict

from soak.companies import of_companies
from soak.finding import Finding
from soak.model import Expected, expected
from soak.seen import Activity, Seen, seen


def check(folder: Path) -> list[Finding]:
    """Everything that is wrong after a run."""
    bookings = expected(folder / "webhooks.jsonl")
    accounts = json.loads((folder / "accounts.json").read_text())
    records = json.loads((folder / "seen.json").read_text())
    return [
        finding
        for account in accounts
        for finding in check_account(account, bookings, records[account["name"]])
    ]


def check_account(
    account: Mapping[str, Any], bookings: Mapping[str, Expected], records: Mapping[str, Any]
) -> Iterator[Finding]:
    """What is wrong in one account."""
    name, styles = account["name"], account["feeds"]
    there = seen(records["commits"], records["timelines"])
    mine = {key: one for key, one in bookings.items() if one.feed in styles}
    for text in there.strays:
        yield Finding("stray", name, text)
    yield from _people(name, account["known"], mine, there)
    if account.get("companies"):
        yield from of_companies(name, account["companies"], mine, there)
    by_booking: dict[str, list[Activity]] = collections.defaultdict(list)
    for activity in there.activities:
        by_booking[activity.booking].append(activity)
    for key, activities in by_booking.items():
        if key not in mine:
            yield Finding("stray", name, f"{key} stands there: {[one.id for one in activities]}")
    for key, one in mine.items():
        judge = _following if styles[one.feed] == "follows" else _per_event
        yield from judge(name, one, by_booking.get(key, []))


def _people(
    name: str, known: list[str], mine: Mapping[str, Expected], there: Seen
) -> Iterator[Finding]:
    counts = collections.Counter(person.email for person in there.people)
    wanted = {one.email for one in mine.values() if one.must_stand} | set(known)
    for email in sorted(wanted - counts.keys()):
        yield Finding("lost", name, f"person {email}")
    for email, count in counts.items():
        if count > 1:
            yield Finding("doubled", name, f"person {email}: {count} records")
        if email not in wanted and email not in {one.email for one in mine.values()}:
            yield Finding("stray", name, f"person {email}")
    for person in there.people:
        for text in person.overwritten:
            yield Finding("overwritten", name, f"person {person.email}: {text}")


def _following(name: str, one: Expected, activities: list[Activity]) -> Iterator[Finding]:
    """A record that follows its booking: one, at the newest times, live or marked cancelled.

    Of a booking told out of order two halves may have been written before the event came that
    joins them: then the older one stands beside it, marked cancelled or deleted.
    """
    if not activities and one.must_stand:
        yield Finding("lost", name, f"{one.name}: no activity")
    counted = activities
    if not one.in_order:
        counted = [record for record in activities if not (record.cancelled or record.deleted)]
        if activities and not counted and not one.cancelled:
            yield Finding("wrong state", name, f"{one.name}: is cancelled")
    if len(counted) > 1:
        yield Finding("doubled", name, f"{one.name}: {[record.id for record in counted]}")
    for record in activities:
        yield from _of_person(name, one, record)
        yield from _ordered(name, one, record)
    for record in counted:
        if record.deleted:
            yield Finding("wrong state", name, f"{one.name}: deleted")
        if record.cancelled != one.cancelled:
            state = "cancelled" if record.cancelled else "live"
            yield Finding("wrong state", name, f"{one.name}: is {state}")
        elif record.start != one.start:
            said = f"{record.start} in the place of {one.start}"
            yield Finding("wrong state", name, f"{one.name}: starts at {said}")


def _ordered(name: str, one: Expected, record: Activity) -> Iterator[Finding]:
    """Nothing older is ever written over something newer."""
    newest, over = 0, False
    for change in record.changes:
        if change.event is not None:
            if change.event < newest:
                text = f"{one.name}: event {change.event} over {newest}, commit {change.n}"
                yield Finding("wrong order", name, text)
            newest = max(newest, change.event)
        if over and change.cancelled is False:
            yield Finding("wrong order", name, f"{one.name}: revived by commit {change.n}")
        over = over or bool(change.cancelled)


def _per_event(name: str, one: Expected, activities: list[Activity]) -> Iterator[Finding]:
    """A record for each event: each once; of events told out of order, some may be left out."""
    counts = collections.Counter(record.event for record in activities)
    for event, count in counts.items():
        if count > 1:
            yield Finding("doubled", name, f"{one.name}, event {event}: {count} records")
    if one.in_order:
        for told in one.told:
            if not counts[told.event]:
                yield Finding("lost", name, f"{one.name}, event {told.event}: no activity")
        order = [record.event or 0 for record in activities]
        if order != sorted(order):
            yield Finding("wrong order", name, f"{one.name}: events were written as {order}")
    elif not activities and one.must_stand:
        yield Finding("lost", name, f"{one.name}: no activity")
    for record in activities:
        yield from _of_person(name, one, record)


def _of_person(name: str, one: Expected, record: Activity) -> Iterator[Finding]:
    if record.emails != [one.email] and not record.deleted:
        text = f"{one.name}: {record.id} stands with {record.emails}, not with {one.email}"
        yield Finding("wrong state", name, text)


def as_json(findings: list[Finding]) -> list[dict[str, Any]]:
    """Findings as plain data."""
    return [asdict(one) for one in findings]

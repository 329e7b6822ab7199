"""What stands in a CRM account, read from its sandbox's timelines and commit log."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from attrs import define, field, frozen

Style = Literal["follows", "per event"]
_MARKER = re.compile(r"\[(b\d+)\.(\d+)\]")
_PEOPLE = {"Contact": "Email", "contacts": "email", "people": "email_addresses"}
_ACTIVITIES = ("Event", "meetings", "notes", "bookings")
_STARTS = ("StartDateTime", "hs_meeting_start_time", "start_at")
PROTECTED = {
    "Contact": ("Title", "LastName"),
    "contacts": ("jobtitle",),
    "people": ("job_title", "company"),
    "companies": ("name", "description"),
}
"""Fields that are written only while they are empty, or only on create."""


@frozen(kw_only=True)
class Change:
    """One commit to an activity."""

    n: int
    event: int | None
    start: datetime | None
    cancelled: bool | None


@define(kw_only=True)
class Activity:
    """An activity, with all that was ever committed to it."""

    id: str
    booking: str
    emails: list[str] = field(factory=list)
    companies: list[str] = field(factory=list)
    """Ids of the companies that it is associated with."""
    changes: list[Change] = field(factory=list)
    deleted: bool = False

    @property
    def event(self) -> int | None:
        return next((one.event for one in reversed(self.changes) if one.event), None)

    @property
    def start(self) -> datetime | None:
        return next((one.start for one in reversed(self.changes) if one.start), None)

    @property
    def cancelled(self) -> bool:
        return bool(
            next((one.cancelled for one in reversed(self.changes) if one.cancelled is not None), 0)
        )


@define(kw_only=True)
class Company:
    """A company, with what was overwritten of it."""

    id: str
    domain: str
    fields: dict[str, Any] = field(factory=dict)
    overwritten: list[str] = field(factory=list)


@define(kw_only=True)
class Person:
    """A person, with what was overwritten of them."""

    id: str
    email: str
    companies: list[str] = field(factory=list)
    """Ids of the companies that they are associated with."""
    fields: dict[str, Any] = field(factory=dict)
    overwritten: list[str] = field(factory=list)


@define(kw_only=True)
class Seen:
    """An account."""

    people: list[Person] = field(factory=list)
    companies: list[Company] = field(factory=list)
    activities: list[Activity] = field(factory=list)
    strays: list[str] = field(factory=list)


def seen(commits: list[dict[str, Any]], timelines: Mapping[str, Any]) -> Seen:
    """Read one account's commits, and who has which activity on their timeline."""
    made = Seen()
    people: dict[str, Person] = {}
    companies: dict[str, Company] = {}
    activities: dict[str, Activity] = {}
    for commit in commits:
        type_, id_, fields = commit["type"], commit["id"], commit["fields"]
        if type_ in _PEOPLE and commit["action"] in ("create", "update", "associate"):
            if id_ not in people:
                people[id_] = Person(id=id_, email=_email(fields.get(_PEOPLE[type_])))
                made.people.append(people[id_])
            _note(people[id_], type_, fields, commit["n"])
            _associate(people[id_], type_, fields)
        if type_ == "companies" and commit["action"] in ("create", "update"):
            if id_ not in companies:
                companies[id_] = Company(id=id_, domain=_domain(fields))
                made.companies.append(companies[id_])
            _note(companies[id_], type_, fields, commit["n"])
        if type_ in _ACTIVITIES and commit["action"] == "delete" and id_ in activities:
            activities[id_].deleted = True
        if type_ in _ACTIVITIES and commit["action"] in ("create", "update"):
            texts = " ".join(str(value) for value in fields.values())
            found = _MARKER.search(texts)
            if id_ not in activities:
                if found is None:
                    made.strays.append(f"{type_} {id_}: {texts[:80]}")
                    continue
                activities[id_] = Activity(id=id_, booking=found[1])
                made.activities.append(activities[id_])
            if found is not None and found[1] != activities[id_].booking:
                made.strays.append(f"{type_} {id_} of {activities[id_].booking} says {found[0]}")
            activities[id_].changes.append(
                Change(
                    n=commit["n"],
                    event=int(found[2]) if found else None,
                    start=_start(fields),
                    cancelled=_cancelled(fields),
                )
            )
        if type_ in _ACTIVITIES and id_ in activities:
            _associate(activities[id_], type_, fields)
    for person in timelines["people"]:
        for entry in person["entries"]:
            if entry["id"] in activities:
                activities[entry["id"]].emails.append(_email(person["email"]))
    return made


def _email(value: object) -> str:
    if isinstance(value, list):
        value = value[0] if value else ""
    if isinstance(value, Mapping):
        value = value.get("email_address", "")
    return str(value or "").strip().lower()


def _domain(fields: Mapping[str, Any]) -> str:
    several = fields.get("domains") or [fields.get("domain") or ""]
    return str(several[0]).strip().lower()


def _associate(one: Person | Activity, type_: str, fields: Mapping[str, Any]) -> None:
    """Note the company that a commit associates a record with, or takes from it.

    Attio's people have one company, in a field; HubSpot's records have any number.
    """
    kind, _, id_ = str(fields.get("to", "")).partition("/")
    if kind == "companies" and id_ not in one.companies:
        one.companies.append(id_)
    kind, _, id_ = str(fields.get("removed", "")).partition("/")
    if kind == "companies" and id_ in one.companies:
        one.companies.remove(id_)
    if type_ == "people" and "company" in fields:
        one.companies[:] = [str(fields["company"])] if fields["company"] else []


def _note(one: Person | Company, type_: str, fields: Mapping[str, Any], n: int) -> None:
    for name, value in fields.items():
        old = one.fields.get(name)
        blanked = old not in (None, "", []) and value in (None, "", [])
        changed = old not in (None, "", []) and value != old and name in PROTECTED[type_]
        if blanked or changed:
            one.overwritten.append(f"commit {n}: {name} was {old!r} and became {value!r}")
        one.fields[name] = value


def _start(fields: Mapping[str, Any]) -> datetime | None:
    for name in _STARTS:
        if fields.get(name):
            return datetime.fromisoformat(str(fields[name]).replace("+0000", "+00:00"))
    return None


def _cancelled(fields: Mapping[str, Any]) -> bool | None:
    """Whether these fields say that it is cancelled; None if they do not say."""
    if "Subject" in fields:
        return str(fields["Subject"]).startswith("[Cancelled]")
    if "hs_meeting_outcome" in fields:
        return bool(fields["hs_meeting_outcome"] == "CANCELED")
    if "state" in fields:
        return "Cancelled" in str(fields["state"])
    if "title" in fields:
        return str(fields["title"]).startswith("[Cancelled]")
    return None

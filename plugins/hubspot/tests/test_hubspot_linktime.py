"""The preset `linktime`, from a booking to what core wants written."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import attrs
import pytest

from crmwire import dedup
from crmwire.mapping import load_mapping
from crmwire.types import Draft, Event, Link, Subject, WritePolicy
from crmwire.vocabulary import Booking, Details, Page, Person
from crmwire_hubspot.info import INFO

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
DETAILS = Details(
    booking=Booking(
        start=START,
        end=START.replace(minute=30),
        notes="Bring the plan\nand a pen",
        join_url="https://meet.example.com/1",
    ),
    guest=Person(email="ada@example.com", full_name="Ada Example", phone="+442079460123"),
    page=Page(id="1", title="Intro"),
)


def _drafts(verb: str, *, links: tuple[Link, ...] = (), **more: Any) -> dict[str, Draft]:
    text = (resources.files("crmwire_hubspot") / "presets/linktime.toml").read_text("utf-8")
    mapping = load_mapping(
        tomllib.loads(text),
        options=more.pop("options", {}),
        source="Example",
        html_fields={name: frozenset(kind.html_fields) for name, kind in INFO.object_types.items()},
    )
    details = more.pop("details", DETAILS)
    event = Event(
        type=f"booking.{verb}", subject_id="1", occurred_at=START, version=2, details=details
    )
    status = "cancelled" if verb == "cancelled" else "active"
    subject = Subject(id=1, feed="f", status=status, version=2, details=details, links=links)
    assert mapping.reason_to_skip(event, subject) is None
    return {draft.role: draft for draft in mapping.drafts(event, subject)}


def _values(draft: Draft, kind: str) -> dict[str, object]:
    return {field.name: field.value for field in draft.fields[kind]}


MEETING = Link(role="activity", type="meetings", record="7", version=1)


def test_the_contact_can_be_upserted_without_a_look_up() -> None:
    person = _drafts("created")["person"]
    assert _values(person, "contacts") == {
        "email": "ada@example.com",
        "firstname": "Ada",
        "lastname": "Example",
        "phone": "+442079460123",
    }
    assert {field.write for field in person.fields["contacts"]} == {WritePolicy.ALWAYS}
    key = dedup.can_upsert(person, dedup.keys_of(person), INFO.object_types["contacts"].upsert)
    assert key is not None
    assert (key.name, key.value) == ("email", "ada@example.com")


def test_people_are_not_created_where_the_route_says_so() -> None:
    person = _drafts("created", options={"create_people": False})["person"]
    assert person.create_type is None


def test_a_booking_is_a_meeting() -> None:
    meeting = _drafts("created")["activity"]
    values = _values(meeting, "meetings")
    assert meeting.about == ("person", "company")
    assert values["hs_meeting_title"] == "Intro: Ada Example"
    assert values["hs_timestamp"] == values["hs_meeting_start_time"] == START
    assert values["hs_meeting_outcome"] == "SCHEDULED"
    assert values["hs_meeting_location"] == "https://meet.example.com/1"
    assert "Bring the plan" in str(values["hs_meeting_body"])


def test_without_notes_the_meeting_says_where_it_was_booked() -> None:
    booking = attrs.evolve(DETAILS.booking, notes=None)
    meeting = _drafts("created", details=attrs.evolve(DETAILS, booking=booking))["activity"]
    assert _values(meeting, "meetings")["hs_meeting_body"] == "Booked via Example"


@pytest.mark.parametrize(("keep", "outcome"), [(False, "RESCHEDULED"), (True, "SCHEDULED")])
def test_a_moved_booking_updates_its_meeting_and_notes_the_previous_time(
    keep: bool, outcome: str
) -> None:
    booking = attrs.evolve(DETAILS.booking, previous_start=START.replace(hour=7))
    drafts = _drafts(
        "rescheduled",
        links=(MEETING,),
        details=attrs.evolve(DETAILS, booking=booking),
        options={"keep_scheduled": keep},
    )
    assert list(drafts) == ["activity"]
    meeting = drafts["activity"]
    values = _values(meeting, "meetings")
    assert meeting.action == "update"
    assert values["hs_meeting_outcome"] == outcome
    assert values["hs_meeting_body"] == (
        "Bring the plan<br>and a pen<br>Previously 2026-11-24 07:00 UTC"
    )
    assert values["hs_meeting_start_time"] == START


def test_a_cancelled_booking_changes_the_outcome_only() -> None:
    drafts = _drafts("cancelled", links=(MEETING,))
    assert list(drafts) == ["activity"]
    assert _values(drafts["activity"], "meetings") == {"hs_meeting_outcome": "CANCELED"}

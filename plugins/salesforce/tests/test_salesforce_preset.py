"""The preset `linktime`: which records a booking becomes, by LinkTime's rules."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest

from crmwire.mapping import Mapping, load_mapping
from crmwire.mapping_form import parse_toml
from crmwire.types import Draft, Event, Link, RecordRef, Subject, UserRef, WritePolicy
from crmwire.vocabulary import Booking, Details, Page, Person
from crmwire_salesforce.info import SalesforceMapping

START = datetime(2027, 1, 4, 15, 0, tzinfo=UTC)
NOW = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture
def preset(lab: Any) -> Any:
    text = lab.conn.hooks.presets()["linktime"]

    def make(**options: Any) -> Mapping:
        return load_mapping(
            parse_toml(text, "linktime"),
            options=options,
            mapping_class=SalesforceMapping,
            source="LinkTime",
        )

    return make


def drafts(mapping: Mapping, verb: str, *links: Link, **booking: Any) -> dict[str, Draft]:
    details = Details(
        booking=Booking(start=START, end=START + timedelta(minutes=30), **booking),
        guest=Person(email="Ann@example.com", full_name="Ann Roe", phone="+44 20 7946 0123"),
        hosts=(Person(email="host@example.com", timezone="Europe/London"),),
        page=Page(id="p1", title="Intro call"),
    )
    type_ = f"booking.{verb}"
    event = Event(type=type_, subject_id="b1", occurred_at=NOW, version=2, details=details)
    status: Any = "cancelled" if verb == "cancelled" else "active"
    subject = Subject(id=1, feed="f", status=status, version=2, details=details, links=links)
    return {draft.role: draft for draft in mapping.drafts(event, subject)}


def values(draft: Draft, type_: str) -> dict[str, Any]:
    return {field.name: field.value for field in draft.fields[type_]}


LINKS = (
    Link(role="person", type="Contact", record="003Sb1000000001AAA", version=1),
    Link(role="activity", type="Event", record="00USb1000000001AAA", version=1),
)


def test_a_booking_becomes_a_contact_and_an_event(preset: Any) -> None:
    made = drafts(preset(), "created")
    person, event = made["person"], made["activity"]
    assert (person.types, person.create_type, person.match) == (
        ("Contact",),
        "Contact",
        ("link", "Email"),
    )
    assert values(person, "Contact") == {
        "Email": "Ann@example.com",
        "FirstName": "Ann",
        "LastName": "Roe",
        "Phone": "+442079460123",
    }
    assert values(event, "Event") == {
        "WhoId": RecordRef(role="person"),
        "Subject": "Intro call: Ann Roe",
        "StartDateTime": START,
        "EndDateTime": START + timedelta(minutes=30),
        "Description": "Booked via LinkTime",
    }


def test_of_a_known_contact_the_family_name_is_kept(preset: Any) -> None:
    policies = {
        field.name: field.write for field in drafts(preset(), "created")["person"].fields["Contact"]
    }
    assert policies == {
        "Email": WritePolicy.IF_EMPTY,
        "FirstName": WritePolicy.ALWAYS,
        "LastName": WritePolicy.ON_CREATE,
        "Phone": WritePolicy.ALWAYS,
    }


def test_the_guests_notes_are_the_description(preset: Any) -> None:
    event = drafts(preset(), "created", notes="About prices")["activity"]
    assert values(event, "Event")["Description"] == "About prices"


def test_a_reschedule_updates_the_event_and_notes_the_previous_time(preset: Any) -> None:
    made = drafts(preset(), "rescheduled", *LINKS, previous_start=START - timedelta(days=1))
    assert set(made) == {"activity"}
    assert made["activity"].action == "update"
    changed = values(made["activity"], "Event")
    assert changed["StartDateTime"] == START
    first, second = changed["Description"].splitlines()
    assert first == "Booked via LinkTime"
    assert second.startswith("Previously ")
    assert "15:00" in second


def test_a_reschedule_without_a_previous_time_notes_nothing(preset: Any) -> None:
    made = drafts(preset(), "rescheduled", *LINKS)
    assert values(made["activity"], "Event")["Description"] == "Booked via LinkTime"


def test_the_previous_time_is_not_noted_if_the_team_does_not_want_it(preset: Any) -> None:
    moved = {"previous_start": START - timedelta(days=1)}
    made = drafts(preset(note_previous=False), "rescheduled", *LINKS, **moved)
    assert values(made["activity"], "Event")["Description"] == "Booked via LinkTime"
    assert values(made["activity"], "Event")["StartDateTime"] == START


def test_a_cancel_marks_the_subject_and_touches_nothing_else(preset: Any) -> None:
    made = drafts(preset(), "cancelled", *LINKS)
    assert set(made) == {"activity"}
    assert made["activity"].action == "update"
    assert values(made["activity"], "Event") == {"Subject": "[Cancelled] Intro call: Ann Roe"}


def test_people_are_not_created_if_the_team_does_not_want_it(preset: Any) -> None:
    person = drafts(preset(create_people=False), "created")["person"]
    assert (person.create_type, person.if_none) == (None, "skip")


def test_the_host_owns_what_is_made_if_the_team_wants_it(preset: Any) -> None:
    made = drafts(preset(set_owner=True), "created")
    owner = UserRef(email="host@example.com")
    assert values(made["person"], "Contact")["OwnerId"] == owner
    assert values(made["activity"], "Event")["OwnerId"] == owner
    policies = {field.name: field.write for field in made["activity"].fields["Event"]}
    assert policies["OwnerId"] is WritePolicy.ON_CREATE


def test_duplicate_rules_are_obeyed(preset: Any) -> None:
    assert preset().crm.duplicate_rule == "obey"


def test_every_field_of_the_preset_can_be_written(lab: Any, preset: Any) -> None:
    found = lab.conn.hooks.check_mapping(preset())
    assert not [finding for finding in found if finding.level != "ok"]


def test_only_contact_event_user_and_organization_are_asked_for(
    lab: Any, build: Any, preset: Any
) -> None:
    lab.conn.hooks.check_connection()
    lab.conn.hooks.check_mapping(preset())
    lab.conn.hooks.find_records([build.query("roe@example.com"), build.user("host@example.com")])
    writes = build.booking("Roe")
    _, event = lab.conn.hooks.write_records(writes)
    lab.conn.hooks.write_records([build.update("e", "Event", event.record, Subject="[Cancelled]")])
    lab.conn.hooks.find_written(writes)
    asked = set()
    for call in lab.calls():
        text = unquote(f"{call['path']} {call['query']} {call['body']}").replace("+", " ")
        asked |= set(re.findall(r"\bFROM (\w+)", text)) | set(re.findall(r"/sobjects/(\w+)", text))
        asked |= set(re.findall(r'"type": *"(\w+)"', text))
        asked |= set(re.findall(r"/ui-api/duplicates/(\w+)", text))
    assert asked == {"Contact", "Event", "User", "Organization"}

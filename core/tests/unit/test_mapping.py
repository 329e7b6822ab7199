"""Drafts: which records an event becomes, with which fields."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from crmwire.errors import ConfigurationError, Rejected
from crmwire.mapping import AGAIN, Mapping, load_mapping, with_rows
from crmwire.mapping_form import parse_toml
from crmwire.types import Draft, Event, Link, RecordRef, Subject, SubjectStatus, UserRef
from crmwire.vocabulary import Answer, Booking, Details, Page, Person

TEXT = """
title = "Contact and event"
events = ["booking.created", "booking.rescheduled", "booking.cancelled"]

[options.create_people]
label = "Create unknown people"
kind = "switch"
default = true

[person]
look_in = ["Contact"]
match = ["link", "Email"]
create = "{{ 'Contact' if options.create_people }}"

[person.fields.Contact]
Email = "{{ guest.email }}"
FirstName = { value = "{{ guest.given_name }}", write = "always" }
LastName = { value = "{{ guest.family_name }}", write = "on_create" }
Phone = { value = "{{ guest.phone }}", write = "always" }
OwnerId = { user = "{{ host.email }}" }

[activity]
object = "Event"

[activity.fields]
WhoId = { record = "person" }
Subject = "{{ page.title }}: {{ guest.full_name }}"
Description = "{{ booking.notes or 'Booked via ' ~ source.title }}"
StartDateTime = "{{ booking.start }}"

[activity.on.rescheduled]
do = "update"
[activity.on.rescheduled.fields]
Description = "{{ draft.Description }}\\nPreviously {{ booking.previous_start | local }}"

[activity.on.cancelled]
do = "update"
fields = { Subject = "[Cancelled] {{ draft.Subject }}" }
"""
PER_EVENT = """
title = "Notes"
[person]
look_in = ["people"]
match = ["link", "email_addresses"]
create = "people"
[person.fields.people]
email_addresses = { value = "{{ guest.email }}", write = "add" }
[activity]
object = "notes"
per = "event"
about = ["person"]
[activity.fields]
title = "{{ page.title }}: {{ guest.full_name }}"
[activity.on.cancelled]
do = "add"
fields = { title = "[Cancelled] {{ draft.title }}" }
"""
START = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
DETAILS = Details(
    booking=Booking(start=START, end=START, previous_start=START, timezone="Europe/Berlin"),
    guest=Person(email="ada@example.com", full_name="Ada Byron", phone="020 7946 0999"),
    hosts=(Person(email="Host@Example.com"),),
    page=Page(id="7", title="Intro"),
    answers=(Answer(key="team", label="Team size", values=("10",)),),
)
PERSON = Link(role="person", type="Contact", record="003", version=1)
ACTIVITY = Link(role="activity", type="Event", record="00U", version=1)


def mapping(text: str = TEXT, **more: Any) -> Mapping:
    return load_mapping(parse_toml(text, "test"), source="Cal.com", **more)


def event(verb: str = "created", order: int = 1) -> Event:
    return Event(
        type=f"booking.{verb}", subject_id="a", occurred_at=START, version=order, details=DETAILS
    )


def subject(
    *links: Link, status: SubjectStatus = "active", version: int = 2, details: Details = DETAILS
) -> Subject:
    return Subject(id=1, feed="cal", status=status, version=version, details=details, links=links)


def values(draft: Draft) -> dict[str, Any]:
    (fields,) = draft.fields.values()
    return {field.name: field.value for field in fields}


def test_a_created_booking_wants_a_person_and_an_activity_about_them() -> None:
    person, activity = mapping(phone_region="GB").drafts(event(), subject(version=1))
    assert person.create_type == "Contact"
    assert values(person) == {
        "Email": "ada@example.com",
        "FirstName": "Ada",
        "LastName": "Byron",
        "Phone": "+442079460999",
        "OwnerId": UserRef(email="host@example.com"),
    }
    assert values(activity) == {
        "WhoId": RecordRef(role="person"),
        "Subject": "Intro: Ada Byron",
        "Description": "Booked via Cal.com",
        "StartDateTime": START,
    }


def test_a_phone_that_cannot_be_read_is_kept_as_typed() -> None:
    details = attrs.evolve(DETAILS, guest=Person(full_name="Ada", phone="ring me"))
    person, _ = mapping().drafts(event(), subject(version=1, details=details))
    assert values(person)["Phone"] == "ring me"


def test_blank_values_are_never_wanted() -> None:
    details = attrs.evolve(DETAILS, guest=Person(email="ada@example.com", full_name=" "))
    person, _ = mapping().drafts(event(), subject(version=1, details=details))
    assert set(values(person)) == {"Email", "OwnerId"}


def test_a_reschedule_changes_the_linked_activity_only_and_notes_the_previous_time() -> None:
    (draft,) = mapping().drafts(event("rescheduled", 2), subject(PERSON, ACTIVITY))
    assert draft.action == "update"
    assert draft.link == ACTIVITY
    assert values(draft)["Description"] == ("Booked via Cal.com\nPreviously 2026-12-01 10:00 CET")


def test_a_reschedule_of_an_unknown_booking_creates_it() -> None:
    person, activity = mapping().drafts(event("rescheduled", 2), subject())
    assert (person.role, activity.action) == ("person", "write")
    assert values(activity)["Description"] == "Booked via Cal.com"


def test_a_cancel_sends_only_what_it_lists() -> None:
    state = subject(PERSON, ACTIVITY, status="cancelled")
    (draft,) = mapping().drafts(event("cancelled", 2), state)
    assert values(draft) == {"Subject": "[Cancelled] Intro: Ada Byron"}


def test_a_cancel_of_an_unknown_booking_wants_nothing() -> None:
    assert mapping().drafts(event("cancelled", 2), subject(status="cancelled")) == []


def test_what_was_written_for_this_version_is_not_wanted_again() -> None:
    assert mapping().drafts(event(), subject(PERSON, ACTIVITY, version=1)) == []


def test_asked_to_write_again_both_records_are_wanted_as_linked() -> None:
    links = (attrs.evolve(PERSON, version=AGAIN), attrs.evolve(ACTIVITY, version=AGAIN))
    drafts = mapping().drafts(event(), subject(*links, version=1))
    assert [draft.link for draft in drafts] == list(links)


def test_a_retired_activity_is_marked_as_cancelled() -> None:
    retired = attrs.evolve(ACTIVITY, item="~00U", retired=True, version=1)
    drafts = mapping().drafts(event("rescheduled", 2), subject(PERSON, retired))
    marked = [draft for draft in drafts if draft.link == retired]
    assert [values(draft) for draft in marked] == [{"Subject": "[Cancelled] Intro: Ada Byron"}]


def test_a_record_per_event_is_made_for_each_event_once() -> None:
    notes = mapping(PER_EVENT)
    created = notes.drafts(event(), subject(version=1))
    assert [draft.role for draft in created] == ["person", "activity"]
    note = Link(role="activity", item=created[1].item, type="notes", record="n1", version=1)
    cancelled = notes.drafts(event("cancelled", 2), subject(PERSON, note, status="cancelled"))
    assert [values(draft)["title"] for draft in cancelled] == ["[Cancelled] Intro: Ada Byron"]
    assert notes.drafts(event(), subject(PERSON, note, version=1)) == []


def test_a_cancel_that_comes_first_writes_no_note_and_nobody() -> None:
    assert mapping(PER_EVENT).drafts(event("cancelled", 2), subject(status="cancelled")) == []


def test_events_that_the_mapping_does_not_take_are_skipped_with_a_reason() -> None:
    reason = mapping().reason_to_skip(event("completed"), subject())
    assert reason == "the mapping does not take booking.completed"


def test_policies_may_be_expressions_of_the_options() -> None:
    person, _ = mapping(options={"create_people": False}).drafts(event(), subject(version=1))
    assert person.create_type is None


def test_a_failing_expression_names_its_field() -> None:
    broken = TEXT.replace("{{ page.title }}: ", "{{ page.title - 1 }}: ")
    with pytest.raises(Rejected, match=r"activity\.Subject"):
        mapping(broken).drafts(event(), subject(version=1))


def test_texts_for_html_fields_are_made_safe_once() -> None:
    made = mapping(html_fields={"Event": frozenset({"Description"})})
    booking = attrs.evolve(DETAILS.booking, notes="<b>1 & 2</b>\nthree")  # type: ignore[type-var]
    state = subject(PERSON, ACTIVITY, details=attrs.evolve(DETAILS, booking=booking))
    (draft,) = made.drafts(event("rescheduled", 2), state)
    assert str(values(draft)["Description"]).startswith(
        "&lt;b&gt;1 &amp; 2&lt;/b&gt;<br>three<br>Previously"
    )


def test_all_mistakes_are_told_at_once_each_with_its_path() -> None:
    text = """
    title = 3
    events = ["booking.creatd"]
    [person]
    look_in = ["Contact"]
    match = ["Email"]
    colour = "red"
    [person.fields.Contact]
    LastName = { value = "{{ guest.family_name | nope }}" }
    [activity]
    per = "day"
    """
    with pytest.raises(ConfigurationError) as caught:
        mapping(text)
    told = str(caught.value)
    for part in ("title", "unknown field colour", "nope", "activity", "@ mapping.person"):
        assert part in told


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("booking.created", "booking.creatd"), "unknown event 'booking.creatd'"),
        (('record = "person"', 'record = "persn"'), "no table 'persn'"),
        (('match = ["link", "Email"]', 'match = ["link", "Mail"]'), "match by 'Mail'"),
        (("[activity.on.cancelled]", "[activity.on.canceled]"), "unknown event 'canceled'"),
        (
            ("create = \"{{ 'Contact' if options.create_people }}\"", 'create = "Person"'),
            "'Person' has no fields to be created with",
        ),
    ],
)
def test_what_does_not_fit_together_is_told(change: tuple[str, str], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        mapping(TEXT.replace(*change))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"create_people": "yes"}, "wants a switch, not 'yes'"),
        ({"create_pople": True}, r"no option 'create_pople' \(there are: "),
    ],
)
def test_options_that_do_not_fit_are_told(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        mapping(options=options)


def test_a_route_adds_and_changes_rows() -> None:
    raw = with_rows(
        parse_toml(TEXT, "test"),
        {"person": {"Contact": {"LeadSource": "Web"}}, "activity": {"Subject": "Call"}},
    )
    person, activity = load_mapping(raw).drafts(event(), subject(version=1))
    assert values(person)["LeadSource"] == "Web"
    assert values(activity)["Subject"] == "Call"


def test_rows_for_a_role_that_is_not_there_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="adds rows to 'company'"):
        with_rows(parse_toml(TEXT, "test"), {"company": {"Account": {"Name": "x"}}})


def test_an_event_can_change_the_linked_person() -> None:
    text = TEXT + (
        "\n[person.on.cancelled.fields]\nDescription = \"{{ booking.reason or 'Cancelled' }}\"\n"
    )
    state = subject(PERSON, ACTIVITY, status="cancelled", version=3)
    by_role = {draft.role: draft for draft in mapping(text).drafts(event("cancelled", 3), state)}
    assert values(by_role["person"]) == {"Description": "Cancelled"}
    assert (by_role["person"].action, by_role["person"].link) == ("update", PERSON)


def test_people_are_only_updated_by_events() -> None:
    text = TEXT + '\n[person.on.cancelled]\ndo = "delete"\n'
    with pytest.raises(ConfigurationError, match="a person is only updated"):
        mapping(text)


def test_a_record_that_the_options_switch_off_is_not_wanted() -> None:
    text = TEXT.replace(
        'look_in = ["Contact"]', "look_in = \"{{ 'Contact' if options.create_people }}\""
    )
    drafts = mapping(text, options={"create_people": False}).drafts(event(), subject(version=1))
    assert [draft.role for draft in drafts] == ["activity"]
    assert "WhoId" not in values(drafts[0])


def test_without_the_activity_that_the_options_switch_off_the_person_is_all() -> None:
    text = TEXT.replace(
        'object = "Event"', 'object = "Event"\nwhen = "{{ options.create_people }}"'
    )
    off = mapping(text, options={"create_people": False})
    assert [draft.role for draft in off.drafts(event(), subject(version=1))] == ["person"]
    assert off.drafts(event("cancelled"), subject(status="cancelled")) == []


def test_nobody_is_written_for_an_event_that_the_activity_leaves_out() -> None:
    text = TEXT.replace(
        'object = "Event"', 'object = "Event"\nwhen = "{{ options.create_people and page.id }}"'
    )
    nowhere = attrs.evolve(DETAILS, page=Page())
    assert mapping(text).drafts(event(), subject(version=1, details=nowhere)) == []


@pytest.mark.parametrize("full", [" ", "\u3000", ""])
def test_a_name_of_blanks_alone_is_no_name(full: str) -> None:
    blank = attrs.evolve(DETAILS, guest=Person(email="a@example.com", full_name=full))
    person, _ = mapping().drafts(event(), subject(version=1, details=blank))
    assert {"FirstName", "LastName"}.isdisjoint(values(person))

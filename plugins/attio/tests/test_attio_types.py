"""An attribute of every type as the target of a mapping: made by set-up, checked, written, kept."""

from __future__ import annotations

import tomllib
from typing import Any

from crmwire_attio.sandbox_app.attributes import TYPES

MORE = """
[activity.fields]
a_text      = "Room 5"
a_number    = "42"
a_checkbox  = "{{ true }}"
a_currency  = "99.54321"
a_date      = "{{ booking.start }}"
a_timestamp = "{{ booking.start }}"
a_rating    = "4"
a_status    = "Open"
a_select    = "Red"
a_record    = { record = "person" }
an_actor    = { user = "{{ host.email }}" }
a_location  = "London"
a_domain    = "https://example.com/about"
an_address  = "{{ guest.email }}"
a_phone     = "{{ guest.phone }}"

[crm.objects.bookings.attributes]
a_text      = { title = "Text" }
a_number    = { title = "Number", type = "number" }
a_checkbox  = { title = "Checkbox", type = "checkbox" }
a_currency  = { title = "Currency", type = "currency", currency = "EUR" }
a_date      = { title = "Date", type = "date" }
a_timestamp = { title = "Timestamp", type = "timestamp" }
a_rating    = { title = "Rating", type = "rating" }
a_status    = { title = "Status", type = "status", options = ["Open", "Closed"] }
a_select    = { title = "Select", type = "select", many = true, options = ["Red", "Blue"] }
a_record    = { title = "Record", type = "record-reference", to = "people" }
an_actor    = { title = "Actor", type = "actor-reference" }
a_location  = { title = "Location", type = "location" }
a_domain    = { title = "Domain", type = "domain" }
an_address  = { title = "Address", type = "email-address" }
a_phone     = { title = "Phone", type = "phone-number" }
"""
STORED = {
    "a_text": ("value", "Room 5"),
    "a_number": ("value", 42),
    "a_checkbox": ("value", True),
    "a_currency": ("currency_value", 99.5432),
    "a_date": ("value", "2027-03-01"),
    "a_timestamp": ("value", "2027-03-01T09:00:00.000000000Z"),
    "a_rating": ("value", 4),
    "a_domain": ("domain", "example.com"),
    "an_address": ("email_address", "ada@example.com"),
    "a_phone": ("phone_number", "+442079460018"),
    "an_actor": ("referenced_actor_type", "workspace-member"),
    "a_location": ("locality", "London"),
}


def with_all_types(booked: Any, more: str = MORE) -> Any:
    """Put a route in place whose mapping writes an attribute of every type; check's findings."""
    app = booked.stage.app
    conn = app.openings.connection(app.store.connection("attio"))
    mapping = tomllib.loads(conn.hooks.presets()["booking-record"])
    added = tomllib.loads(more)
    mapping["activity"]["fields"] |= added["activity"]["fields"]
    described = added["crm"]["objects"]["bookings"]["attributes"]
    mapping["crm"]["objects"]["bookings"]["attributes"] |= described
    app.remove_route(app.store.routes()[0].name)
    app.add_route(feed="feed", connection="attio", preset="booking-record", mapping=mapping)
    assert set(booked.set_up().values()) == {"done"}
    return app.check("attio").findings


def test_types_are_those_that_attio_lets_be_made() -> None:
    described = tomllib.loads(MORE)["crm"]["objects"]["bookings"]["attributes"].values()
    made = {one.get("type", "text") for one in described}
    assert made == set(TYPES)


def test_every_type_is_written_in_its_shape_and_again_when_the_booking_moves(records: Any) -> None:
    assert not with_all_types(records)
    records.booked(phone="+44 20 7946 0018")
    [record], [person] = records.records("bookings"), records.records("people")
    for slug, (member, value) in STORED.items():
        assert record.values[slug][0][member] == value, slug
    assert record.values["a_currency"][0]["currency_code"] == "EUR"
    assert record.values["a_status"][0]["status"]["title"] == "Open"
    assert [one["option"]["title"] for one in record.values["a_select"]] == ["Red"]
    assert record.values["a_record"][0]["target_record_id"] == person.id
    records.booked(verb="RESCHEDULED", uid="b2", rescheduleUid="b1", minute=1, hour=24)
    assert record.values["a_date"][0]["value"] == "2027-03-02"
    assert records.states() == ["delivered"] * 2


UNFIT = (
    ('"4"', '"6"', "a_rating takes a whole number from 0 to 5"),
    ('"42"', '"many"', "a_number takes a number"),
    ('= "Open"', '= "Opened"', "a_status takes Open, Closed"),
    ('"{{ true }}"', '"maybe"', "a_checkbox takes true or false"),
)


def test_value_that_does_not_fit_holds_with_the_attributes_name(records: Any) -> None:
    for number, (before, after, told) in enumerate(UNFIT):
        with_all_types(records, MORE.replace(before, after, 1))
        records.booked(phone="+442079460018", uid=f"b{number}", hour=number)
        row, *_ = records.stage.rows("held")
        assert told in f"{row.reason} {row.remedy}"
    assert records.records("bookings") == []


def test_choice_that_is_not_there_is_found_by_check(records: Any) -> None:
    [finding] = with_all_types(records, MORE.replace('= "Red"', '= "Green"', 1))
    assert finding.subject == "activity bookings.a_select"
    assert "Red, Blue" in finding.message

"""The preset `linktime`, from bookings to the records of a portal; owners, outcomes, deals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crmwire.vocabulary import Booking, Person

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
HOST = Person(email="host@example.com", full_name="Hana Host")
JOHN = Person(email="john@example.com", full_name="John Smith")


def _guests(count: int) -> list[Person]:
    return [
        Person(email=f"p{n}@c{n}.example", full_name=f"P {n}", company=f"C {n}")
        for n in range(count)
    ]


def _portal(scene: Any) -> Any:
    return scene.vendor.app.accounts["sandbox"]


def _owner_id(scene: Any, email: str = "host@example.com") -> str:
    return next(
        id_ for id_, owner in _portal(scene).owners.items() if owner["email"].lower() == email
    )


# ---------------------------------------------------------------- the life of a booking


def test_a_booking_is_made_moved_and_cancelled_on_one_meeting(scene: Any) -> None:
    """LinkTime's webhooks keep the booking's id; the cancelled one carries a reason."""
    scene.route("linktime")
    notes = Booking(notes="Looking forward to our call!", location="Video")
    scene.happen(scene.event("created", "b", guest=JOHN, booking=notes, hosts=(HOST,)))
    (contact,), (meeting,) = scene.records("contacts"), scene.records("meetings")
    assert (contact.properties["firstname"], contact.properties["lastname"]) == ("John", "Smith")
    assert list(scene.linked(meeting, "contacts")) == [contact.id]
    assert meeting.properties["hs_meeting_outcome"] == "SCHEDULED"
    moved = Booking(notes="Looking forward to our call!", previous_start=START)
    later = START + timedelta(days=1)
    scene.happen(scene.event("rescheduled", "b", guest=JOHN, booking=moved, start=later))
    assert meeting.properties["hs_meeting_outcome"] == "RESCHEDULED"
    assert meeting.properties["hs_meeting_start_time"] == "2026-11-25T09:00:00Z"
    assert meeting.properties["hs_timestamp"] == "2026-11-25T09:00:00Z"
    assert "Previously 2026-11-24 09:00 UTC" in meeting.properties["hs_meeting_body"]
    gone = Booking(reason="Schedule <conflict>")
    scene.happen(scene.event("cancelled", "b", guest=JOHN, booking=gone, start=later))
    assert meeting.properties["hs_meeting_outcome"] == "CANCELED"
    body = meeting.properties["hs_meeting_body"]
    assert body.startswith("Looking forward to our call!")
    assert "Previously 2026-11-24 09:00 UTC" in body
    assert body.endswith("<br>Cancelled: Schedule &lt;conflict&gt;")
    assert len(scene.records("meetings")) == 1


@pytest.mark.parametrize(("verb", "outcome"), [("no_show", "NO_SHOW"), ("completed", "COMPLETED")])
def test_what_came_of_a_meeting_is_its_outcome(scene: Any, verb: str, outcome: str) -> None:
    scene.route("linktime")
    scene.happen(scene.event("created", "b"))
    scene.happen(scene.event(verb, "b"))
    (meeting,) = scene.records("meetings")
    assert meeting.properties["hs_meeting_outcome"] == outcome
    assert scene.vendor.calls[-1] == "POST meetings/batch/update"


def test_scheduled_is_kept_when_moved_if_the_route_says_so(scene: Any) -> None:
    scene.route("linktime", options={"keep_scheduled": True})
    scene.happen(scene.event("created", "b"))
    scene.happen(scene.event("rescheduled", "b", start=START + timedelta(days=1)))
    (meeting,) = scene.records("meetings")
    assert meeting.properties["hs_meeting_outcome"] == "SCHEDULED"


# ---------------------------------------------------------------- owners


def test_the_host_owns_the_meeting_and_no_contact(scene: Any) -> None:
    scene.route("linktime")
    scene.happen(scene.event(hosts=(Person(email="HOST@example.com"),)))
    (contact,), (meeting,) = scene.records("contacts"), scene.records("meetings")
    assert meeting.properties["hubspot_owner_id"] == _owner_id(scene)
    assert "hubspot_owner_id" not in contact.properties
    assert scene.vendor.calls == ["POST contacts/batch/upsert", "POST meetings/batch/create"]


def test_the_host_owns_new_contacts_if_the_route_says_so(scene: Any) -> None:
    scene.route("linktime", options={"own_contacts": True})
    scene.happen(scene.event(hosts=(HOST,)))
    (contact,) = scene.records("contacts")
    assert contact.properties["hubspot_owner_id"] == _owner_id(scene)


def test_a_known_contact_keeps_its_owner(scene: Any) -> None:
    other = scene.vendor.admin("add_owner", email="other@example.com")
    scene.vendor.admin(
        "create_record",
        type="contacts",
        properties={"email": "ada@example.com", "hubspot_owner_id": other["id"]},
    )
    scene.route("linktime", options={"own_contacts": True})
    scene.happen(scene.event(hosts=(HOST,)))
    (contact,) = scene.records("contacts")
    assert contact.properties["hubspot_owner_id"] == other["id"]


def test_a_meeting_keeps_the_owner_that_people_gave_it(scene: Any) -> None:
    other = scene.vendor.admin("add_owner", email="other@example.com")
    scene.route("linktime")
    scene.happen(scene.event("created", "b", hosts=(HOST,)))
    (meeting,) = scene.records("meetings")
    path = f"/crm/objects/2026-09/meetings/{meeting.id}"
    scene.vendor.send("PATCH", path, {"properties": {"hubspot_owner_id": other["id"]}})
    for verb in ("rescheduled", "cancelled"):
        scene.happen(scene.event(verb, "b", hosts=(HOST,), start=START + timedelta(days=1)))
    assert meeting.properties["hs_meeting_outcome"] == "CANCELED"
    assert meeting.properties["hubspot_owner_id"] == other["id"]


def test_a_host_that_is_no_user_leaves_the_meeting_without_owner_and_costs_nothing(
    scene: Any,
) -> None:
    scene.route("linktime")
    scene.happen(scene.event(hosts=(Person(email="nobody@example.com"),)))
    (meeting,) = scene.records("meetings")
    assert "hubspot_owner_id" not in meeting.properties
    assert len(scene.vendor.calls) == 2


def test_without_the_owners_scope_only_the_owner_is_lost(scene: Any) -> None:
    scene.vendor.admin("revoke_scope", scope="crm.objects.owners.read")
    scene.route("linktime")
    findings = [one for one in scene.app.check("hubspot").findings if one.level != "ok"]
    assert [(one.level, one.subject) for one in findings] == [("warning", "owners")]
    assert "without one" in findings[0].message
    assert scene.happen(scene.event(hosts=(HOST,))) == ["delivered"]
    assert len(scene.records("meetings")) == 1


# ---------------------------------------------------------------- outcomes of the account


SPELLED = ["Scheduled", "Completed", "Rescheduled", "No show", "Cancelled"]


@pytest.mark.parametrize("when", ["before the check", "after the check"])
def test_outcomes_are_written_as_the_account_spells_them(scene: Any, when: str) -> None:
    change = {"type": "meetings", "name": "hs_meeting_outcome", "options": SPELLED}
    if when == "before the check":
        scene.vendor.admin("set_options", **change)
    scene.route("linktime")
    scene.vendor.admin("set_options", **change)
    seen = []
    for verb in ("created", "rescheduled", "cancelled"):
        scene.happen(scene.event(verb, "b"))
        (meeting,) = scene.records("meetings")
        seen.append(meeting.properties["hs_meeting_outcome"])
    assert seen == ["Scheduled", "Rescheduled", "Cancelled"]


def test_an_outcome_that_the_account_lacks_is_left_out_and_told(scene: Any) -> None:
    scene.vendor.admin(
        "set_options", type="meetings", name="hs_meeting_outcome", options=["SCHEDULED", "CANCELED"]
    )
    scene.route("linktime")
    scene.happen(scene.event("created", "b"))
    later = START + timedelta(days=1)
    assert scene.happen(scene.event("rescheduled", "b", start=later)) == ["delivered"] * 2
    (meeting,) = scene.records("meetings")
    assert meeting.properties["hs_meeting_outcome"] == "SCHEDULED"
    assert meeting.properties["hs_meeting_start_time"] == "2026-11-25T09:00:00Z"
    warned = {one.message.split(":")[0] for one in scene.app.check("hubspot").findings}
    assert "The account has no outcome RESCHEDULED" in warned


def test_a_cancellation_that_could_show_nothing_is_held(scene: Any) -> None:
    scene.vendor.admin(
        "set_options", type="meetings", name="hs_meeting_outcome", options=["SCHEDULED"]
    )
    scene.route("linktime")
    scene.happen(scene.event("created", "b"))
    assert scene.happen(scene.event("cancelled", "b")) == ["delivered", "held"]
    row = scene.rows()[-1]
    assert "CANCELED" in str(row.remedy)


# ---------------------------------------------------------------- deals


def _deal(scene: Any) -> str:
    made = scene.vendor.admin("create_record", type="deals", properties={"dealname": "Big"})
    return str(made["id"])


def test_a_deal_named_in_the_link_is_associated_with_the_meeting(scene: Any) -> None:
    deal = _deal(scene)
    scene.route("linktime", options={"deal_parameter": "deal"})
    assert scene.happen(scene.event("created", "b", tracking={"deal": deal})) == ["delivered"]
    (meeting,) = scene.records("meetings")
    assert scene.linked(meeting, "deals") == {deal: [212]}
    assert len(scene.vendor.calls) == 2
    later = START + timedelta(days=1)
    scene.happen(scene.event("rescheduled", "b", tracking={"deal": deal}, start=later))
    assert len(scene.vendor.calls) == 3


@pytest.mark.parametrize("deal", ["999", "abc", "1; drop"])
def test_a_deal_that_is_not_there_is_left_out_and_the_meeting_stands(scene: Any, deal: str) -> None:
    scene.route("linktime", options={"deal_parameter": "deal"})
    assert scene.happen(scene.event(tracking={"deal": deal})) == ["delivered"]
    (meeting,) = scene.records("meetings")
    assert scene.linked(meeting, "deals") == {}
    assert len(scene.linked(meeting, "contacts")) == 1


def test_links_name_no_deal_unless_the_route_says_which_parameter_does(scene: Any) -> None:
    deal = _deal(scene)
    scene.route("linktime")
    scene.happen(scene.event(tracking={"deal": deal}))
    (meeting,) = scene.records("meetings")
    assert scene.linked(meeting, "deals") == {}


# ---------------------------------------------------------------- companies, and what it costs


def test_a_hundred_bookings_with_companies_take_five_calls(scene: Any) -> None:
    scene.route("linktime", options={"companies": True})
    states = scene.happen(*(scene.event(guest=guest) for guest in _guests(100)))
    assert states == ["delivered"] * 100
    assert sorted(scene.vendor.calls) == [
        "POST companies/batch/create",
        "POST companies/search",
        "POST contacts/batch/upsert",
        "POST contacts/companies/batch/create",
        "POST meetings/batch/create",
    ]
    for meeting in scene.records("meetings"):
        (contact,), (company,) = (
            list(scene.linked(meeting, kind)) for kind in ("contacts", "companies")
        )
        record = _portal(scene).records["contacts"][contact]
        assert set(scene.linked(record, "companies")[company]) == {1, 279}


@pytest.mark.parametrize(
    ("options", "calls"),
    [({}, 2), ({"own_contacts": True}, 3)],
    ids=["by upsert", "with a look-up"],
)
def test_a_hundred_bookings_take_two_or_three_calls_and_their_ends_one(
    scene: Any, options: dict[str, bool], calls: int
) -> None:
    scene.route("linktime", options=options)
    guests = _guests(100)
    for verb, most in (("created", calls), ("rescheduled", 1), ("cancelled", 1)):
        scene.vendor.forget()
        events = [
            scene.event(verb, f"x{n}", guest=guest, hosts=(HOST,)) for n, guest in enumerate(guests)
        ]
        states = scene.happen(*events)
        assert set(states) == {"delivered"}
        assert len(scene.vendor.calls) == most
    assert {one.properties["hs_meeting_outcome"] for one in scene.records("meetings")} == {
        "CANCELED"
    }


def test_a_hundred_bookings_that_fill_blanks_only_take_three_calls(scene: Any) -> None:
    mapping = scene.preset("linktime", person={"write": "if_empty"})
    scene.route("linktime", mapping=mapping)
    guests = _guests(100)
    assert set(scene.happen(*(scene.event(guest=guest) for guest in guests))) == {"delivered"}
    assert scene.vendor.calls == [
        "POST contacts/batch/read",
        "POST contacts/batch/create",
        "POST meetings/batch/create",
    ]


def test_a_known_contact_is_left_out_of_its_company_where_the_mapping_says_on_create(
    scene: Any,
) -> None:
    """By upsert nobody knows beforehand who is new, so the answer decides."""
    scene.vendor.admin("create_record", type="contacts", properties={"email": "p0@c0.example"})
    mapping = scene.preset("linktime", person={"company": "on_create"})
    scene.route("linktime", mapping=mapping, options={"companies": True})
    assert scene.happen(*(scene.event(guest=guest) for guest in _guests(2))) == ["delivered"] * 2
    companies = {
        one.properties["email"]: len(scene.linked(one, "companies"))
        for one in scene.records("contacts")
    }
    assert companies == {"p0@c0.example": 0, "p1@c1.example": 1}
    assert all(len(scene.linked(one, "companies")) == 1 for one in scene.records("meetings"))


def test_if_empty_fills_blanks_only_and_takes_three_calls(scene: Any) -> None:
    known = {"email": "p1@c1.example", "lastname": "Kept"}
    scene.vendor.admin("create_record", type="contacts", properties=known)
    rows = {
        name: {"value": f"{{{{ guest.{source} }}}}", "write": "if_empty"}
        for name, source in (("firstname", "given_name"), ("lastname", "family_name"))
    }
    scene.route("linktime", rows={"person": {"contacts": rows}})
    scene.happen(*(scene.event(guest=guest) for guest in _guests(3)))
    people = {one.properties["email"]: one.properties for one in scene.records("contacts")}
    assert people["p1@c1.example"]["lastname"] == "Kept"
    assert people["p1@c1.example"]["firstname"] == "P"
    assert scene.vendor.calls[0] == "POST contacts/batch/read"
    assert len(scene.vendor.calls) <= 4


def test_a_company_of_a_known_contact_is_associated_but_not_made_its_primary(scene: Any) -> None:
    scene.vendor.admin("create_record", type="contacts", properties={"email": "p0@c0.example"})
    scene.route("linktime", options={"companies": True})
    scene.happen(scene.event(guest=_guests(1)[0]))
    (contact,), (company,) = scene.records("contacts"), scene.records("companies")
    assert scene.linked(contact, "companies")[company.id] == [279]


def test_no_company_is_made_of_a_free_mail_address(scene: Any) -> None:
    scene.route("linktime", options={"companies": True})
    assert scene.happen(scene.event(guest=Person(email="a@gmail.com", full_name="A B"))) == [
        "delivered"
    ]
    assert scene.records("companies") == []
    assert len(scene.records("meetings")) == 1

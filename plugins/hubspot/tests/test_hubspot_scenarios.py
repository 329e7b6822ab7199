"""What happens in real accounts: several portals, merged and archived records, lost answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from crmwire.sandbox import Fault
from crmwire.vocabulary import Person
from crmwire_hubspot.limits import day_over_in

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
LATER = START + timedelta(days=1)


def test_two_portals_get_the_same_bookings_and_do_not_mix(
    new_scene: Callable[..., Any],
) -> None:
    scene = new_scene(tokens=("one", "two"), region_2="eu1")
    for name in ("one", "two"):
        scene.route("linktime", connection=name, token=name)
    assert scene.happen(scene.event("created", "b")) == ["delivered"] * 2
    scene.happen(scene.event("rescheduled", "b", start=LATER))
    ids = []
    for token in ("one", "two"):
        (contact,), (meeting,) = scene.records("contacts", token), scene.records("meetings", token)
        assert list(scene.linked(meeting, "contacts", token)) == [contact.id]
        assert meeting.properties["hs_meeting_outcome"] == "RESCHEDULED"
        ids.append(meeting.id)
    assert ids[0] != ids[1]


def test_two_portals_are_written_at_once_and_do_not_mix(new_scene: Callable[..., Any]) -> None:
    """A drain for each portal, side by side; one of them is slow, one bad booking is held."""
    scene = new_scene(tokens=("one", "two"))
    for name in ("one", "two"):
        scene.route("linktime", connection=name, token=name)
    scene.vendor.arm(Fault(kind="latency", path="batch", seconds=0.05, share=0.5))
    guests = [Person(email=f"p{n}@example.com", full_name=f"P {n}") for n in range(150)]
    guests[7] = Person(email="no address@", full_name="Nobody")
    scene.accept(*(scene.event(guest=guest) for guest in guests))
    scene.drain_at_once()
    by_name: dict[str, list[str]] = {"one": [], "two": []}
    for row in scene.rows():
        by_name[row.connection].append(row.state)
    for name, states in by_name.items():
        assert sorted(states) == ["delivered"] * 149 + ["held"]
        assert len(scene.records("contacts", name)) == len(scene.records("meetings", name)) == 149


def test_two_connections_of_one_portal_share_its_lane_and_double_nobody(scene: Any) -> None:
    for name in ("first", "second"):
        scene.route("linktime", connection=name)
    lanes = {scene.app.store.connection(name).lane for name in ("first", "second")}
    assert len(lanes) == 1
    assert scene.happen(scene.event()) == ["delivered"] * 2
    assert len(scene.records("contacts")) == 1


def test_a_portal_in_another_region_has_the_same_api_and_its_own_pages(
    new_scene: Callable[..., Any],
) -> None:
    scene = new_scene(region="eu1")
    scene.route("linktime")
    report = scene.app.check("hubspot").report
    assert "app-eu1.hubspot.com" in report.account_name
    assert "Europe/Berlin" in report.account_name
    scene.happen(scene.event())
    view = scene.app.delivery(scene.rows()[0].id)
    assert "https://app-eu1.hubspot.com/contacts/" in str(view)


def test_a_booking_under_a_secondary_address_reaches_the_same_contact(scene: Any) -> None:
    scene.vendor.admin(
        "create_record",
        type="contacts",
        properties={"email": "ada@example.com", "lastname": "Example"},
        additional_emails=["ada@private.example"],
    )
    scene.route("linktime")
    guest = Person(email="Ada@Private.example", full_name="Ada King")
    assert scene.happen(scene.event(guest=guest)) == ["delivered"]
    (contact,), (meeting,) = scene.records("contacts"), scene.records("meetings")
    assert contact.properties["email"] == "ada@example.com"
    assert contact.properties["lastname"] == "King"
    assert list(scene.linked(meeting, "contacts")) == [contact.id]


def test_timerex_counts_a_secondary_address_as_there(scene: Any) -> None:
    scene.vendor.admin(
        "create_record",
        type="contacts",
        properties={"email": "ada@example.com"},
        additional_emails=["ada@private.example"],
    )
    scene.route("timerex", options={"companies": False})
    scene.happen(scene.event(guest=Person(email="ada@private.example", full_name="Ada King")))
    assert len(scene.records("contacts")) == 1


@pytest.mark.parametrize("old_ids", ["on", "off"], ids=["old ids do", "old ids do not"])
def test_a_contact_that_was_merged_goes_on_under_its_new_id(
    new_scene: Callable[..., Any], old_ids: str
) -> None:
    scene = new_scene(old_ids=old_ids)
    scene.route("linktime")
    scene.happen(scene.event("created", "b"))
    (contact,) = scene.records("contacts")
    other = scene.vendor.admin(
        "create_record", type="contacts", properties={"email": "x@example.com"}
    )
    merged = scene.vendor.admin("merge_contacts", primary=other["id"], other=contact.id)
    states = scene.happen(scene.event("rescheduled", "b", start=LATER), scene.event("created", "c"))
    assert states == ["delivered"] * 3
    (survivor,) = scene.records("contacts")
    assert survivor.id == merged["id"] != contact.id
    assert len(scene.records("meetings")) == 2
    assert len(scene.linked(survivor, "meetings")) == 2


@pytest.mark.parametrize("old_ids", ["on", "off"], ids=["old ids do", "old ids do not"])
@pytest.mark.parametrize("preset", ["linktime", "timerex"])
def test_a_company_that_was_merged_into_another_is_found_by_its_domain(
    new_scene: Callable[..., Any], preset: str, old_ids: str
) -> None:
    scene = new_scene(old_ids=old_ids)
    scene.route(preset, options={"companies": True})
    guests = [Person(email=f"{name}@acme.example", full_name=name) for name in ("ada", "bob")]
    scene.happen(scene.event("created", "b", guest=guests[0]))
    (company,) = scene.records("companies")
    properties = {"name": "Group", "domain": "group.example"}
    other = scene.vendor.admin("create_record", type="companies", properties=properties)
    merged = scene.vendor.admin("merge", type="companies", primary=other["id"], other=company.id)
    moved = scene.event("rescheduled", "b", guest=guests[0], start=LATER)
    states = scene.happen(moved, scene.event("created", "c", guest=guests[1]))
    assert {"delivered", "skipped"} >= set(states)
    (survivor,) = scene.records("companies")
    assert survivor.id == merged["id"]
    assert survivor.properties["name"] == "Group"
    contacts = scene.records("contacts")
    assert [list(scene.linked(one, "companies")) for one in contacts] == [[survivor.id]] * 2


def test_a_contact_with_nothing_to_fill_is_associated_with_its_company_all_the_same(
    scene: Any,
) -> None:
    """As it stands after a crash between the contact's change and its association."""
    scene.route("linktime", options={"companies": True})
    for kind, properties in (
        ("contacts", {"email": "ada@acme.example", "firstname": "Ada", "lastname": "Byron"}),
        ("companies", {"domain": "acme.example", "name": "Acme"}),
    ):
        scene.vendor.admin("create_record", type=kind, properties=properties)
    guest = Person(email="ada@acme.example", full_name="Ada Byron")
    assert scene.happen(scene.event("created", "b", guest=guest)) == ["delivered"]
    (contact,), (company,) = scene.records("contacts"), scene.records("companies")
    assert list(scene.linked(contact, "companies")) == [company.id]
    assert not [one for one in scene.vendor.calls if one.endswith("contacts/batch/update")]


def test_a_meeting_that_was_deleted_is_made_again_when_its_booking_moves(scene: Any) -> None:
    scene.route("linktime")
    scene.happen(scene.event("created", "b"))
    (meeting,) = scene.records("meetings")
    scene.vendor.admin("archive_record", type="meetings", id=meeting.id)
    assert scene.happen(scene.event("rescheduled", "b", start=LATER)) == ["delivered"] * 2
    (anew,) = scene.records("meetings")
    assert anew.id != meeting.id
    assert anew.properties["hs_meeting_start_time"] == "2026-11-25T09:00:00Z"
    assert len(scene.linked(anew, "contacts")) == 1


def test_a_meeting_that_was_deleted_is_held_if_the_mapping_says_so(scene: Any) -> None:
    scene.route("linktime", crm={"if_gone": "hold"})
    scene.happen(scene.event("created", "b"))
    (meeting,) = scene.records("meetings")
    scene.vendor.admin("archive_record", type="meetings", id=meeting.id)
    assert scene.happen(scene.event("rescheduled", "b", start=LATER)) == ["delivered", "held"]
    assert scene.records("meetings") == []
    assert "Restore it in HubSpot" in str(scene.rows()[-1].remedy)


def test_a_contact_that_was_deleted_before_the_meeting_is_made_again_is_looked_up_anew(
    scene: Any,
) -> None:
    scene.route("linktime")
    scene.happen(scene.event("created", "b"))
    for kind in ("meetings", "contacts"):
        (record,) = scene.records(kind)
        scene.vendor.admin("archive_record", type=kind, id=record.id)
    assert scene.happen(scene.event("rescheduled", "b", start=LATER)) == ["delivered"] * 2
    (contact,), (meeting,) = scene.records("contacts"), scene.records("meetings")
    assert list(scene.linked(meeting, "contacts")) == [contact.id]


def test_of_a_hundred_bookings_with_one_invalid_address_one_is_held(scene: Any) -> None:
    scene.route("linktime")
    guests = [Person(email=f"p{n}@example.com", full_name=f"P {n}") for n in range(99)]
    guests.insert(50, Person(email="no address@", full_name="Nobody"))
    states = scene.happen(*(scene.event(guest=guest) for guest in guests))
    assert sorted(states) == ["delivered"] * 99 + ["held"]
    held = next(row for row in scene.rows() if row.state == "held")
    assert "email" in str(held.reason)
    assert len(scene.records("meetings")) == 99


def test_lost_answers_after_the_commit_double_no_meeting(scene: Any) -> None:
    scene.route("linktime", settings={"read_timeout": 1.0, "settle_after": 0.3})
    scene.vendor.arm(Fault(kind="lost_answer", path="meetings/batch/create", times=1))
    guests = [Person(email=f"p{n}@example.com", full_name=f"P {n}") for n in range(100)]
    scene.happen(*(scene.event(guest=guest) for guest in guests))
    for _ in range(20):
        time.sleep(0.1)
        if set(states := scene.happen()) == {"delivered"}:
            break
    assert states == ["delivered"] * 100
    assert len(scene.records("meetings")) == 100


QUICK = {"read_timeout": 1.0, "settle_after": 0.3}


def _until_delivered(scene: Any, seconds: float = 3.0) -> list[str]:
    """Drain until nothing waits any more; the states at the end."""
    states: list[str] = []
    for _ in range(int(seconds * 20)):
        time.sleep(0.05)
        if set(states := scene.happen()) == {"delivered"}:
            break
    return states


SAME_COMPANY = [
    Person(email="taro@sample.example", full_name="Taro Y", company="Sample KK"),
    Person(email="hanako@gmail.com", full_name="Hanako S", company="sample kk"),
    Person(email="jiro@sample.example", full_name="Jiro S", company="Sample"),
]


@pytest.mark.parametrize("kind", ["companies", "contacts"])
def test_lost_answers_double_neither_new_companies_nor_contacts_of_one_backlog(
    scene: Any, kind: str
) -> None:
    """One company told in three ways, one contact told twice: made once, the answer lost."""
    scene.route("timerex", settings=QUICK)
    scene.vendor.arm(Fault(kind="lost_answer", path=f"{kind}/batch/create", times=1))
    guests = [*SAME_COMPANY, SAME_COMPANY[0]]
    assert set(scene.happen(*(scene.event(guest=guest) for guest in guests))) == {"ready"}
    assert _until_delivered(scene) == ["delivered"] * 4
    (company,) = scene.records("companies")
    contacts = scene.records("contacts")
    assert len(contacts) == 3
    assert all(list(scene.linked(one, "companies")) == [company.id] for one in contacts)


@pytest.mark.parametrize("lag", ["0", "0.2"])
def test_a_booking_that_comes_while_an_answer_is_lost_doubles_nobody(
    new_scene: Callable[..., Any], lag: str
) -> None:
    scene = new_scene(search_lag=lag)
    scene.route("timerex", settings=QUICK)
    scene.vendor.arm(Fault(kind="lost_answer", path="companies/batch/create", times=1))
    scene.happen(scene.event(guest=SAME_COMPANY[0]))
    scene.happen(*(scene.event(guest=guest) for guest in SAME_COMPANY[1:]))
    assert _until_delivered(scene) == ["delivered"] * 3
    assert [len(scene.records(kind)) for kind in ("companies", "contacts")] == [1, 3]


@pytest.mark.parametrize("kind", ["cut_before", "lost_answer"])
def test_a_company_that_the_search_never_shows_is_made_again_once_it_would_have_to(
    new_scene: Callable[..., Any], kind: str
) -> None:
    """Made or not: what the search does not show yet proves nothing until its lag is over."""
    scene = new_scene(search_lag="0.8")
    crm = {"search_lag": 1.5}
    scene.route("linktime", options={"companies": True}, settings=QUICK, crm=crm)
    scene.vendor.arm(Fault(kind=kind, path="companies/batch/create", times=1))
    began = time.monotonic()
    assert scene.happen(scene.event(guest=SAME_COMPANY[0])) == ["ready"]
    assert _until_delivered(scene, 6.0) == ["delivered"]
    assert [len(scene.records(one)) for one in ("companies", "contacts", "meetings")] == [1, 1, 1]
    if kind == "cut_before":
        assert time.monotonic() - began >= 1.5


def test_what_the_account_demands_is_its_configuration_on_the_dated_paths_only(
    new_scene: Callable[..., Any],
) -> None:
    scene = new_scene()
    scene.vendor.admin("set_required_property", type="contacts", name="company")
    scene.route("linktime", connection="dated")
    scene.route("linktime", connection="legacy", settings={"api_version": "v3"})
    states = scene.happen(scene.event())
    by_name = dict(zip((row.connection for row in scene.rows()), states, strict=True))
    assert by_name == {"dated": "held", "legacy": "delivered"}
    held = next(row for row in scene.rows() if row.connection == "dated")
    assert held.failure == "not_allowed"
    assert "company" in str(held.reason)


@pytest.mark.parametrize("version", ["v3", "2026-03", "2026-09"])
def test_every_version_carries_a_whole_booking(scene: Any, version: str) -> None:
    scene.route("linktime", options={"companies": True}, settings={"api_version": version})
    for verb in ("created", "rescheduled", "cancelled"):
        states = scene.happen(scene.event(verb, "b", guest=Person(email="a@acme.example")))
    assert states == ["delivered"] * 3
    (meeting,) = scene.records("meetings")
    assert meeting.properties["hs_meeting_outcome"] == "CANCELED"
    paths = {one["path"] for one in scene.vendor.app.requests if "__sandbox__" not in one["path"]}
    assert all((f"/{version}/" in path) or (version == "v3" and "/v4/" in path) for path in paths)


def test_connections_of_one_portal_share_the_pace_of_its_searches(scene: Any) -> None:
    """Five searches a second are the account's, whoever asks."""
    for name in ("first", "second"):
        scene.route("timerex", connection=name, options={"contacts": False})
    for number in range(4):
        company = f"C {number}"
        guest = Person(email=f"p@c{number}.example", full_name="P", company=company)
        scene.happen(scene.event(guest=guest))
    assert {row.state for row in scene.rows()} == {"delivered"}
    assert len(scene.records("companies")) == 4
    searches = [one for one in scene.vendor.app.requests if one["path"].endswith("/search")]
    assert len(searches) == 8
    assert {one["status"] for one in searches} == {200}


def test_a_spent_day_parks_the_queue_until_midnight_of_the_account(scene: Any) -> None:
    scene.route("linktime")
    scene.vendor.app.accounts["sandbox"].windows.daily = 0
    assert scene.happen(scene.event(), scene.event()) == ["ready", "ready"]
    (row,) = {one.reason for one in scene.rows()}
    assert "calls of the day are used up" in row
    now = datetime.now(UTC)
    wait = timedelta(seconds=day_over_in({"date": format_datetime(now, usegmt=True)}, "US/Eastern"))
    slack = timedelta(minutes=2)
    assert not scene.app.store.due_lanes(now + wait - slack)
    assert scene.app.store.due_lanes(now + wait + slack)
    assert scene.rows()[0].tries == 0


def test_a_share_of_the_days_calls_is_left_to_others(new_scene: Callable[..., Any]) -> None:
    scene = new_scene(daily="40")
    scene.route("linktime", settings={"budget_share": 0.5})
    for number in range(20):
        scene.happen(scene.event(guest=Person(email=f"p{number}@example.com", full_name="P")))
    assert scene.vendor.app.accounts["sandbox"].windows.today <= 21
    states = {row.state for row in scene.rows()}
    assert states == {"delivered", "ready"}


@pytest.mark.parametrize("old_ids", ["on", "off"], ids=["old ids do", "old ids do not"])
def test_a_meeting_whose_answer_was_lost_is_found_on_who_its_contact_was_merged_into(
    new_scene: Callable[..., Any], old_ids: str
) -> None:
    scene = new_scene(old_ids=old_ids)
    scene.route("linktime", settings=QUICK)
    scene.happen(scene.event("created", "a"))
    (contact,) = scene.records("contacts")
    scene.vendor.arm(Fault(kind="lost_answer", path="meetings/batch/create", times=1))
    assert scene.happen(scene.event("created", "b", start=LATER)) == ["delivered", "ready"]
    other = scene.vendor.admin(
        "create_record", type="contacts", properties={"email": "x@example.com"}
    )
    scene.vendor.admin("merge_contacts", primary=other["id"], other=contact.id)
    assert _until_delivered(scene) == ["delivered"] * 2
    assert len(scene.records("meetings")) == 2

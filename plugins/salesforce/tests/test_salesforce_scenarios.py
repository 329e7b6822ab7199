"""What goes wrong between a booking and Salesforce: each ends with the right records.

Through the whole pipeline: events go in, deliveries are drained, the sandbox is looked into.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner

from crmwire.cli import cli
from crmwire.sandbox import Fault
from crmwire.testing.clock import HeldClock

TOO_LONG = f"{'x' * 60}.{'y' * 20}.example.com"
"""What makes an address longer than the 80 letters of Salesforce's field."""
EXTERNAL_ID = {"type": "Activity", "field": "Booking_Id__c", "external_id": True, "unique": True}


def subjects(scene: Any, token: str = "sandbox") -> list[str]:
    return sorted(row["Subject"] for row in scene.records("Event", token))


# ---------------------------------------------------------------- answers lost after the commit


@pytest.mark.parametrize("external_id", [False, True], ids=["by content", "by external id"])
@pytest.mark.parametrize("known", [False, True], ids=["new person", "known person"])
def test_an_answer_lost_after_the_commit_doubles_nothing(
    new_scene: Any, external_id: bool, known: bool
) -> None:
    scene = new_scene()
    if external_id:
        scene.admin("add_field", **EXTERNAL_ID)
    scene.connect()
    scene.route("linktime")
    if known:
        scene.add("Contact", LastName="Roe", FirstName="Ann", Email="ann@example.com")
    scene.sandbox.faults.arm([Fault(kind="lost_answer", path="graph", times=1)])
    scene.tell(scene.booking("created"))
    assert scene.states() == ["delivered"]
    assert len(scene.records("Contact")) == len(scene.records("Event")) == 1
    scene.tell(scene.booking("rescheduled", minute=1, hour=17))
    (event,) = scene.records("Event")
    assert event["StartDateTime"].hour == 17


@pytest.mark.parametrize("external_id", [False, True], ids=["by content", "by external id"])
def test_a_commit_that_lands_after_our_time_out_doubles_nothing(
    new_scene: Any, external_id: bool
) -> None:
    scene = new_scene()
    if external_id:
        scene.admin("add_field", **EXTERNAL_ID)
    scene.connect(read_timeout=0.3, settle_after=0.9)
    scene.route("linktime")
    scene.sandbox.faults.arm([Fault(kind="late_commit", path="graph", seconds=0.6, times=1)])
    scene.tell(scene.booking("created"))
    assert scene.states() == ["delivered"]
    assert len(scene.records("Contact")) == len(scene.records("Event")) == 1


def test_an_external_id_makes_one_event_even_where_the_look_up_comes_too_soon(
    new_scene: Any,
) -> None:
    """The commit lands after the look-up and after the repetition: the key is what saves it."""
    scene = new_scene()
    scene.admin("add_field", **EXTERNAL_ID)
    scene.connect(read_timeout=0.2, settle_after=0.01)
    scene.route("linktime")
    scene.add("Contact", LastName="Roe", FirstName="Ann", Email="ann@example.com")
    scene.sandbox.faults.arm([Fault(kind="late_commit", path="graph", seconds=0.8, times=1)])
    scene.tell(scene.booking("created"))
    time.sleep(1.0)
    assert scene.states() == ["delivered"]
    assert len(scene.records("Event")) == 1


@pytest.mark.parametrize("preset", ["jicoo", "linktime"])
def test_a_person_who_moves_while_the_answer_is_lost_has_one_event(scene: Any, preset: str) -> None:
    """A lead is converted, a contact merged, after the commit and before the look-up."""
    scene.route(preset)
    name = {"FirstName": "Ann", "LastName": "Roe", "Email": "ann@example.com"}
    lead = preset == "jicoo"
    known = scene.add("Lead", **name, Company="x") if lead else scene.add("Contact", **name)
    scene.sandbox.faults.arm([Fault(kind="lost_answer", path="graph", times=1)])
    scene.accept(scene.booking("created"))
    scene.drain_once()
    assert scene.states() == ["ready"]
    if lead:
        left = scene.admin("convert_lead", id=known)["contact"]
    else:
        left = scene.add("Contact", **name)
        scene.admin("merge_records", winner=left, loser=known)
    scene.drain()
    assert scene.states() == ["delivered"]
    assert [row["WhoId"] for row in scene.records("Event")] == [left]


def test_a_hundred_bookings_with_a_lost_answer_are_a_hundred_events(scene: Any) -> None:
    scene.route("linktime")
    scene.sandbox.faults.arm([Fault(kind="lost_answer", path="graph", times=1)])
    for n in range(100):
        scene.accept(scene.booking("created", f"b{n}", email=f"p{n}@example.com", name=f"P {n}"))
    scene.drain(20)
    assert scene.states() == ["delivered"] * 100
    assert len(scene.records("Contact")) == len(scene.records("Event")) == 100


# ---------------------------------------------------------------- locks, one bad record, quota


def test_a_locked_row_is_written_when_it_is_free(scene: Any) -> None:
    scene.route("linktime")
    scene.admin("refuse", code="UNABLE_TO_LOCK_ROW", type="Event", times=2)
    scene.tell(scene.booking("created"))
    assert scene.states() == ["delivered"]
    assert len(scene.records("Contact")) == len(scene.records("Event")) == 1


def test_a_lock_inside_a_triggers_error_passes_too(scene: Any) -> None:
    scene.route("linktime")
    text = "BookingTrigger: execution of AfterInsert caused by: UNABLE_TO_LOCK_ROW, Sperre"
    code = "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
    scene.admin("refuse", code=code, message=text, type="Event")
    scene.tell(scene.booking("created"))
    assert scene.states() == ["delivered"]


def test_one_bad_record_in_a_call_of_75_harms_no_other(scene: Any) -> None:
    scene.route("linktime")
    for n in range(75):
        email = f"p{n}@{TOO_LONG if n == 40 else 'example.com'}"
        scene.accept(scene.booking("created", f"b{n}", email=email, name=f"P {n}"))
    scene.drain()
    assert sorted(scene.states()) == ["delivered"] * 74 + ["held"]
    assert len(scene.records("Contact")) == len(scene.records("Event")) == 74
    (held,) = scene.rows("held")
    view = scene.app.delivery(held.id)
    assert view.history[-1]["failure"]["code"] == "STRING_TOO_LONG"


def test_twenty_bad_records_in_a_call_harm_no_other(scene: Any) -> None:
    """After fourteen failed graphs Salesforce runs no more: the rest are sent again at once."""
    scene.route("linktime")
    for n in range(75):
        email = f"p{n}@{TOO_LONG if n < 20 else 'example.com'}"
        scene.accept(scene.booking("created", f"b{n}", email=email, name=f"P {n}"))
    scene.drain()
    assert sorted(scene.states()) == ["delivered"] * 55 + ["held"] * 20
    assert len(scene.records("Event")) == 55


def test_a_spent_quota_makes_the_queue_wait_and_skips_nothing(new_scene: Any) -> None:
    clock = HeldClock(datetime.now(UTC))
    scene = new_scene(clock=clock, daily_limit="3")
    scene.connect()
    scene.route("linktime")
    for n in range(3):
        scene.accept(scene.booking("created", f"b{n}", email=f"p{n}@example.com"))
        scene.drain_once()
    assert scene.states() == ["delivered", "ready", "ready"]
    reasons = [row.reason for row in scene.rows("ready")]
    assert "TotalRequests Limit exceeded." in reasons
    scene.org().daily_limit = 100
    clock.sleep(3600)
    scene.drain_once()
    assert scene.states() == ["delivered"] * 3
    assert len(scene.records("Event")) == 3


def test_a_share_of_the_quota_is_left_to_others(new_scene: Any) -> None:
    clock = HeldClock(datetime.now(UTC))
    scene = new_scene(clock=clock, daily_limit="20")
    scene.connect(budget_share=0.5)
    scene.route("linktime")
    for n in range(10):
        scene.accept(scene.booking("created", f"b{n}", email=f"p{n}@example.com"))
        scene.drain_once()
    assert scene.org().used == 10
    assert set(scene.states()) == {"delivered", "ready"}
    told = CliRunner().invoke(cli, ["status"], prog_name="crmwire").output
    assert "10 of 20 calls of the daily limit are used" in told
    assert "this connection stops at 50%" in told
    done = scene.states().count("delivered")
    scene.org().used = 0
    clock.sleep(3600)
    scene.drain_once()
    assert scene.states() == ["delivered"] * 10
    assert done < 10
    assert len(scene.records("Event")) == len(scene.records("Contact")) == 10


# ---------------------------------------------------------------- what people do meanwhile


def test_a_lead_converted_between_booking_and_reschedule_keeps_its_event(scene: Any) -> None:
    scene.route("jicoo")
    scene.tell(scene.booking("created"))
    (lead,) = scene.records("Lead")
    contact = scene.admin("convert_lead", id=lead["Id"])["contact"]
    scene.tell(scene.booking("rescheduled", minute=1, hour=17))
    (event,) = scene.records("Event")
    assert (event["WhoId"], event["StartDateTime"].hour) == (contact, 17)
    scene.tell(scene.booking("cancelled", minute=2, hour=17))
    assert scene.records("Event") == []
    assert scene.states() == ["delivered"] * 3


def test_a_converted_leads_deleted_event_is_made_anew_on_the_contact(scene: Any) -> None:
    scene.route("jicoo")
    scene.tell(scene.booking("created"))
    (lead,), (event,) = scene.records("Lead"), scene.records("Event")
    contact = scene.admin("convert_lead", id=lead["Id"])["contact"]
    scene.admin("delete_record", id=event["Id"])
    scene.tell(scene.booking("rescheduled", minute=1, hour=17))
    (event,) = scene.records("Event")
    assert (event["WhoId"], event["StartDateTime"].hour) == (contact, 17)
    assert scene.states() == ["delivered"] * 2


def test_a_converted_lead_is_not_changed_by_a_cancel_but_the_event_is(scene: Any) -> None:
    preset = scene.app.preset("sales", "timerex")
    preset["options"]["register_activity"]["default"] = True
    preset["person"]["on"] = {"cancelled": {"fields": {"Rating": "Cold"}}}
    scene.route("timerex", mapping=preset)
    scene.tell(scene.booking("created"))
    (lead,) = scene.records("Lead")
    contact = scene.admin("convert_lead", id=lead["Id"])["contact"]
    scene.tell(scene.booking("cancelled", minute=1))
    assert scene.states() == ["delivered"] * 2
    (event,) = scene.records("Event")
    assert event["Subject"].startswith("[Cancelled]")
    assert event["WhoId"] == contact
    (row, _) = scene.rows("delivered")
    told = str(scene.app.delivery(row.id).history)
    assert "'dropped': ['Rating']" in told


def test_a_lead_that_was_converted_before_is_linked_as_its_contact(scene: Any) -> None:
    """So that the link is forgotten when the contact is gone, and somebody is found anew."""
    scene.route("jicoo")
    name = {"FirstName": "Ann", "LastName": "Roe", "Email": "ann@example.com"}
    lead = scene.add("Lead", **name, Company="x")
    contact = scene.admin("convert_lead", id=lead)["contact"]
    scene.tell(scene.booking("created"))
    (event,) = scene.records("Event")
    assert event["WhoId"] == contact
    links = scene.app.delivery(scene.rows()[0].id).links
    assert ("Contact", contact) in [(link["type"], link["record"]) for link in links]
    scene.admin("delete_record", id=contact)
    scene.tell(scene.booking("rescheduled", minute=1, hour=17))
    assert scene.states() == ["delivered"] * 2
    (event,), people = scene.records("Event"), scene.records("Lead")
    assert event["StartDateTime"].hour == 17
    assert event["WhoId"] == next(row["Id"] for row in people if not row["IsConverted"])


def test_a_converted_lead_whose_contact_is_gone_is_nobody(scene: Any) -> None:
    scene.route("jicoo")
    name = {"FirstName": "Ann", "LastName": "Roe", "Email": "ann@example.com"}
    lead = scene.add("Lead", **name, Company="x")
    contact = scene.admin("convert_lead", id=lead)["contact"]
    scene.admin("delete_record", id=contact)
    scene.tell(scene.booking("created"))
    assert scene.states() == ["delivered"]
    (new,) = [row for row in scene.records("Lead") if not row["IsConverted"]]
    assert [row["WhoId"] for row in scene.records("Event")] == [new["Id"]]


def test_a_merged_contacts_events_go_on_with_the_one_that_is_left(scene: Any) -> None:
    scene.route("linktime")
    scene.tell(scene.booking("created"))
    (lost,) = scene.records("Contact")
    kept = scene.add("Contact", LastName="Roe", Email="ann.roe@example.com")
    scene.admin("merge_records", winner=kept, loser=lost["Id"])
    scene.tell(scene.booking("rescheduled", minute=1, hour=17))
    (event,) = scene.records("Event")
    assert (event["WhoId"], event["StartDateTime"].hour) == (kept, 17)
    scene.admin("delete_record", id=event["Id"])
    scene.tell(scene.booking("rescheduled", minute=2, hour=18))
    (event,) = scene.records("Event")
    assert (event["WhoId"], event["StartDateTime"].hour) == (kept, 18)
    assert [row["Id"] for row in scene.records("Contact")] == [kept]
    assert scene.states() == ["delivered"] * 3


def test_a_contact_that_is_gone_is_found_or_made_anew(scene: Any) -> None:
    scene.route("linktime")
    scene.tell(scene.booking("created"))
    (contact,) = scene.records("Contact")
    scene.admin("delete_record", id=contact["Id"])
    assert scene.records("Event") == []
    scene.tell(scene.booking("rescheduled", minute=1, hour=17))
    (event,), (fresh,) = scene.records("Event"), scene.records("Contact")
    assert (event["WhoId"], event["StartDateTime"].hour) == (fresh["Id"], 17)
    assert scene.states() == ["delivered"] * 2


@pytest.mark.parametrize("external_id", [False, True], ids=["without", "with external id"])
def test_a_deleted_event_is_made_anew_by_a_reschedule(new_scene: Any, external_id: bool) -> None:
    scene = new_scene()
    if external_id:
        scene.admin("add_field", **EXTERNAL_ID)
    scene.connect()
    scene.route("linktime")
    scene.tell(scene.booking("created"))
    (first,) = scene.records("Event")
    scene.admin("delete_record", id=first["Id"])
    scene.tell(scene.booking("rescheduled", minute=1, hour=17))
    (event,), (contact,) = scene.records("Event"), scene.records("Contact")
    assert event["Id"] != first["Id"]
    assert (event["WhoId"], event["StartDateTime"].hour) == (contact["Id"], 17)


def test_a_deleted_event_stays_deleted_when_the_booking_is_cancelled(scene: Any) -> None:
    scene.route("jicoo")
    scene.tell(scene.booking("created"))
    (event,) = scene.records("Event")
    scene.admin("delete_record", id=event["Id"])
    scene.tell(scene.booking("cancelled", minute=1))
    assert scene.records("Event") == []
    assert scene.states() == ["delivered"] * 2


def test_an_owner_who_was_deactivated_leaves_the_booking_to_the_connected_user(
    scene: Any,
) -> None:
    host = scene.add("User", LastName="Host", Username="h@example.com", Email="host@example.com")
    scene.route("linktime", options={"set_owner": True})
    scene.tell(scene.booking("created"))
    assert [row["OwnerId"] for row in scene.records("Event")] == [host]
    scene.admin("deactivate_user", id=host)
    scene.tell(scene.booking("created", "b2", email="bob@example.com", minute=1))
    assert scene.states() == ["delivered"] * 2
    assert {row["OwnerId"] for row in scene.records("Event")} == {host, scene.org().user_id}
    newest = max(scene.rows(), key=lambda row: row.id)
    assert "'dropped': ['OwnerId']" in str(scene.app.delivery(newest.id).history)
    scene.calls()
    scene.tell(scene.booking("created", "b3", email="eve@example.com", minute=2))
    assert len(scene.calls()) == 2


# ---------------------------------------------------------------- two orgs


def test_two_orgs_at_once_get_each_their_own(new_scene: Any) -> None:
    scene = new_scene(tokens=("one", "two"))
    for token in ("one", "two"):
        scene.connect(token, token=token)
        scene.route("linktime", token)
    scene.admin("refuse", token="one", code="UNABLE_TO_LOCK_ROW", times=1)
    for n in range(10):
        scene.accept(scene.booking("created", f"b{n}", email=f"p{n}@example.com"))
    scene.drain()
    scene.tell(scene.booking("rescheduled", "b3", email="p3@example.com", minute=1, hour=17))
    assert scene.states() == ["delivered"] * 22
    for token in ("one", "two"):
        assert len(scene.records("Contact", token)) == len(scene.records("Event", token)) == 10
        hours = sorted(row["StartDateTime"].hour for row in scene.records("Event", token))
        assert hours == [15] * 9 + [17]
        people = {row["Id"] for row in scene.records("Contact", token)}
        assert {row["WhoId"] for row in scene.records("Event", token)} == people


def test_what_the_user_before_may_have_made_is_found_by_the_one_who_is_connected_now(
    new_scene: Any,
) -> None:
    """The same org's integration user was replaced while an answer was lost."""
    scene = new_scene()
    scene.connect(read_timeout=0.5, settle_after=0.6)
    scene.route("linktime")
    scene.tell(scene.booking("created"))
    scene.sandbox.faults.arm([Fault(kind="lost_answer", path="graph", times=1)])
    scene.accept(scene.booking("created", uid="b2", minute=1, hour=17))
    scene.drain_once()
    before = scene.org().user_id
    scene.org().user_id = scene.add(
        "User",
        LastName="Second",
        Email="second@example.com",
        Username="second@example.com",
        IsActive=True,
    )
    scene.app.set_token("sales", "sandbox")
    scene.drain()
    assert scene.states() == ["delivered"] * 2
    assert [row["CreatedById"] for row in scene.records("Event")] == [before] * 2

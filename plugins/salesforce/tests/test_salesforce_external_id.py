"""The external id of activities: used where the org has it, made by `crmwire setup`."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from click.testing import CliRunner

from crmwire.cli import cli
from crmwire.errors import NotAllowed
from crmwire.sandbox import Fault
from crmwire.types import Written
from crmwire_salesforce.info import SalesforceMapping

FIELD = {"type": "Activity", "field": "Booking_Id__c", "external_id": True, "unique": True}
KEYED = SalesforceMapping(external_id="Booking_Id__c")


def value(lab: Any) -> list[str]:
    return [row["Booking_Id__c"] for row in lab.rows("Event")]


def test_an_event_is_written_by_its_external_id_in_one_call(lab: Any, build: Any) -> None:
    lab.admin("add_field", **FIELD)
    lab.conn.hooks.check_connection()
    lab.calls()
    writes = build.booking("Roe", settings=KEYED)
    _, first = lab.conn.hooks.write_records(writes)
    assert isinstance(first, Written)
    assert first.created is True
    assert len(lab.calls()) == 1
    again = lab.conn.hooks.write_records([attrs.evolve(writes[1], fields={"Subject": "again"})])
    assert again[0].record == first.record
    assert again[0].created is False
    assert [row["Subject"] for row in lab.rows("Event")] == ["again"]
    assert value(lab)[0].startswith(f"crmwire-{lab.conn.installation}-")


def test_other_bookings_and_other_connections_have_other_ids(lab: Any, build: Any) -> None:
    lab.admin("add_field", **FIELD)
    other = lab.connect(name="other")
    writes = [build.event(name, lab.add("Contact", LastName="x"), settings=KEYED) for name in "ab"]
    lab.conn.hooks.write_records(writes)
    other.hooks.write_records(writes)
    assert len(set(value(lab))) == len(lab.rows("Event")) == 4


def test_without_the_field_an_event_is_created(lab: Any, build: Any) -> None:
    answers = lab.conn.hooks.write_records(build.booking("Roe", settings=KEYED))
    assert all(isinstance(answer, Written) for answer in answers)
    assert len(lab.rows("Event")) == 1


@pytest.mark.parametrize("visible", [True, False], ids=["no key", "hidden"])
def test_a_field_that_is_no_key_or_hidden_is_not_used(lab: Any, build: Any, visible: bool) -> None:
    lab.admin("add_field", **{**FIELD, "external_id": not visible, "visible": visible})
    answers = lab.conn.hooks.write_records(build.booking("Roe", settings=KEYED))
    assert all(isinstance(answer, Written) for answer in answers)
    (row,) = lab.rows("Event")
    assert row.get("Booking_Id__c") is None


def test_a_lost_write_is_found_by_its_external_id_alone(lab: Any, build: Any) -> None:
    lab.admin("add_field", **FIELD)
    writes = build.booking("Roe", settings=KEYED)
    lab.arm(Fault(kind="lost_answer", path="composite/graph"))
    assert {answer.sent for answer in lab.conn.hooks.write_records(writes)} == {"unknown"}
    lab.arm()
    (row,) = lab.rows("Event")
    row["Subject"] = "changed by a person meanwhile"
    _, found = lab.conn.hooks.find_written(writes)
    assert [record.id for record in found] == [row["Id"]]


def test_two_writers_of_one_booking_make_one_event(lab: Any, build: Any) -> None:
    """A race ends in DUPLICATE_VALUE for one of them, which then changes the record."""
    lab.admin("add_field", **FIELD)
    lab.admin("refuse", code="DUPLICATE_VALUE", message="x", type="Event")
    who = lab.add("Contact", LastName="Roe")
    (answer,) = lab.conn.hooks.write_records([build.event("a", who, settings=KEYED)])
    assert isinstance(answer, Written)
    assert len(lab.rows("Event")) == 1


# ---------------------------------------------------------------- set-up


def steps(found: Any) -> list[tuple[str, str]]:
    return [(step.id, step.state) for step in found]


def test_set_up_tells_its_steps_and_changes_nothing(lab: Any) -> None:
    assert steps(lab.conn.hooks.set_up(None)) == [
        ("external-id-field", "todo"),
        ("external-id-permission", "todo"),
    ]
    assert lab.rows("PermissionSet") == []
    assert {call["method"] for call in lab.calls()} == {"GET"}


def test_set_up_makes_the_field_and_gives_the_right_to_it(lab: Any, build: Any) -> None:
    names = ["external-id-field", "external-id-permission"]
    done = lab.conn.hooks.set_up(None, names)
    assert steps(done) == [(name, "done") for name in names]
    assert {row["Field"] for row in lab.rows("FieldPermissions")} == {
        "Event.Booking_Id__c",
        "Task.Booking_Id__c",
    }
    lab.conn.hooks.write_records(build.booking("Roe", settings=KEYED))
    assert value(lab)[0].startswith("crmwire-")
    assert steps(lab.conn.hooks.set_up(None, names)) == [(name, "done") for name in names]
    assert len(lab.rows("PermissionSet")) == 1


def test_a_field_that_is_there_but_hidden_only_lacks_the_right(lab: Any) -> None:
    lab.admin("add_field", **{**FIELD, "visible": False})
    names = ["external-id-field", "external-id-permission"]
    assert steps(lab.conn.hooks.set_up(None, names)) == [(name, "done") for name in names]


def test_a_field_of_another_kind_makes_set_up_impossible(lab: Any) -> None:
    lab.admin("add_field", **{**FIELD, "external_id": False})
    (step,) = lab.conn.hooks.set_up(None)
    assert step.state == "impossible"
    assert "External ID" in step.remedy


def test_a_user_who_is_no_admin_is_told(lab: Any) -> None:
    lab.admin("refuse", code="INSUFFICIENT_ACCESS", status=403, where="call", times=2)
    conn = lab.conn
    with pytest.raises(NotAllowed):
        conn.hooks.set_up(None, ["external-id-field"])


def test_the_command_offers_to_make_the_field_and_prints_what_it_did(new_scene: Any) -> None:
    scene = new_scene()
    scene.connect()
    scene.route("linktime")
    told = CliRunner().invoke(cli, ["setup", "sales", "--yes"], prog_name="crmwire")
    assert told.exit_code == 0, told.output
    assert told.output.count("Booking_Id__c") >= 2
    scene.reopen()
    scene.tell(scene.booking("created"))
    assert [row["Booking_Id__c"][:8] for row in scene.records("Event")] == ["crmwire-"]


def test_a_field_that_was_hidden_meanwhile_is_done_without(lab: Any, build: Any) -> None:
    lab.admin("add_field", **FIELD)
    lab.conn.hooks.check_connection()
    lab.admin("hide_field", type="Event", field="Booking_Id__c")
    for name in ("a", "b"):
        answers = lab.conn.hooks.write_records(build.booking(name, settings=KEYED))
        assert all(isinstance(answer, Written) for answer in answers)
    assert len(lab.rows("Event")) == 2

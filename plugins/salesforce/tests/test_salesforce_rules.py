"""Rules of Salesforce that a mapping need not know: owners, people, times, duplicates."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import attrs
import pytest
from click.testing import CliRunner

from crmwire.cli import cli
from crmwire.errors import NeedsReview, Rejected
from crmwire.types import About, Ref, Written
from crmwire.vocabulary import Booking, Person
from crmwire_salesforce.info import SalesforceMapping


def written(answers: Any) -> list[Any]:
    assert all(isinstance(answer, Written) for answer in answers), answers
    return list(answers)


def lead(build: Any, name: str, **more: Any) -> Any:
    fields = {"Email": f"{name}@example.com", "LastName": name, "Company": "x", **more}
    return build.write(f"{name}/person", "create", "Lead", fields, role="person", group=name)


def user(lab: Any, name: str) -> str:
    return str(
        lab.add("User", LastName=name, Username=f"{name}@example.com", Email=f"{name}@example.com")
    )


# ---------------------------------------------------------------- owners


def test_an_assignment_rule_does_not_take_an_owner_who_was_set(lab: Any, build: Any) -> None:
    host, queue = user(lab, "host"), user(lab, "queue")
    lab.admin("set_assignment_rule", owner=queue)
    written(lab.conn.hooks.write_records([lead(build, "a", OwnerId=host), lead(build, "b")]))
    owners = {row["LastName"]: row["OwnerId"] for row in lab.rows("Lead")}
    assert owners == {"a": host, "b": queue}


def test_an_assignment_rule_does_not_change_the_owner_on_update(lab: Any, build: Any) -> None:
    known = lab.add("Lead", LastName="Roe", Company="x")
    lab.admin("set_assignment_rule", owner=user(lab, "queue"))
    written(lab.conn.hooks.write_records([build.update("u", "Lead", known, Phone="+1 555 0100")]))
    assert lab.rows("Lead")[0]["OwnerId"] == lab.app.orgs["sandbox"].user_id


def test_leads_for_the_assignment_rule_and_others_are_two_calls(lab: Any, build: Any) -> None:
    host = user(lab, "host")
    lab.calls()
    some = [lead(build, f"a{n}", OwnerId=host) for n in range(5)]
    some += [lead(build, f"b{n}") for n in range(5)]
    written(lab.conn.hooks.write_records(some))
    assert len(lab.calls()) == 2


def test_the_fallback_owner_gets_what_nobody_else_owns(lab: Any, build: Any) -> None:
    desk = user(lab, "desk")
    settings = SalesforceMapping(fallback_owner="desk@example.com")
    written(lab.conn.hooks.write_records(build.booking("Roe", settings=settings)))
    assert lab.rows("Contact")[0]["OwnerId"] == lab.rows("Event")[0]["OwnerId"] == desk


def test_an_inactive_owner_gives_way_to_the_fallback_owner(lab: Any, build: Any) -> None:
    host, desk = user(lab, "host"), user(lab, "desk")
    lab.admin("deactivate_user", id=host)
    settings = SalesforceMapping(fallback_owner="desk@example.com")
    who = lab.add("Contact", LastName="Roe")
    event = build.event("a", who, fields={"OwnerId": host}, settings=settings)
    (answer,) = written(lab.conn.hooks.write_records([event]))
    assert answer.dropped == ("OwnerId",)
    assert lab.rows("Event")[0]["OwnerId"] == desk


def test_a_fallback_owner_who_is_inactive_too_leaves_the_connected_user(
    lab: Any, build: Any
) -> None:
    host, desk = user(lab, "host"), user(lab, "desk")
    settings = SalesforceMapping(fallback_owner="desk@example.com")
    who = lab.add("Contact", LastName="Roe")
    written(lab.conn.hooks.write_records([build.event("a", who, settings=settings)]))
    lab.admin("deactivate_user", id=host)
    lab.admin("deactivate_user", id=desk)
    event = build.event("b", who, fields={"OwnerId": host}, settings=settings)
    written(lab.conn.hooks.write_records([event]))
    assert lab.rows("Event")[1]["OwnerId"] == lab.app.orgs["sandbox"].user_id


# ---------------------------------------------------------------- who and what


def test_a_lead_beside_an_account_leaves_the_account_out(lab: Any, build: Any) -> None:
    account = lab.add("Account", Name="Example Ltd")
    person = lead(build, "Roe")
    event = build.event("Roe", Ref(write=person.id), fields={"WhatId": account}, group="Roe")
    written(lab.conn.hooks.write_records([person, event]))
    assert lab.rows("Event")[0]["WhatId"] is None


def test_a_contact_stands_beside_an_account(lab: Any, build: Any) -> None:
    account = lab.add("Account", Name="Example Ltd")
    event = build.event("Roe", lab.add("Contact", LastName="Roe"))
    about = (About(role="company", type="Account", record=account),)
    written(lab.conn.hooks.write_records([attrs.evolve(event, about=about)]))
    assert lab.rows("Event")[0]["WhatId"] == account


@pytest.mark.parametrize("shared", ["yes", "no"])
def test_further_guests_stand_on_the_event_where_the_org_allows_it(
    new_lab: Any, build: Any, shared: str
) -> None:
    lab = new_lab(shared_activities=shared)
    known = lab.add("Contact", LastName="Known")
    people = [build.contact("a", group="g"), build.contact("b", group="g")]
    about = tuple(About(role="person", type="Contact", record=Ref(write=p.id)) for p in people)
    about += (About(role="person", type="Contact", record=known),)
    event = build.event("e", Ref(write=people[0].id), group="g")
    answers = written(lab.conn.hooks.write_records([*people, attrs.evolve(event, about=about)]))
    (row,) = lab.rows("Event")
    ids = [answers[0].record, answers[1].record, known]
    assert row["WhoId"] == ids[0]
    assert row.get("EventWhoIds") == (ids if shared == "yes" else None)


# ---------------------------------------------------------------- times


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        (datetime(2027, 1, 4, tzinfo=UTC), datetime(2027, 1, 5, tzinfo=UTC), 1),
        (datetime(2027, 1, 4, 9, tzinfo=UTC), datetime(2027, 1, 4, 10, tzinfo=UTC), 1),
        (date(2027, 1, 4), date(2027, 1, 4), 1),
    ],
)
def test_an_all_day_event_stands_at_midnight(
    lab: Any, build: Any, start: date, end: date, days: int
) -> None:
    fields = {"IsAllDayEvent": True, "StartDateTime": start, "EndDateTime": end}
    event = build.event("a", lab.add("Contact", LastName="Roe"), fields=fields)
    written(lab.conn.hooks.write_records([event]))
    (row,) = lab.rows("Event")
    assert row["StartDateTime"] == datetime(2027, 1, 4, tzinfo=UTC)
    assert row["DurationInMinutes"] == 1440 * days


def test_an_event_that_is_too_long_is_held_with_what_to_click(lab: Any, build: Any) -> None:
    end = {"EndDateTime": build.start + timedelta(days=2)}
    event = build.event("a", lab.add("Contact", LastName="Roe"), fields=end)
    (answer,) = lab.conn.hooks.write_records([event])
    assert isinstance(answer, Rejected)
    assert answer.fields == ("EndDateTime",)
    assert "Enable Multiday Events" in answer.remedy


# ---------------------------------------------------------------- duplicates


@pytest.mark.parametrize("mode", ["alert", "block"])
@pytest.mark.parametrize("group", ["g", None], ids=["in a graph", "shared"])
def test_the_record_that_a_duplicate_rule_found_is_used_if_wanted(
    lab: Any, build: Any, mode: str, group: str | None
) -> None:
    known = lab.add("Contact", LastName="Old", Email="roe@example.com")
    lab.admin("duplicate_rule", mode=mode)
    settings = SalesforceMapping(duplicate_rule="use_match")
    person = build.contact("roe", group=group, settings=settings)
    event = build.event("roe", Ref(write=person.id), group="g", settings=settings)
    first, second = written(lab.conn.hooks.write_records([person, event]))
    assert (first.record, first.created) == (known, False)
    assert set(first.dropped) == {"Email", "LastName", "FirstName"}
    assert [row["WhoId"] for row in lab.rows("Event")] == [known]
    assert [row["LastName"] for row in lab.rows("Contact")] == ["Old"]
    assert second.created is True


def test_several_matches_of_a_duplicate_rule_are_for_a_person_to_choose_from(
    lab: Any, build: Any
) -> None:
    known = {lab.add("Contact", LastName=name, Email="roe@example.com") for name in "ab"}
    lab.admin("duplicate_rule", mode="block")
    settings = SalesforceMapping(duplicate_rule="use_match")
    answer, _ = lab.conn.hooks.write_records(build.booking("roe", settings=settings))
    assert isinstance(answer, NeedsReview)
    assert {record.id for record in answer.candidates} == known
    assert all(record.fields["Name"] in "ab" for record in answer.candidates)


def test_a_duplicate_rule_holds_the_booking_with_the_records_it_found(scene: Any) -> None:
    """The person was made by somebody between the look-up and the write."""
    scene.route("linktime")
    match = {"attributes": {"type": "Contact"}, "Id": "003Sb0000000001AAA", "Name": "Ann Roe"}
    found = {"matchResults": [{"entityType": "Contact", "matchRecords": [{"record": match}]}]}
    for name in ("duplicateResult", "duplicateResut"):
        more = {name: found}
        scene.admin("refuse", code="DUPLICATES_DETECTED", type="Contact", more=more)
        scene.tell(scene.booking("created", name))
        newest = max(scene.rows(), key=lambda row: row.id)
        assert newest.state == "held"
        failure = scene.app.delivery(newest.id).history[-1]["failure"]
        assert [one["id"] for one in failure["candidates"]] == ["003Sb0000000001AAA"]


def test_the_record_that_has_a_unique_value_may_be_chosen(scene: Any) -> None:
    scene.admin("add_field", type="Contact", field="Code__c", unique=True)
    known = scene.add("Contact", LastName="Roe", Email="other@example.com", Code__c="one")
    preset = scene.app.preset("sales", "linktime")
    preset["person"]["fields"]["Contact"]["Code__c"] = {"value": "one", "write": "on_create"}
    scene.route("linktime", mapping=preset)
    scene.tell(scene.booking("created"))
    (row,) = scene.rows("held")
    failure = scene.app.delivery(row.id).history[-1]["failure"]
    assert [one["id"] for one in failure["candidates"]] == [known]
    result = CliRunner().invoke(cli, ["retry", str(row.id), "--use", known], prog_name="crmwire")
    assert result.exit_code == 0, result.output
    scene.drain()
    assert scene.states() == ["delivered"]
    assert [one["WhoId"] for one in scene.records("Event")] == [known]
    assert len(scene.records("Contact")) == 1


# ---------------------------------------------------------------- optional fields


def test_fields_that_may_be_dropped_are_and_it_is_told(scene: Any) -> None:
    preset = scene.app.preset("sales", "linktime")
    preset["person"]["drop"] = ["Title"]
    preset["person"]["fields"]["Contact"]["Title"] = "{{ booking.notes }}"
    scene.route("linktime", mapping=preset)
    booking = scene.booking("created").details.booking
    scene.tell(scene.booking("created", booking=attrs.evolve(booking, notes="x" * 200)))
    assert scene.states() == ["delivered"]
    assert scene.records("Contact")[0]["Title"] is None
    (row,) = scene.rows()
    assert "'dropped': ['Title']" in str(scene.app.delivery(row.id).history)


def test_a_hidden_field_that_may_be_dropped_is_and_it_is_told(scene: Any) -> None:
    """Salesforce names it in its text only, so the org is asked what the user may write."""
    preset = scene.app.preset("sales", "linktime")
    preset["person"]["drop"] = ["Title"]
    preset["person"]["fields"]["Contact"]["Title"] = "{{ booking.notes }}"
    preset["activity"]["drop"] = ["Location"]
    preset["activity"]["fields"]["Location"] = "here"
    scene.route("linktime", mapping=preset)
    for type_, field in (("Contact", "Title"), ("Event", "Location")):
        scene.admin("hide_field", type=type_, field=field)
    booking = scene.booking("created").details.booking
    for n in range(30):
        scene.accept(
            scene.booking(
                "created",
                f"b{n}",
                email=f"p{n}@example.com",
                booking=attrs.evolve(booking, notes="Boss"),
            )
        )
    scene.calls()
    scene.drain()
    assert scene.states() == ["delivered"] * 30
    asked = [call["path"] for call in scene.calls()]
    assert sum("describe" in path for path in asked) == 2, "once for each type, not each record"
    history = str(scene.app.delivery(scene.rows()[0].id).history)
    assert "'dropped': ['Title']" in history
    assert "'dropped': ['Location']" in history


def test_a_hidden_field_that_is_wanted_holds(scene: Any) -> None:
    preset = scene.app.preset("sales", "linktime")
    preset["person"]["drop"] = ["Phone"]
    preset["person"]["fields"]["Contact"]["Title"] = "x"
    scene.route("linktime", mapping=preset)
    scene.admin("hide_field", type="Contact", field="Title")
    scene.tell(scene.booking("created"))
    (row,) = scene.rows("held")
    assert scene.app.delivery(row.id).history[-1]["failure"]["code"] == "INVALID_FIELD"
    assert "missing or hidden" in row.remedy


@pytest.mark.parametrize(
    ("mode", "remedy"), [("alert", "that only alerts"), ("block", "that blocks")]
)
def test_a_held_duplicate_says_whether_the_rule_may_be_passed(
    scene: Any, mode: str, remedy: str
) -> None:
    preset = scene.app.preset("sales", "linktime")
    preset["person"]["match"] = ["link"]
    preset["person"]["create_without_key"] = True
    scene.route("linktime", mapping=preset)
    scene.add("Contact", LastName="Roe", Email="ann@example.com")
    scene.admin("duplicate_rule", mode=mode)
    scene.tell(scene.booking("created"))
    (row,) = scene.rows("held")
    assert remedy in row.remedy


# ---------------------------------------------------------------- mappings of a team's own


def test_a_person_is_matched_by_a_record_id_in_the_bookings_link(scene: Any) -> None:
    known = scene.add("Contact", LastName="Roe", Email="other@example.com")
    scene.add("Contact", LastName="Roe", Email="ann@example.com")
    preset = scene.app.preset("sales", "linktime")
    preset["person"] |= {"match": ["link", "record", "Email"], "record": "{{ tracking.sf_id }}"}
    scene.route("linktime", mapping=preset)
    scene.tell(scene.booking("created", tracking={"sf_id": known[:15]}))
    scene.tell(scene.booking("created", "b2", minute=1, tracking={"sf_id": "nonsense"}))
    first, second = scene.records("Event")
    assert first["WhoId"] == known
    assert second["WhoId"] != known
    assert scene.states() == ["delivered"] * 2


def test_a_person_is_matched_by_phone_if_the_address_is_not_known(scene: Any) -> None:
    known = scene.add("Contact", LastName="Roe", Phone="+442079460123")
    preset = scene.app.preset("sales", "linktime")
    preset["person"]["match"] = ["link", "Email", "Phone"]
    scene.route("linktime", mapping=preset)
    guest = Person(email="new@example.com", full_name="Ann Roe", phone="+44 20 7946 0123")
    scene.tell(scene.booking("created", guest=guest))
    assert [row["Id"] for row in scene.records("Contact")] == [known]
    assert scene.records("Contact")[0]["Email"] == "new@example.com"


@pytest.mark.parametrize(
    ("several", "wins"), [("newest", 1), ("oldest", 0), ("active", 0), ("hold", None)]
)
def test_of_several_contacts_the_mapping_names_which(
    scene: Any, several: str, wins: int | None
) -> None:
    ids = [scene.add("Contact", LastName=name, Email="ann@example.com") for name in "ab"]
    old = scene.org().tables["Contact"]
    old[ids[0][:15]]["CreatedDate"] -= timedelta(days=2)
    day = {"ActivityDate": "2026-01-02", "Subject": "call"}
    scene.add("Task", WhoId=ids[0], **day)
    preset = scene.app.preset("sales", "linktime")
    preset["person"]["several"] = several
    scene.route("linktime", mapping=preset)
    scene.tell(scene.booking("created"))
    who = [row["WhoId"] for row in scene.records("Event")]
    assert who == ([] if wins is None else [ids[wins]])
    if wins is None:
        (row,) = scene.rows("held")
        failure = scene.app.delivery(row.id).history[-1]["failure"]
        assert {one["id"] for one in failure["candidates"]} == set(ids)


def test_a_booking_becomes_a_task_with_a_record_type_status_and_extra_fields(scene: Any) -> None:
    type_ = scene.admin("add_record_type", type="Task", name="Meeting")["id"]
    preset = scene.app.preset("sales", "linktime")
    preset["activity"] = {
        "object": "Task",
        "fields": {
            "WhoId": {"record": "person"},
            "Subject": "{{ page.title }}",
            "ActivityDate": "{{ booking.start | date }}",
            "RecordTypeId": type_,
        },
        "on": {
            "cancelled": {"fields": {"Status": "Completed", "Description": "Cancelled"}},
            "no_show": {"fields": {"Description": "No show"}, "send": "listed"},
        },
    }
    preset["person"]["on"] = {"cancelled": {"fields": {"Description": "Cancelled once"}}}
    preset["events"].append("booking.no_show")
    scene.route("linktime", mapping=preset)
    scene.tell(scene.booking("created"), scene.booking("no_show", minute=1))
    (task,) = scene.records("Task")
    assert (task["RecordTypeId"], task["ActivityDate"]) == (type_, date(2027, 1, 4))
    assert (task["Status"], task["Description"]) == ("Not Started", "No show")
    scene.tell(scene.booking("cancelled", minute=2))
    (task,) = scene.records("Task")
    assert (task["Status"], task["Description"]) == ("Completed", "Cancelled")
    assert scene.records("Contact")[0]["Description"] == "Cancelled once"


@pytest.mark.parametrize(("verb", "status"), [("no_show", "No show"), ("completed", "Completed")])
def test_a_no_show_and_a_completed_booking_set_the_fields_that_are_configured(
    scene: Any, verb: str, status: str
) -> None:
    scene.admin("add_field", type="Activity", field="Outcome__c")
    scene.admin("add_field", type="Contact", field="Last_Outcome__c")
    preset = scene.app.preset("sales", "linktime")
    preset["events"].append(f"booking.{verb}")
    fields = {"Outcome__c": status, "ShowAs": "Free"}
    preset["activity"]["on"][verb] = {"fields": fields, "send": "listed"}
    preset["person"]["on"] = {verb: {"fields": {"Last_Outcome__c": status}}}
    scene.route("linktime", mapping=preset)
    scene.tell(scene.booking("created"), scene.booking(verb, minute=1))
    assert scene.states() == ["delivered"] * 2
    (event,), (contact,) = scene.records("Event"), scene.records("Contact")
    assert (event["Outcome__c"], event["ShowAs"]) == (status, "Free")
    assert event["Subject"] == "Intro call: Ann Roe"
    assert contact["Last_Outcome__c"] == status


@pytest.mark.parametrize(
    ("multiday", "days", "state"),
    [("yes", 3, "delivered"), ("yes", 15, "held"), ("no", 3, "held")],
)
def test_an_event_of_days_is_written_where_the_org_has_them(
    new_scene: Any, multiday: str, days: int, state: str
) -> None:
    """At most 14 days, and only with `Enable Multiday Events`; else it is held, said why."""
    scene = new_scene(multiday_events=multiday)
    scene.connect()
    scene.route("linktime")
    booking = scene.booking("created").details.booking
    booking = attrs.evolve(booking, end=booking.start + timedelta(days=days))
    scene.tell(scene.booking("created", booking=booking))
    (row,) = scene.rows()
    assert row.state == state
    if state == "held":
        assert "Enable Multiday Events" in row.remedy
        assert "14 days" in row.remedy
        assert scene.records("Contact") == [], "person and event stand or fall together"


def test_a_booking_of_whole_days_is_an_all_day_event(scene: Any) -> None:
    preset = scene.app.preset("sales", "linktime")
    preset["activity"]["fields"]["IsAllDayEvent"] = "{{ true }}"
    scene.route("linktime", mapping=preset)
    day = scene.booking("created").details.booking.start.replace(hour=0)
    booking = Booking(start=day, end=day + timedelta(days=1))
    scene.tell(scene.booking("created", booking=booking))
    moved = Booking(start=day + timedelta(days=7), end=day + timedelta(days=8))
    scene.tell(scene.booking("rescheduled", minute=1, booking=moved))
    (event,) = scene.records("Event")
    assert event["IsAllDayEvent"] is True
    assert event["StartDateTime"] == day + timedelta(days=7)
    assert event["DurationInMinutes"] == 1440
    assert scene.states() == ["delivered"] * 2


def test_the_owner_is_changed_on_update_only_if_the_mapping_asks(scene: Any) -> None:
    for name in ("host", "other"):
        address = f"{name}@example.com"
        scene.add("User", LastName=name, Username=address, Email=address)
    asked = scene.app.preset("sales", "linktime")
    asked["activity"]["fields"]["OwnerId"]["write"] = "always"
    for name, mapping in (("kept", None), ("asked", asked)):
        more = {"mapping": mapping} if mapping else {}
        scene.route("linktime", page=name, options={"set_owner": True}, **more)
        page = scene.page(name)
        other = (Person(email="other@example.com", timezone="Europe/London"),)
        address = f"{name}@example.com"
        scene.tell(
            scene.booking("created", name, email=address, page=page),
            scene.booking("rescheduled", name, minute=1, email=address, page=page, hosts=other),
        )
    owners = [scene.org().row("User", row["OwnerId"])["LastName"] for row in scene.records("Event")]
    assert owners == ["host", "other"]
    assert scene.states() == ["delivered"] * 4

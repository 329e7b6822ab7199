"""Writing: graphs, shared persons, failures that stay with their own delivery."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import attrs
import pytest

from crmwire.errors import (
    Failure,
    NeedsLogin,
    NeedsReview,
    NotAllowed,
    RecordGone,
    Rejected,
    RetryLater,
)
from crmwire.http import recording
from crmwire.sandbox import Fault
from crmwire.types import About, Key, Ref, Written


def paths(lab: Any) -> list[str]:
    return [call["path"].removeprefix("/services/data/v62.0") for call in lab.calls()]


def test_a_new_person_and_event_are_one_call(lab: Any, build: Any) -> None:
    person, event = lab.conn.hooks.write_records(build.booking("Roe"))
    assert paths(lab) == ["/composite/graph"]
    assert person.created
    assert event.created
    row = lab.get(event.record)
    assert row["WhoId"] == person.record
    assert row["StartDateTime"] == "2027-01-04T15:00:00.000+0000"
    assert row["EndDateTime"] == "2027-01-04T15:30:00.000+0000"
    assert person.url == f"{lab.url}/{person.record}"
    assert len(person.request_id) == 32


def test_answers_stand_in_the_order_of_the_writes(lab: Any, build: Any) -> None:
    person, event = build.booking("Roe")
    answers = lab.conn.hooks.write_records([event, person])
    assert [answer.id for answer in answers] == ["Roe/activity", "Roe/person"]
    assert [answer.type for answer in answers] == ["Event", "Contact"]


def test_a_known_person_is_updated_in_the_graph_of_the_event(lab: Any, build: Any) -> None:
    known = lab.add("Contact", LastName="Roe", FirstName="A.", Email="roe@example.com")
    person = build.update("p", "Contact", known, FirstName="Ann", Phone="+1 555 0100")
    event = build.event("Roe", known, group="p")
    changed, made = lab.conn.hooks.write_records([person, event])
    assert paths(lab) == ["/composite/graph"]
    assert (changed.record, changed.created) == (known, False)
    assert lab.get(known)["FirstName"] == "Ann"
    assert lab.get(known)["LastName"] == "Roe"
    assert lab.get(made.record)["WhoId"] == known


def test_a_reschedule_is_one_call(lab: Any, build: Any) -> None:
    _, event = lab.conn.hooks.write_records(build.booking("Roe"))
    later = build.start + timedelta(days=1)
    lab.calls()
    change = build.update(
        "e", "Event", event.record, StartDateTime=later, EndDateTime=later + timedelta(minutes=30)
    )
    (answer,) = lab.conn.hooks.write_records([change])
    assert len(paths(lab)) == 1
    assert (answer.record, answer.created) == (event.record, False)
    assert lab.get(event.record)["StartDateTime"] == "2027-01-05T15:00:00.000+0000"


def test_a_cancel_is_one_call_and_keeps_the_event(lab: Any, build: Any) -> None:
    _, event = lab.conn.hooks.write_records(build.booking("Roe"))
    lab.calls()
    lab.conn.hooks.write_records(
        [build.update("e", "Event", event.record, Subject="[Cancelled] Intro call: Roe")]
    )
    assert len(paths(lab)) == 1
    assert [row["Subject"] for row in lab.rows("Event")] == ["[Cancelled] Intro call: Roe"]


def test_a_hundred_deliveries_of_new_people_are_two_calls(lab: Any, build: Any) -> None:
    writes = [write for number in range(100) for write in build.booking(f"Roe{number}")]
    answers = lab.conn.hooks.write_records(writes)
    assert all(isinstance(answer, Written) for answer in answers)
    assert paths(lab) == ["/composite/graph"] * 2
    assert len(lab.rows("Contact")) == len(lab.rows("Event")) == 100


def test_shared_people_are_written_before_the_events_in_one_call_for_each_kind(
    lab: Any, build: Any
) -> None:
    old = lab.add("Contact", LastName="Old", Email="old@example.com")
    new = build.contact("New")
    known = attrs.evolve(build.update("old", "Contact", old, FirstName="Ann"), group=None)
    events = [
        build.event(f"{name}{number}", who, group=f"{name}{number}")
        for name, who in (("New", Ref(write=new.id)), ("Old", Ref(write="old")))
        for number in range(5)
    ]
    lab.calls()
    answers = lab.conn.hooks.write_records([*events, new, known])
    assert sorted(paths(lab)) == ["/composite/graph", "/composite/sobjects", "/composite/sobjects"]
    made = answers[-2].record
    assert [row["WhoId"] for row in lab.rows("Event")] == [made] * 5 + [old] * 5
    assert lab.get(old)["FirstName"] == "Ann"
    assert (answers[-1].record, answers[-1].created) == (old, False)


def test_a_shared_person_that_fails_fails_its_deliveries_only(lab: Any, build: Any) -> None:
    bad, good = build.contact("Bad", "no address"), build.contact("Good")
    events = [
        build.event("one", Ref(write=bad.id), group="1"),
        build.event("two", Ref(write=good.id), group="2"),
    ]
    answers = lab.conn.hooks.write_records([bad, good, *events])
    assert [type(answer) for answer in answers] == [Rejected, Written, Rejected, Written]
    assert answers[0].code == answers[2].code == "INVALID_EMAIL_ADDRESS"
    assert answers[0].fields == ("Email",)
    assert len(lab.rows("Event")) == 1


def test_one_bad_record_in_75_graphs_fails_alone(lab: Any, build: Any) -> None:
    writes = [write for n in range(75) for write in build.booking(f"Roe{n}")]
    writes[14] = attrs.evolve(writes[14], fields={**writes[14].fields, "Email": "nothing"})
    answers = lab.conn.hooks.write_records(writes)
    failed = [answer for answer in answers if isinstance(answer, Failure)]
    assert len(failed) == 2
    assert {failure.code for failure in failed} == {"INVALID_EMAIL_ADDRESS"}
    assert len(lab.rows("Contact")) == len(lab.rows("Event")) == 74
    assert len(paths(lab)) == 1


def test_the_true_error_is_told_of_every_write_of_a_graph(lab: Any, build: Any) -> None:
    lab.admin("set_validation_rule", type="Event", field="Description", message="Say why.")
    person, event = lab.conn.hooks.write_records(build.booking("Roe"))
    for failure in (person, event):
        assert isinstance(failure, Rejected)
        assert failure.code == "FIELD_CUSTOM_VALIDATION_EXCEPTION"
        assert failure.message == "Event: Say why."
        assert "Validation Rules" in failure.remedy
        assert failure.sent == "no"
    assert lab.rows("Contact") == []


def test_graphs_that_were_not_run_after_14_failures_are_sent_again(lab: Any, build: Any) -> None:
    lab.admin("set_validation_rule", type="Contact", field="LastName", contains="Bad")
    lab.calls()
    names = [f"Bad{n}" for n in range(20)] + [f"Good{n}" for n in range(40)]
    writes = [write for name in names for write in build.booking(name)]
    answers = lab.conn.hooks.write_records(writes)
    assert len(paths(lab)) == 2
    assert [isinstance(answer, Written) for answer in answers] == [False] * 40 + [True] * 80
    codes = {answer.code for answer in answers if isinstance(answer, Failure)}
    assert codes == {"FIELD_CUSTOM_VALIDATION_EXCEPTION"}
    assert len(lab.rows("Event")) == 40


def test_a_lost_answer_leaves_every_write_of_the_call_unknown(lab: Any, build: Any) -> None:
    lab.arm(Fault(kind="lost_answer", path="graph"))
    answers = lab.conn.hooks.write_records(build.booking("Roe"))
    assert [type(answer) for answer in answers] == [RetryLater, RetryLater]
    assert {answer.sent for answer in answers} == {"unknown"}
    assert len(lab.calls()) == 1
    assert len(lab.rows("Event")) == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="status", status=500, path="graph"),
        Fault(kind="html", status=503, path="graph"),
        Fault(kind="html", status=200, path="graph"),
        Fault(kind="status", status=200, path="graph", body={"graphs": [{"graphId": "g0"}]}),
        Fault(kind="status", status=200, path="graph", body={"graphs": []}),
        Fault(kind="cut_short", path="graph"),
    ],
    ids=["500", "503 page", "page", "half", "nothing", "cut"],
)
def test_an_answer_that_cannot_be_read_leaves_a_create_unknown(
    lab: Any, build: Any, fault: Fault
) -> None:
    lab.arm(fault)
    answers = lab.conn.hooks.write_records(build.booking("Roe"))
    assert {answer.sent for answer in answers} == {"unknown"}
    assert {type(answer) for answer in answers} == {RetryLater}
    assert len(lab.calls()) == 1


def test_shared_people_of_a_lost_answer_are_unknown_and_their_events_not_sent(
    lab: Any, build: Any
) -> None:
    lab.arm(Fault(kind="lost_answer", path="composite/sobjects"))
    person = build.contact("Roe")
    events = [build.event(f"{n}", Ref(write=person.id), group=f"{n}") for n in range(2)]
    answers = lab.conn.hooks.write_records([person, *events])
    assert [answer.sent for answer in answers] == ["unknown", "no", "no"]
    assert lab.rows("Event") == []


def test_after_a_call_without_an_answer_the_rest_is_not_sent(lab: Any, build: Any) -> None:
    lab.arm(Fault(kind="lost_answer", path="graph", times=1))
    writes = [write for number in range(80) for write in build.booking(f"Roe{number}")]
    answers = lab.conn.hooks.write_records(writes)
    assert [answer.sent for answer in answers] == ["unknown"] * 150 + ["no"] * 10
    assert len(lab.calls()) == 1


def test_an_update_is_repeated_in_place_when_the_connection_breaks(lab: Any, build: Any) -> None:
    known = lab.add("Contact", LastName="Roe")
    lab.arm(Fault(kind="lost_answer", path="graph", times=1))
    (answer,) = lab.conn.hooks.write_records([build.update("p", "Contact", known, Phone="1")])
    assert isinstance(answer, Written)


def test_a_dead_login_is_told_once(lab: Any, build: Any) -> None:
    lab.admin("deactivate_user", email="integration1@example.com")
    lab.calls()
    writes = [write for number in range(80) for write in build.booking(f"Roe{number}")]
    answers = lab.conn.hooks.write_records(writes)
    assert {type(answer) for answer in answers} == {NeedsLogin}
    assert {answer.code for answer in answers} == {"INVALID_SESSION_ID"}
    assert {answer.sent for answer in answers} == {"no"}
    assert len(lab.calls()) == 1


def test_a_spent_quota_pauses_the_lane(new_lab: Any, build: Any) -> None:
    lab = new_lab(daily_limit="0")
    answers = lab.conn.hooks.write_records(build.booking("Roe"))
    assert {type(answer) for answer in answers} == {RetryLater}
    assert all(answer.pause and answer.after >= 600 for answer in answers)
    assert {answer.sent for answer in answers} == {"no"}


def test_a_missing_right_is_not_allowed(lab: Any, build: Any) -> None:
    lab.admin("set_object_rights", type="Event", createable=False)
    answers = lab.conn.hooks.write_records(build.booking("Roe"))
    assert {type(answer) for answer in answers} == {NotAllowed}
    assert "Setup" in answers[0].remedy


def test_deleting_what_is_deleted_counts_as_done(lab: Any, build: Any) -> None:
    _, event = lab.conn.hooks.write_records(build.booking("Roe"))
    delete = build.write("d", "delete", "Event", {}, record=event.record, group="d")
    for _ in range(2):
        (answer,) = lab.conn.hooks.write_records([delete])
        assert isinstance(answer, Written)
        assert answer.record == event.record
    assert lab.rows("Event") == []


def test_what_stands_beside_a_delete_that_was_done_is_written(lab: Any, build: Any) -> None:
    person, event = lab.conn.hooks.write_records(build.booking("Roe"))
    lab.admin("delete_record", id=event.record)
    delete = build.write("d", "delete", "Event", {}, record=event.record, group="p")
    change = attrs.evolve(build.update("p", "Contact", person.record, Phone="+1 555 0100"))
    answers = lab.conn.hooks.write_records([delete, change])
    assert all(isinstance(answer, Written) for answer in answers)
    assert lab.get(person.record)["Phone"] == "+1 555 0100"


def test_an_update_of_a_deleted_record_is_rejected(lab: Any, build: Any) -> None:
    _, event = lab.conn.hooks.write_records(build.booking("Roe"))
    lab.admin("delete_record", id=event.record)
    (answer,) = lab.conn.hooks.write_records(
        [build.update("e", "Event", event.record, Subject="New")]
    )
    assert isinstance(answer, RecordGone)
    assert answer.code == "ENTITY_IS_DELETED"
    assert "recycle bin" in answer.remedy


def test_only_the_record_that_is_gone_is_said_to_be_gone(lab: Any, build: Any) -> None:
    person, event = lab.conn.hooks.write_records(build.booking("Roe"))
    lab.admin("delete_record", id=event.record)
    writes = [
        build.update("e", "Event", event.record, Subject="New"),
        build.update("p", "Contact", person.record, Phone="1"),
    ]
    writes = [attrs.evolve(write, group="g") for write in writes]
    gone, other = lab.conn.hooks.write_records(writes)
    assert type(gone) is RecordGone
    assert type(other) is RetryLater


def test_a_shared_person_who_is_gone_is_said_to_be_gone(lab: Any, build: Any) -> None:
    missing = attrs.evolve(build.update("p", "Contact", "003000000000001", Phone="1"), group=None)
    deleted = lab.add("Contact", LastName="Roe")
    lab.admin("delete_record", id=deleted)
    deleted = attrs.evolve(build.update("d", "Contact", deleted, Phone="1"), group=None)
    answers = lab.conn.hooks.write_records([missing, deleted])
    assert [type(answer) for answer in answers] == [RecordGone, RecordGone]


def test_values_are_never_written_over_that_should_be_added_to(lab: Any, build: Any) -> None:
    known = lab.add("Contact", LastName="Roe", LeadSource="Web")
    adding = build.update("p", "Contact", known, LeadSource=["Other"])
    adding = attrs.evolve(adding, add=("LeadSource",))
    answers = lab.conn.hooks.write_records(
        [adding, build.event("Roe", known, group="p"), *build.booking("Doe")]
    )
    assert [isinstance(answer, Written) for answer in answers] == [False, False, True, True]
    assert lab.get(known)["LeadSource"] == "Web"


def test_refused_fields_that_may_be_dropped_are_left_out(lab: Any, build: Any) -> None:
    person, event = build.booking("Roe", drop_allowed=("FirstName", "Location"))
    person = attrs.evolve(person, fields={**person.fields, "FirstName": "A" * 41})
    event = attrs.evolve(event, fields={**event.fields, "Location": "L" * 256})
    shared = build.contact("Doe", drop_allowed=("FirstName",))
    shared = attrs.evolve(shared, fields={**shared.fields, "FirstName": "B" * 41})
    answers = lab.conn.hooks.write_records([person, event, shared])
    assert [answer.dropped for answer in answers] == [("FirstName",), ("Location",), ("FirstName",)]
    assert [row["FirstName"] for row in lab.rows("Contact")] == [None, None]


def test_an_upsert_creates_and_then_updates(lab: Any, build: Any) -> None:
    match = Key(types=("Contact",), name="Email", value="ann+b@example.com")
    fields = {"Email": "ann+b@example.com", "LastName": "Roe"}
    upsert = build.write("u", "upsert", "Contact", fields, match=match, group="u")
    first, second = (lab.conn.hooks.write_records([upsert])[0] for _ in range(2))
    assert (first.created, second.created) == (True, False)
    assert first.record == second.record
    assert [row["Email"] for row in lab.rows("Contact")] == ["ann+b@example.com"]


def test_an_upsert_that_fits_several_records_names_them(lab: Any, build: Any) -> None:
    ids = [lab.add("Contact", LastName=name, Email="ann@example.com") for name in ("Roe", "Doe")]
    match = Key(types=("Contact",), name="Email", value="ann@example.com")
    upsert = build.write("u", "upsert", "Contact", {"LastName": "Roe"}, match=match, group="u")
    (answer,) = lab.conn.hooks.write_records([upsert])
    assert answer.kind == "needs_review"
    assert [record.id for record in answer.candidates] == ids


def test_text_that_a_graph_takes_for_a_reference_is_kept_as_it_is(lab: Any, build: Any) -> None:
    person, event = build.booking("Roe")
    event = attrs.evolve(event, fields={**event.fields, "Description": "see @{n0.id} and @{x"})
    other = build.booking("Doe")
    answers = lab.conn.hooks.write_records([person, event, *other])
    assert all(isinstance(answer, Written) for answer in answers)
    row = lab.get(answers[1].record)
    assert row["Description"] == "see @{n0.id} and @{x"
    assert row["WhoId"] == answers[0].record


def test_a_duplicate_that_a_rule_sees_is_for_a_person_to_decide(lab: Any, build: Any) -> None:
    known = lab.add("Contact", LastName="Roe", Email="roe@example.com", Phone="+1 555 0100")
    lab.admin("duplicate_rule", mode="alert")
    person, event = lab.conn.hooks.write_records(build.booking("Roe"))
    assert person.kind == event.kind == "needs_review"
    assert person.code == "DUPLICATES_DETECTED"
    assert [record.id for record in person.candidates] == [known]
    assert person.candidates[0].fields["Phone"] == "+1 555 0100"


def test_the_old_spelling_of_the_duplicate_result_is_read_too(lab: Any, build: Any) -> None:
    known = lab.add("Contact", LastName="Roe", Email="roe@example.com")
    lab.admin("duplicate_rule", mode="block")
    conn = lab.connect(api_version="54.0")
    person, _ = conn.hooks.write_records(build.booking("Roe"))
    assert [record.id for record in person.candidates] == [known]
    assert "/v54.0/" in lab.calls()[-1]["path"]


def test_the_mapping_may_save_duplicates_where_a_rule_alerts(lab: Any, build: Any) -> None:
    import crmwire_salesforce.info

    lab.add("Contact", LastName="Roe", Email="roe@example.com")
    lab.admin("duplicate_rule", mode="alert")
    settings = crmwire_salesforce.info.SalesforceMapping(duplicate_rule="allow_save")
    obeying, saving = build.booking("Roe"), build.booking("Doe", settings=settings)
    saving[0] = attrs.evolve(saving[0], fields={**saving[0].fields, "Email": "roe@example.com"})
    answers = lab.conn.hooks.write_records([*obeying, *saving])
    assert [isinstance(answer, Written) for answer in answers] == [False, False, True, True]
    lab.admin("duplicate_rule", mode="block")
    answers = lab.conn.hooks.write_records([attrs.evolve(saving[0], id="x", group="x")])
    assert answers[0].code == "DUPLICATES_DETECTED"


def test_a_duplicate_among_shared_people_is_for_a_person_to_decide(lab: Any, build: Any) -> None:
    lab.add("Contact", LastName="Roe", Email="Roe@example.com")
    lab.admin("duplicate_rule", mode="block")
    (answer,) = lab.conn.hooks.write_records([build.contact("Roe")])
    assert isinstance(answer, NeedsReview)
    assert answer.code == "DUPLICATES_DETECTED"


def test_times_go_out_in_utc(lab: Any, build: Any) -> None:
    tokyo = datetime(2027, 1, 5, 9, 0, tzinfo=timezone(timedelta(hours=9)))
    event = build.event("Roe", "", fields={"StartDateTime": tokyo, "EndDateTime": tokyo})
    event = attrs.evolve(event, fields={n: v for n, v in event.fields.items() if n != "WhoId"})
    lab.conn.hooks.write_records([event])
    sent = json.loads(lab.calls()[0]["body"])
    assert "2027-01-05T00:00:00Z" in json.dumps(sent)
    assert lab.rows("Event")[0]["StartDateTime"] == datetime(2027, 1, 5, tzinfo=UTC)


def test_a_person_the_event_is_about_is_its_who(lab: Any, build: Any) -> None:
    known = lab.add("Contact", LastName="Roe")
    event = build.event("Roe", "", about=(About(role="person", type="Contact", record=known),))
    event = attrs.evolve(event, fields={n: v for n, v in event.fields.items() if n != "WhoId"})
    lab.conn.hooks.write_records([event])
    assert lab.rows("Event")[0]["WhoId"] == known


def test_a_call_refused_as_a_whole_is_narrowed_to_the_graph_that_is_to_blame(
    lab: Any, build: Any
) -> None:
    lab.arm(Fault(kind="status", status=400, path="graph", times=1, body=[{"errorCode": "ODD"}]))
    writes = [write for number in range(4) for write in build.booking(f"Roe{number}")]
    answers = lab.conn.hooks.write_records(writes)
    assert all(isinstance(answer, Written) for answer in answers)
    assert len(lab.calls()) == 3


def test_the_requests_are_in_the_history(lab: Any, build: Any) -> None:
    with recording() as exchanges:
        lab.conn.hooks.write_records(build.booking("Roe"))
    assert [(one.method, one.status) for one in exchanges] == [("POST", 200)]
    assert len(exchanges[0].request_id) == 32


def test_two_orgs_do_not_mix(new_lab: Any, build: Any) -> None:
    one, other = new_lab(), new_lab()
    one.conn.hooks.write_records(build.booking("Roe"))
    other.conn.hooks.write_records(build.booking("Doe"))
    assert [row["LastName"] for row in one.rows("Contact")] == ["Roe"]
    assert [row["LastName"] for row in other.rows("Contact")] == ["Doe"]

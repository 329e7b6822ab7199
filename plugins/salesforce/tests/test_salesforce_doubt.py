"""Finding what an unanswered write has made."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from crmwire.errors import Failure, RetryLater
from crmwire.sandbox import Fault
from crmwire.types import Ref
from crmwire_salesforce.info import SalesforceMapping


def lose(lab: Any, writes: Any) -> None:
    """Send writes whose answer is lost after the commit."""
    lab.arm(Fault(kind="lost_answer", path="composite"))
    answers = lab.conn.hooks.write_records(writes)
    assert {answer.sent for answer in answers} == {"unknown"}
    lab.arm()
    lab.calls()


def ids(answers: Any) -> list[list[str]]:
    assert not any(isinstance(answer, Failure) for answer in answers), answers
    return [[record.id for record in answer] for answer in answers]


def test_a_lost_event_is_found_and_nothing_else(lab: Any, build: Any) -> None:
    writes = build.booking("Roe")
    lose(lab, writes)
    (person,), (event,) = lab.rows("Contact"), lab.rows("Event")
    found = lab.conn.hooks.find_written(writes)
    assert ids(found) == [[person["Id"]], [event["Id"]]]
    assert found[1][0].type == "Event"
    assert found[1][0].fields["StartDateTime"] == build.start


def test_what_was_not_made_is_not_found(lab: Any, build: Any) -> None:
    lab.arm(Fault(kind="cut_before", path="graph"))
    writes = build.booking("Roe")
    lab.conn.hooks.write_records(writes)
    lab.arm()
    assert ids(lab.conn.hooks.find_written(writes)) == [[], []]


def test_an_event_of_a_known_person_is_found_in_one_call(lab: Any, build: Any) -> None:
    who = lab.add("Contact", LastName="Roe")
    write = build.event("Roe", who, group="g")
    lose(lab, [write])
    lab.conn.cache("salesforce:me", 60, lambda: lab.app.orgs["sandbox"].user_id)
    (event,) = lab.rows("Event")
    assert ids(lab.conn.hooks.find_written([write])) == [[event["Id"]]]
    assert len(lab.calls()) == 1


def test_many_are_looked_for_in_two_calls(lab: Any, build: Any) -> None:
    writes = [write for n in range(70) for write in build.booking(f"Roe{n}")]
    lose(lab, writes)
    found = ids(lab.conn.hooks.find_written(writes))
    assert all(len(answer) == 1 for answer in found)
    assert len({answer[0] for answer in found}) == 140
    data = [call for call in lab.calls() if "/data/" in call["path"]]
    assert len(data) == 2


@pytest.mark.parametrize(
    "other",
    [
        {"Subject": "Intro call: Doe"},
        {"StartDateTime": "2027-01-04T15:30:00Z"},
        {"WhoId": None},
        {"CreatedDate": "2020-01-01T00:00:00Z"},
        {"CreatedById": "other"},
        {"IsChild": True},
    ],
    ids=["subject", "start", "person", "older", "user", "invitee's copy"],
)
def test_a_record_that_differs_is_not_taken_for_ours(lab: Any, build: Any, other: Any) -> None:
    who = lab.add("Contact", LastName="Roe")
    user = lab.add("User", LastName="Host", Username="h@example.com", Email="host@example.com")
    if "CreatedById" in other:
        other = {"CreatedById": user}
    fields = {
        "WhoId": who,
        "Subject": "Intro call: Roe",
        "StartDateTime": "2027-01-04T15:00:00Z",
        "DurationInMinutes": 30,
    }
    lab.add("Event", **{**fields, **other})
    write = build.event("Roe", who)
    assert ids(lab.conn.hooks.find_written([write])) == [[]]
    same = lab.add("Event", **fields)
    assert ids(lab.conn.hooks.find_written([write])) == [[same]]


def test_a_clock_that_is_behind_by_less_than_a_minute_does_no_harm(lab: Any, build: Any) -> None:
    who = lab.add("Contact", LastName="Roe")
    made = datetime.now(UTC) - timedelta(seconds=50)
    fields = {"Subject": "Intro call: Roe", "StartDateTime": "2027-01-04T15:00:00Z"}
    event = lab.add(
        "Event", WhoId=who, DurationInMinutes=30, CreatedDate=made.isoformat(), **fields
    )
    write = attrs.evolve(build.event("Roe", who), sent_at=datetime.now(UTC))
    assert ids(lab.conn.hooks.find_written([write])) == [[event]]


def test_all_that_fit_are_given_oldest_first(lab: Any, build: Any) -> None:
    who = lab.add("Contact", LastName="Roe")
    now = datetime.now(UTC)
    made = [
        lab.add(
            "Event",
            WhoId=who,
            Subject="Intro call: Roe",
            StartDateTime="2027-01-04T15:00:00Z",
            DurationInMinutes=30,
            CreatedDate=(now + timedelta(seconds=seconds)).isoformat(),
        )
        for seconds in (20, 10)
    ]
    assert ids(lab.conn.hooks.find_written([build.event("Roe", who)])) == [made[::-1]]


def test_a_person_without_an_address_is_found_by_the_exact_name(lab: Any, build: Any) -> None:
    write = build.contact("Roe")
    fields = {name: value for name, value in write.fields.items() if name != "Email"}
    write = attrs.evolve(write, fields=fields)
    lab.add("Contact", LastName="Roe", FirstName="Bob")
    lose(lab, [write])
    made = [row["Id"] for row in lab.rows("Contact") if row["FirstName"] == "Ann"]
    assert ids(lab.conn.hooks.find_written([write])) == [made]


def test_an_event_without_a_person_is_found_by_subject_and_start(lab: Any, build: Any) -> None:
    write = build.event("Roe", "")
    write = attrs.evolve(write, fields={n: v for n, v in write.fields.items() if n != "WhoId"})
    lose(lab, [attrs.evolve(write, group="g")])
    (event,) = lab.rows("Event")
    assert ids(lab.conn.hooks.find_written([write])) == [[event["Id"]]]


def test_a_lead_and_an_account_are_found(lab: Any, build: Any) -> None:
    lead = build.write(
        "l", "create", "Lead", {"LastName": "Roe", "Company": "E", "Email": "R@example.com"}
    )
    account = build.write("a", "create", "Account", {"Name": "Example Ltd"})
    lose(lab, [lead, account])
    made = [[lab.rows("Lead")[0]["Id"]], [lab.rows("Account")[0]["Id"]]]
    assert ids(lab.conn.hooks.find_written([lead, account])) == made


def test_what_cannot_be_known_again_is_for_a_person(lab: Any, build: Any) -> None:
    (answer,) = lab.conn.hooks.find_written([build.write("x", "create", "Thing__c", {"A__c": 1})])
    assert answer.kind == "needs_review"
    assert "Look in Salesforce" in answer.remedy


def test_a_look_up_that_fails_is_a_failure_for_the_event_too(lab: Any, build: Any) -> None:
    writes = build.booking("Roe")
    lose(lab, writes)
    lab.arm(Fault(kind="status", status=500, path="composite"))
    answers = lab.conn.hooks.find_written(writes)
    assert {type(answer) for answer in answers} == {RetryLater}


def test_a_person_in_doubt_that_somebody_else_made_is_not_ours(lab: Any, build: Any) -> None:
    lab.add("Contact", LastName="Roe", Email="Roe@example.com", CreatedDate="2020-01-01T00:00:00Z")
    person = build.contact("Roe")
    event = build.event("Roe", Ref(write=person.id))
    assert ids(lab.conn.hooks.find_written([person, event])) == [[], []]


def test_a_commit_that_lands_after_the_timeout_is_found_once_it_is_there(
    lab: Any, build: Any
) -> None:
    conn = lab.connect(read_timeout=0.3)
    lab.arm(Fault(kind="late_commit", path="graph", seconds=0.8))
    writes = build.booking("Roe")
    answers = conn.hooks.write_records(writes)
    assert {answer.sent for answer in answers} == {"unknown"}
    assert ids(conn.hooks.find_written(writes)) == [[], []]
    deadline = time.monotonic() + 5
    while not lab.rows("Event") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [len(answer) for answer in ids(conn.hooks.find_written(writes))] == [1, 1]


# ---------------------------------------------------------------- a visible mark


@pytest.mark.parametrize("field", ["Location", "Subject"])
def test_a_marked_event_is_known_from_one_that_looks_the_same(
    lab: Any, build: Any, field: str
) -> None:
    who = lab.add("Contact", LastName="Roe", Email="roe@example.com")
    ours = build.event("Roe", who, mark=field, fields={"Location": "Room 1"})
    (answer,) = lab.conn.hooks.write_records([ours])
    written = lab.get(answer.record)
    assert written[field].startswith("Intro call" if field == "Subject" else "Room 1")
    assert written[field].endswith("]")
    other = build.event("Other", who, mark=field, fields={"Subject": "Intro call: Roe"})
    found, nothing = lab.conn.hooks.find_written([ours, other])
    assert [record.id for record in found] == [answer.record]
    assert list(nothing) == []


def test_a_mark_is_kept_where_the_text_before_it_is_too_long(lab: Any, build: Any) -> None:
    long = {"Location": "x" * 400}
    ours = build.event("Roe", "", mark="Location", fields=long)
    ours = attrs.evolve(ours, fields={k: v for k, v in ours.fields.items() if k != "WhoId"})
    (answer,) = lab.conn.hooks.write_records([ours])
    assert len(lab.get(answer.record)["Location"]) == 255
    (found,) = lab.conn.hooks.find_written([ours])
    assert [record.id for record in found] == [answer.record]


def test_an_external_id_needs_no_mark(lab: Any, build: Any) -> None:
    lab.admin("add_field", type="Activity", field="Booking_Id__c", external_id=True, unique=True)
    settings = SalesforceMapping(external_id="Booking_Id__c")
    who = lab.add("Contact", LastName="Roe")
    ours = build.event("Roe", who, mark="Location", settings=settings)
    (answer,) = lab.conn.hooks.write_records([ours])
    assert lab.get(answer.record)["Location"] is None

"""Looking people and users up: one call for a batch, nobody failing another."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import pytest

from crmwire.errors import NeedsLogin, Rejected, RetryLater
from crmwire.sandbox import Fault
from crmwire.types import Candidates
from crmwire_salesforce import soql


def ids(answer: Any) -> list[str]:
    assert isinstance(answer, Candidates), answer
    return [record.id for record in answer.records]


def test_a_hundred_addresses_and_their_hosts_are_one_call(lab: Any, build: Any) -> None:
    known = [lab.add("Contact", LastName=f"{n}", Email=f"p{n}@example.com") for n in range(50)]
    host = lab.add("User", LastName="Host", Username="h@example.com", Email="host@example.com")
    queries = [build.query(f"p{n}@example.com") for n in range(100)]
    answers = lab.conn.hooks.find_records([*queries, build.user("host@example.com")])
    assert len(lab.calls()) == 1
    assert [ids(answer) for answer in answers] == [
        *([id_] for id_ in known),
        *([] for _ in range(50)),
        [host],
    ]


def test_an_address_is_found_whatever_its_case(lab: Any, build: Any) -> None:
    known = lab.add("Contact", LastName="Roe", Email="Ann.Roe@Example.com")
    answers = lab.conn.hooks.find_records(
        [build.query("ann.roe@example.com"), build.query("other@example.com")]
    )
    assert [ids(answer) for answer in answers] == [[known], []]


def test_a_record_tells_what_decisions_need(lab: Any, build: Any) -> None:
    known = lab.add("Contact", LastName="Roe", Email="roe@example.com", Phone="+1 555 0100")
    lab.add("Event", WhoId=known, StartDateTime="2024-05-01T10:00:00Z", DurationInMinutes=30)
    query = build.query("roe@example.com", fields={"Contact": ("FirstName", "Phone")})
    (answer,) = lab.conn.hooks.find_records([query])
    (record,) = answer.records
    assert record.type == "Contact"
    assert record.fields == {"Email": "roe@example.com", "FirstName": None, "Phone": "+1 555 0100"}
    assert record.owner == lab.app.orgs["sandbox"].user_id
    assert record.url == f"{lab.url}/{known}"
    assert record.last_activity_at == datetime(2024, 5, 1, tzinfo=UTC)
    assert record.writable
    assert abs((record.created_at - datetime.now(UTC)).total_seconds()) < 60
    assert record.modified_at is not None


def test_all_types_of_a_query_are_looked_in_with_one_call(lab: Any, build: Any) -> None:
    lead = lab.add("Lead", LastName="Roe", Company="Example Ltd", Email="roe@example.com")
    contact = lab.add("Contact", LastName="Roe", Email="roe@example.com")
    (answer,) = lab.conn.hooks.find_records([build.query("roe@example.com", "Lead", "Contact")])
    assert ids(answer) == [lead, contact]
    assert len(lab.calls()) == 1


def test_a_converted_lead_is_an_alias_of_its_contact(lab: Any, build: Any) -> None:
    lead = lab.add("Lead", LastName="Roe", Company="Example Ltd", Email="roe@example.com")
    made = lab.admin("convert_lead", id=lead)
    (answer,) = lab.conn.hooks.find_records([build.query("roe@example.com", "Lead")])
    (record,) = answer.records
    assert (record.id, record.alias_of, record.writable) == (lead, made["contact"], False)


def test_a_record_is_found_by_its_id_long_or_short(lab: Any, build: Any) -> None:
    known = lab.add("Contact", LastName="Roe")
    queries = [
        build.query(known, "Lead", "Contact", key="id"),
        build.query(known[:15], "Contact", key="id"),
        build.query("003000000000001", "Contact", key="id"),
        build.query("003000000000001ZZZ", "Contact", key="id"),
    ]
    answers = lab.conn.hooks.find_records(queries)
    assert [ids(answer) for answer in answers] == [[known], [known], [], []]


@pytest.mark.parametrize("value", ["", "  ", "x' OR Name != '", "not-an-id", "é" * 15])
def test_an_id_of_another_shape_is_not_asked_for(lab: Any, build: Any, value: str) -> None:
    lab.add("Contact", LastName="Roe")
    (answer,) = lab.conn.hooks.find_records([build.query(value, key="id")])
    assert ids(answer) == []
    assert lab.calls() == []


def test_a_blank_value_never_matches_people_without_an_address(lab: Any, build: Any) -> None:
    lab.add("Contact", LastName="Roe")
    (answer,) = lab.conn.hooks.find_records([build.query(" ")])
    assert ids(answer) == []


def test_a_hostile_address_finds_nobody_and_harms_nobody(lab: Any, build: Any) -> None:
    known = lab.add("Contact", LastName="Roe", Email="o'neil@example.com")
    queries = [
        build.query("x') OR (Email != 'y"),
        build.query("o'neil@example.com"),
        build.query("a\\"),
        build.query("line\nbreak %_@example.com"),
    ]
    answers = lab.conn.hooks.find_records(queries)
    assert [ids(answer) for answer in answers] == [[], [known], [], []]


def test_a_failed_statement_fails_only_its_own_queries(lab: Any, build: Any) -> None:
    known = lab.add("Contact", LastName="Roe", Email="roe@example.com")
    queries = [
        build.query("roe@example.com"),
        build.query("roe@example.com", key="Nothing__c"),
        build.query("roe@example.com", fields={"Contact": ("Id FROM User --",)}),
    ]
    answers = lab.conn.hooks.find_records(queries)
    assert ids(answers[0]) == [known]
    assert isinstance(answers[1], Rejected)
    assert answers[1].code == "INVALID_FIELD"
    assert "field-level security" in answers[1].remedy
    assert "roe@example.com" not in str(answers[1])
    assert isinstance(answers[2], Rejected)
    assert len(lab.calls()) == 2, "and one to see which fields there are"


def test_a_failed_look_up_is_never_not_found(lab: Any, build: Any) -> None:
    lab.arm(Fault(kind="status", status=503, path="composite"))
    (answer,) = lab.conn.hooks.find_records([build.query("roe@example.com")])
    assert isinstance(answer, RetryLater)
    assert answer.pause
    assert len(lab.calls()) == 3


@pytest.mark.parametrize("body", [{}, [], {"compositeResponse": [{}]}, {"compositeResponse": 5}])
def test_nonsense_is_a_failed_look_up(lab: Any, build: Any, body: Any) -> None:
    lab.arm(Fault(kind="status", status=200, path="composite", body=body))
    (answer,) = lab.conn.hooks.find_records([build.query("roe@example.com")])
    assert isinstance(answer, RetryLater)
    assert answer.sent == "no"


def test_a_dead_login_fails_every_query(lab: Any, build: Any) -> None:
    conn = lab.connect(token="wrong")
    answers = conn.hooks.find_records([build.query("a@example.com"), build.user("h@example.com")])
    assert {type(answer) for answer in answers} == {NeedsLogin}


def test_further_chunks_of_an_answer_are_fetched(new_lab: Any, build: Any) -> None:
    lab = new_lab(page_size="3")
    known = [lab.add("Contact", LastName=f"{n}", Email="roe@example.com") for n in range(7)]
    (answer,) = lab.conn.hooks.find_records([build.query("roe@example.com")])
    assert ids(answer) == known
    assert len(lab.calls()) == 3


def test_long_lists_are_split_into_statements_and_calls(
    lab: Any, build: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(soql, "STATEMENT", 200)
    known = [lab.add("Contact", LastName=f"{n}", Email=f"p{n}@example.com") for n in range(60)]
    answers = lab.conn.hooks.find_records([build.query(f"p{n}@example.com") for n in range(60)])
    assert [ids(answer) for answer in answers] == [[id_] for id_ in known]
    calls = lab.calls()
    assert len(calls) == 2
    assert all(unquote(call["body"]).count("SELECT") <= 5 for call in calls)


def test_a_thousand_long_addresses_stay_within_the_vendors_lengths(lab: Any, build: Any) -> None:
    long = "x" * 60
    queries = [build.query(f"{long}{n}@example.com") for n in range(1000)]
    lab.conn.hooks.find_records(queries)
    assert len(lab.calls()) == 1


def test_users_are_remembered_by_address(lab: Any, build: Any) -> None:
    host = lab.add("User", LastName="Host", Username="h@example.com", Email="host@example.com")
    gone = lab.add("User", LastName="Gone", Username="g@example.com", Email="gone@example.com")
    lab.admin("deactivate_user", id=gone)
    queries = [build.user("Host@example.com"), build.user("gone@example.com")]
    for _ in range(2):
        answers = lab.conn.hooks.find_records(queries)
        assert [ids(answer) for answer in answers] == [[host], []]
    assert len(lab.calls()) == 1
    (answer,) = lab.conn.hooks.find_records([build.user("host@example.com")])
    assert answer.records[0].type == "User"
    assert lab.calls() == []


def test_a_failed_look_up_of_a_user_is_not_remembered(lab: Any, build: Any) -> None:
    lab.arm(Fault(kind="status", status=500, path="composite", times=3))
    (failure,) = lab.conn.hooks.find_records([build.user("host@example.com")])
    assert isinstance(failure, RetryLater)
    host = lab.add("User", LastName="Host", Username="h@example.com", Email="host@example.com")
    (answer,) = lab.conn.hooks.find_records([build.user("host@example.com")])
    assert ids(answer) == [host]


def test_deleted_people_are_not_found(lab: Any, build: Any) -> None:
    known = lab.add("Contact", LastName="Roe", Email="roe@example.com")
    lab.admin("delete_record", id=known)
    queries = [build.query("roe@example.com"), build.query(known, key="id")]
    assert [ids(answer) for answer in lab.conn.hooks.find_records(queries)] == [[], []]


def test_values_of_a_parent_are_read(lab: Any, build: Any) -> None:
    account = lab.add("Account", Name="Example Ltd")
    lab.add("Contact", LastName="Roe", Email="roe@example.com", AccountId=account)
    query = build.query("roe@example.com", fields={"Contact": ("Account.Name",)})
    (answer,) = lab.conn.hooks.find_records([query])
    assert answer.records[0].fields["Account.Name"] == "Example Ltd"


def test_no_queries_make_no_call(lab: Any) -> None:
    assert lab.conn.hooks.find_records([]) == []
    assert lab.calls() == []


def test_a_field_that_is_hidden_reads_as_empty(lab: Any, build: Any) -> None:
    """So that writing it is tried, and refused or left out as the mapping says."""
    lab.add("Contact", LastName="Roe", Email="roe@example.com", Title="Boss")
    lab.admin("hide_field", type="Contact", field="Title")
    query = build.query("roe@example.com", fields={"Contact": ("Title", "LastName")})
    (found,) = lab.conn.hooks.find_records([query, build.query("doe@example.com")])[:1]
    assert found.records[0].fields == {"Email": "roe@example.com", "LastName": "Roe", "Title": None}

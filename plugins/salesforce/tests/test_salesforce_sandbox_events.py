"""The sandbox: what an event's times and links must be."""

from __future__ import annotations

from typing import Any

import pytest

START = "2027-01-04T15:00:00Z"


def make(lab: Any, **fields: Any) -> Any:
    return lab.call("POST", "/sobjects/Event", fields)


def read(lab: Any, **fields: Any) -> dict[str, Any]:
    answer = make(lab, **fields)
    assert answer.status_code == 201, answer.text
    row: dict[str, Any] = lab.get(answer.json()["id"])
    return row


@pytest.mark.parametrize(
    "times",
    [
        {"StartDateTime": START, "EndDateTime": "2027-01-04T16:00:00Z"},
        {"StartDateTime": "2027-01-05T00:00:00+09:00", "DurationInMinutes": 60},
        {"ActivityDateTime": "2027-01-04T15:00:00.000+0000", "DurationInMinutes": "60"},
        {"StartDateTime": START, "EndDateTime": "2027-01-04T16:00:00Z", "DurationInMinutes": 60},
    ],
)
def test_times_complete_each_other(lab: Any, times: Any) -> None:
    row = read(lab, **times)
    assert row["StartDateTime"] == row["ActivityDateTime"] == "2027-01-04T15:00:00.000+0000"
    assert row["EndDateTime"] == "2027-01-04T16:00:00.000+0000"
    assert (row["DurationInMinutes"], row["ActivityDate"]) == (60, "2027-01-04")
    assert (row["ShowAs"], row["EventSubtype"], row["IsChild"]) == ("Busy", "Event", False)


@pytest.mark.parametrize(
    ("times", "code", "field"),
    [
        ({}, "REQUIRED_FIELD_MISSING", "ActivityDateTime"),
        ({"StartDateTime": START}, "REQUIRED_FIELD_MISSING", "DurationInMinutes"),
        (
            {"StartDateTime": START, "EndDateTime": "2027-01-04T14:00:00Z"},
            "FIELD_INTEGRITY_EXCEPTION",
            "EndDateTime",
        ),
        (
            {"StartDateTime": START, "EndDateTime": "2027-01-06T15:00:00Z"},
            "FIELD_INTEGRITY_EXCEPTION",
            "EndDateTime",
        ),
        (
            {"StartDateTime": START, "DurationInMinutes": 1441},
            "FIELD_INTEGRITY_EXCEPTION",
            "DurationInMinutes",
        ),
        (
            {"StartDateTime": START, "EndDateTime": START, "DurationInMinutes": 5},
            "FIELD_INTEGRITY_EXCEPTION",
            "DurationInMinutes",
        ),
        (
            {"StartDateTime": START, "DurationInMinutes": 5, "ActivityDate": "2027-01-05"},
            "FIELD_INTEGRITY_EXCEPTION",
            "ActivityDate",
        ),
    ],
)
def test_times_that_do_not_go_together_are_refused(
    lab: Any, times: Any, code: str, field: str
) -> None:
    answer = make(lab, **times)
    assert answer.status_code == 400
    (error,) = answer.json()
    assert (error["errorCode"], error["fields"]) == (code, [field])


@pytest.mark.parametrize(
    "start", ["2027-01-04", "2027-01-04T15:00:00", "soon", "2027-02-30T00:00:00Z"]
)
def test_a_time_without_a_zone_is_no_datetime(lab: Any, start: str) -> None:
    answer = make(lab, StartDateTime=start, DurationInMinutes=30)
    assert answer.json()[0]["errorCode"] == "JSON_PARSER_ERROR"


def test_an_all_day_event_stands_at_midnight(lab: Any) -> None:
    row = read(lab, IsAllDayEvent=True, ActivityDate="2027-01-04")
    assert row["StartDateTime"] == "2027-01-04T00:00:00.000+0000"
    assert row["DurationInMinutes"] == 1440


def test_a_moved_start_keeps_the_duration(lab: Any) -> None:
    row = read(lab, StartDateTime=START, DurationInMinutes=45)
    lab.call("PATCH", f"/sobjects/Event/{row['Id']}", {"StartDateTime": "2027-01-05T09:00:00Z"})
    assert lab.get(row["Id"])["EndDateTime"] == "2027-01-05T09:45:00.000+0000"


def test_a_lead_excludes_whatever_else_it_relates_to(lab: Any) -> None:
    lead = lab.add("Lead", LastName="Roe", Company="E")
    account = lab.add("Account", Name="E")
    answer = make(lab, StartDateTime=START, DurationInMinutes=30, WhoId=lead, WhatId=account)
    assert answer.json()[0]["errorCode"] == "FIELD_INTEGRITY_EXCEPTION"
    contact = lab.add("Contact", LastName="Roe", AccountId=account)
    row = read(lab, StartDateTime=START, DurationInMinutes=30, WhoId=contact, WhatId=account)
    assert row["AccountId"] == account


def test_a_private_event_relates_to_nobody(lab: Any) -> None:
    who = lab.add("Contact", LastName="Roe")
    answer = make(lab, StartDateTime=START, DurationInMinutes=30, WhoId=who, IsPrivate=True)
    assert answer.json()[0]["errorCode"] == "FIELD_INTEGRITY_EXCEPTION"


def test_the_owner_is_the_connected_user_unless_said_otherwise(lab: Any) -> None:
    user = lab.add("User", LastName="Host", Username="h@example.com", Email="h@example.com")
    own = lab.app.orgs["sandbox"].user_id
    assert read(lab, StartDateTime=START, DurationInMinutes=5)["OwnerId"] == own
    assert read(lab, StartDateTime=START, DurationInMinutes=5, OwnerId=user)["OwnerId"] == user

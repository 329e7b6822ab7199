"""The sandbox: SOQL read and run."""

from __future__ import annotations

from typing import Any

import pytest

from crmwire_salesforce.sandbox_app.problems import Refused
from crmwire_salesforce.sandbox_app.soql import parse


@pytest.fixture
def org(lab: Any) -> Any:
    """Some people and events to ask for."""
    account = lab.add("Account", Name="Example Ltd")
    who = lab.add(
        "Contact", LastName="Roe", FirstName="Ann", Email="Ann@example.com", AccountId=account
    )
    lab.add("Contact", LastName="Doe", Email="doe@example.com", Phone="50%")
    lab.add("Contact", LastName="O'Neil", Phone="500")
    for day, subject in (("04", "Intro"), ("05", "Follow_up"), ("06", None)):
        lab.add(
            "Event",
            WhoId=who if subject == "Intro" else None,
            Subject=subject,
            StartDateTime=f"2027-01-{day}T15:00:00Z",
            DurationInMinutes=30,
        )
    return lab


def names(lab: Any, where: str, type_: str = "Contact", field: str = "LastName") -> list[Any]:
    answer = lab.query(f"SELECT Id, {field} FROM {type_} WHERE {where}")
    assert answer.status_code == 200, answer.text
    return [row[field] for row in answer.json()["records"]]


@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        ("Email = 'ann@EXAMPLE.com'", ["Roe"]),
        ("email IN ('ann@example.com', 'DOE@example.com')", ["Roe", "Doe"]),
        ("Email NOT IN ('ann@example.com')", ["Doe", "O'Neil"]),
        ("Email = null", ["O'Neil"]),
        ("Email != null AND FirstName = null", ["Doe"]),
        ("Email != 'doe@example.com'", ["Roe", "O'Neil"]),
        ("LastName LIKE '%oe'", ["Roe", "Doe"]),
        ("LastName LIKE '_OE'", ["Roe", "Doe"]),
        (r"Phone LIKE '50\%'", ["Doe"]),
        (r"LastName = 'O\'Neil'", ["O'Neil"]),
        (r"LastName = 'R\u006fe'", ["Roe"]),
        ("NOT LastName = 'Roe'", ["Doe", "O'Neil"]),
        ("(LastName = 'Roe' OR LastName = 'Doe') AND FirstName = 'ann'", ["Roe"]),
        ("LastName > 'E' AND LastName <= 'p'", ["O'Neil"]),
        ("Account.Name = 'example ltd'", ["Roe"]),
        ("Contact.LastName = 'Roe'", ["Roe"]),
        ("IsDeleted = false", ["Roe", "Doe", "O'Neil"]),
    ],
)
def test_conditions_on_people(org: Any, where: str, wanted: list[str]) -> None:
    assert names(org, where) == wanted


@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        ("StartDateTime = 2027-01-04T15:00:00Z", ["Intro"]),
        ("StartDateTime = 2027-01-05T00:00:00+09:00", ["Intro"]),
        (
            "StartDateTime > 2027-01-04T15:00:00Z AND StartDateTime < 2027-01-06T00:00:00.000Z",
            ["Follow_up"],
        ),
        ("ActivityDate >= 2027-01-05", ["Follow_up", None]),
        ("Who.Email = 'ann@example.com'", ["Intro"]),
        ("WhoId = null", ["Follow_up", None]),
        ("DurationInMinutes IN (30, 60) AND Subject <> null", ["Intro", "Follow_up"]),
        ("IsAllDayEvent = TRUE", []),
    ],
)
def test_conditions_on_events(org: Any, where: str, wanted: list[str]) -> None:
    assert names(org, where, "Event", "Subject") == wanted


def test_ids_mind_the_case_and_not_the_checksum(org: Any) -> None:
    id_ = org.rows("Contact")[0]["Id"]
    assert names(org, f"Id = '{id_[:15]}'") == ["Roe"]
    assert names(org, f"Id IN ('{id_}')") == ["Roe"]


def test_parents_nest_with_their_attributes(org: Any) -> None:
    answer = org.query("SELECT Subject, who.email, Owner.Name FROM Event ORDER BY StartDateTime")
    first, second, _ = answer.json()["records"]
    assert first["Who"]["Email"] == "Ann@example.com"
    assert first["Who"]["attributes"]["type"] == "Contact"
    assert first["Owner"]["Name"] == "Integration User"
    assert second["Who"] is None


def test_order_limit_offset_and_count(org: Any) -> None:
    def ordered(rest: str) -> list[Any]:
        records = org.query(f"SELECT LastName FROM Contact {rest}").json()["records"]
        return [row["LastName"] for row in records]

    assert ordered("ORDER BY LastName") == ["Doe", "O'Neil", "Roe"]
    assert ordered("order by FirstName DESC NULLS LAST, LastName DESC") == ["Roe", "O'Neil", "Doe"]
    assert ordered("ORDER BY Email LIMIT 1") == ["O'Neil"]
    assert ordered("ORDER BY LastName LIMIT 1 OFFSET 1") == ["O'Neil"]
    answer = org.query("SELECT COUNT() FROM Contact WHERE LastName != 'Roe'").json()
    assert answer == {"totalSize": 2, "done": True, "records": []}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("SELECT Id FROM Contact WHERE", "MALFORMED_QUERY"),
        ("SELECT FROM Contact", "MALFORMED_QUERY"),
        ("DELETE FROM Contact", "MALFORMED_QUERY"),
        (
            "SELECT Id FROM Contact WHERE LastName = 'x' OR Id = null AND Email = 'y'",
            "MALFORMED_QUERY",
        ),
        ("SELECT Id FROM Contact WHERE LastName = 'x", "MALFORMED_QUERY"),
        (r"SELECT Id FROM Contact WHERE LastName = '\x'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact; DROP", "MALFORMED_QUERY"),
        (f"SELECT Id FROM Contact WHERE LastName = '{'x' * 4001}'", "MALFORMED_QUERY"),
        ("SELECT Shoe__c FROM Contact", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE Shoe__c = 1", "INVALID_FIELD"),
        ("SELECT Boss.Name FROM Contact", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE Description = 'x'", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE CreatedDate > '2027-01-01'", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE LastName = 5", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE Id = 'odd'", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM Nothing", "INVALID_TYPE"),
        ("SELECT Id FROM Contact LIMIT 1 OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE"),
    ],
)
def test_what_cannot_be_asked_is_refused(org: Any, text: str, wanted: str) -> None:
    answer = org.query(text)
    assert answer.status_code == 400
    assert answer.json()[0]["errorCode"] == wanted


def test_an_error_points_to_its_place(org: Any) -> None:
    message = org.query("SELECT Id FROM Contact WHERE Shoe__c = 1").json()[0]["message"]
    piece, caret, place, why = message.strip("\n").splitlines()
    assert piece[caret.index("^") :].startswith("Shoe__c")
    assert place == "ERROR at Row:1:Column:30"
    assert why.startswith("No such column 'Shoe__c' on entity 'Contact'.")


def test_a_statement_that_is_too_long_is_refused() -> None:
    with pytest.raises(Refused):
        parse("SELECT Id FROM Contact WHERE Email IN (" + "'a@example.com'," * 7000 + "'b')")


def test_a_long_url_is_refused_and_a_composite_takes_it(org: Any) -> None:
    text = "SELECT Id FROM Contact WHERE Email IN (" + "'a@example.com'," * 1500 + "'b')"
    assert org.query(text).status_code == 414
    from urllib.parse import quote

    url = f"/services/data/v62.0/query?q={quote(text)}"
    body = {"compositeRequest": [{"method": "GET", "url": url, "referenceId": "q"}]}
    (answer,) = org.call("POST", "/composite", body).json()["compositeResponse"]
    assert answer["httpStatusCode"] == 200


def test_chunks_follow_each_other(new_lab: Any) -> None:
    lab = new_lab(page_size="2")
    for number in range(5):
        lab.add("Account", Name=f"{number}")
    first = lab.query("SELECT Name FROM Account").json()
    assert (first["totalSize"], first["done"], len(first["records"])) == (5, False, 2)
    second = lab.call("GET", first["nextRecordsUrl"]).json()
    third = lab.call("GET", second["nextRecordsUrl"]).json()
    assert third["done"]
    assert "nextRecordsUrl" not in third
    assert [row["Name"] for row in third["records"]] == ["4"]

"""A phone number and a web site are found however they were written."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmwire.vocabulary import Person
from crmwire_salesforce.sandbox_app.soql import Among, Compare, Either, Every, parse
from crmwire_salesforce.soql import begins
from crmwire_salesforce.spellings import domain_of, is_phone_field, phone_spellings

LONDON = [
    *("+442079460123", "+44 20 7946 0123", "442079460123", "020 7946 0123", "02079460123"),
    *("+44 (0)20 7946 0123", "020-7946-0123"),
]
DENVER = [
    *("(303) 555-0142", "+13035550142", "303-555-0142", "303.555.0142", "3035550142"),
    *("1-303-555-0142", "+1 (303) 555-0142", "+1 303-555-0142"),
]
TOKYO = ["03-1234-5678", "+81 3-1234-5678", "0312345678", "+81312345678"]


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        *(("+44 20 7946 0123", one) for one in LONDON),
        *(("+1 303-555-0142", one) for one in DENVER),
        *(("+81 3-1234-5678", one) for one in TOKYO),
    ],
)
def test_a_person_is_found_by_phone_however_it_was_written(
    lab: Any, build: Any, typed: str, stored: str
) -> None:
    known = lab.add("Contact", LastName="Roe", Phone=stored)
    lab.add("Contact", LastName="Other", Phone="020 7946 0999")
    (found,) = lab.conn.hooks.find_records([build.query(typed, key="Phone")])
    assert [record.id for record in found.records] == [known]


@pytest.mark.parametrize("stored", LONDON)
def test_a_number_without_a_code_is_one_of_the_connections_region(
    lab: Any, build: Any, stored: str
) -> None:
    known = lab.add("Lead", LastName="Roe", Company="x", MobilePhone=stored)
    conn = lab.connect(phone_region="GB")
    (found,) = conn.hooks.find_records([build.query("020 7946 0123", "Lead", key="MobilePhone")])
    assert [record.id for record in found.records] == [known]


def test_a_foreign_number_is_not_taken_for_a_local_one(lab: Any, build: Any) -> None:
    """Written without its code, it would be another one in the connection's region."""
    lab.add("Contact", LastName="Roe", Phone="03-1234-5678")
    conn = lab.connect(phone_region="GB")
    (found,) = conn.hooks.find_records([build.query("+81 3-1234-5678", key="Phone")])
    assert found.records == ()


def test_each_of_a_hundred_numbers_finds_its_own_in_one_call(lab: Any, build: Any) -> None:
    ids = [lab.add("Contact", LastName=f"P{n}", Phone=f"(303) 555-01{n:02}") for n in range(100)]
    lab.calls()
    queries = [build.query(f"+1303555{100 + n:04}", key="Phone") for n in range(100)]
    found = lab.conn.hooks.find_records(queries)
    assert [answer.records[0].id for answer in found] == ids
    assert len(lab.calls()) == 1


def test_a_booking_finds_its_person_by_phone(scene: Any) -> None:
    known = scene.add("Contact", LastName="Roe", Phone="(303) 555-0142")
    preset = scene.app.preset("sales", "linktime")
    preset["person"]["match"] = ["link", "Email", "Phone"]
    scene.route("linktime", mapping=preset)
    guest = Person(email="new@example.com", full_name="Ann Roe", phone="+1 303 555 0142")
    scene.tell(scene.booking("created", guest=guest))
    assert [row["WhoId"] for row in scene.records("Event")] == [known]


@pytest.mark.parametrize(
    "typed", ["", "call me", "12", "'; DELETE", "+", "０２０ ７９４６ ０１２３"]
)
def test_whatever_is_typed_as_a_phone_is_asked_for(typed: str) -> None:
    assert phone_spellings(typed, "GB")[0] == typed.strip()


@given(st.text(max_size=40))
def test_no_text_breaks_the_spellings_of_a_phone(text: str) -> None:
    for region in (None, "US", "JP"):
        assert phone_spellings(text, region)[0] == text.strip()


def test_phone_fields_are_known_by_name() -> None:
    names = (
        "Phone",
        "MobilePhone",
        "HomePhone",
        "OtherPhone",
        "PersonMobilePhone",
        "Account.Phone",
    )
    assert all(is_phone_field(name) for name in names)
    assert not any(is_phone_field(name) for name in ("Email", "Phone__c", "PhoneNumber", "Id"))


# ---------------------------------------------------------------- web sites


@pytest.mark.parametrize(
    "website",
    [
        *("example.com", "www.example.com", "http://example.com", "https://www.example.com"),
        *("https://example.com/", "https://www.example.com/en/about?x=1", "example.com/shop"),
        *("HTTPS://Example.COM/En", "http://www.example.com/#top"),
    ],
)
def test_an_account_is_found_whatever_its_sites_scheme_and_path(
    lab: Any, build: Any, website: str
) -> None:
    known = lab.add("Account", Name="Example", Website=website)
    for other in (
        "https://myexample.com",
        "example.com.au",
        "https://example.community/example.com",
    ):
        lab.add("Account", Name="Other", Website=other)
    query = build.query("example.com", "Account", key="Website")
    (found,) = lab.conn.hooks.find_records([attrs.evolve(query, role="company")])
    assert [record.id for record in found.records] == [known]


def test_a_hundred_domains_are_one_call(lab: Any, build: Any) -> None:
    ids = [
        lab.add("Account", Name=f"A{n}", Website=f"https://www.a{n}.example.com/x")
        for n in range(100)
    ]
    lab.calls()
    queries = [build.query(f"a{n}.example.com", "Account", key="Website") for n in range(100)]
    found = lab.conn.hooks.find_records(queries)
    assert [[record.id for record in answer.records] for answer in found] == [[id_] for id_ in ids]
    assert len(lab.calls()) == 1


@given(st.text(min_size=1, max_size=60))
def test_a_beginning_is_one_condition_whatever_it_holds(text: str) -> None:
    where = parse(f"SELECT Id FROM Account WHERE {begins('Website', text)}").where
    assert isinstance(where, Compare)
    assert where.operator == "LIKE"


@given(st.text(min_size=1, max_size=60))
def test_no_web_site_changes_the_shape_of_a_look_up(text: str) -> None:
    from crmwire_salesforce.lookup import _texts

    (condition,) = _texts(None, "Account", "Website", text)  # type: ignore[arg-type]
    where = parse(f"SELECT Id FROM Account WHERE ({condition}) AND Name = 'x'").where
    assert isinstance(where, Every)
    first = where.parts[0]
    parts = first.parts if isinstance(first, Either) else (first,)
    assert {type(part) for part in parts} <= {Among, Compare}
    assert len(where.parts) == 2
    assert domain_of(text) == domain_of(text).strip()

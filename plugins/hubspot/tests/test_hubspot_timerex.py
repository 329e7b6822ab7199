"""The preset `timerex`, from bookings to the records of a portal.

What TimeRex does stands on its public help page "HubSpot integration" (property tables and notes,
read 2026-11); each test names the note it proves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from crmwire.sandbox import Fault
from crmwire.vocabulary import Answer, Person

if TYPE_CHECKING:
    from collections.abc import Callable

YAMADA = Person(
    email="taro@sample.example",
    full_name="山田 太郎",
    company="株式会社サンプル",
    phone="03-0000-0000",
)
PRIMARY, PLAIN = 1, 279


def _company(scene: Any, **properties: str) -> dict[str, Any]:
    return dict(scene.vendor.admin("create_record", type="companies", properties=properties))


def _contact(scene: Any, **properties: str) -> dict[str, Any]:
    return dict(scene.vendor.admin("create_record", type="contacts", properties=properties))


# ---------------------------------------------------------------- what is posted


def test_a_booking_makes_the_company_and_its_contact(scene: Any) -> None:
    scene.route("timerex")
    assert scene.happen(scene.event(guest=YAMADA)) == ["delivered"]
    (company,), (contact,) = scene.records("companies"), scene.records("contacts")
    assert company.properties["name"] == "株式会社サンプル"
    assert company.properties["domain"] == "sample.example"
    assert contact.properties["email"] == "taro@sample.example"
    assert (contact.properties["lastname"], contact.properties["firstname"]) == ("山田", "太郎")
    assert set(scene.linked(contact, "companies")[company.id]) == {PRIMARY, PLAIN}
    assert scene.records("meetings") == []


@pytest.mark.parametrize(
    ("options", "companies", "contacts"),
    [({"contacts": False}, 1, 0), ({"companies": False}, 0, 1), ({}, 1, 1)],
)
def test_companies_or_contacts_or_both(
    scene: Any, options: dict[str, bool], companies: int, contacts: int
) -> None:
    scene.route("timerex", options=options)
    assert scene.happen(scene.event(guest=YAMADA)) == ["delivered"]
    assert len(scene.records("companies")) == companies
    assert len(scene.records("contacts")) == contacts


def test_with_neither_nothing_is_taken(scene: Any) -> None:
    scene.route("timerex", options={"contacts": False, "companies": False})
    assert scene.happen(scene.event(guest=YAMADA)) == ["skipped"]


def test_a_cancellation_changes_nothing(scene: Any) -> None:
    scene.route("timerex")
    scene.happen(scene.event("created", "a", guest=YAMADA))
    scene.vendor.forget()
    assert scene.happen(scene.event("cancelled", "a", guest=YAMADA)) == ["delivered", "skipped"]
    assert scene.vendor.calls == []


# The property tables of the help page: HubSpot's internal names.
COMPANY_TABLE = [
    *("name", "phone", "address", "address2", "city", "state", "country", "zip", "website"),
    *("domain", "numberofemployees", "annualrevenue", "description", "founded_year"),
]
CONTACT_TABLE = [
    *("lastname", "firstname", "salutation", "email", "mobilephone", "phone", "fax", "address"),
    *("city", "state", "country", "zip", "jobtitle", "company", "website", "annualrevenue"),
    *("industry", "twitterhandle", "hs_whatsapp_phone_number"),
]
NUMBERS = {"numberofemployees": "25", "annualrevenue": "1000000"}


def test_both_property_tables_can_be_mapped_and_are_written(scene: Any) -> None:
    own = {"email": "taro@sample.example", "domain": "sample.example"}
    wanted = {
        "company": {
            name: NUMBERS.get(name) or own.get(name, f"c {name}") for name in COMPANY_TABLE
        },
        "person": {name: own.get(name, f"p {name}") for name in CONTACT_TABLE},
    }
    rows = {
        "company": {
            "companies": {one: f"{{{{ answers.company_{one} }}}}" for one in COMPANY_TABLE}
        },
        "person": {"contacts": {one: f"{{{{ answers.person_{one} }}}}" for one in CONTACT_TABLE}},
    }
    answers = tuple(
        Answer(key=f"{role}_{name}", label=name, values=(value,))
        for role, values in wanted.items()
        for name, value in values.items()
    )
    scene.route("timerex", rows=rows)
    assert scene.happen(scene.event(guest=YAMADA, answers=answers)) == ["delivered"]
    (company,), (contact,) = scene.records("companies"), scene.records("contacts")
    assert {name: company.properties[name] for name in COMPANY_TABLE} == wanted["company"]
    assert {name: contact.properties[name] for name in CONTACT_TABLE} == wanted["person"]


# ---------------------------------------------------------------- note 2: create only


def test_note_2_a_known_contact_is_left_alone(scene: Any) -> None:
    _contact(scene, email="Taro@Sample.example", lastname="Known")
    scene.route("timerex", options={"companies": False})
    assert scene.happen(scene.event(guest=YAMADA)) == ["delivered"]
    (contact,) = scene.records("contacts")
    assert contact.properties["lastname"] == "Known"
    assert "firstname" not in contact.properties
    assert scene.vendor.calls == ["POST contacts/batch/read"]


@pytest.mark.parametrize(
    "known",
    [
        {"name": "株式会社サンプル"},
        {"name": "Another name", "domain": "sample.example"},
        {"name": "株式会社サンプル", "domain": "other.example"},
    ],
    ids=["the name", "the domain", "the name with another domain"],
)
def test_note_2_a_company_with_the_name_or_the_domain_is_left_alone(
    scene: Any, known: dict[str, str]
) -> None:
    _company(scene, **known)
    scene.route("timerex", options={"contacts": False})
    assert scene.happen(scene.event(guest=YAMADA)) == ["delivered"]
    (company,) = scene.records("companies")
    assert {name: company.properties.get(name) for name in known} == known
    assert scene.vendor.calls == ["POST companies/search"]


def test_note_2_several_companies_of_one_domain_still_count_as_there(scene: Any) -> None:
    for name in ("Sample Tokyo", "Sample Osaka"):
        _company(scene, name=name, domain="sample.example")
    scene.route("timerex")
    assert scene.happen(scene.event(guest=YAMADA)) == ["delivered"]
    assert len(scene.records("companies")) == 2
    (contact,) = scene.records("contacts")
    oldest = scene.records("companies")[0]
    assert list(scene.linked(contact, "companies")) == [oldest.id]


def test_note_2_a_second_booking_of_a_guest_makes_nothing(scene: Any) -> None:
    scene.route("timerex")
    scene.happen(scene.event(guest=YAMADA))
    assert scene.happen(scene.event(guest=YAMADA)) == ["delivered"] * 2
    assert [len(scene.records(kind)) for kind in ("companies", "contacts")] == [1, 1]


def test_note_2_holds_though_the_search_lags(new_scene: Callable[..., Any]) -> None:
    scene = new_scene(search_lag="30")
    scene.route("timerex")
    scene.happen(scene.event(guest=YAMADA))
    colleague = Person(email="hanako@sample.example", full_name="佐藤 花子", company="サンプル")
    scene.happen(scene.event(guest=colleague))
    assert [len(scene.records(kind)) for kind in ("companies", "contacts")] == [1, 2]


def test_note_2_holds_within_one_backlog_by_name_or_domain(scene: Any) -> None:
    """One guest tells the company by name and domain, one by its name alone, one by domain."""
    guests = [
        YAMADA,
        Person(email="hanako@gmail.com", full_name="佐藤 花子", company="株式会社サンプル"),
        Person(email="jiro@sample.example", full_name="鈴木 次郎", company="サンプル"),
    ]
    scene.route("timerex")
    assert scene.happen(*(scene.event(guest=guest) for guest in guests)) == ["delivered"] * 3
    (company,) = scene.records("companies")
    contacts = scene.records("contacts")
    assert len(contacts) == 3
    assert all(list(scene.linked(one, "companies")) == [company.id] for one in contacts)


def test_note_2_a_contact_that_appeared_meanwhile_is_left_alone_too(scene: Any) -> None:
    """HubSpot refuses the create as a conflict: nothing is filled and nothing associated."""
    scene.route("timerex")
    _contact(scene, email="taro@sample.example")
    empty = {"status": "COMPLETE", "results": []}
    scene.vendor.arm(
        Fault(kind="status", path="contacts/batch/read", status=200, body=empty, times=1)
    )
    assert scene.happen(scene.event(guest=YAMADA)) == ["delivered"]
    (contact,) = scene.records("contacts")
    assert "lastname" not in contact.properties
    assert scene.linked(contact, "companies") == {}


# ---------------------------------------------------------------- note 3: association


@pytest.mark.parametrize("new_contact", [True, False])
@pytest.mark.parametrize("told", [True, False], ids=["company told", "no company told"])
def test_note_3_both_conditions_must_hold_for_the_association(
    scene: Any, new_contact: bool, told: bool
) -> None:
    guest = Person(
        email="taro@gmail.com", full_name="山田 太郎", company="株式会社サンプル" if told else None
    )
    if not new_contact:
        _contact(scene, email="taro@gmail.com")
    scene.route("timerex")
    assert scene.happen(scene.event(guest=guest)) == ["delivered"]
    (contact,) = scene.records("contacts")
    assert len(scene.records("companies")) == int(told)
    assert len(scene.linked(contact, "companies")) == int(told and new_contact)


def test_note_3_a_new_contact_is_associated_with_a_company_that_was_there(scene: Any) -> None:
    known = _company(scene, name="株式会社サンプル")
    scene.route("timerex")
    scene.happen(scene.event(guest=YAMADA))
    (contact,) = scene.records("contacts")
    assert set(scene.linked(contact, "companies")[known["id"]]) == {PRIMARY, PLAIN}


def test_note_3_the_company_need_not_become_the_primary_one(scene: Any) -> None:
    scene.route("timerex", crm={"primary_company": False})
    scene.happen(scene.event(guest=YAMADA))
    (contact,), (company,) = scene.records("contacts"), scene.records("companies")
    assert scene.linked(contact, "companies")[company.id] == [PLAIN]


# ---------------------------------------------------------------- note 4: domains


@pytest.mark.parametrize(
    ("email", "domain"),
    [
        ("taro@sample.example", "sample.example"),
        ("Taro@Tokyo.Sample.Example", "tokyo.sample.example"),
        ("taro@gmail.com", None),
        ("taro@yahoo.co.jp", None),
    ],
)
@pytest.mark.parametrize("row", [None, "{{ guest.email }}"], ids=["the preset", "a row of its own"])
def test_note_4_a_domain_comes_from_an_address_and_free_mail_is_dropped(
    scene: Any, email: str, domain: str | None, row: str | None
) -> None:
    rows = {"company": {"companies": {"domain": row}}} if row else {}
    scene.route("timerex", rows=rows)
    guest = Person(email=email, full_name="山田 太郎", company="株式会社サンプル")
    assert scene.happen(scene.event(guest=guest)) == ["delivered"]
    (company,) = scene.records("companies")
    assert company.properties.get("domain") == domain


# ---------------------------------------------------------------- note 5: contactinformation


def _findings(scene: Any) -> dict[str, str]:
    checked = scene.app.check("hubspot")
    return {one.subject: one.message for one in checked.findings if one.level == "error"}


def test_note_5_email_outside_contactinformation_is_a_finding_of_that_name(scene: Any) -> None:
    scene.vendor.admin("move_property", type="contacts", name="email", group="sales_properties")
    scene.route("timerex", check=False)
    findings = _findings(scene)
    assert list(findings) == ["contacts.email"]
    assert "not in contactinformation" in findings["contacts.email"]


def test_note_5_only_properties_of_contactinformation_are_taken(scene: Any) -> None:
    row = {"message": "{{ booking.notes }}"}
    scene.route("timerex", rows={"person": {"contacts": row}}, check=False)
    findings = _findings(scene)
    assert list(findings) == ["person contacts.message"]
    assert "contact_activity" in findings["person contacts.message"]


def test_only_texts_and_numbers_are_taken(scene: Any) -> None:
    rows = {
        "company": {"companies": {"industry": "RETAIL"}},
        "person": {"contacts": {"hs_language": "ja"}},
    }
    scene.route("timerex", rows=rows, check=False)
    findings = _findings(scene)
    assert set(findings) == {"company companies.industry", "person contacts.hs_language"}
    assert all("string and number" in message for message in findings.values())


# ---------------------------------------------------------------- what it costs


def test_a_hundred_bookings_take_four_calls(scene: Any) -> None:
    scene.route("timerex")
    guests = [
        Person(email=f"p{n}@c{n}.example", full_name=f"P {n}", company=f"C {n}") for n in range(100)
    ]
    states = scene.happen(*(scene.event(guest=guest) for guest in guests))
    assert states == ["delivered"] * 100
    assert sorted(scene.vendor.calls) == [
        "POST companies/batch/create",
        "POST companies/search",
        "POST contacts/batch/create",
        "POST contacts/batch/read",
    ]
    contacts = scene.records("contacts")
    assert len(contacts) == 100
    assert all(len(scene.linked(one, "companies")) == 1 for one in contacts)

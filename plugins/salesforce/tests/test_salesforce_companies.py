"""Accounts by name or web site, people under them, and person accounts."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmwire.types import Ref, Written
from crmwire.vocabulary import Person
from crmwire_salesforce.info import SalesforceMapping
from crmwire_salesforce.people import account_fields
from crmwire_salesforce.spellings import domain_of


def company(key: str, *, create: bool = True) -> dict[str, Any]:
    """A `[company]` table that is matched by this field."""
    return {
        "look_in": ["Account"],
        "match": ["link", key],
        "create": "Account" if create else "",
        "fields": {
            "Account": {
                "Name": "{{ guest.company or (guest.email | company_domain) }}",
                "Website": "{{ guest.email | company_domain }}",
            }
        },
    }


def routed(scene: Any, key: str, **more: Any) -> None:
    preset = scene.app.preset("sales", "linktime")
    preset["company"] = company(key, **more)
    preset["person"]["fields"]["Contact"]["AccountId"] = {"record": "company"}
    scene.route("linktime", mapping=preset)


@pytest.mark.parametrize(
    "website",
    ["example.org", "https://www.example.org/", "HTTP://Example.org", "www.example.org"],
)
def test_an_account_is_found_by_its_web_sites_domain(scene: Any, website: str) -> None:
    account = scene.add("Account", Name="Example Org", Website=website)
    scene.add("Account", Name="Other", Website="https://notexample.org")
    routed(scene, "Website")
    scene.tell(scene.booking("created", email="ann@example.org"))
    (contact,) = scene.records("Contact")
    assert contact["AccountId"] == account
    assert len(scene.records("Account")) == 2
    assert scene.records("Event")[0]["AccountId"] == account


def test_an_account_is_found_by_its_name_or_made(scene: Any) -> None:
    account = scene.add("Account", Name="Example Org")
    routed(scene, "Name")
    for uid, named in (("b1", "example org"), ("b2", "New Ltd")):
        guest = Person(email=f"{uid}@example.org", full_name="Ann Roe", company=named)
        scene.tell(scene.booking("created", uid, guest=guest))
    assert {row["Name"] for row in scene.records("Account")} == {"Example Org", "New Ltd"}
    first, second = scene.records("Contact")
    assert first["AccountId"] == account
    assert second["AccountId"] not in (None, account)


def test_a_free_mail_providers_domain_is_no_company(scene: Any) -> None:
    scene.add("Account", Name="Mail", Website="gmail.com")
    preset = scene.app.preset("sales", "linktime")
    preset["company"] = {**company("Website"), "create_without_key": False}
    preset["company"]["create"] = "{{ 'Account' if guest.email | company_domain else '' }}"
    preset["company"]["look_in"] = "{{ 'Account' if guest.email | company_domain else '' }}"
    preset["person"]["fields"]["Contact"]["AccountId"] = {"record": "company"}
    scene.route("linktime", mapping=preset)
    scene.tell(scene.booking("created", email="ann@gmail.com"))
    assert scene.states() == ["delivered"]
    assert scene.records("Contact")[0]["AccountId"] is None


def test_an_account_that_is_only_matched_is_not_made(scene: Any) -> None:
    routed(scene, "Website", create=False)
    scene.tell(scene.booking("created", email="ann@example.org"))
    assert scene.records("Account") == []
    assert scene.records("Contact")[0]["AccountId"] is None
    assert scene.states() == ["delivered"]


def test_bookings_of_one_company_share_its_account(scene: Any) -> None:
    routed(scene, "Website")
    for n in range(60):
        email = f"p{n}@example{n % 3}.org"
        scene.accept(scene.booking("created", f"b{n}", email=email, name=f"P {n}"))
    scene.calls()
    scene.drain()
    assert scene.states() == ["delivered"] * 60
    assert len(scene.records("Account")) == 3
    assert len({row["AccountId"] for row in scene.records("Contact")}) == 3
    assert len(scene.calls()) <= 4


@given(st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?(\.[a-z]{2,8}){1,2}", fullmatch=True))
def test_a_domain_is_the_same_however_its_site_is_written(domain: str) -> None:
    bare = domain.removeprefix("www.")
    for text in (domain, f"https://{domain}", f"http://www.{bare}/", f"HTTPS://{domain}/a?b"):
        assert domain_of(text) == bare


@given(st.text(max_size=60))
def test_whatever_a_web_site_holds_a_domain_is_read_or_none(text: str) -> None:
    domain = domain_of(text)
    assert domain == domain.strip()
    assert "/" not in domain


# ---------------------------------------------------------------- person accounts


@pytest.fixture
def persons(new_lab: Any) -> Any:
    return new_lab(person_accounts="yes")


PERSONS = SalesforceMapping(person_accounts=True)


@pytest.mark.parametrize("group", ["Roe", None], ids=["in a graph", "shared"])
def test_a_person_account_is_made_and_its_contact_is_on_the_event(
    persons: Any, build: Any, group: str | None
) -> None:
    person = build.contact("Roe", group=group, settings=PERSONS)
    event = build.event("Roe", Ref(write=person.id), group="Roe", settings=PERSONS)
    first, second = persons.conn.hooks.write_records([person, event])
    assert isinstance(first, Written)
    assert isinstance(second, Written)
    (account,), (contact,) = persons.rows("Account"), persons.rows("Contact")
    assert (first.type, first.record) == ("Contact", contact["Id"])
    assert (account["PersonEmail"], account["LastName"]) == ("Roe@example.com", "Roe")
    assert account["PersonContactId"] == contact["Id"]
    assert persons.rows("Event")[0]["WhoId"] == contact["Id"]


def test_a_known_person_account_is_found_by_address_and_written_as_an_account(
    persons: Any, build: Any
) -> None:
    account = persons.add("Account", LastName="Roe", PersonEmail="roe@example.com")
    (found,) = persons.conn.hooks.find_records([build.query("Roe@example.com")])
    contact = found.records[0].id
    change = build.update("u", "Contact", contact, Title="Dr", Phone="+1 555 0100")
    persons.calls()
    for phone in ("+1 555 0100", "+1 555 0101"):
        change = attrs.evolve(change, fields={"Title": "Dr", "Phone": phone})
        (answer,) = persons.conn.hooks.write_records([change])
        assert (answer.type, answer.record, answer.dropped) == ("Contact", contact, ())
    row = persons.get(account)
    assert (row["PersonTitle"], row["Phone"]) == ("Dr", "+1 555 0101")
    assert persons.get(contact)["Title"] == "Dr"
    # Refused, asked for its account, written there; then it is known.
    assert len(persons.calls()) == 3 + 1


def test_a_contacts_fields_have_other_names_on_a_person_account() -> None:
    fields = {
        "FirstName": "A",
        "Email": "e",
        "Phone": "p",
        "MailingCity": "c",
        "Score__c": 1,
        "AccountId": "x",
    }
    assert account_fields(fields) == {
        "FirstName": "A",
        "PersonEmail": "e",
        "Phone": "p",
        "PersonMailingCity": "c",
        "Score__pc": 1,
    }


def test_bookings_become_person_accounts_if_the_mapping_says_so(new_scene: Any) -> None:
    scene = new_scene(person_accounts="yes")
    scene.connect()
    preset = scene.app.preset("sales", "linktime")
    preset["crm"]["person_accounts"] = True
    scene.route("linktime", mapping=preset)
    scene.tell(scene.booking("created"), scene.booking("created", "b2", minute=1, hour=17))
    assert scene.states() == ["delivered"] * 2
    (account,), (contact,) = scene.records("Account"), scene.records("Contact")
    assert contact["AccountId"] == account["Id"]
    assert [row["WhoId"] for row in scene.records("Event")] == [contact["Id"]] * 2

"""Look-ups: contacts from the store, companies from the search, owners from the cache."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from crmwire.errors import Failure, NotAllowed, RetryLater
from crmwire.sandbox import Fault
from crmwire.testing.clock import HeldClock
from crmwire.types import Candidates

if TYPE_CHECKING:
    from collections.abc import Callable

    from crmwire.connections import Connection


def _found(answer: Candidates | Failure) -> list[Any]:
    assert isinstance(answer, Candidates), answer
    return list(answer.records)


def test_contacts_are_found_by_address_whatever_the_case(
    conn: Connection, vendor: Any, make: Any
) -> None:
    made = vendor.admin(
        "create_record",
        type="contacts",
        properties={"email": "Ada@Example.com", "firstname": "Ada"},
    )
    vendor.forget()
    known, unknown = conn.hooks.find_records(
        [
            make.query(" ADA@example.com", fields={"contacts": ("firstname", "phone")}),
            make.query("bob@example.com"),
        ]
    )
    (ada,) = _found(known)
    assert (ada.type, ada.id) == ("contacts", made["id"])
    assert ada.fields["firstname"] == "Ada"
    assert ada.fields["phone"] is None
    assert ada.created_at is not None
    assert ada.url
    assert _found(unknown) == []
    assert vendor.calls == ["POST contacts/batch/read"]


def test_a_secondary_address_finds_the_contact(conn: Connection, vendor: Any, make: Any) -> None:
    made = vendor.admin(
        "create_record",
        type="contacts",
        properties={"email": "ada@example.com"},
        additional_emails=["ada@example.org"],
    )
    answers = conn.hooks.find_records(
        [make.query("ada@example.org"), make.query("ada@example.com"), make.query("x@example.com")]
    )
    assert [[record.id for record in _found(answer)] for answer in answers] == [
        [made["id"]],
        [made["id"]],
        [],
    ]


def test_a_merged_contact_answers_to_its_old_ids_with_its_present_one(
    conn: Connection, vendor: Any, make: Any
) -> None:
    one, two = (
        vendor.admin("create_record", type="contacts", properties={"email": email})["id"]
        for email in ("ada@example.com", "ada@example.org")
    )
    survivor = vendor.admin("merge_contacts", primary=one, other=two)["id"]
    answers = conn.hooks.find_records(
        [
            make.query(one, key="id"),
            make.query(two, key="id"),
            make.query("ada@example.org"),
            make.query("999", key="id"),
        ]
    )
    ids = [[record.id for record in _found(answer)] for answer in answers]
    assert ids == [[survivor], [survivor], [survivor], []]


def test_an_archived_contact_is_not_found(conn: Connection, vendor: Any, make: Any) -> None:
    made = vendor.admin("create_record", type="contacts", properties={"email": "ada@example.com"})
    vendor.admin("archive_record", type="contacts", id=made["id"])
    by_email, by_id = conn.hooks.find_records(
        [make.query("ada@example.com"), make.query(made["id"], key="id")]
    )
    assert _found(by_email) == []
    assert _found(by_id) == []


def test_a_record_that_answers_to_no_address_that_was_asked_is_asked_for_again(
    conn: Connection, vendor: Any, make: Any
) -> None:
    """HubSpot may know an address that the record does not show; then only asking alone tells."""
    made = vendor.admin(
        "create_record",
        type="contacts",
        properties={"email": "ada@example.com"},
        additional_emails=["ada@example.org"],
    )
    portal = vendor.app.accounts["sandbox"]
    portal.records["contacts"][made["id"]].properties["hs_additional_emails"] = ""
    vendor.forget()
    answers = conn.hooks.find_records(
        [make.query(email) for email in ("bob@example.com", "ada@example.org", "eve@example.com")]
    )
    assert [[record.id for record in _found(answer)] for answer in answers] == [
        [],
        [made["id"]],
        [],
    ]
    assert len(vendor.calls) <= 5


def test_a_hundred_and_fifty_addresses_take_two_calls(
    conn: Connection, vendor: Any, make: Any
) -> None:
    answers = conn.hooks.find_records([make.query(f"g{n}@example.com") for n in range(150)])
    assert all(_found(answer) == [] for answer in answers)
    assert vendor.calls == ["POST contacts/batch/read"] * 2


def test_companies_are_found_by_domain_and_all_of_them(
    conn: Connection, vendor: Any, make: Any
) -> None:
    for name in ("Acme", "Acme Europe"):
        vendor.admin(
            "create_record", type="companies", properties={"name": name, "domain": "acme.example"}
        )
    vendor.forget()
    first, second, by_name = conn.hooks.find_records(
        [
            make.query("https://www.Acme.example/about", key="domain", types=("companies",)),
            make.query("other.example", key="domain", types=("companies",)),
            make.query("ACME", key="name", types=("companies",)),
        ]
    )
    assert sorted(record.fields["domain"] for record in _found(first)) == ["acme.example"] * 2
    assert _found(second) == []
    assert len(_found(by_name)) == 1
    assert vendor.calls == ["POST companies/search"]


def test_a_query_of_several_types_looks_in_all(conn: Connection, vendor: Any, make: Any) -> None:
    contact = vendor.admin("create_record", type="contacts", properties={"email": "a@example.com"})
    company = vendor.admin("create_record", type="companies", properties={"name": "A"})
    first, second = conn.hooks.find_records(
        [
            make.query(made["id"], key="id", types=("contacts", "companies"))
            for made in (contact, company)
        ]
    )
    assert [record.type for record in _found(first)] == ["contacts"]
    assert [record.type for record in _found(second)] == ["companies"]


def test_users_are_owners_read_once_a_day_and_once_an_hour_for_a_new_one(
    vendor: Any, make: Any
) -> None:
    clock = HeldClock(datetime(2026, 11, 24, 9, 0, tzinfo=UTC))
    conn = vendor.connect(clock=clock)
    owner = vendor.admin("add_owner", email="Owner@example.com", firstName="O")
    vendor.forget()
    for _ in range(2):
        known, unknown = conn.hooks.find_records(
            [
                make.query("owner@EXAMPLE.com", role="user", types=("owners",)),
                make.query("nobody@example.com", role="user", types=()),
            ]
        )
        (record,) = _found(known)
        assert record.id == owner["id"]
        assert _found(unknown) == []
    assert vendor.calls == ["GET owners/2026-09"]
    new = vendor.admin("add_owner", email="new@example.com")
    clock.sleep(3600)
    (found,) = conn.hooks.find_records([make.query("new@example.com", role="user")])
    assert [record.id for record in _found(found)] == [new["id"]]


def test_a_failed_look_up_is_never_not_found(conn: Connection, vendor: Any, make: Any) -> None:
    vendor.arm(Fault(kind="status", path="batch/read", status=503))
    (answer,) = conn.hooks.find_records([make.query("ada@example.com")])
    assert isinstance(answer, RetryLater)


def test_one_failed_call_fails_only_its_own_queries(
    conn: Connection, vendor: Any, make: Any
) -> None:
    vendor.arm(Fault(kind="status", path="companies/search", status=403))
    person, company = conn.hooks.find_records(
        [
            make.query("ada@example.com"),
            make.query("acme.example", key="domain", types=("companies",)),
        ]
    )
    assert _found(person) == []
    assert isinstance(company, NotAllowed)
    assert "crm.objects.companies.read" in company.remedy


def test_an_error_in_a_batch_read_is_not_taken_for_none(
    conn: Connection, vendor: Any, make: Any
) -> None:
    body = {
        "status": "COMPLETE",
        "results": [],
        "numErrors": 1,
        "errors": [{"status": "error", "category": "INTERNAL_ERROR", "message": "oops"}],
    }
    vendor.arm(Fault(kind="status", path="batch/read", status=207, body=body, times=1))
    (answer,) = conn.hooks.find_records([make.query("ada@example.com")])
    assert isinstance(answer, RetryLater)


def test_search_waits_its_turn(new_vendor: Callable[..., Any], make: Any) -> None:
    vendor = new_vendor()
    conn = vendor.connect()
    for number in range(7):
        (answer,) = conn.hooks.find_records(
            [make.query(f"c{number}.example", key="domain", types=("companies",))]
        )
        assert _found(answer) == []
    assert 429 not in [one["status"] for one in vendor.app.requests]


def test_a_hundred_companies_are_found_by_domain_or_name_in_one_call(
    conn: Connection, vendor: Any, make: Any
) -> None:
    for number in range(0, 100, 2):
        properties = {"name": f"Name {number}", "domain": f"c{number}.example"}
        vendor.admin("create_record", type="companies", properties=properties)
    vendor.forget()
    queries = [
        make.query(value, key=key, types=("companies",))
        for number in range(100)
        for key, value in (("domain", f"c{number}.example"), ("name", f"NAME {number}"))
    ]
    found = [len(_found(answer)) for answer in conn.hooks.find_records(queries)]
    assert found == [1, 1, 0, 0] * 50
    assert vendor.calls == ["POST companies/search"]


def test_a_search_that_is_refused_is_halved_twice_and_no_more(
    new_vendor: Callable[..., Any], make: Any
) -> None:
    vendor = new_vendor(limits="off")
    conn = vendor.connect(clock=HeldClock(datetime(2026, 11, 24, 9, 0, tzinfo=UTC)))
    vendor.admin(
        "create_record", type="companies", properties={"name": "C", "domain": "c7.example"}
    )
    vendor.forget()
    body = {"status": "error", "message": "The request is too long."}
    vendor.arm(Fault(kind="status", path="search", status=400, body=body, times=1))
    queries = [make.query(f"c{n}.example", key="domain", types=("companies",)) for n in range(8)]
    assert [len(_found(one)) for one in conn.hooks.find_records(queries)] == [0] * 7 + [1]
    assert len(vendor.calls) == 3
    vendor.forget()
    vendor.arm(Fault(kind="status", path="search", status=400, body=body))
    assert all(isinstance(one, Failure) for one in conn.hooks.find_records(queries))
    assert len(vendor.calls) == 8


def test_a_company_is_found_by_an_additional_domain(
    conn: Connection, vendor: Any, make: Any
) -> None:
    """Such as that of a company that was merged into it."""
    for domain in ("acme.example", "old.example"):
        vendor.admin("create_record", type="companies", properties={"domain": domain})
    first, second = vendor.app.accounts["sandbox"].records["companies"]
    kept = vendor.admin("merge", type="companies", primary=first, other=second)
    vendor.forget()
    queries = [
        make.query(domain, key="domain", types=("companies",))
        for domain in ("acme.example", "OLD.example", "example")
    ]
    found = [[one.id for one in _found(answer)] for answer in conn.hooks.find_records(queries)]
    assert found == [[kept["id"]], [kept["id"]], []]
    assert vendor.calls == ["POST companies/search"]


def test_additional_domains_that_cannot_be_searched_are_left_out_for_a_day(
    new_vendor: Callable[..., Any], make: Any
) -> None:
    """That HubSpot searches them is not seen in a live answer."""
    vendor = new_vendor(limits="off")
    clock = HeldClock(datetime(2026, 11, 24, 9, 0, tzinfo=UTC))
    conn = vendor.connect(clock=clock)
    vendor.admin("create_record", type="companies", properties={"domain": "acme.example"})
    vendor.admin("remove_property", type="companies", name="hs_additional_domains")
    query = make.query("acme.example", key="domain", types=("companies",))
    for calls in (3, 1):
        vendor.forget()
        (answer,) = conn.hooks.find_records([query])
        assert len(_found(answer)) == 1
        assert len(vendor.calls) == calls
    clock.sleep(86_401)
    conn.hooks.find_records([query])
    assert len(vendor.calls) == 4


def test_without_the_scope_owners_are_asked_for_once_an_hour(
    conn: Connection, vendor: Any, make: Any
) -> None:
    vendor.admin("revoke_scope", scope="crm.objects.owners.read")
    vendor.forget()
    for _ in range(3):
        (answer,) = conn.hooks.find_records([make.query("host@example.com", role="user")])
        assert _found(answer) == []
    assert vendor.calls == ["GET owners/2026-09"]

"""The sandbox's batches, associations and search answer as HubSpot's do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

V3, DATED = "/crm/v3/objects", "/crm/objects/2026-09"


def _inputs(count: int, *, traced: bool = True, **more: str) -> dict[str, Any]:
    inputs: list[dict[str, Any]] = []
    for number in range(count):
        one: dict[str, Any] = {"properties": {"email": f"g{number}@example.com", **more}}
        if traced:
            one["objectWriteTraceId"] = f"t{number}"
        inputs.append(one)
    return {"inputs": inputs}


def test_results_are_shuffled_and_carry_their_trace_ids(vendor: Any) -> None:
    answer = vendor.send("POST", f"{V3}/contacts/batch/create", _inputs(20))
    assert answer.status == 201
    assert answer.data["status"] == "COMPLETE"
    traces = [one["objectWriteTraceId"] for one in answer.data["results"]]
    assert sorted(traces) == sorted(f"t{number}" for number in range(20))
    assert traces != [f"t{number}" for number in range(20)]
    for one in answer.data["results"]:
        assert one["properties"]["email"] == f"g{one['objectWriteTraceId'][1:]}@example.com"


def test_without_trace_ids_one_bad_input_refuses_all(vendor: Any) -> None:
    body = _inputs(3, traced=False)
    body["inputs"][1]["properties"]["email"] = "invalid"
    refused = vendor.send("POST", f"{V3}/contacts/batch/create", body)
    assert refused.status == 400
    assert refused.data["errors"][0]["code"] == "INVALID_EMAIL"
    assert vendor.people() == {}


def test_with_trace_ids_the_others_are_written(vendor: Any) -> None:
    body = _inputs(3)
    body["inputs"][1]["properties"]["email"] = "invalid"
    answer = vendor.send("POST", f"{V3}/contacts/batch/create", body)
    assert answer.status == 207
    assert answer.data["status"] == "COMPLETE"
    assert answer.data["numErrors"] == 1
    assert answer.data["errors"][0]["context"] == {"objectWriteTraceId": ["t1"]}
    assert len(vendor.people()) == 2


def test_a_known_address_is_a_conflict_of_its_input(vendor: Any) -> None:
    known = vendor.send("POST", f"{V3}/contacts", {"properties": {"email": "g0@example.com"}})
    id_ = known.data["id"]
    answer = vendor.send("POST", f"{V3}/contacts/batch/create", _inputs(2))
    (error,) = answer.data["errors"]
    assert error["category"] == "CONFLICT"
    assert error["context"] == {"objectWriteTraceId": ["t0"], "existingId": [id_]}
    whole = vendor.send("POST", f"{V3}/contacts/batch/create", _inputs(3, traced=False))
    assert whole.status == 409
    # Of several conflicts the text names none.
    assert whole.data["message"] == "Contact already exists"


@pytest.mark.parametrize(
    ("verb", "inputs"),
    [
        ("create", [{"properties": {"email": "A@example.com"}}] * 2),
        ("update", [{"id": "1", "properties": {}}] * 2),
        (
            "upsert",
            [
                {"id": "a@example.com", "idProperty": "email", "properties": {}},
                {"id": "A@example.com", "idProperty": "email", "properties": {}},
            ],
        ),
        ("archive", [{"id": "1"}] * 2),
    ],
)
def test_a_key_twice_refuses_the_batch(
    vendor: Any, verb: str, inputs: list[dict[str, Any]]
) -> None:
    body = {"inputs": [{**one, "objectWriteTraceId": str(n)} for n, one in enumerate(inputs)]}
    refused = vendor.send("POST", f"{DATED}/contacts/batch/{verb}", body)
    assert refused.status == 400
    assert refused.data["message"].startswith("Duplicate IDs found in batch input")
    assert refused.data["context"]["ids"]


@pytest.mark.parametrize("verb", ["create", "update", "upsert", "read", "archive"])
def test_a_hundred_and_one_inputs_are_refused(vendor: Any, verb: str) -> None:
    body = {"inputs": [{"id": str(n), "properties": {}} for n in range(101)], "properties": []}
    assert vendor.send("POST", f"{V3}/contacts/batch/{verb}", body).status == 400


def test_upsert_makes_or_changes_and_says_which(vendor: Any) -> None:
    def upsert(**properties: str) -> Any:
        one = {"id": "Ada@example.com", "idProperty": "email", "properties": properties}
        return vendor.send("POST", f"{V3}/contacts/batch/upsert", {"inputs": [one]})

    first, second = upsert(firstname="Ada"), upsert(lastname="Example")
    assert (first.status, second.status) == (200, 200)
    assert [one.data["results"][0]["new"] for one in (first, second)] == [True, False]
    assert vendor.people()["ada@example.com"].name == "Ada Example"


def test_upsert_and_update_want_a_unique_property(vendor: Any) -> None:
    by_name = {"id": "x", "idProperty": "name", "properties": {}}
    refused = vendor.send("POST", f"{V3}/companies/batch/upsert", {"inputs": [by_name]})
    assert refused.status == 400
    assert "non-unique 0-2 property name" in refused.data["message"]
    by_email = {"id": "a@example.com", "idProperty": "email", "properties": {}}
    refused = vendor.send("POST", f"{V3}/contacts/batch/update", {"inputs": [by_email]})
    assert refused.status == 400
    vendor.admin("add_property", type="companies", name="our_id", unique=True)
    own = {"id": "7", "idProperty": "our_id", "properties": {"name": "Acme"}}
    made = vendor.send("POST", f"{V3}/companies/batch/upsert", {"inputs": [own]})
    assert made.data["results"][0]["properties"]["our_id"] == "7"
    taken = vendor.send("POST", f"{V3}/companies", {"properties": {"our_id": "7"}})
    assert taken.status == 400
    assert "CONFLICTING_UNIQUE_VALUE" in taken.data["message"]


def test_unknown_ids_are_told_and_the_others_done(vendor: Any) -> None:
    id_ = vendor.send("POST", f"{V3}/contacts", {"properties": {"lastname": "A"}}).data["id"]
    inputs = [{"id": id_, "properties": {"lastname": "B"}}, {"id": "5", "properties": {}}]
    answer = vendor.send("POST", f"{V3}/contacts/batch/update", {"inputs": inputs})
    assert answer.status == 207
    assert answer.data["errors"][0]["category"] == "OBJECT_NOT_FOUND"
    assert answer.data["errors"][0]["context"] == {"ids": ["5"]}
    read = vendor.send(
        "POST",
        f"{V3}/contacts/batch/read",
        {"inputs": [{"id": id_}, {"id": "5"}], "properties": ["lastname"]},
    )
    assert read.status == 207
    assert [one["properties"]["lastname"] for one in read.data["results"]] == ["B"]


def test_batch_read_by_address_ignores_the_case(vendor: Any) -> None:
    vendor.send("POST", f"{V3}/contacts", {"properties": {"email": "ada@example.com"}})
    read = vendor.send(
        "POST",
        f"{DATED}/contacts/batch/read",
        {"idProperty": "email", "inputs": [{"id": "ADA@example.com"}]},
    )
    assert read.status == 200
    assert read.data["results"][0]["properties"]["email"] == "ada@example.com"


def test_results_can_be_left_out_though_they_were_written(vendor: Any) -> None:
    vendor.admin("omit_results", count=2)
    answer = vendor.send("POST", f"{V3}/contacts/batch/create", _inputs(5))
    assert answer.status == 201
    assert len(answer.data["results"]) == 3
    assert len(vendor.people()) == 5


# ---------------------------------------------------------------- associations


@pytest.fixture
def ends(vendor: Any) -> dict[str, str]:
    return {
        "contacts": vendor.admin(
            "create_record", type="contacts", properties={"email": "ada@example.com"}
        )["id"],
        "companies": vendor.admin("create_record", type="companies", properties={"name": "A"})[
            "id"
        ],
        "meetings": vendor.admin(
            "create_record", type="meetings", properties={"hs_timestamp": "1"}
        )["id"],
    }


def _create(vendor: Any, root: str, from_: str, to: str, type_id: int, ids: list[str]) -> Any:
    spec = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id}
    one = {"from": {"id": ids[0]}, "to": {"id": ids[1]}, "types": [spec]}
    return vendor.send("POST", f"{root}/{from_}/{to}/batch/create", {"inputs": [one]})


@pytest.mark.parametrize(
    ("root", "status"), [("/crm/v4/associations", 201), ("/crm/associations/2026-09", 200)]
)
def test_associations_are_made_and_read_both_ways_with_ids_as_numbers(
    vendor: Any, ends: dict[str, str], root: str, status: int
) -> None:
    made = _create(vendor, root, "meetings", "contacts", 200, [ends["meetings"], ends["contacts"]])
    assert made.status == status
    assert made.data["results"] == [
        {
            "fromObjectTypeId": "0-47",
            "fromObjectId": int(ends["meetings"]),
            "toObjectTypeId": "0-1",
            "toObjectId": int(ends["contacts"]),
            "labels": [],
        }
    ]
    read = vendor.send(
        "POST",
        f"{root}/contacts/meetings/batch/read",
        {"inputs": [{"id": ends["contacts"]}]},
    )
    assert read.status == 200
    assert read.data["results"][0]["to"] == [
        {
            "toObjectId": int(ends["meetings"]),
            "associationTypes": [{"category": "HUBSPOT_DEFINED", "typeId": 199, "label": None}],
        }
    ]


def test_a_primary_company_replaces_the_one_before(vendor: Any, ends: dict[str, str]) -> None:
    other = vendor.admin("create_record", type="companies", properties={"name": "B"})["id"]
    root = "/crm/v4/associations"
    for company in (ends["companies"], other):
        made = _create(vendor, root, "contacts", "companies", 1, [ends["contacts"], company])
        assert made.data["results"][0]["labels"] == ["Primary"]
    listed = vendor.send(
        "GET", f"/crm/v4/objects/contacts/{ends['contacts']}/associations/companies"
    ).data["results"]
    types = {
        one["toObjectId"]: sorted(way["typeId"] for way in one["associationTypes"])
        for one in listed
    }
    assert types == {int(ends["companies"]): [279], int(other): [1, 279]}


def test_associations_that_cannot_be_are_told_in_the_answer(
    vendor: Any, ends: dict[str, str]
) -> None:
    root = "/crm/v4/associations"
    missing = _create(vendor, root, "meetings", "contacts", 200, [ends["meetings"], "1234"])
    assert missing.status == 207
    assert missing.data["errors"][0]["message"] == "CONTACT=1234 is not valid"
    odd = _create(vendor, root, "meetings", "contacts", 200, [ends["meetings"], "x"])
    assert odd.data["errors"][0]["subCategory"] == "crm.associations.INVALID_IDENTIFIER"
    wrong = _create(vendor, root, "meetings", "contacts", 188, [ends["meetings"], ends["contacts"]])
    assert wrong.status == 207


@pytest.mark.parametrize("root", ["/crm/v4/objects", "/crm/objects/2026-09"])
def test_single_associations_are_put_listed_and_removed(
    vendor: Any, ends: dict[str, str], root: str
) -> None:
    base = f"{root}/meetings/{ends['meetings']}/associations"
    both = vendor.send("PUT", f"{base}/default/contacts/{ends['contacts']}")
    assert both.status == 200
    assert [one["associationSpec"]["associationTypeId"] for one in both.data["results"]] == [
        200,
        199,
    ]
    spec = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 188}]
    labelled = vendor.send("PUT", f"{base}/companies/{ends['companies']}", spec)
    assert labelled.status == 201
    assert len(vendor.send("GET", f"{base}/contacts").data["results"]) == 1
    gone = vendor.send("DELETE", f"{base}/contacts/{ends['contacts']}")
    assert gone.status == 204
    assert vendor.send("GET", f"{base}/contacts").data["results"] == []
    assert vendor.send("PUT", f"{base}/default/contacts/1").status == 400


def test_default_and_archived_batches_of_associations(vendor: Any, ends: dict[str, str]) -> None:
    pair = {"from": {"id": ends["meetings"]}, "to": {"id": ends["contacts"]}}
    root = "/crm/v4/associations/meetings/contacts"
    made = vendor.send("POST", f"{root}/batch/associate/default", {"inputs": [pair]})
    assert made.status == 200
    assert len(made.data["results"]) == 2
    gone = {"from": pair["from"], "to": [pair["to"]]}
    assert vendor.send("POST", f"{root}/batch/archive", {"inputs": [gone]}).status == 204
    assert len(vendor.app.unattached(vendor.app.accounts["sandbox"])) == 1
    labels = vendor.send("GET", f"{root}/labels").data["results"]
    assert labels == [{"category": "HUBSPOT_DEFINED", "typeId": 200, "label": None}]


def test_inline_associations_to_nobody_refuse_the_record(vendor: Any) -> None:
    spec = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 200}
    refused = vendor.send(
        "POST",
        f"{V3}/meetings",
        {
            "properties": {"hs_timestamp": "1"},
            "associations": [{"to": {"id": "1234"}, "types": [spec]}],
        },
    )
    assert refused.status == 400
    assert vendor.meetings() == []


def test_reads_can_show_associations_in_the_old_form(vendor: Any, ends: dict[str, str]) -> None:
    vendor.send(
        "PUT",
        f"/crm/v4/objects/meetings/{ends['meetings']}/associations/default"
        f"/contacts/{ends['contacts']}",
    )
    read = vendor.send("GET", f"{V3}/meetings/{ends['meetings']}?associations=contacts").data
    assert read["associations"]["contacts"]["results"] == [
        {"id": ends["contacts"], "type": "meeting_event_to_contact"}
    ]


# ---------------------------------------------------------------- search


def _search(vendor: Any, kind: str = "contacts", **body: Any) -> Any:
    return vendor.send("POST", f"{V3}/{kind}/search", body)


def _filter(name: str, operator: str, **more: Any) -> list[dict[str, Any]]:
    return [{"filters": [{"propertyName": name, "operator": operator, **more}]}]


def test_search_knows_its_operators(new_vendor: Callable[..., Any]) -> None:
    vendor = new_vendor(limits="off")
    for name, city in (("ada", "Paris"), ("bob", "Rome"), ("eve", "")):
        vendor.admin(
            "create_record",
            type="contacts",
            properties={"email": f"{name}@example.com", "city": city},
        )

    def emails(groups: list[dict[str, Any]]) -> list[str]:
        results = _search(vendor, filterGroups=groups).data["results"]
        return [one["properties"]["email"].partition("@")[0] for one in results]

    assert emails(_filter("email", "EQ", value="ADA@example.com")) == ["ada"]
    assert emails(_filter("city", "NEQ", value="Paris")) == ["bob", "eve"]
    assert emails(_filter("city", "IN", values=["paris", "rome"])) == ["ada", "bob"]
    # Values of IN that are not in lower case find nothing.
    assert emails(_filter("city", "IN", values=["Paris"])) == []
    assert emails(_filter("city", "NOT_IN", values=["paris"])) == ["bob", "eve"]
    assert emails(_filter("city", "HAS_PROPERTY")) == ["ada", "bob"]
    assert emails(_filter("city", "NOT_HAS_PROPERTY")) == ["eve"]
    assert emails(_filter("email", "CONTAINS_TOKEN", value="bob")) == ["bob"]
    assert emails(_filter("createdate", "GT", value="0")) == ["ada", "bob", "eve"]
    assert emails(_filter("createdate", "LT", value="2001-01-01T00:00:00Z")) == []
    both = [*_filter("city", "EQ", value="rome"), *_filter("city", "EQ", value="paris")]
    assert emails(both) == ["ada", "bob"]
    assert _search(vendor, filterGroups=_filter("email", "LIKES", value="x")).status == 400
    assert _search(vendor, filterGroups=_filter("shoe", "EQ", value="x")).status == 400


def test_search_pages_sorts_and_takes_words(new_vendor: Callable[..., Any]) -> None:
    vendor = new_vendor(limits="off")
    for name in ("a", "b", "c"):
        vendor.admin("create_record", type="companies", properties={"name": f"{name} Ltd"})
    sorts = [{"propertyName": "name", "direction": "DESCENDING"}]
    first = _search(vendor, "companies", query="ltd", limit=2, sorts=sorts).data
    assert (first["total"], len(first["results"])) == (3, 2)
    assert first["results"][0]["properties"]["name"] == "c Ltd"
    after = first["paging"]["next"]["after"]
    second = _search(vendor, "companies", query="ltd", limit=2, after=after, sorts=sorts).data
    assert [one["properties"]["name"] for one in second["results"]] == ["a Ltd"]
    assert _search(vendor, "companies", limit=201).status == 400


def test_search_lags_behind_the_store_and_still_counts_what_was_archived(
    new_vendor: Callable[..., Any],
) -> None:
    vendor = new_vendor(search_lag="0.3")
    id_ = vendor.send("POST", f"{V3}/contacts", {"properties": {"email": "ada@example.com"}}).data[
        "id"
    ]
    groups = _filter("email", "EQ", value="ada@example.com")
    assert _search(vendor, filterGroups=groups).data["total"] == 0
    assert vendor.send("GET", f"{V3}/contacts/{id_}").status == 200
    time.sleep(0.35)
    assert _search(vendor, filterGroups=groups).data["results"][0]["id"] == id_
    vendor.send("DELETE", f"{V3}/contacts/{id_}")
    assert _search(vendor, filterGroups=groups).data == {"total": 1, "results": []}
    time.sleep(0.35)
    assert _search(vendor, filterGroups=groups).data["total"] == 0


def test_search_by_association(vendor: Any, ends: dict[str, str]) -> None:
    groups = _filter("associations.contact", "EQ", value=ends["contacts"])
    assert _search(vendor, "meetings", filterGroups=groups).data["total"] == 0
    vendor.send(
        "PUT",
        f"/crm/v4/objects/meetings/{ends['meetings']}/associations/default"
        f"/contacts/{ends['contacts']}",
    )
    assert _search(vendor, "meetings", filterGroups=groups).data["total"] == 1

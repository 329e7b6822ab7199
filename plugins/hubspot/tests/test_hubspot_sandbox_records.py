"""The sandbox answers single records as HubSpot does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

V3, DATED = "/crm/v3/objects", "/crm/objects/2026-09"
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")


@pytest.mark.parametrize("root", [V3, DATED, "/crm/objects/2026-03", "/crm/objects/v3"])
def test_a_record_is_made_read_changed_and_archived_on_every_path(vendor: Any, root: str) -> None:
    made = vendor.send(
        "POST",
        f"{root}/contacts",
        {"properties": {"email": "Ada@Example.com", "firstname": "Ada"}},
    )
    assert made.status == 201
    id_ = made.data["id"]
    assert re.fullmatch(r"\d{11,12}", id_)
    assert made.headers["location"] == f"{vendor.url}{root}/contacts/{id_}"
    assert made.data["properties"]["email"] == "ada@example.com"
    assert made.data["properties"]["hs_object_source"] == "INTEGRATION"
    assert made.data["properties"]["lifecyclestage"] == "lead"
    assert made.data["url"].endswith(f"/record/0-1/{id_}")
    assert ISO.fullmatch(made.data["createdAt"])

    read = vendor.send("GET", f"{root}/contacts/{id_}")
    assert sorted(read.data["properties"]) == [
        "createdate",
        "email",
        "firstname",
        "hs_object_id",
        "lastmodifieddate",
        "lastname",
    ]
    assert read.data["properties"]["lastname"] is None

    by_email = vendor.send("GET", f"{root}/contacts/ADA%40example.com?idProperty=email")
    assert by_email.data["id"] == id_

    patched = vendor.send(
        "PATCH", f"{root}/contacts/{id_}", {"properties": {"lastname": "Example"}}
    )
    assert patched.status == 200
    assert patched.data["properties"]["lastname"] == "Example"
    assert "email" not in patched.data["properties"]

    assert vendor.send("DELETE", f"{root}/contacts/{id_}").status == 204
    assert vendor.send("GET", f"{root}/contacts/{id_}").status == 404
    archived = vendor.send("GET", f"{root}/contacts/{id_}?archived=true")
    assert archived.data["archived"] is True


def test_what_is_not_there_is_a_page_unless_json_is_asked_for(vendor: Any) -> None:
    page = vendor.send("GET", f"{V3}/contacts/1", accept="*/*")
    assert page.status == 404
    assert page.headers["content-type"] == "text/html;charset=iso-8859-1"
    assert page.headers["x-hubspot-notfound"] == "true"
    assert "<html>" in page.text
    as_json = vendor.send("GET", f"{V3}/contacts/1")
    assert as_json.data["category"] == "OBJECT_NOT_FOUND"
    assert vendor.send("GET", "/crm/nowhere", accept="*/*").headers["x-hubspot-notfound"]
    assert vendor.send("GET", "/crm/objects/1999-01/contacts").status == 404


def test_every_answer_has_a_correlation_id_that_its_error_repeats(vendor: Any) -> None:
    refused = vendor.send("GET", f"{V3}/butterflies")
    assert refused.status == 400
    assert refused.data["message"] == "Unable to infer object type from: butterflies"
    assert refused.data["correlationId"] == refused.headers["x-hubspot-correlation-id"]


def test_a_wrong_or_missing_token_is_answered_as_hubspot_does(vendor: Any) -> None:
    wrong = vendor.send("GET", f"{V3}/contacts", token="no-token")
    assert (wrong.status, wrong.data["category"]) == (401, "EXPIRED_AUTHENTICATION")
    assert wrong.data["context"] == {"expire time": ["1970-01-01T00:00:00Z"]}
    none = vendor.send("GET", f"{V3}/contacts", token=None)
    assert (none.status, none.data["category"]) == (401, "INVALID_AUTHENTICATION")


def test_a_missing_scope_is_refused_without_saying_which_and_without_rate_headers(
    vendor: Any,
) -> None:
    vendor.admin("revoke_scope", scope="crm.objects.contacts.read")
    refused = vendor.send("GET", f"{V3}/meetings")
    assert (refused.status, refused.data["category"]) == (403, "MISSING_SCOPES")
    named = refused.data["errors"][0]["context"]["requiredGranularScopes"]
    assert len(named) > 5
    assert "x-hubspot-ratelimit-max" not in refused.headers
    properties = vendor.send("GET", "/crm/v3/properties/contacts")
    assert properties.status == 403
    assert "category" not in properties.data
    vendor.admin("grant_scope", scope="crm.objects.contacts.read")
    assert vendor.send("GET", f"{V3}/meetings").status == 200


@pytest.mark.parametrize(
    ("kind", "properties", "code"),
    [
        ("contacts", {"email": "invalid"}, "INVALID_EMAIL"),
        ("contacts", {"shoe": "44"}, "PROPERTY_DOESNT_EXIST"),
        ("contacts", {"email": "a@example.com", "createdate": "1"}, "READ_ONLY_VALUE"),
        ("contacts", {"email": "a@example.com", "hs_email_domain": "x"}, "READ_ONLY_VALUE"),
        ("meetings", {"hs_timestamp": "invalid"}, "INVALID_LONG"),
        ("meetings", {"hs_timestamp": "1", "hs_meeting_outcome": "CANCELLED"}, "INVALID_OPTION"),
        ("companies", {"numberofemployees": "many"}, "INVALID_NUMBER"),
        ("meetings", {"hs_timestamp": "1", "hubspot_owner_id": "1"}, "INVALID_OWNER_ID"),
    ],
)
def test_values_that_do_not_fit_are_refused_in_both_forms(
    vendor: Any, kind: str, properties: dict[str, str], code: str
) -> None:
    refused = vendor.send("POST", f"{DATED}/{kind}", {"properties": properties})
    assert refused.status == 400
    assert refused.data["category"] == "VALIDATION_ERROR"
    assert [one["code"] for one in refused.data["errors"]] == [code]
    assert refused.data["message"].startswith('Property values were not valid: [{"isValid":false')
    assert vendor.app.commits == []


def test_a_contact_with_a_known_address_conflicts(vendor: Any) -> None:
    first = vendor.send("POST", f"{V3}/contacts", {"properties": {"email": "ada@example.com"}})
    again = vendor.send("POST", f"{V3}/contacts", {"properties": {"email": "ADA@example.com"}})
    assert again.status == 409
    assert again.data["message"] == f"Contact already exists. Existing ID: {first.data['id']}"
    assert again.data["category"] == "CONFLICT"


def test_a_contact_needs_a_name_or_an_address(vendor: Any) -> None:
    assert vendor.send("POST", f"{V3}/contacts", {"properties": {"phone": "1"}}).status == 400


def test_datetimes_are_taken_in_both_forms_and_given_as_iso(vendor: Any) -> None:
    made = vendor.send(
        "POST",
        f"{V3}/meetings",
        {
            "properties": {
                "hs_timestamp": "1659970341857",
                "hs_meeting_start_time": 1651568400000,
                "hs_meeting_end_time": "2022-05-03T11:15:00+02:00",
                "hs_meeting_body": "Text",
            }
        },
    ).data["properties"]
    assert made["hs_timestamp"] == "2022-08-08T14:52:21.857Z"
    assert made["hs_meeting_start_time"] == "2022-05-03T09:00:00Z"
    assert made["hs_meeting_end_time"] == "2022-05-03T09:15:00Z"
    assert made["hs_body_preview"] == "Text"
    assert made["hs_meeting_source"] == "CRM_UI"


def test_an_activity_needs_its_place_on_the_timeline(vendor: Any) -> None:
    refused = vendor.send("POST", f"{V3}/notes", {"properties": {"hs_note_body": "x"}})
    assert refused.status == 400
    assert refused.data["context"] == {"properties": ["hs_timestamp"]}
    task = vendor.send(
        "POST",
        f"{V3}/tasks",
        {"properties": {"hs_timestamp": "1659970341857", "hs_task_subject": "Call"}},
    )
    assert task.status == 201


def test_an_owner_is_written_out_on_the_record(vendor: Any) -> None:
    owner = vendor.admin("add_owner", email="o@example.com")
    made = vendor.send(
        "POST",
        f"{V3}/meetings",
        {"properties": {"hs_timestamp": "1", "hubspot_owner_id": int(owner["id"])}},
    ).data["properties"]
    assert made["hubspot_owner_id"] == owner["id"]
    assert made["hs_all_owner_ids"] == owner["id"]


def test_an_empty_text_clears_and_what_is_left_out_stays(vendor: Any) -> None:
    id_ = vendor.send(
        "POST",
        f"{V3}/contacts",
        {"properties": {"email": "ada@example.com", "phone": "1", "city": "Paris"}},
    ).data["id"]
    vendor.send("PATCH", f"{V3}/contacts/{id_}", {"properties": {"phone": ""}})
    read = vendor.send("GET", f"{V3}/contacts/{id_}?properties=phone,city,unknown").data
    assert read["properties"]["phone"] is None
    assert read["properties"]["city"] == "Paris"
    assert "unknown" not in read["properties"]


def test_a_company_gets_its_website_from_its_domain_and_may_stand_twice(vendor: Any) -> None:
    for _ in range(2):
        made = vendor.send("POST", f"{V3}/companies", {"properties": {"domain": "acme.example"}})
        assert made.status == 201
        assert made.data["properties"]["website"] == "acme.example"


def test_merged_contacts_answer_to_old_ids_and_every_address(vendor: Any) -> None:
    ids = [
        vendor.send(
            "POST",
            f"{V3}/contacts",
            {"properties": {"email": f"{name}@example.com", "firstname": name}},
        ).data["id"]
        for name in ("ada", "bob")
    ]
    meeting = vendor.send(
        "POST",
        f"{V3}/meetings",
        {
            "properties": {"hs_timestamp": "1"},
            "associations": [
                {
                    "to": {"id": ids[1]},
                    "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 200}],
                }
            ],
        },
    )
    assert meeting.status == 201
    merged = vendor.send(
        "POST", f"{V3}/contacts/merge", {"primaryObjectId": ids[0], "objectIdToMerge": ids[1]}
    ).data
    assert merged["id"] not in ids
    assert merged["properties"]["email"] == "ada@example.com"
    assert merged["properties"]["hs_additional_emails"] == "bob@example.com"
    for id_ in ids:
        assert vendor.send("GET", f"{V3}/contacts/{id_}").data["id"] == merged["id"]
    by_second = vendor.send("GET", f"{V3}/contacts/bob@example.com?idProperty=email")
    assert by_second.data["id"] == merged["id"]
    assert len(vendor.people()["ada@example.com"].entries) == 1


def test_an_archived_contact_does_not_block_its_address(vendor: Any) -> None:
    body = {"properties": {"email": "ada@example.com"}}
    first = vendor.send("POST", f"{V3}/contacts", body).data["id"]
    vendor.send("DELETE", f"{V3}/contacts/{first}")
    second = vendor.send("POST", f"{V3}/contacts", body)
    assert second.status == 201
    assert second.data["id"] != first


def test_lists_come_in_chunks(vendor: Any) -> None:
    for number in range(5):
        vendor.admin("create_record", type="contacts", properties={"lastname": str(number)})
    names: list[str] = []
    path = f"{V3}/contacts?limit=2&properties=lastname"
    while path:
        data = vendor.send("GET", path).data
        names += [one["properties"]["lastname"] for one in data["results"]]
        path = data.get("paging", {}).get("next", {}).get("link", "").removeprefix(vendor.url)
    assert names == ["0", "1", "2", "3", "4"]
    assert vendor.send("GET", f"{V3}/contacts?limit=101").status == 400


def test_required_properties_count_on_the_newest_version_only(vendor: Any) -> None:
    vendor.admin("set_required_property", type="contacts", name="phone")
    body = {"properties": {"email": "ada@example.com"}}
    refused = vendor.send("POST", f"{DATED}/contacts", body)
    assert refused.status == 400
    assert vendor.send("POST", f"{V3}/contacts", body).status == 201


def test_malformed_bodies_are_refused_without_a_category(vendor: Any) -> None:
    for body in (b"{oops", b"[]", b'{"properties": []}'):
        refused = vendor.send("POST", f"{V3}/contacts", body)
        assert refused.status == 400
        assert "category" not in refused.data
        assert refused.data["message"].startswith("Invalid input JSON")


def test_rate_headers_count_down_and_the_limit_is_enforced(
    new_vendor: Callable[..., Any],
) -> None:
    vendor = new_vendor(burst="3")
    left = []
    for _ in range(3):
        answer = vendor.send("GET", f"{V3}/contacts")
        left.append(answer.headers["x-hubspot-ratelimit-remaining"])
    assert left == ["2", "1", "0"]
    refused = vendor.send("GET", f"{V3}/contacts")
    assert refused.status == 429
    assert refused.data["policyName"] == "TEN_SECONDLY_ROLLING"
    # Batches of associations are exempt from the ten-second limit.
    exempt = vendor.send(
        "POST", "/crm/v4/associations/contacts/meetings/batch/read", {"inputs": [{"id": "1"}]}
    )
    assert exempt.status == 207


def test_the_day_and_the_search_have_limits_of_their_own(new_vendor: Callable[..., Any]) -> None:
    vendor = new_vendor()
    answers = [vendor.send("POST", f"{V3}/contacts/search", {}) for _ in range(6)]
    assert [answer.status for answer in answers] == [200] * 5 + [429]
    assert answers[-1].data["category"] == "RATE_LIMITS"
    assert "policyName" not in answers[-1].data
    assert "x-hubspot-ratelimit-max" not in answers[0].headers
    assert "x-hubspot-ratelimit-daily" in answers[0].headers
    vendor = new_vendor(daily="1")
    vendor.send("GET", f"{V3}/contacts")
    assert vendor.send("GET", f"{V3}/contacts").data["policyName"] == "DAILY"


def test_limits_can_be_switched_off(new_vendor: Callable[..., Any]) -> None:
    vendor = new_vendor(limits="off", burst="1")
    assert [vendor.send("GET", f"{V3}/contacts").status for _ in range(3)] == [200] * 3


def test_owners_and_the_account_are_shown(vendor: Any) -> None:
    owner = vendor.admin("add_owner", email="O@example.com", firstName="O", lastName="P")
    everyone = vendor.send("GET", "/crm/v3/owners/?limit=1").data
    assert everyone["paging"]["next"]["after"]
    (found,) = vendor.send("GET", "/crm/owners/2026-09?email=o@example.com").data["results"]
    assert found["id"] == owner["id"]
    assert vendor.send("GET", "/crm/v3/owners?email=x@example.com").data == {"results": []}
    by_user = vendor.send("GET", f"/crm/v3/owners/{owner['userId']}?idProperty=userId")
    assert by_user.data["id"] == owner["id"]
    details = vendor.send("GET", "/account-info/v3/details").data
    assert details["portalId"] == vendor.app.accounts["sandbox"].portal_id
    usage = vendor.send("GET", "/account-info/2026-09/api-usage/daily/private-apps").data
    assert usage["results"][0]["fetchStatus"] == "SUCCESS"


def test_properties_have_the_members_of_the_documents(vendor: Any) -> None:
    results = vendor.send("GET", "/crm/properties/2026-09/contacts").data["results"]
    email = next(one for one in results if one["name"] == "email")
    assert email["groupName"] == "contactinformation"
    assert email["hasUniqueValue"] is False
    assert email["modificationMetadata"]["readOnlyValue"] is False
    one = vendor.send("GET", "/crm/v3/properties/meetings/hs_meeting_outcome").data
    assert "CANCELED" in [option["value"] for option in one["options"]]
    assert vendor.send("GET", "/crm/v3/properties/meetings/nothing").status == 404


def test_an_action_on_what_is_not_there_says_so(vendor: Any) -> None:
    answer = vendor.send(
        "POST",
        "/__sandbox__/admin",
        {"account": "sandbox", "action": "archive_record", "type": "contacts", "id": "1"},
    )
    assert answer.status == 404
    assert "contacts 1" in answer.data["error"]


def test_a_contact_can_be_forgotten_for_good(vendor: Any) -> None:
    contacts = "/crm/objects/2026-09/contacts"
    made = vendor.send("POST", contacts, {"properties": {"email": "ada@example.com"}}).data
    body = {"objectId": "Ada@example.com", "idProperty": "email"}
    for _ in range(2):
        assert vendor.send("POST", f"{contacts}/gdpr-delete", body).status == 204
    assert vendor.send("GET", f"{contacts}/{made['id']}").status == 404
    assert vendor.send("GET", f"{contacts}/{made['id']}?archived=true").status == 404


@pytest.mark.parametrize("root", ["/crm/properties/2026-09", "/crm/v3/properties"])
def test_properties_and_groups_are_changed_and_removed(vendor: Any, root: str) -> None:
    vendor.admin("grant_scope", scope="crm.schemas.contacts.write")
    group = {"name": "booking_sync", "label": "Booking sync"}
    assert vendor.send("POST", f"{root}/contacts/groups", group).status == 201
    one = {
        "name": "seat",
        "label": "Seat",
        "groupName": "booking_sync",
        "type": "enumeration",
        "fieldType": "select",
        "options": [{"label": "A", "value": "a", "displayOrder": 0, "hidden": False}],
    }
    assert vendor.send("POST", f"{root}/contacts", one).status == 201
    options = [{"label": "B", "value": "b", "displayOrder": 0, "hidden": False}]
    changed = vendor.send("PATCH", f"{root}/contacts/seat", {"label": "Row", "options": options})
    assert changed.data["label"] == "Row"
    assert [option["value"] for option in changed.data["options"]] == ["b"]
    read = vendor.send(
        "POST",
        f"{root}/contacts/batch/read",
        {"archived": False, "inputs": [{"name": "seat"}, {"name": "none"}]},
    )
    assert (read.status, len(read.data["results"])) == (207, 1)
    renamed = vendor.send("PATCH", f"{root}/contacts/groups/booking_sync", {"label": "Sync"})
    assert renamed.data["label"] == "Sync"
    assert vendor.send("PATCH", f"{root}/contacts/email", {"label": "E"}).status == 400
    assert vendor.send("DELETE", f"{root}/contacts/groups/booking_sync").status == 400
    assert vendor.send("DELETE", f"{root}/contacts/seat").status == 204
    assert vendor.send("DELETE", f"{root}/contacts/seat").status == 404
    assert vendor.send("DELETE", f"{root}/contacts/groups/booking_sync").status == 204
    vendor.send("POST", f"{root}/contacts", {**one, "groupName": "contactinformation"})
    archived = {"inputs": [{"name": "seat"}, {"name": "email"}]}
    assert vendor.send("POST", f"{root}/contacts/batch/archive", archived).status == 204
    assert vendor.send("GET", f"{root}/contacts/seat").status == 404
    assert vendor.send("GET", f"{root}/contacts/email").status == 200


def test_a_fresh_portal_has_no_rules_for_values(vendor: Any) -> None:
    assert vendor.send("GET", "/crm/property-validations/2026-09/0-1").data == {"results": []}

"""The sandbox: single records, collections, and everything that refuses them."""

from __future__ import annotations

from typing import Any

import pytest

from crmwire_salesforce.sandbox_app.ids import is_id, new_id, with_checksum


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()[0]["errorCode"]


def test_ids_have_the_prefix_of_their_type_and_a_checksum(lab: Any) -> None:
    for type_, prefix, fields in (
        ("Contact", "003", {"LastName": "Roe"}),
        ("Lead", "00Q", {"LastName": "Roe", "Company": "E"}),
        ("Account", "001", {"Name": "E"}),
    ):
        id_ = lab.add(type_, **fields)
        assert id_.startswith(prefix)
        assert is_id(id_)


def test_the_checksum_is_the_vendors() -> None:
    assert with_checksum("001dM00003kRs59") == "001dM00003kRs59QAC"
    assert with_checksum("00U1U000008tip8") == "00U1U000008tip8UAA"
    assert not is_id("001dM00003kRs59QAA")
    assert new_id("003", 1, 62).startswith("003Sb1000000010")


def test_a_created_record_answers_201_with_a_relative_location(lab: Any) -> None:
    answer = lab.call("POST", "/sobjects/Contact", {"LastName": "Roe"})
    id_ = answer.json()["id"]
    assert answer.status_code == 201
    assert answer.json() == {"id": id_, "success": True, "errors": []}
    assert answer.headers["location"] == f"/services/data/v62.0/sobjects/Contact/{id_}"
    assert answer.headers["sforce-limit-info"] == "api-usage=1/15000"
    assert answer.headers["content-type"] == "application/json;charset=UTF-8"


def test_a_change_answers_204_without_a_body(lab: Any) -> None:
    id_ = lab.add("Contact", LastName="Roe")
    answer = lab.call("PATCH", f"/sobjects/Contact/{id_[:15]}", {"firstname": " Ann "})
    assert (answer.status_code, answer.content) == (204, b"")
    assert lab.get(id_)["Name"] == "Ann Roe"
    assert lab.call("DELETE", f"/sobjects/Contact/{id_}").status_code == 204
    for method in ("GET", "PATCH", "DELETE"):
        answer = lab.call(method, f"/sobjects/Contact/{id_}", {})
        assert code(answer) == (404, "ENTITY_IS_DELETED")


def test_null_and_blank_clear_a_field(lab: Any) -> None:
    id_ = lab.add("Contact", LastName="Roe", FirstName="Ann", Phone="1")
    lab.call("PATCH", f"/sobjects/Contact/{id_}", {"FirstName": None, "Phone": " "})
    assert (lab.get(id_)["FirstName"], lab.get(id_)["Phone"]) == (None, None)


def test_single_fields_are_read(lab: Any) -> None:
    id_ = lab.add("Contact", LastName="Roe", Email="roe@example.com")
    answer = lab.call("GET", f"/sobjects/Contact/{id_}", params={"fields": "Email,lastname"})
    assert set(answer.json()) == {"attributes", "Id", "Email", "LastName"}
    assert answer.headers["last-modified"].endswith("GMT")


@pytest.mark.parametrize(
    ("type_", "body", "wanted"),
    [
        ("Contact", {}, "REQUIRED_FIELD_MISSING"),
        ("Lead", {"LastName": "Roe"}, "REQUIRED_FIELD_MISSING"),
        ("Contact", {"LastName": "Roe", "Shoe__c": "42"}, "INVALID_FIELD"),
        ("Contact", {"LastName": "Roe", "Id": "003000000000001"}, "INVALID_FIELD"),
        ("Contact", {"LastName": "Roe", "Name": "Ann"}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ("Contact", {"LastName": "x" * 81}, "STRING_TOO_LONG"),
        ("Contact", {"LastName": "😀" * 41}, "STRING_TOO_LONG"),
        ("Contact", {"LastName": "Roe", "Email": "ann@"}, "INVALID_EMAIL_ADDRESS"),
        ("Contact", {"LastName": "Roe", "Email": "a b@example.com"}, "INVALID_EMAIL_ADDRESS"),
        ("Contact", {"LastName": 5}, "JSON_PARSER_ERROR"),
        ("Contact", {"LastName": "Roe", "AccountId": "x"}, "MALFORMED_ID"),
        (
            "Contact",
            {"LastName": "Roe", "AccountId": "001000000000001"},
            "INVALID_CROSS_REFERENCE_KEY",
        ),
        (
            "Event",
            {"StartDateTime": "2027-01-04T15:00:00Z", "DurationInMinutes": 5, "ShowAs": "Away"},
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        ),
        ("Contact", [], "JSON_PARSER_ERROR"),
    ],
)
def test_what_the_vendor_refuses_is_refused(lab: Any, type_: str, body: Any, wanted: str) -> None:
    assert code(lab.call("POST", f"/sobjects/{type_}", body)) == (400, wanted)
    assert lab.rows(type_) == []


def test_a_reference_of_the_wrong_type_and_a_deleted_one_are_refused(lab: Any) -> None:
    contact, account = lab.add("Contact", LastName="Roe"), lab.add("Account", Name="E")
    event = {"StartDateTime": "2027-01-04T15:00:00Z", "DurationInMinutes": 30}
    answer = lab.call("POST", "/sobjects/Event", {**event, "WhoId": account})
    assert code(answer) == (400, "MALFORMED_ID")
    lab.admin("delete_record", id=contact)
    answer = lab.call("POST", "/sobjects/Event", {**event, "WhoId": contact})
    assert code(answer) == (400, "ENTITY_IS_DELETED")


def test_an_inactive_owner_is_refused(lab: Any) -> None:
    user = lab.add("User", LastName="Host", Username="h@example.com", Email="h@example.com")
    lab.admin("deactivate_user", id=user)
    answer = lab.call("POST", "/sobjects/Contact", {"LastName": "Roe", "OwnerId": user})
    assert code(answer) == (400, "INACTIVE_OWNER_OR_USER")
    assert user[:15] in answer.json()[0]["message"]
    assert user not in answer.json()[0]["message"]


def test_rules_of_the_org_are_kept(lab: Any) -> None:
    lab.admin("set_validation_rule", type="Contact", field="Phone", message="Give a phone.")
    answer = lab.call("POST", "/sobjects/Contact", {"LastName": "Roe"})
    assert code(answer) == (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION")
    lab.admin("set_required_field", type="Contact", field="Region__c")
    answer = lab.call("POST", "/sobjects/Contact", {"LastName": "Roe", "Phone": "1"})
    assert code(answer) == (400, "REQUIRED_FIELD_MISSING")
    assert answer.json()[0]["fields"] == ["Region__c"]
    body = {"LastName": "Roe", "Phone": "1", "Region__c": "EU"}
    assert lab.call("POST", "/sobjects/Contact", body).status_code == 201
    assert lab.call("GET", "/sobjects/Contact/describe").json()["fields"][-1]["custom"]


def test_an_upsert_answers_as_the_vendor_does(lab: Any) -> None:
    path = "/sobjects/Contact/Email/a%2Fb%40example.com"
    first = lab.call("PATCH", path, {"LastName": "Roe"})
    assert (first.status_code, first.json()["created"]) == (201, True)
    second = lab.call("PATCH", path, {"LastName": "Doe"})
    assert (second.status_code, second.json()["created"]) == (200, False)
    assert lab.get(first.json()["id"])["Email"] == "a/b@example.com"
    answer = lab.call("PATCH", "/sobjects/Contact/Email/c%40example.com?updateOnly=true", {})
    assert code(answer) == (404, "NOT_FOUND")
    assert code(lab.call("PATCH", "/sobjects/Contact/Phone/1", {})) == (404, "NOT_FOUND")
    assert code(lab.call("PATCH", path, {"Email": "x@example.com"})) == (400, "INVALID_FIELD")


def test_a_key_that_fits_several_answers_300(lab: Any) -> None:
    ids = [lab.add("Contact", LastName="Roe", Email="roe@example.com") for _ in range(2)]
    answer = lab.call("GET", "/sobjects/Contact/Email/roe@example.com")
    assert answer.status_code == 300
    assert answer.json() == [f"/services/data/v62.0/sobjects/Contact/{id_}" for id_ in ids]


def test_a_nested_key_stands_for_a_reference(lab: Any) -> None:
    lab.add("Contact", LastName="Roe", Email="roe@example.com")
    event = {"StartDateTime": "2027-01-04T15:00:00Z", "DurationInMinutes": 30}
    who = {"attributes": {"type": "Contact"}, "Email": "roe@example.com"}
    assert lab.call("POST", "/sobjects/Event", {**event, "Who": who}).status_code == 201
    answer = lab.call("POST", "/sobjects/Event", {**event, "Who": {"Email": "roe@example.com"}})
    assert code(answer) == (400, "JSON_PARSER_ERROR")


def test_a_converted_lead_is_read_only_and_its_events_move(lab: Any) -> None:
    lead = lab.add("Lead", LastName="Roe", Company="E", Email="roe@example.com")
    event = {"StartDateTime": "2027-01-04T15:00:00Z", "DurationInMinutes": 30, "WhoId": lead}
    event_id = lab.call("POST", "/sobjects/Event", event).json()["id"]
    made = lab.admin("convert_lead", id=lead)
    assert lab.get(event_id)["WhoId"] == made["contact"]
    assert lab.get(made["contact"])["Email"] == "roe@example.com"
    answer = lab.call("PATCH", f"/sobjects/Lead/{lead}", {"Phone": "1"})
    assert code(answer) == (400, "CANNOT_UPDATE_CONVERTED_LEAD")
    answer = lab.call("POST", "/sobjects/Event", event)
    assert code(answer) == (400, "CANNOT_UPDATE_CONVERTED_LEAD")


def test_deleting_a_person_deletes_their_events(lab: Any) -> None:
    who = lab.add("Contact", LastName="Roe")
    lab.add("Event", WhoId=who, StartDateTime="2027-01-04T15:00:00Z", DurationInMinutes=30)
    lab.call("DELETE", f"/sobjects/Contact/{who}")
    assert lab.rows("Event") == []
    all_rows = lab.call("GET", "/queryAll", params={"q": "SELECT Id, IsDeleted FROM Event"})
    assert all_rows.json()["records"][0]["IsDeleted"] is True


# ---------------------------------------------------------------- collections


def test_rows_of_a_collection_are_judged_one_by_one(lab: Any) -> None:
    body = {
        "allOrNone": False,
        "records": [
            {"attributes": {"type": "Contact"}, "LastName": "Roe"},
            {"attributes": {"type": "Contact"}},
            {"LastName": "Doe"},
        ],
    }
    answer = lab.call("POST", "/composite/sobjects", body)
    assert answer.status_code == 200
    good, bad, odd = answer.json()
    assert good["success"]
    assert bad["errors"] == [
        {
            "statusCode": "REQUIRED_FIELD_MISSING",
            "message": "Required fields are missing: [LastName]",
            "fields": ["LastName"],
        }
    ]
    assert odd["errors"][0]["statusCode"] == "JSON_PARSER_ERROR"
    assert len(lab.rows("Contact")) == 1


def test_all_or_none_takes_good_rows_back(lab: Any) -> None:
    rows = [
        {"attributes": {"type": "Contact"}, "LastName": "Roe"},
        {"attributes": {"type": "Contact"}},
    ]
    answer = lab.call("POST", "/composite/sobjects", {"allOrNone": True, "records": rows})
    codes = [row["errors"][0]["statusCode"] for row in answer.json()]
    assert codes == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING"]
    assert lab.rows("Contact") == []
    assert lab.app.commits == []


def test_collections_update_upsert_read_and_delete(lab: Any) -> None:
    id_ = lab.add("Contact", LastName="Roe", Email="roe@example.com")
    row = {"attributes": {"type": "Contact"}, "Phone": "1"}
    rows = [{**row, "id": id_}, {**row, "id": "003000000000001"}, row]
    answer = lab.call("PATCH", "/composite/sobjects", {"records": rows}).json()
    assert [one["success"] for one in answer] == [True, False, False]
    assert [one["errors"][0]["statusCode"] for one in answer[1:]] == [
        "INVALID_CROSS_REFERENCE_KEY",
        "MISSING_ARGUMENT",
    ]
    rows = [{**row, "Email": "ROE@example.com"}, {**row, "Email": "n@example.com", "LastName": "N"}]
    answer = lab.call("PATCH", "/composite/sobjects/Contact/Email", {"records": rows}).json()
    assert [one["created"] for one in answer] == [False, True]
    read = lab.call(
        "GET",
        "/composite/sobjects/Contact",
        params={"ids": f"{id_},003000000000001", "fields": "Phone"},
    ).json()
    assert (read[0]["Phone"], read[1]) == ("1", None)
    gone = lab.call("DELETE", "/composite/sobjects", params={"ids": id_}).json()
    assert gone == [{"id": id_, "success": True, "errors": []}]


def test_a_collection_has_at_most_200_rows(lab: Any) -> None:
    rows = [{"attributes": {"type": "Contact"}, "LastName": "Roe"}] * 201
    answer = lab.call("POST", "/composite/sobjects", {"records": rows})
    assert answer.status_code == 400


# ---------------------------------------------------------------- the rest of HTTP


@pytest.mark.parametrize(
    ("method", "path", "wanted"),
    [
        ("GET", "/sobjects/Nothing", (404, "NOT_FOUND")),
        ("GET", "/nothing", (404, "NOT_FOUND")),
        ("GET", "/services/data/v99.0/limits", (404, "NOT_FOUND")),
        ("GET", "/services/nothing", (404, "NOT_FOUND")),
        ("PUT", "/sobjects/Contact/003000000000001", (404, "NOT_FOUND")),
        ("DELETE", "/limits", (405, "METHOD_NOT_ALLOWED")),
        ("GET", "/query/0r8x-2", (400, "INVALID_QUERY_LOCATOR")),
        ("GET", "/query", (400, "MALFORMED_QUERY")),
    ],
)
def test_wrong_paths_and_methods(lab: Any, method: str, path: str, wanted: Any) -> None:
    assert code(lab.call(method, path)) == wanted


def test_a_wrong_token_is_refused_without_counting(lab: Any) -> None:
    answer = lab.call("GET", "/limits", headers={"Authorization": "Bearer wrong"})
    assert answer.json() == [
        {"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}
    ]
    assert answer.status_code == 401
    answer = lab.call("GET", "/services/oauth2/userinfo", headers={"Authorization": "Bearer wrong"})
    assert (answer.status_code, answer.text) == (403, "Bad_OAuth_Token")
    assert lab.app.orgs["sandbox"].used == 0


def test_versions_are_listed_without_a_token(lab: Any) -> None:
    answer = lab.call("GET", "/services/data", headers={"Authorization": ""}).json()
    assert answer[0] == {"label": "Summer '14", "url": "/services/data/v31.0", "version": "31.0"}
    assert answer[-1]["label"] == "Spring '26"


def test_calls_are_counted_until_the_day_is_spent(new_lab: Any) -> None:
    lab = new_lab(daily_limit="2")
    assert lab.call("GET", "/limits").json()["DailyApiRequests"] == {"Max": 2, "Remaining": 1}
    lab.call("GET", "/services/oauth2/userinfo")
    assert lab.call("GET", "/limits").status_code == 200
    answer = lab.call("GET", "/limits")
    assert code(answer) == (403, "REQUEST_LIMIT_EXCEEDED")
    assert answer.headers["sforce-limit-info"] == "api-usage=2/2"


def test_a_body_that_is_no_json_is_refused(lab: Any) -> None:
    url = f"{lab.url}/services/data/v62.0/sobjects/Contact"
    headers = {"Authorization": "Bearer sandbox"}
    answer = lab.client.post(url, content="{", headers=headers)
    assert code(answer) == (400, "JSON_PARSER_ERROR")


def test_the_page_shows_people_and_their_timelines(lab: Any) -> None:
    who = lab.add("Contact", LastName="Roe", Email="roe@example.com")
    event = {"Subject": "Intro", "StartDateTime": "2027-01-04T15:00:00Z", "DurationInMinutes": 30}
    lab.add("Event", WhoId=who, **event)
    lab.add("Event", **event)
    (account,) = lab.call("GET", "/services/../__sandbox__/timelines").json()["accounts"]
    (person,) = account["people"]
    assert (person["name"], person["fields"]["Owner"]) == ("Roe", "Integration User")
    assert [entry["title"] for entry in person["entries"]] == ["Intro"]
    assert person["entries"][0]["start"] == "2027-01-04T15:00:00.000+0000"
    assert len(account["unattached"]) == 1


def test_commits_are_told_in_order(lab: Any) -> None:
    id_ = lab.call("POST", "/sobjects/Contact", {"LastName": "Roe"}).json()["id"]
    lab.call("PATCH", f"/sobjects/Contact/{id_}", {"Phone": "1"})
    lab.call("PATCH", f"/sobjects/Contact/{id_}", {"Phone": "x" * 41})
    told = [(one["action"], one["type"], one["fields"]) for one in lab.app.commits]
    assert told == [
        ("create", "Contact", {"LastName": "Roe"}),
        ("update", "Contact", {"Phone": "1"}),
    ]


def test_unknown_admin_actions_are_told(lab: Any) -> None:
    for body in ({"action": "dance"}, {"action": "delete_record", "id": "x"}):
        answer = lab.client.post(f"{lab.url}/__sandbox__/admin", json=body)
        assert answer.status_code == 404

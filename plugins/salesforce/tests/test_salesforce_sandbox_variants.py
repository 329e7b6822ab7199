"""The sandbox: batches, compression, conditional describes, variants of orgs, limits of graphs."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from typing import Any

import pytest


def codes(answer: Any) -> list[str]:
    return [one["errorCode"] for one in answer.json()]


# ---------------------------------------------------------------- batch


def test_each_request_of_a_batch_counts_and_stands_alone(lab: Any) -> None:
    known = lab.add("Account", Name="x")
    requests = [
        {"method": "GET", "url": "v62.0/limits"},
        {"method": "PATCH", "url": f"v62.0/sobjects/Account/{known}", "richInput": {"Name": "y"}},
        {"method": "GET", "url": "v62.0/sobjects/Account/001000000000000AAA"},
        {"method": "GET", "url": "v62.0/query?q=SELECT+Id+FROM+Account"},
    ]
    answer = lab.call("POST", "/composite/batch", {"batchRequests": requests})
    assert answer.status_code == 200
    told = answer.json()
    assert told["hasErrors"] is True
    assert [one["statusCode"] for one in told["results"]] == [200, 204, 404, 200]
    assert told["results"][2]["result"][0]["errorCode"] == "NOT_FOUND"
    assert lab.get(known)["Name"] == "y"
    assert answer.headers["sforce-limit-info"] == "api-usage=4/15000"


def test_a_batch_halts_at_an_error_if_told_so(lab: Any) -> None:
    requests = [{"method": "GET", "url": f"v62.0/{path}"} for path in ("limits", "x", "limits")]
    body = {"haltOnError": True, "batchRequests": requests}
    told = lab.call("POST", "/composite/batch", body).json()
    assert [one["statusCode"] for one in told["results"]] == [200, 404, 412]
    assert told["results"][2]["result"][0]["errorCode"] == "BATCH_PROCESSING_HALTED"


def test_a_batch_has_at_most_25_requests_and_no_composite(lab: Any) -> None:
    requests = [{"method": "GET", "url": "v62.0/limits"}] * 26
    answer = lab.call("POST", "/composite/batch", {"batchRequests": requests})
    assert (answer.status_code, codes(answer)) == (400, ["LIMIT_EXCEEDED"])
    inner = [{"method": "POST", "url": "v62.0/composite", "richInput": {}}]
    told = lab.call("POST", "/composite/batch", {"batchRequests": inner}).json()
    assert told["results"][0]["statusCode"] == 400


def test_a_batch_stops_at_the_days_end(new_lab: Any) -> None:
    lab = new_lab(daily_limit="2")
    requests = [{"method": "GET", "url": "v62.0/limits"}] * 3
    told = lab.call("POST", "/composite/batch", {"batchRequests": requests}).json()
    assert [one["statusCode"] for one in told["results"]] == [200, 200, 403]


# ---------------------------------------------------------------- compression, conditions


def test_bodies_go_in_gzip_both_ways(lab: Any) -> None:
    body = gzip.compress(json.dumps({"Name": "packed"}).encode())
    headers = {"Authorization": "Bearer sandbox", "Content-Encoding": "gzip"}
    url = f"{lab.url}/services/data/v62.0/sobjects/Account"
    assert lab.client.post(url, content=body, headers=headers).status_code == 201
    assert [row["Name"] for row in lab.rows("Account")] == ["packed"]
    plain = lab.call("GET", "/sobjects/Lead/describe", headers={"Accept-Encoding": "identity"})
    packed = lab.call("GET", "/sobjects/Lead/describe", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 4
    assert packed.json() == plain.json()


def test_a_body_that_is_not_in_gzip_is_refused(lab: Any) -> None:
    answer = lab.call("POST", "/sobjects/Account", {}, headers={"Content-Encoding": "gzip"})
    assert (answer.status_code, codes(answer)) == (400, ["JSON_PARSER_ERROR"])


def test_a_describe_answers_304_until_the_object_or_a_right_changes(lab: Any) -> None:
    first = lab.call("GET", "/sobjects/Lead/describe")
    since = {"If-Modified-Since": first.headers["last-modified"]}
    again = lab.call("GET", "/sobjects/Lead/describe", headers=since)
    assert (again.status_code, again.content) == (304, b"")
    part = {
        "method": "GET",
        "url": "/services/data/v62.0/sobjects/Lead/describe",
        "referenceId": "d",
        "httpHeaders": since,
    }
    told = lab.call("POST", "/composite", {"compositeRequest": [part]}).json()
    assert told["compositeResponse"][0]["httpStatusCode"] == 304
    assert told["compositeResponse"][0]["body"] is None
    lab.admin("set_object_rights", type="Lead", updateable=False)
    assert lab.call("GET", "/sobjects/Lead/describe", headers=since).status_code == 200
    since["If-Modified-Since"] = "nonsense"
    assert lab.call("GET", "/sobjects/Lead/describe", headers=since).status_code == 200


def test_a_retired_version_is_gone(lab: Any) -> None:
    answer = lab.call("GET", "/services/data/v25.0/limits")
    assert (answer.status_code, codes(answer)) == (410, ["UNSUPPORTED_API_VERSION"])


# ---------------------------------------------------------------- variants of orgs


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({"CountryCode": "US", "StateCode": "NY"}, ("United States", "New York")),
        ({"Country": "united states", "State": "California"}, ("United States", "California")),
        ({"Country": "Germany"}, ("Germany", None)),
        ({"State": "New York"}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"Country": "Germany", "State": "New York"}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"Country": "Atlantis"}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"CountryCode": "JP", "StateCode": "NY"}, "FIELD_INTEGRITY_EXCEPTION"),
    ],
)
def test_addresses_keep_to_the_lists_of_states_and_countries(
    new_lab: Any, body: dict[str, str], wanted: Any
) -> None:
    lab = new_lab(state_picklists="yes")
    answer = lab.call("POST", "/sobjects/Lead", {"LastName": "x", "Company": "y", **body})
    if isinstance(wanted, str):
        assert codes(answer) == [wanted]
        assert answer.json()[0]["fields"]
    else:
        row = lab.rows("Lead")[0]
        assert (row["Country"], row["State"]) == wanted


def test_without_the_lists_an_address_is_free_text(lab: Any) -> None:
    body = {"LastName": "x", "Company": "y", "State": "Anywhere"}
    assert lab.call("POST", "/sobjects/Lead", body).status_code == 201
    answer = lab.call("POST", "/sobjects/Lead", {**body, "StateCode": "NY"})
    assert codes(answer) == ["INVALID_FIELD"]


@pytest.mark.parametrize(("multiday", "days"), [("yes", 14), ("no", 1)])
def test_an_event_may_last_so_many_days(new_lab: Any, build: Any, multiday: str, days: int) -> None:
    lab = new_lab(multiday_events=multiday)
    for more, status in ((timedelta(0), 201), (timedelta(minutes=1), 400)):
        end = build.start + timedelta(days=days) + more
        body = {"StartDateTime": build.start.isoformat(), "EndDateTime": end.isoformat()}
        answer = lab.call("POST", "/sobjects/Event", body)
        assert answer.status_code == status
    assert codes(answer) == ["FIELD_INTEGRITY_EXCEPTION"]


@pytest.mark.parametrize(
    ("mode", "rules"),
    [("off", []), ("alert", [("Allow", ["Alert", "Report"])]), ("block", [("Block", [])])],
)
def test_what_duplicate_rules_do_can_be_read(lab: Any, mode: str, rules: Any) -> None:
    lab.admin("duplicate_rule", mode=mode)
    told = lab.call("GET", "/ui-api/duplicates/Lead").json()
    assert told["dedupeEnabled"] is (mode != "off")
    found = [(one["actionOnInsert"], one["operationsOnInsert"]) for one in told["duplicateRules"]]
    assert found == rules
    assert lab.call("GET", "/ui-api/duplicates/Account").json()["duplicateRules"] == []
    assert lab.call("GET", "/ui-api/duplicates/Nothing").status_code == 404


# ---------------------------------------------------------------- limits of graphs


def graph(*requests: tuple[str, str, Any]) -> dict[str, Any]:
    return {
        "graphs": [
            {
                "graphId": "g",
                "compositeRequest": [
                    {
                        "method": method,
                        "url": f"/services/data/v62.0/sobjects/{path}",
                        "referenceId": f"n{number}",
                        "body": body,
                    }
                    for number, (method, path, body) in enumerate(requests)
                ],
            }
        ]
    }


@pytest.mark.parametrize(("depth", "status"), [(15, 200), (16, 400)])
def test_nodes_of_a_graph_depend_on_each_other_at_most_15_deep(
    lab: Any, depth: int, status: int
) -> None:
    nodes: list[tuple[str, str, Any]] = [("POST", "Account", {"Name": "a"})]
    for number in range(1, depth):
        parent = f"@{{n{number - 1}.id}}"
        nodes.append(("POST", "Account", {"Name": "a", "ParentId": parent}))
    assert lab.call("POST", "/composite/graph", graph(*nodes)).status_code == status


def test_a_graph_call_has_at_most_15_kinds_of_nodes(lab: Any, build: Any) -> None:
    for number in range(16):
        name = f"K{number}__c"
        lab.app.orgs["sandbox"].schemas[name.lower()] = lab.app.orgs["sandbox"].schemas["account"]
    for kinds, status in ((15, 200), (16, 400)):
        nodes = [("POST", f"K{number}__c", {"Name": "a"}) for number in range(kinds)]
        answer = lab.call("POST", "/composite/graph", graph(*nodes))
        assert answer.status_code == status


# ---------------------------------------------------------------- rights, keys


def test_an_object_without_a_right_to_it_is_not_there(lab: Any) -> None:
    lab.admin("set_object_rights", type="Lead", readable=False)
    assert lab.call("GET", "/sobjects/Lead/describe").status_code == 404
    assert codes(lab.query("SELECT Id FROM Lead")) == ["INVALID_TYPE"]


def test_a_key_stands_once_in_a_collection(lab: Any) -> None:
    rows = [
        {"attributes": {"type": "Contact"}, "Email": email, "LastName": "x"}
        for email in ("a@example.com", "A@example.com")
    ]
    path = "/composite/sobjects/Contact/Email"
    answer = lab.call("PATCH", path, {"records": rows})
    assert (answer.status_code, codes(answer)) == (400, ["DUPLICATE_VALUE"])
    assert lab.call("PATCH", path, {"records": rows[:1]}).json()[0]["created"] is True

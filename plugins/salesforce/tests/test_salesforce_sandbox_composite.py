"""The sandbox: composite and graphs."""

from __future__ import annotations

from typing import Any

ROOT = "/services/data/v62.0"


def node(method: str, path: str, name: str, body: Any = None) -> dict[str, Any]:
    request = {"method": method, "url": ROOT + path, "referenceId": name}
    return request if body is None else {**request, "body": body}


def contact(name: str, **fields: Any) -> dict[str, Any]:
    return node("POST", "/sobjects/Contact", name, {"LastName": "Roe", **fields})


def composite(lab: Any, *requests: Any, **more: Any) -> Any:
    answer = lab.call("POST", "/composite", {"compositeRequest": list(requests), **more})
    assert answer.status_code == 200, answer.text
    return answer.json()["compositeResponse"]


def graphs(lab: Any, *all_requests: Any) -> Any:
    body = [{"graphId": f"g{n}", "compositeRequest": one} for n, one in enumerate(all_requests)]
    answer = lab.call("POST", "/composite/graph", {"graphs": body})
    assert answer.status_code == 200, answer.text
    return answer.json()["graphs"]


def test_a_composite_passes_results_on_and_counts_once(lab: Any) -> None:
    event = {
        "WhoId": "@{who.id}",
        "Subject": "With @{row.LastName}",
        "StartDateTime": "2027-01-04T15:00:00Z",
        "DurationInMinutes": 30,
    }
    answers = composite(
        lab,
        contact("who"),
        node("GET", "/sobjects/Contact/@{who.id}", "row"),
        node("POST", "/sobjects/Event", "ev", event),
        node("PATCH", "/sobjects/Contact/@{who.id}", "up", {"Phone": "1"}),
        node("GET", "/query?q=SELECT Id FROM Contact WHERE Id = '@{who.id}'", "q"),
    )
    assert [one["httpStatusCode"] for one in answers] == [201, 200, 201, 204, 200]
    assert answers[0]["httpHeaders"]["Location"].endswith(answers[0]["body"]["id"])
    assert answers[3]["body"] is None
    (row,) = lab.rows("Event")
    assert (row["WhoId"], row["Subject"]) == (answers[0]["body"]["id"], "With Roe")
    assert lab.app.orgs["sandbox"].used == 1


def test_what_depends_on_a_failed_part_is_halted(lab: Any) -> None:
    answers = composite(
        lab,
        contact("who", Email="odd"),
        node("PATCH", "/sobjects/Contact/@{who.id}", "up", {"Phone": "1"}),
        contact("other"),
    )
    codes = [one["body"][0]["errorCode"] for one in answers[:2]]
    assert codes == ["INVALID_EMAIL_ADDRESS", "PROCESSING_HALTED"]
    assert answers[2]["httpStatusCode"] == 201


def test_all_or_none_takes_everything_back(lab: Any) -> None:
    answers = composite(lab, contact("a"), contact("b", Email="odd"), contact("c"), allOrNone=True)
    codes = [one["body"][0]["errorCode"] for one in answers]
    assert codes == ["PROCESSING_HALTED", "INVALID_EMAIL_ADDRESS", "PROCESSING_HALTED"]
    assert lab.rows("Contact") == []
    assert lab.app.commits == []


def test_a_composite_keeps_to_its_limits(lab: Any) -> None:
    for requests in (
        [contact(f"n{n}") for n in range(26)],
        [node("GET", "/query?q=SELECT Id FROM Contact", f"n{n}") for n in range(6)],
        [contact("same"), contact("same")],
        [contact("not-a-name")],
    ):
        answer = lab.call("POST", "/composite", {"compositeRequest": requests})
        assert answer.status_code == 400
    assert lab.rows("Contact") == []


def test_graphs_stand_or_fall_alone(lab: Any) -> None:
    good, bad = graphs(
        lab,
        [contact("n0"), node("PATCH", "/sobjects/Contact/@{n0.id}", "n1", {"Phone": "1"})],
        [contact("n0"), contact("n1", Email="odd"), contact("n2")],
    )
    assert (good["graphId"], good["isSuccessful"]) == ("g0", True)
    assert not bad["isSuccessful"]
    nodes = bad["graphResponse"]["compositeResponse"]
    assert [one["httpStatusCode"] for one in nodes] == [400, 400, 400]
    assert [one["body"][0]["errorCode"] for one in nodes] == [
        "PROCESSING_HALTED",
        "INVALID_EMAIL_ADDRESS",
        "PROCESSING_HALTED",
    ]
    assert [row["Phone"] for row in lab.rows("Contact")] == ["1"]


def test_after_14_failed_graphs_the_rest_is_not_run(lab: Any) -> None:
    answers = graphs(lab, *([contact("n0", Email="odd")] for _ in range(14)), [contact("n0")])
    assert not any(graph["isSuccessful"] for graph in answers)
    (last,) = answers[-1]["graphResponse"]["compositeResponse"]
    assert last["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert lab.rows("Contact") == []


def test_a_graph_call_keeps_to_its_limits(lab: Any) -> None:
    def refused(*all_requests: Any) -> bool:
        body = [{"graphId": f"g{n}", "compositeRequest": r} for n, r in enumerate(all_requests)]
        return bool(lab.call("POST", "/composite/graph", {"graphs": body}).status_code == 400)

    assert refused(*([contact("n0")] for _ in range(76)))
    assert refused([contact(f"n{n}") for n in range(501)])
    (graph,) = graphs(lab, [node("GET", "/query?q=SELECT Id FROM Contact", "n0")])
    assert not graph["isSuccessful"]


def test_the_duplicate_header_of_the_call_holds_for_its_graphs(lab: Any) -> None:
    lab.add("Contact", LastName="Roe", Email="roe@example.com")
    lab.admin("duplicate_rule", mode="alert")
    body = {
        "graphs": [{"graphId": "g", "compositeRequest": [contact("n", Email="ROE@example.com")]}]
    }
    for allow, wanted in (("false", False), ("true", True)):
        headers = {"Sforce-Duplicate-Rule-Header": f"allowSave={allow}"}
        answer = lab.call("POST", "/composite/graph", body, headers=headers).json()
        assert answer["graphs"][0]["isSuccessful"] is wanted

"""The sandbox under `simple-salesforce`, a client of others (development dependency only)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

simple_salesforce = pytest.importorskip("simple_salesforce")
requests = pytest.importorskip("requests")

from simple_salesforce.exceptions import (  # noqa: E402
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
    SalesforceRefusedRequest,
    SalesforceResourceNotFound,
)


class Plain(requests.adapters.HTTPAdapter):  # type: ignore[name-defined,misc]
    """Sends what the client believes to be https to the sandbox."""

    def send(self, request: Any, *args: Any, **more: Any) -> Any:
        request.url = request.url.replace("https://", "http://", 1)
        return super().send(request, *args, **more)


@pytest.fixture
def client(lab: Any) -> Iterator[Any]:
    with requests.Session() as session:
        yield connected(lab, session)


def connected(lab: Any, session: Any, token: str = "sandbox") -> Any:
    session.mount("https://127.0.0.1", Plain())
    session.trust_env = False
    return simple_salesforce.Salesforce(
        instance_url=lab.url, session_id=token, version="62.0", session=session
    )


def test_a_record_is_made_read_changed_and_deleted(client: Any) -> None:
    made = client.Contact.create({"LastName": "Roe", "Email": "roe@example.com"})
    assert made["success"] is True
    assert made["errors"] == []
    assert client.Contact.update(made["id"], {"FirstName": "Ann"}) == 204
    row = client.Contact.get(made["id"])
    assert row["attributes"]["type"] == "Contact"
    assert (row["Name"], row["Email"]) == ("Ann Roe", "roe@example.com")
    assert row["CreatedDate"].endswith(".000+0000")
    assert client.Contact.get_by_custom_id("Email", "ROE@example.com")["Id"] == made["id"]
    assert client.Contact.delete(made["id"]) == 204
    with pytest.raises(SalesforceResourceNotFound) as caught:
        client.Contact.get(made["id"])
    assert caught.value.content[0]["errorCode"] == "ENTITY_IS_DELETED"


def test_an_upsert_tells_whether_it_created(client: Any) -> None:
    assert client.Contact.upsert("Email/a+b@example.com", {"LastName": "Roe"}) == 201
    assert client.Contact.upsert("Email/a+b@example.com", {"LastName": "Doe"}) == 200


def test_queries_and_their_further_chunks(new_lab: Any) -> None:
    lab = new_lab(page_size="2")
    for number in range(5):
        lab.add("Contact", LastName=f"Roe {number}", Email=f"p{number}@example.com")
    with requests.Session() as session:
        client = connected(lab, session)
        found = client.query_all("SELECT Id, LastName FROM Contact ORDER BY LastName DESC")
        assert [row["LastName"] for row in found["records"]] == [
            f"Roe {n}" for n in range(4, -1, -1)
        ]
        assert client.query("SELECT COUNT() FROM Contact")["totalSize"] == 5
        assert client.is_sandbox() is False


def test_objects_are_described(client: Any) -> None:
    described = client.Event.describe()
    fields = {field["name"]: field for field in described["fields"]}
    assert fields["WhoId"]["referenceTo"] == ["Contact", "Lead"]
    assert described["keyPrefix"] == "00U"
    assert "Lead" in {one["name"] for one in client.describe()["sobjects"]}
    assert client.limits()["DailyApiRequests"]["Max"] == 15000


def test_collections_are_inserted_and_usage_is_read(client: Any) -> None:
    answer = client.restful(
        "composite/sobjects",
        method="POST",
        json={"records": [{"attributes": {"type": "Lead"}, "LastName": "Roe", "Company": "E"}]},
    )
    assert answer[0]["success"] is True
    assert client.api_usage["api-usage"].total == 15000


def test_refusals_raise_the_clients_own_errors(lab: Any, client: Any) -> None:
    with pytest.raises(SalesforceMalformedRequest) as caught:
        client.Contact.create({"FirstName": "Ann"})
    assert caught.value.content == [
        {
            "message": "Required fields are missing: [LastName]",
            "errorCode": "REQUIRED_FIELD_MISSING",
            "fields": ["LastName"],
        }
    ]
    with pytest.raises(SalesforceMalformedRequest):
        client.query("SELECT Id FROM Contact WHERE")
    with pytest.raises(SalesforceResourceNotFound):
        client.Contact.get("003000000000001AAA")
    with pytest.raises(SalesforceResourceNotFound):
        client.Nothing.describe()
    for _ in range(2):
        lab.add("Contact", LastName="Roe", Email="roe@example.com")
    with pytest.raises(SalesforceMoreThanOneRecord):
        client.Contact.upsert("Email/roe@example.com", {"LastName": "Roe"})
    lab.admin("set_api_access", enabled=False)
    with pytest.raises(SalesforceRefusedRequest):
        client.query("SELECT Id FROM Contact")


def test_a_dead_session_raises_the_clients_own_error(lab: Any) -> None:
    with requests.Session() as session, pytest.raises(SalesforceExpiredSession):
        connected(lab, session, "wrong").query("SELECT Id FROM Contact")

"""HubSpot's own Python client (hubspot-api-client) works against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from crmwire.sandbox import CLIENT_ID, CLIENT_SECRET
from crmwire.sandbox.loginpage import press

hubspot = pytest.importorskip("hubspot", reason="hubspot-api-client is not installed")

from hubspot.crm.contacts import (  # noqa: E402
    BatchInputSimplePublicObjectBatchInputForCreate,
    BatchInputSimplePublicObjectBatchInputUpsert,
    BatchReadInputSimplePublicObjectId,
    PublicObjectSearchRequest,
    SimplePublicObjectInput,
    SimplePublicObjectInputForCreate,
)
from hubspot.crm.contacts.exceptions import ApiException  # noqa: E402
from hubspot.oauth.exceptions import ApiException as OAuthException  # noqa: E402
from hubspot.utils.oauth import get_auth_url  # noqa: E402


@pytest.fixture
def api(vendor: Any) -> Iterator[Any]:
    client = hubspot.Client.create(access_token="sandbox")
    client.config["host"] = vendor.url
    return client


def _new(**properties: str) -> Any:
    return SimplePublicObjectInputForCreate(properties=properties, associations=[])


def test_a_contact_is_made_read_and_changed(api: Any) -> None:
    contacts = api.crm.contacts.basic_api
    made = contacts.create(_new(email="ada@example.com", firstname="Ada"))
    read = contacts.get_by_id(made.id, properties=["email", "phone"])
    assert read.properties["email"] == "ada@example.com"
    assert read.created_at == made.created_at
    by_email = contacts.get_by_id("ada@example.com", id_property="email")
    assert by_email.id == made.id
    contacts.update(made.id, SimplePublicObjectInput(properties={"phone": "+15550100"}))
    assert contacts.get_by_id(made.id, properties=["phone"]).properties["phone"] == "+15550100"
    assert [one.id for one in contacts.get_page().results] == [made.id]
    contacts.archive(made.id)
    with pytest.raises(ApiException) as raised:
        contacts.get_by_id(made.id)
    assert raised.value.status == 404


def test_errors_are_the_clients_own_exceptions(api: Any) -> None:
    contacts = api.crm.contacts.basic_api
    contacts.create(_new(email="ada@example.com"))
    with pytest.raises(ApiException) as raised:
        contacts.create(_new(email="ada@example.com"))
    assert raised.value.status == 409
    assert "Existing ID" in raised.value.body
    with pytest.raises(ApiException) as raised:
        contacts.create(_new(email="invalid"))
    assert raised.value.status == 400
    api.access_token = "wrong"
    with pytest.raises(ApiException) as raised:
        api.crm.contacts.basic_api.get_page()
    assert raised.value.status == 401


def test_batches_are_upserted_made_and_read(api: Any) -> None:
    batch = api.crm.contacts.batch_api
    inputs = [
        {
            "id": f"g{n}@example.com",
            "idProperty": "email",
            "properties": {"lastname": str(n)},
            "objectWriteTraceId": str(n),
        }
        for n in range(3)
    ]
    upserted = batch.upsert(BatchInputSimplePublicObjectBatchInputUpsert(inputs=inputs))
    assert upserted.status == "COMPLETE"
    assert all(one.new for one in upserted.results)
    mixed = batch.create(
        BatchInputSimplePublicObjectBatchInputForCreate(
            inputs=[
                {"properties": {"email": "g0@example.com"}, "objectWriteTraceId": "a"},
                {"properties": {"email": "new@example.com"}, "objectWriteTraceId": "b"},
            ]
        )
    )
    assert len(mixed.results) == 1
    assert mixed.num_errors == 1
    assert mixed.errors[0].category == "CONFLICT"
    read = batch.read(
        BatchReadInputSimplePublicObjectId(
            id_property="email",
            inputs=[{"id": "g1@example.com"}, {"id": "nobody@example.com"}],
            properties=["lastname"],
            properties_with_history=[],
        )
    )
    assert [one.properties["lastname"] for one in read.results] == ["1"]
    assert read.num_errors == 1


def test_contacts_are_searched(api: Any) -> None:
    api.crm.contacts.basic_api.create(_new(email="ada@example.com"))
    found = api.crm.contacts.search_api.do_search(
        PublicObjectSearchRequest(
            filter_groups=[
                {
                    "filters": [
                        {"propertyName": "email", "operator": "EQ", "value": "ada@example.com"}
                    ]
                }
            ],
            properties=["email"],
            limit=10,
        )
    )
    assert found.total == 1


def test_a_meeting_is_made_with_its_contact(api: Any, vendor: Any) -> None:
    from hubspot.crm.objects.meetings import SimplePublicObjectInputForCreate as NewMeeting

    contact = api.crm.contacts.basic_api.create(_new(email="ada@example.com"))
    meeting = api.crm.objects.meetings.basic_api.create(
        NewMeeting(
            properties={"hs_timestamp": "2026-11-24T09:00:00Z", "hs_meeting_title": "Intro"},
            associations=[
                {
                    "to": {"id": contact.id},
                    "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 200}],
                }
            ],
        )
    )
    assert meeting.properties["hs_meeting_title"] == "Intro"
    (entry,) = vendor.people()["ada@example.com"].entries
    assert entry.id == meeting.id


def test_associations_are_read_and_made(api: Any, vendor: Any) -> None:
    from hubspot.crm.associations.v4 import (
        AssociationSpec,
        BatchInputPublicFetchAssociationsBatchRequest,
    )

    contact = api.crm.contacts.basic_api.create(_new(email="ada@example.com"))
    company = vendor.admin("create_record", type="companies", properties={"name": "Acme"})["id"]
    api.crm.associations.v4.basic_api.create(
        "contacts",
        contact.id,
        "companies",
        company,
        [AssociationSpec(association_category="HUBSPOT_DEFINED", association_type_id=279)],
    )
    read = api.crm.associations.v4.batch_api.get_page(
        "contacts",
        "companies",
        BatchInputPublicFetchAssociationsBatchRequest(inputs=[{"id": contact.id}]),
    )
    assert str(read.results[0].to[0].to_object_id) == company
    listed = api.crm.associations.v4.basic_api.get_page("contacts", contact.id, "companies")
    assert len(listed.results) == 1


def test_owners_and_properties_are_listed(api: Any, vendor: Any) -> None:
    owner = vendor.admin("add_owner", email="o@example.com", firstName="O")
    page = api.crm.owners.owners_api.get_page(email="o@example.com")
    assert [one.id for one in page.results] == [owner["id"]]
    names = [one.name for one in api.crm.properties.core_api.get_all("contacts").results]
    assert "email" in names


def test_a_person_logs_in_and_the_token_is_refreshed_and_told_about(api: Any, vendor: Any) -> None:
    """By the client's own address of HubSpot's page, at the sandbox's host."""
    back = "http://localhost:8765/oauth/callback"
    address = get_auth_url(
        client_id=CLIENT_ID,
        redirect_uri=back,
        scope=("oauth", "crm.objects.contacts.read", "crm.objects.contacts.write"),
        optional_scope=("crm.schemas.contacts.write",),
        state="s",
    )
    came = urlsplit(press(address.replace("https://app.hubspot.com", vendor.url)))
    code = dict(parse_qsl(came.query))["code"]
    app = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    tokens = api.oauth.tokens_api
    first = tokens.create(grant_type="authorization_code", code=code, redirect_uri=back, **app)
    again = tokens.create(grant_type="refresh_token", refresh_token=first.refresh_token, **app)
    assert again.access_token != first.access_token
    told = api.oauth.access_tokens_api.get(again.access_token)
    assert told.hub_id == vendor.app.accounts["sandbox"].portal_id
    assert "crm.schemas.contacts.write" not in told.scopes
    api.access_token = again.access_token
    api.config["access_token"] = again.access_token
    contact = api.crm.contacts.basic_api.create(_new(email="ada@example.com"))
    assert list(vendor.people()) == ["ada@example.com"]
    assert vendor.people()["ada@example.com"].id == contact.id
    with pytest.raises(OAuthException) as raised:
        tokens.create(grant_type="refresh_token", refresh_token="unknown", **app)
    assert raised.value.status == 400
    assert "BAD_REFRESH_TOKEN" in raised.value.body

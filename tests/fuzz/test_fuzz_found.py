"""What the fuzzer found, each in its smallest form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

import crmwire_attio
import crmwire_hubspot
import crmwire_salesforce
from crmwire import feed_settings
from crmwire.errors import Failure, Rejected, RetryLater, UnreadableWebhook
from crmwire.http import Response
from crmwire.mapping import load_mapping
from crmwire.testing.clock import HeldClock
from crmwire.testing.connect import connect
from crmwire.testing.samples import BOOKED_AT, details
from crmwire.types import Event, Query, Subject, WebhookRequest
from crmwire_attio.notes import listing
from crmwire_hubspot.associated import associated_ids
from crmwire_hubspot.values import read_instant
from fuzz.samples import sources

DEEP = b"[" * 100_000


class Says:
    """A client whose vendor answers everything with the same."""

    def __init__(self, body: bytes, headers: Mapping[str, str], status: int = 200) -> None:
        self.answer = status, dict(headers), body

    def send(self, *_: Any, **more: Any) -> tuple[int, dict[str, str], bytes]:
        return self.answer


def opened(plugin: Any, body: bytes, status: int = 200, **headers: str) -> Any:
    host = "https://example.my.salesforce.com" if plugin is crmwire_salesforce else None
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    client: Any = Says(body, named, status)
    return connect(plugin, host, clock=HeldClock(BOOKED_AT), client=client)  # type: ignore[arg-type]


def asked(conn: Any, type_: str, key: str, value: str = "ada@example.com") -> Any:
    query = Query(id="q", role="person", types=(type_,), key=key, value=value)
    try:
        return conn.hooks.find_records([query])[0]
    except Failure as failure:
        return failure


def test_an_answer_that_is_nested_without_end_is_unreadable() -> None:
    with pytest.raises(RetryLater) as caught:
        Response(status=200, headers={}, content=DEEP).json()
    assert caught.value.sent == "unknown"


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize(
    ("plugin", "type_", "key"),
    [
        (crmwire_salesforce, "Contact", "Email"),
        (crmwire_hubspot, "contacts", "email"),
        (crmwire_attio, "people", "email_addresses"),
    ],
)
def test_a_plugin_fails_rightly_where_its_vendor_answers_nonsense(
    plugin: Any, type_: str, key: str, status: int
) -> None:
    for body in (b"", b"null", b"{}", b"[]", b'{"results": null}', b'{"data": [{}]}', b'"x"', DEEP):
        answer = asked(opened(plugin, body, status), type_, key)
        assert isinstance(answer, RetryLater | Rejected), (body[:40], answer)


@pytest.mark.parametrize("answer", [{}, {"results": None}, {"results": [{"id": None}]}])
def test_a_hubspot_answer_without_results_never_means_that_nobody_is_there(
    answer: dict[str, Any],
) -> None:
    conn = opened(crmwire_hubspot, json.dumps(answer).encode())
    assert isinstance(asked(conn, "contacts", "email"), RetryLater)
    assert isinstance(asked(conn, "companies", "name", "Example Ltd"), RetryLater)


@pytest.mark.parametrize("id_", ["", " ", None, 7])
def test_a_salesforce_row_without_an_id_is_no_record(id_: object) -> None:
    row = {"Id": id_, "Email": "ada@example.com", "LastName": "Byron"}
    body = {"records": [row], "done": True, "totalSize": 1}
    answers = [{"httpStatusCode": 200, "referenceId": "q0", "body": body}]
    conn = opened(crmwire_salesforce, json.dumps({**body, "compositeResponse": answers}).encode())
    assert isinstance(asked(conn, "Contact", "Email"), RetryLater)


def test_a_list_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crmwire_attio.api.CHUNKS", 3)
    monkeypatch.setattr("crmwire_hubspot.associated.ANSWERS", 3)
    notes = [{"id": {"note_id": f"{n}"}} for n in range(50)]
    answer = Response(status=200, headers={}, content=json.dumps({"data": notes}).encode())
    flow = listing("people", "r")
    next(flow)
    flow.send(answer)
    flow.send(answer)
    with pytest.raises(RetryLater, match="far more"):
        flow.send(answer)
    told = {"from": {"id": "1"}, "to": [], "paging": {"next": {"after": "x"}}}
    conn = opened(crmwire_hubspot, json.dumps({"results": [told]}).encode())
    found = associated_ids(conn, "contacts", [("notes", "1")])
    assert isinstance(found["notes", "1"], RetryLater)


def test_a_hubspot_limit_too_large_to_be_one_is_not_believed() -> None:
    conn = opened(crmwire_hubspot, b"{}")
    headers = {
        "x-hubspot-ratelimit-remaining": "5",
        "x-hubspot-ratelimit-interval-milliseconds": "9" * 400,
    }
    assert [one.resets_in for one in conn.hooks.read_limits(200, headers)] == [10.0]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"write": "{{ 'sometimes' }}"}, "person.write"),
        ({"several": "{{ guest.email }}"}, "person.several"),
        ({"create": "{{ guest }}"}, "person.create"),
        ({"look_in": "{{ guests + [1] }}"}, "person.look_in"),
    ],
)
def test_a_setting_that_an_expression_makes_no_word_of_is_refused_with_its_name(
    row: dict[str, Any], said: str
) -> None:
    person = {
        "look_in": ["people"],
        "match": ["email"],
        "create": "people",
        "fields": {"people": {"email": "{{ guest.email }}"}},
        **row,
    }
    mapping = load_mapping({"title": "x", "events": ["booking.created"], "person": person})
    told = details()
    event = Event(type="booking.created", subject_id="b", occurred_at=BOOKED_AT, details=told)
    subject = Subject(id=1, feed="f", status="active", version=1, details=told)
    with pytest.raises(Rejected, match=said):
        mapping.drafts(event, subject)


def test_a_calendar_whose_zone_is_a_folder_of_zones_is_unreadable() -> None:
    [source] = [one for one in sources() if one.name == "ics"]
    body = source.samples[0].replace(b"TZID=Europe/London", b"TZID=Europe/")
    request = WebhookRequest(body=body, received_at=BOOKED_AT)
    with pytest.raises(UnreadableWebhook):
        source.hooks.parse_webhook(request)


class ByPath:
    """A client whose vendor answers by what is in the address."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self._answers = answers

    def send(self, _: object, url: str, *__: Any, **more: Any) -> tuple[int, dict[str, str], bytes]:
        told = next(answer for part, answer in self._answers.items() if part in url)
        return 200, {}, json.dumps(told).encode()


def test_a_salesforce_user_whose_addresses_are_none_is_checked() -> None:
    who = {"user_id": "005", "organization_id": "00D", "urls": [], "sub": "x"}
    describe = {"createable": True, "updateable": True, "fields": []}
    composite = {"compositeResponse": [
        {"httpStatusCode": 200, "referenceId": "org", "body": {"records": []}},
        *({"httpStatusCode": 200, "referenceId": one, "body": describe}
          for one in ("Contact", "Event")),
    ]}  # fmt: skip
    conn = opened(crmwire_salesforce, b"")
    conn.http._client = ByPath({"userinfo": who, "composite": composite})
    assert conn.hooks.check_connection().account_id == "00D"


@pytest.mark.parametrize("records", [200, None, True])
def test_an_org_that_salesforce_does_not_list_is_a_failure_with_a_reason(records: object) -> None:
    who = {"user_id": "005", "organization_id": "00D", "sub": "x"}
    describe = {"createable": True, "updateable": True, "fields": []}
    composite = {"compositeResponse": [
        {"httpStatusCode": 200, "referenceId": "org", "body": {"records": records}},
        *({"httpStatusCode": 200, "referenceId": one, "body": describe}
          for one in ("Contact", "Event")),
    ]}  # fmt: skip
    conn = opened(crmwire_salesforce, b"")
    conn.http._client = ByPath({"userinfo": who, "composite": composite})
    with pytest.raises(RetryLater, match="who we are"):
        conn.hooks.check_connection()


def test_settings_are_read_for_each_webhook_without_writing_code_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Which took longer than all else, and left garbage in circles."""
    [source] = [one for one in sources() if one.name == "webhook"]
    request = WebhookRequest(body=source.samples[0], received_at=BOOKED_AT)
    source.hooks.parse_webhook(request)
    monkeypatch.delattr(feed_settings, "converter")
    assert source.hooks.parse_webhook(request)


@pytest.mark.parametrize("text", ["\u00b2", "--5", "9" * 5000, "-" + "9" * 30])
def test_what_is_no_instant_of_hubspot_is_none(text: str) -> None:
    assert read_instant(text) is None


def test_a_name_with_half_a_letter_in_it_can_be_asked_for() -> None:
    with pytest.raises(Failure):
        opened(crmwire_attio, b"{}").hooks.list_fields("\ud800")

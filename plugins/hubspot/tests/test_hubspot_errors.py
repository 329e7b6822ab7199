"""What becomes of each error: one table for answers and for items of a batch."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from crmwire.errors import (
    Failure,
    NeedsLogin,
    NotAllowed,
    PluginBroken,
    RecordGone,
    Rejected,
    RetryLater,
)
from crmwire.sandbox import Fault
from crmwire_hubspot.bodies import read, read_text
from crmwire_hubspot.errors import classify, failure

if TYPE_CHECKING:
    from crmwire.connections import Connection


def _body(**members: Any) -> str:
    return json.dumps({"status": "error", "correlationId": "c-1", **members})


PROBLEM = [{"isValid": False, "message": "no", "error": "INVALID_EMAIL", "name": "email"}]
VALUES = "Property values were not valid: " + json.dumps(PROBLEM)

CASES: list[tuple[int, str, type[Failure], str]] = [
    (400, _body(category="VALIDATION_ERROR", message=VALUES), Rejected, "INVALID_EMAIL"),
    (
        400,
        _body(
            category="VALIDATION_ERROR",
            errors=[{"code": "INVALID_ALPHA", "context": {"propertyName": ["firstname"]}}],
        ),
        Rejected,
        "INVALID_ALPHA",
    ),
    (
        400,
        _body(category="VALIDATION_ERROR", context={"properties": ["dealstage"]}),
        NotAllowed,
        "REQUIRED_PROPERTY_MISSING",
    ),
    (400, _body(message="Invalid input JSON on line 1"), Rejected, "HTTP 400"),
    (401, _body(category="EXPIRED_AUTHENTICATION"), NeedsLogin, "EXPIRED_AUTHENTICATION"),
    (401, _body(category="INVALID_AUTHENTICATION"), NeedsLogin, "INVALID_AUTHENTICATION"),
    (401, "", NeedsLogin, "HTTP 401"),
    (403, _body(category="MISSING_SCOPES"), NotAllowed, "MISSING_SCOPES"),
    (403, _body(message="You do not have permissions"), NotAllowed, "HTTP 403"),
    (404, _body(category="OBJECT_NOT_FOUND"), RecordGone, "OBJECT_NOT_FOUND"),
    (404, "<html>not found</html>", Rejected, "HTTP 404"),
    (409, _body(category="CONFLICT"), Rejected, "CONFLICT"),
    (414, "", PluginBroken, "HTTP 414"),
    (422, "", Rejected, "HTTP 422"),
    (423, "", RetryLater, "HTTP 423"),
    (429, "", RetryLater, "HTTP 429"),
    (477, "", RetryLater, "HTTP 477"),
    (500, "", RetryLater, "HTTP 500"),
    (502, "<html>bad gateway</html>", RetryLater, "HTTP 502"),
    (503, "", RetryLater, "HTTP 503"),
    (504, "", RetryLater, "HTTP 504"),
    (521, "", RetryLater, "HTTP 521"),
    (526, "", RetryLater, "HTTP 526"),
    (599, "", RetryLater, "HTTP 599"),
]


@pytest.mark.parametrize(("status", "body", "kind", "code"), CASES)
def test_each_error_is_named_for_what_happens_next(
    status: int, body: str, kind: type[Failure], code: str
) -> None:
    found = classify(status, {"x-hubspot-correlation-id": "r-1"}, body)
    assert type(found) is kind
    assert found.code == code
    assert found.request_id == "r-1"
    assert found.message
    if kind in (Rejected, NotAllowed, NeedsLogin):
        assert found.remedy


@pytest.mark.parametrize(
    ("members", "after"),
    [
        ({"policyName": "DAILY", "message": "You have reached your daily limit."}, 3600.0),
        ({"policyName": "TEN_SECONDLY_ROLLING", "message": "x"}, 10.0),
        ({"message": "You have reached your ten_secondly_rolling limit."}, 10.0),
        ({"message": "You have reached your secondly limit.", "category": "RATE_LIMITS"}, 1.0),
        ({"message": "Please slow down"}, 10.0),
    ],
)
def test_a_429_waits_as_long_as_its_limit_lasts(members: dict[str, str], after: float) -> None:
    found = classify(429, {}, _body(**members))
    assert isinstance(found, RetryLater)
    assert (found.after, found.pause) == (after, True)


def test_retry_after_wins() -> None:
    found = classify(429, {"retry-after": "7"}, _body(policyName="DAILY"))
    assert isinstance(found, RetryLater)
    assert found.after == 7.0
    dated = {
        "retry-after": "Tue, 24 Nov 2026 09:00:30 GMT",
        "date": "Tue, 24 Nov 2026 09:00:00 GMT",
    }
    found = classify(477, dated, "")
    assert isinstance(found, RetryLater)
    assert (found.after, found.pause) == (30.0, True)


def test_a_text_that_is_no_token_is_called_so() -> None:
    expired = _body(
        category="EXPIRED_AUTHENTICATION", context={"expire time": ["1970-01-01T00:00:00Z"]}
    )
    message = classify(401, {}, expired).message
    assert message == "HubSpot does not know the token."


def test_problems_are_read_from_both_forms_and_told_once() -> None:
    more = [*PROBLEM, {"isValid": False, "message": "no", "error": "INVALID_OPTION", "name": "b"}]
    found = read_text(
        _body(
            message="Property values were not valid: " + json.dumps(more),
            errors=[
                {"message": "no", "code": "INVALID_EMAIL", "context": {"propertyName": ["email"]}}
            ],
        )
    )
    assert found.fields == ("email", "b")
    assert found.codes == ("INVALID_EMAIL", "INVALID_OPTION")
    assert found.told == "email: no; b: no"


@pytest.mark.parametrize(
    "body", ["", "[]", "null", '"x"', '{"errors": 1, "context": []}', '{"message": "a: [{oops"}']
)
def test_bodies_of_any_form_are_survived(body: str) -> None:
    assert isinstance(classify(400, {}, body), Rejected)


def test_an_existing_record_is_named_in_the_context_or_the_text() -> None:
    assert read({"message": "Contact already exists. Existing ID: 12345"}).existing_id == "12345"
    assert read({"context": {"existingId": ["77"]}}).existing_id == "77"
    assert read({"message": "Contact already exists"}).existing_id is None


def test_an_item_of_a_batch_is_classified_by_its_code() -> None:
    found = failure(read({"category": "OBJECT_NOT_FOUND", "message": "x"}), request_id="r")
    assert isinstance(found, RecordGone)
    assert (found.code, found.request_id) == ("OBJECT_NOT_FOUND", "r")
    assert isinstance(failure(read({"category": "RATE_LIMITS"})), RetryLater)
    assert isinstance(failure(read({"category": "NEW_WORD"})), Rejected)


@pytest.mark.parametrize(("token", "code"), [("wrong", "EXPIRED_AUTHENTICATION"), ("", None)])
def test_a_wrong_token_needs_a_login(vendor: Any, token: str, code: str | None) -> None:
    conn = vendor.connect(token)
    with pytest.raises(NeedsLogin) as raised:
        conn.hooks.check_connection()
    if code is not None:
        assert raised.value.code == code
        assert raised.value.request_id


def test_a_search_over_its_limit_waits_a_second_in_place(
    conn: Connection, vendor: Any, make: Any
) -> None:
    body = {
        "status": "error",
        "message": "You have reached your secondly limit.",
        "category": "RATE_LIMITS",
    }
    vendor.arm(Fault(kind="status", path="search", status=429, body=body, times=1))
    (answer,) = conn.hooks.find_records(
        [make.query("acme.example", key="domain", types=("companies",))]
    )
    assert not isinstance(answer, Failure)
    assert vendor.calls == ["POST companies/search"] * 2

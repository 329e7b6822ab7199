"""The page of errors: up to date, and every row shown by the sandbox with its class and remedy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import crmwire.errors
from crmwire.errors import Failure, RetryLater
from crmwire.sandbox import Fault
from crmwire.testing.clock import HurryingClock
from crmwire_hubspot.bodies import DUPLICATE, MISSING
from crmwire_hubspot.error_page import Row, by_code, by_limit, by_login, by_status, page

if TYPE_CHECKING:
    from crmwire.connections import Connection

PAGE = Path(__file__).parents[3] / "docs/reference/hubspot-errors.md"
ROWS = [*by_code(), *by_limit(), *by_status()]
STATUS = {
    "EXPIRED_AUTHENTICATION": 401,
    "INVALID_AUTHENTICATION": 401,
    "MISSING_SCOPES": 403,
    "OBJECT_NOT_FOUND": 404,
    "CONFLICT": 409,
    "OBJECT_ALREADY_EXISTS": 409,
    "INTERNAL_ERROR": 400,
}
CATEGORIES = {*STATUS, "VALIDATION_ERROR", "RATE_LIMITS"}


def _body(row: Row) -> tuple[int, dict[str, Any] | None]:
    """The answer by which HubSpot tells this error."""
    code = row.code
    told: dict[str, Any] = {
        "status": "error",
        "message": "as the sandbox says",
        "correlationId": "c",
    }
    if row.status == 429:
        words = {"SECONDLY": "secondly", "DAILY": "daily"}.get(code, "ten_secondly_rolling")
        told["message"] = f"You have reached your {words} limit."
        if code == "SECONDLY":
            return 429, {**told, "category": "RATE_LIMITS"}
        return 429, {**told, "errorType": "RATE_LIMIT", "policyName": code}
    if row.status is not None:
        return row.status, None
    if code == "RATE_LIMITS":
        return 429, {**told, "category": code}
    if code in CATEGORIES:
        return STATUS.get(code, 400), {**told, "category": code}
    told["category"] = "VALIDATION_ERROR"
    if code == MISSING:
        return 400, {**told, "context": {"properties": ["company"]}}
    if code == DUPLICATE:
        return 400, {**told, "context": {"ids": ["1"]}}
    if code.startswith("crm."):
        return 400, {**told, "subCategory": code}
    problem = {"message": "no", "code": code, "context": {"propertyName": ["email"]}}
    return 400, {**told, "errors": [problem]}


def test_the_page_is_up_to_date() -> None:
    """If it is not: python -m crmwire_hubspot.error_page > docs/reference/hubspot-errors.md"""
    assert PAGE.read_text("utf-8") == page()


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.status or ''} {row.code}" for row in ROWS])
def test_each_error_is_raised_with_its_class_and_remedy(vendor: Any, row: Row) -> None:
    conn = vendor.connect(clock=HurryingClock())
    status, body = _body(row)
    vendor.arm(Fault(kind="status", path="account-info", status=status, body=body))
    with pytest.raises(Failure) as raised:
        conn.hooks.check_connection()
    failure = raised.value
    assert type(failure) is getattr(crmwire.errors, row.failure)
    assert failure.code == row.code
    assert failure.remedy == row.meaning.remedy.replace("NAME", conn.name)
    assert failure.remedy
    assert failure.message.startswith(row.meaning.message)
    if isinstance(failure, RetryLater):
        assert failure.pause == (row.meaning.outcome == "pause")
        if row.meaning.after is not None:
            assert failure.after == row.meaning.after
    text = page()
    assert f"| `{row.code}` | {row.meaning.message} | {row.failure} |" in text


@pytest.mark.parametrize("row", list(by_login()), ids=lambda row: row.code)
def test_each_refusal_of_a_login_has_its_class_and_remedy(conn: Connection, row: Row) -> None:
    """As the token endpoint says it; an error of RFC 6749 as the page gives it back, too."""
    old = row.code.isupper()
    told = {"status": row.code if old else "A_NEW_WORD", "message": "as HubSpot says"}
    bodies = [(400, {**told, "error": "invalid_grant" if old else row.code})]
    if not old:
        bodies.append((0, {"error": row.code, "error_description": "as HubSpot says"}))
    for status, body in bodies:
        failure = conn.hooks.classify_login_error(status, {}, json.dumps(body))
        assert type(failure) is getattr(crmwire.errors, row.failure)
        assert failure.code == row.code
        assert failure.message == f"{row.meaning.message} as HubSpot says."
        assert failure.remedy == row.meaning.remedy.replace("NAME", conn.name)
    assert f"| `{row.code}` | {row.meaning.message} | {row.failure} |" in page()


NATURAL = {
    "PROPERTY_DOESNT_EXIST": {"email": "a@example.com", "no_such": "x"},
    "READ_ONLY_VALUE": {"email": "a@example.com", "createdate": "2026-11-24T09:00:00Z"},
    "INVALID_EMAIL": {"email": "not an address"},
    "INVALID_OPTION": {"email": "a@example.com", "lifecyclestage": "LEAD"},
    "INVALID_OWNER_ID": {"email": "a@example.com", "hubspot_owner_id": "1"},
    "VALUE_TOO_LONG": {"email": "a@example.com", "firstname": "x" * 65_537},
    "CONFLICTING_UNIQUE_VALUE": {"email": "a@example.com", "member": "M-1"},
    "INVALID_NUMBER": {"email": "a@example.com", "seats": "many"},
    "INVALID_DATE": {"email": "a@example.com", "joined": "soon"},
    MISSING: {"email": "a@example.com"},
}


@pytest.mark.parametrize("code", NATURAL)
def test_the_sandbox_has_a_natural_cause_for_what_data_can_cause(
    conn: Connection, vendor: Any, make: Any, code: str
) -> None:
    vendor.admin("add_property", type="contacts", name="member", unique=True)
    vendor.admin("add_property", type="contacts", name="seats", property_type="number")
    vendor.admin("add_property", type="contacts", name="joined", property_type="date")
    vendor.admin(
        "create_record", type="contacts", properties={"email": "b@x.example", "member": "M-1"}
    )
    if code == MISSING:
        vendor.admin("set_required_property", type="contacts", name="company")
    fields = dict(NATURAL[code])
    (answer,) = conn.hooks.write_records([make.contact("p", fields.pop("email"), **fields)])
    assert isinstance(answer, Failure)
    assert answer.code == code
    row = next(row for row in by_code() if row.code == code)
    assert type(answer).__name__ == row.failure
    assert answer.remedy == row.meaning.remedy

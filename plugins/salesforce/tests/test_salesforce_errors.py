"""Error codes: what happens next, and a remedy that an admin can act on."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest

from crmwire.errors import Failure, NeedsLogin, NeedsReview, NotAllowed, Rejected, RetryLater
from crmwire.types import LimitState
from crmwire_salesforce.error_table import TABLE
from crmwire_salesforce.errors import failure_of
from crmwire_salesforce.sandbox_app.ids import with_checksum
from crmwire_salesforce.sandbox_app.objects import STANDARD
from crmwire_salesforce.values import long_id


def classified(lab: Any, status: int, body: Any, **headers: str) -> Failure:
    text = body if isinstance(body, str) else json.dumps(body)
    failure = lab.conn.hooks.classify_error(status, headers, text)
    assert isinstance(failure, Failure)
    return failure


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("INVALID_SESSION_ID", 401, NeedsLogin),
        ("INVALID_AUTH_HEADER", 401, NeedsLogin),
        ("API_DISABLED_FOR_ORG", 403, NotAllowed),
        ("API_CURRENTLY_DISABLED", 403, NotAllowed),
        ("REQUEST_LIMIT_EXCEEDED", 403, RetryLater),
        ("SERVER_UNAVAILABLE", 503, RetryLater),
        ("UNABLE_TO_LOCK_ROW", 400, RetryLater),
        ("UNKNOWN_EXCEPTION", 500, RetryLater),
        ("STORAGE_LIMIT_EXCEEDED", 400, RetryLater),
        ("REQUIRED_FIELD_MISSING", 400, Rejected),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", 400, Rejected),
        ("STRING_TOO_LONG", 400, Rejected),
        ("INVALID_FIELD", 400, Rejected),
        ("ENTITY_IS_DELETED", 404, Rejected),
        ("INSUFFICIENT_ACCESS_OR_READONLY", 400, NotAllowed),
        ("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", 400, NotAllowed),
        ("DUPLICATE_VALUE", 400, Rejected),
        ("DUPLICATES_DETECTED", 400, Rejected),
        ("A_NEW_CODE", 400, Rejected),
        ("A_NEW_CODE", 403, NotAllowed),
        ("A_NEW_CODE", 500, RetryLater),
        ("A_NEW_CODE", 503, RetryLater),
    ],
)
def test_a_code_decides_what_happens_next(
    lab: Any, code: str, status: int, kind: type[Failure]
) -> None:
    failure = classified(
        lab, status, [{"message": "Ein Satz.", "errorCode": code, "fields": ["F"]}]
    )
    assert type(failure) is kind
    assert (failure.message, failure.code, failure.fields) == ("Ein Satz.", code, ("F",))


@pytest.mark.parametrize("code", sorted(TABLE))
def test_each_code_has_a_remedy(code: str) -> None:
    assert TABLE[code].remedy.endswith(".")
    assert TABLE[code].remedy[0].isupper()


@pytest.mark.parametrize("code", ["SERVER_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED"])
def test_trouble_of_the_whole_org_pauses_the_lane(lab: Any, code: str) -> None:
    failure = classified(lab, 503, [{"message": "", "errorCode": code}])
    assert isinstance(failure, RetryLater)
    assert failure.pause


def test_a_crowd_of_calls_is_told_from_a_spent_day_by_the_header(lab: Any) -> None:
    body = [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
    crowd = classified(lab, 403, body, **{"sforce-limit-info": "api-usage=18/15000"})
    spent = classified(lab, 403, body, **{"sforce-limit-info": "api-usage=15000/15000"})
    assert isinstance(crowd, RetryLater)
    assert isinstance(spent, RetryLater)
    assert (crowd.after or 0) < 60 < (spent.after or 0)


@pytest.mark.parametrize("text", ["Bad_OAuth_Token", "Missing_OAuth_Token"])
def test_identity_urls_answer_with_a_bare_word(lab: Any, text: str) -> None:
    assert type(classified(lab, 403, text)) is NeedsLogin


@pytest.mark.parametrize(("status", "kind"), [(502, RetryLater), (503, RetryLater)])
def test_a_page_of_the_edge_is_transient(lab: Any, status: int, kind: type[Failure]) -> None:
    assert lab.conn.hooks.classify_error(status, {}, "<html>Down for maintenance</html>") is None


@pytest.mark.parametrize("body", ["[]", "{}", "5", "null", '["x"]', '[{"message": "x"}]', "[[]]"])
def test_a_body_that_tells_nothing_leaves_it_to_the_status(lab: Any, body: str) -> None:
    assert lab.conn.hooks.classify_error(400, {}, body) is None


def test_the_error_that_is_not_a_consequence_is_told() -> None:
    failure = failure_of(
        400,
        [
            {"errorCode": "PROCESSING_HALTED", "message": "rolled back"},
            {"errorCode": "INVALID_FIELD", "message": "No such column"},
        ],
    )
    assert failure is not None
    assert failure.code == "INVALID_FIELD"


def test_a_row_of_a_collection_names_its_code_otherwise() -> None:
    row = {
        "success": False,
        "errors": [{"statusCode": "STRING_TOO_LONG", "message": "too long", "fields": ["Phone"]}],
    }
    failure = failure_of(400, row)
    assert isinstance(failure, Rejected)
    assert (failure.code, failure.fields) == ("STRING_TOO_LONG", ("Phone",))


def test_a_lost_login_names_the_command_that_mends_it(lab: Any) -> None:
    failure = classified(lab, 401, [{"message": "x", "errorCode": "INVALID_SESSION_ID"}])
    assert failure.remedy.endswith("Run `crmwire connect salesforce --name test`.")
    assert "Salesforce does not know the token" in classified(lab, 403, "Bad_OAuth_Token").message


@pytest.mark.parametrize("member", ["duplicateResult", "duplicateResut"])
def test_both_spellings_of_a_duplicate_result_name_the_matches(lab: Any, member: str) -> None:
    match = {
        "record": {"attributes": {"type": "Contact"}, "Id": "0035e00000AbCdEAAX", "Name": "A Roe"}
    }
    result = {"matchResults": [{"entityType": "Contact", "matchRecords": [match]}]}
    body = [{member: result, "errorCode": "DUPLICATES_DETECTED", "message": "Use one of these?"}]
    failure = classified(lab, 400, body)
    assert isinstance(failure, NeedsReview)
    (record,) = failure.candidates
    assert (record.type, record.id) == ("Contact", "0035e00000AbCdEAAX")
    assert record.fields == {"Name": "A Roe"}


def test_matches_that_the_user_may_not_see_leave_a_rejection(lab: Any) -> None:
    result = {"matchResults": [{"entityType": "Contact", "matchRecords": []}]}
    body = [{"duplicateResult": result, "errorCode": "DUPLICATES_DETECTED", "message": "Dup."}]
    failure = classified(lab, 400, body)
    assert isinstance(failure, Rejected)
    assert "duplicate_rule" in failure.remedy


def test_an_error_of_a_query_does_not_show_the_query() -> None:
    message = "\nWHERE Email = 'ann@example.com'\n      ^\nERROR at Row:1:Column:43\nNo such column"
    failure = failure_of(400, [{"errorCode": "INVALID_FIELD", "message": message}])
    assert failure is not None
    assert failure.message == "No such column"


def test_the_days_calls_are_read_from_every_answer(lab: Any) -> None:
    headers = {"sforce-limit-info": "api-usage=18/15000"}
    left = LimitState(name="daily", remaining=14982, total=15000)
    assert lab.conn.hooks.read_limits(200, headers) == [left]
    both = {"sforce-limit-info": "per-app-api-usage=17/250(appName=a); api-usage=16000/15000"}
    assert lab.conn.hooks.read_limits(200, both) == [attrs.evolve(left, remaining=0)]
    assert not lab.conn.hooks.read_limits(200, {})


def test_the_table_and_the_sandbox_speak_of_the_same_objects() -> None:
    from crmwire_salesforce.info import INFO

    for type_ in INFO.object_types.values():
        schema = STANDARD[type_.name.lower()]
        assert all(schema.field(name) for name in type_.unique)


@pytest.mark.parametrize("code", ["DUPLICATE_VALUE", "DUPLICATE_EXTERNAL_ID"])
def test_records_whose_ids_stand_in_the_message_are_named(code: str) -> None:
    text = "doppelter Wert: Code__c bei [0035e00000AbCdE, 0035e00000AbCdEAAX, 00Q5e00000XyZaB]"
    failure = failure_of(400, [{"message": text, "errorCode": code}])
    assert isinstance(failure, NeedsReview)
    assert [(one.type, one.id) for one in failure.candidates] == [
        ("Contact", long_id("0035e00000AbCdE")),
        ("Contact", "0035e00000AbCdEAAX"),
        ("Lead", long_id("00Q5e00000XyZaB")),
    ]


def test_short_ids_get_the_checksum_of_the_vendor() -> None:
    for id_ in ("0035e00000AbCdE", "00Q5e00000XyZaB", "001AAAAAAAAAAAA", "003000000000000"):
        assert long_id(id_) == with_checksum(id_)
    assert long_id("0035e00000AbCdEAAX") == "0035e00000AbCdEAAX"

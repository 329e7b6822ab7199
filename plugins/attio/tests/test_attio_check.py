"""The token, the errors, the fields, the names and the preset."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import crmwire_attio
from crmwire.connections import Connection
from crmwire.errors import (
    Failure,
    NeedsLogin,
    NeedsReview,
    NotAllowed,
    RecordGone,
    Rejected,
    RetryLater,
)
from crmwire.expressions import compile_expression
from crmwire.hookspecs import CrmSpecs
from crmwire_attio.checking import check_connection, list_fields
from crmwire_attio.errors import BY_CODE, BY_STATUS, failure
from crmwire_attio.lookup import find_records
from crmwire_attio.values import comparable, name_parts

# ---------------------------------------------------------------- the token


def test_check_tells_workspace_and_scopes(world: Any, conn: Connection) -> None:
    report = check_connection(conn)
    assert report.account_id == world.workspace().id
    assert report.account_name == "Example 1"
    assert "note:read-write" in report.scopes
    assert report.findings == ()
    assert report.user_name == "Sam Host"


def test_dead_token_needs_a_login(world: Any, conn: Connection, make: Any) -> None:
    world.admin("revoke_token")
    with pytest.raises(NeedsLogin):
        check_connection(conn)
    [answer] = find_records(conn, [make.query("ada@example.com")])
    assert isinstance(answer, NeedsLogin)


def test_unknown_token_needs_a_login(world: Any) -> None:
    with pytest.raises(NeedsLogin):
        check_connection(world.connect("unknown"))


def test_token_that_died_since_the_check_needs_a_login_and_lacks_no_scope(
    world: Any, conn: Connection, make: Any
) -> None:
    person = world.admin("create_record", object="people", values={})["record_id"]
    conn.report = conn.hooks.check_connection()
    world.admin("revoke_token")
    for key in ("scopes", "scopes/now"):
        conn.forget_cached(key)  # an hour later
    with pytest.raises(NeedsLogin) as caught:
        conn.hooks.write_records([make.note(person)])
    assert caught.value.code == "inactive"
    assert world.titles() == []


def test_missing_scopes_are_named_with_a_remedy(world: Any, conn: Connection) -> None:
    world.admin("set_scopes", scopes="record_permission:read object_configuration:read-write")
    findings = {finding.subject: finding for finding in check_connection(conn).findings}
    assert findings["record_permission:read-write"].level == "error"
    assert findings["note:read-write"].level == "error"
    assert findings["user_management:read"].level == "warning"
    assert "object_configuration:read" not in findings
    assert all("Access tokens" in finding.remedy for finding in findings.values())


def test_missing_scope_is_not_allowed(world: Any, conn: Connection, make: Any) -> None:
    world.admin("set_scopes", scopes="note:read-write")
    [answer] = conn.hooks.write_records([make.person("ada@example.com")])
    assert isinstance(answer, NotAllowed)
    assert "record_permission:read-write" in answer.message
    assert answer.request_id


# ---------------------------------------------------------------- errors


def body(code: str, message: str = "Refused.", **more: Any) -> str:
    return json.dumps({"status_code": 400, "code": code, "message": message, **more})


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "validation_type", Rejected),
        (400, "value_not_found", Rejected),
        (400, "filter_error", Rejected),
        (400, "uniqueness_conflict", Rejected),
        (400, "multiple_match_results", NeedsReview),
        (400, "quota_exceeded", NotAllowed),
        (400, "merge_in_progress", RetryLater),
        (404, "merge_in_progress", RetryLater),
        (401, "unauthorized", NeedsLogin),
        (403, "unauthorized", NotAllowed),
        (403, "billing_error", NotAllowed),
        (404, "not_found", RecordGone),
        (409, "concurrent_write_conflict", RetryLater),
        (409, "slug_conflict", Rejected),
        (413, "validation_type", Rejected),
        (429, "rate_limit_exceeded", RetryLater),
        (400, "a_code_of_next_year", Rejected),
        (401, "a_code_of_next_year", NeedsLogin),
        (403, "a_code_of_next_year", NotAllowed),
        (429, "a_code_of_next_year", RetryLater),
        (503, "a_code_of_next_year", RetryLater),
    ],
)
def test_refusal_means(status: int, code: str, kind: type[Failure]) -> None:
    told = failure(status, body(code))
    assert type(told) is kind
    assert told.code == code


def test_every_refusal_that_ends_a_try_has_a_remedy() -> None:
    for meaning in (*BY_CODE.values(), *BY_STATUS.values()):
        assert meaning.remedy or meaning.kind is RetryLater


def test_limit_and_outage_pause_the_lane() -> None:
    for status, code in ((429, "rate_limit_exceeded"), (503, "")):
        told = failure(status, body(code))
        assert isinstance(told, RetryLater)
        assert told.pause


def test_both_spellings_of_the_status_are_read() -> None:
    told = failure(400, json.dumps({"statusCode": 400, "code": "x", "message": "No."}))
    assert isinstance(told, Rejected)
    assert told.code == "x"


@pytest.mark.parametrize("text", ["<html></html>", "[]", "null", '{"error": 1}', ""])
def test_body_that_is_not_attios_is_left_to_core(text: str) -> None:
    assert failure(500, text) is None


def test_named_fields_come_from_message_or_paths() -> None:
    by_message = failure(
        400,
        body(
            "validation_type",
            'An invalid value was passed to attribute with slug "name".',
            validation_errors=[{"path": ["first_name"], "message": "Required"}],
        ),
    )
    by_path = failure(
        400, body("validation_type", validation_errors=[{"path": ["data", "values", "vip"]}])
    )
    of_note = failure(400, body("validation_type", validation_errors=[{"path": ["data", "title"]}]))
    assert [told.fields for told in (by_message, by_path, of_note) if told] == [
        ("name",),
        ("vip",),
        ("title",),
    ]


@pytest.mark.parametrize(
    ("message", "gone"),
    [
        ('Record with ID "x" not found.', True),
        ('Note with ID "x" was not found.', True),
        ('Object with slug/ID "deals" not found.', False),
        ('Attribute with slug/ID "vip" not found.', False),
    ],
)
def test_only_a_record_can_be_gone(message: str, gone: bool) -> None:
    assert isinstance(failure(404, body("not_found", message)), RecordGone) is gone


def test_unknown_endpoint_asks_for_an_update() -> None:
    told = failure(404, body("not_found", 'Could not find endpoint "GET /v2/x".'))
    assert told is not None
    assert "crmwire-attio" in told.remedy


# ---------------------------------------------------------------- fields


def test_fields_are_listed_as_the_workspace_has_them(world: Any, conn: Connection) -> None:
    world.admin(
        "add_attribute", object="people", slug="stage", type="status", options=["New", "Old"]
    )
    fields = {field.name: field for field in list_fields(conn, "people")}
    assert fields["email_addresses"].unique
    assert fields["email_addresses"].type == "email-address[]"
    assert not fields["created_at"].writable
    assert fields["stage"].options == ("New", "Old")
    count = world.count
    list_fields(conn, "people")
    assert world.count == count


def test_fields_of_notes_are_known_without_asking(world: Any, conn: Connection) -> None:
    names = [field.name for field in list_fields(conn, "notes")]
    assert names == ["title", "content", "format", "created_at"]
    assert world.count == 0


def test_fields_of_an_unknown_object_are_refused(world: Any, conn: Connection) -> None:
    with pytest.raises(Rejected):
        list_fields(conn, "deals")


# ---------------------------------------------------------------- names and keys


@pytest.mark.parametrize(
    ("given", "first", "last", "full"),
    [
        ("Ada Byron", "Ada", "Byron", "Ada Byron"),
        ("  Ada   Byron ", "Ada", "Byron", "Ada Byron"),
        ("Ada Augusta Byron", "Ada Augusta", "Byron", "Ada Augusta Byron"),
        ("Ada", "", "Ada", "Ada"),
        ("山田太郎", "", "山田太郎", "山田太郎"),
        ("山田\u3000太郎", "太郎", "山田", "山田 太郎"),
        ({"first_name": "Ada", "last_name": "Byron"}, "Ada", "Byron", "Ada Byron"),
        ({"full_name": "Ada Byron"}, "Ada", "Byron", "Ada Byron"),
        ({"first_name": "Ada", "full_name": "Ada B."}, "Ada", "", "Ada B."),
    ],
)
def test_name_has_three_parts(given: Any, first: str, last: str, full: str) -> None:
    assert name_parts(given) == {"first_name": first, "last_name": last, "full_name": full}


def test_domain_is_compared_without_its_url() -> None:
    assert comparable("domains", "https://Example.com/a?b") == "example.com"
    assert comparable("email_addresses", " Ada@Example.com ") == "ada@example.com"


# ---------------------------------------------------------------- the plugin


def test_hooks_stay_hooks_after_a_sandbox_was_made() -> None:
    from crmwire.sandbox import SandboxSettings

    for _ in range(2):
        assert callable(crmwire_attio.sandbox(SandboxSettings()))


def test_preset_is_a_mapping(conn: Connection) -> None:
    preset = tomllib.loads(conn.hooks.presets()["linktime"])
    assert preset["person"]["look_in"] == ["people"]
    assert preset["activity"]["per"] == "event"
    assert preset["options"]["create_people"]["default"] is True
    assert {verb: change["do"] for verb, change in preset["activity"]["on"].items()} == {
        "rescheduled": "add",
        "cancelled": "add",
    }


def test_each_preset_says_what_it_cannot_do_and_why_there_are_no_meetings(
    conn: Connection,
) -> None:
    presets = conn.hooks.presets()
    assert set(presets) == {"booking-record", "linktime"}
    for text in presets.values():
        told = " ".join(line.lstrip("# ") for line in text.split("title")[0].splitlines())
        assert "It cannot" in told or "A note cannot" in told
        assert "Attio's API cannot move or cancel one" in told


def test_preset_writes_fields_that_notes_have(conn: Connection) -> None:
    preset = tomllib.loads(conn.hooks.presets()["linktime"])
    names = {field.name for field in list_fields(conn, "notes")}
    tables = [preset["activity"], *preset["activity"]["on"].values()]
    assert all(set(table["fields"]) <= names for table in tables)


@pytest.fixture
def said(conn: Connection) -> Callable[..., dict[str, str]]:
    """What the preset's note says of an event, as core's expressions render it."""
    activity = tomllib.loads(conn.hooks.presets()["linktime"])["activity"]

    def render(fields: Mapping[str, str], variables: Mapping[str, Any]) -> dict[str, str]:
        return {
            name: str(compile_expression(text)(variables)).strip() for name, text in fields.items()
        }

    def say(verb: str = "created", **booking: Any) -> dict[str, str]:
        start = datetime(2026, 12, 1, 15, tzinfo=UTC)
        whole = dict.fromkeys(_BOOKING) | {"start": start, "end": start + timedelta(minutes=30)}
        variables: dict[str, Any] = {
            "booking": whole | booking,
            "guest": {"full_name": "Ada Byron", "email": "ada@example.com"},
            "host": {"full_name": "Sam Host", "email": "host@example.com"},
            "page": {"title": "Intro"},
            "zones": ["Europe/Berlin"],
        }
        told = render(activity["fields"], variables)
        if verb in activity["on"]:
            told |= render(activity["on"][verb]["fields"], {**variables, "draft": told})
        return told

    return say


_BOOKING = ("title", "notes", "location", "join_url", "reason", "previous_start")
_TIMES = ["Start: 2026-12-01 16:00 CET", "End: 2026-12-01 16:30 CET", "Host: Sam Host"]


def test_preset_note_tells_times_host_place_and_notes(said: Any) -> None:
    told = said(location="Room 5", join_url="https://meet.example.com/x", notes="Hello\nthere")
    assert told["title"] == "Intro: Ada Byron"
    assert told["content"].splitlines() == [
        *_TIMES,
        "Location: Room 5",
        "Join: https://meet.example.com/x",
        "",
        "Hello",
        "there",
    ]


def test_preset_note_leaves_no_line_for_what_is_not_known(said: Any) -> None:
    assert said()["content"].splitlines() == _TIMES


def test_preset_note_of_a_rescheduled_booking_tells_the_previous_time(said: Any) -> None:
    told = said("rescheduled", previous_start=datetime(2026, 11, 30, 9, tzinfo=UTC))
    assert told["title"] == "[Rescheduled] Intro: Ada Byron"
    assert told["content"].splitlines() == ["Previously: 2026-11-30 10:00 CET", *_TIMES]
    assert said("rescheduled")["content"].splitlines() == _TIMES


def test_preset_note_of_a_cancelled_booking_tells_the_reason(said: Any) -> None:
    told = said("cancelled", reason="Schedule conflict")
    assert told["title"] == "[Cancelled] Intro: Ada Byron"
    assert told["content"].splitlines() == ["Reason: Schedule conflict", *_TIMES]


def test_hooks_are_annotated_as_the_spec_says() -> None:
    for name, spec in vars(CrmSpecs).items():
        hook = getattr(crmwire_attio, name, None)
        if callable(hook) and not name.startswith("_"):
            wanted = {key: value for key, value in spec.__annotations__.items() if key != "self"}
            assert hook.__annotations__ == wanted, name

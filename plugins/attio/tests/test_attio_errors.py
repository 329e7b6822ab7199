"""Every error of the table: produced by the sandbox, classified, with a remedy, on the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crmwire.connections import Connection
from crmwire.errors import Failure, NeedsReview, NotAllowed, RecordGone, Rejected, RetryLater
from crmwire.sandbox import Fault
from crmwire.types import Written
from crmwire_attio import api
from crmwire_attio.errorpage import CASES, OWN, Case, page
from crmwire_attio.errors import BY_CODE, BY_STATUS, BY_STATUS_AND_CODE
from crmwire_attio.writing import write_records

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "attio-errors.md"


@pytest.mark.skipif(not PAGE.parent.is_dir(), reason="the documentation is not here")
def test_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "python -m crmwire_attio.errorpage > " + str(PAGE)


def test_page_has_every_code_of_the_table() -> None:
    told = {(case.status, case.code) for case in CASES}
    assert set(BY_CODE) <= {code for _, code in told}
    assert set(BY_STATUS_AND_CODE) <= told
    assert {401, 403, 429, 502, 503, 504} <= {status for status, _ in told} & set(BY_STATUS)


@pytest.mark.parametrize(
    "case", CASES, ids=[f"{one.status}-{one.code}-{number}" for number, one in enumerate(CASES)]
)
def test_each_code_is_classified_with_a_remedy_and_spares_the_others(
    world: Any, conn: Connection, make: Any, case: Case
) -> None:
    """One of two writes meets it, as long as it is repeated; the other is done."""
    first = world.admin("create_record", object="people", values={})["record_id"]
    second = world.admin("create_record", object="people", values={})["record_id"]
    fault = {"kind": "status", "status": case.status, "body": case.body(), "method": "PATCH"}
    world.faults(Fault(**fault, path=f"/records/{first}$", headers={"Retry-After": "0"}))
    writes = [
        make.person(f"{id_}@example.com", action="update", record=id_, fields={"name": "Ada"})
        for id_ in (first, second)
    ]
    met, done = write_records(conn, writes)
    assert isinstance(done, Written)
    assert isinstance(met, Failure)
    assert type(met) is type(case.failure())
    assert met.remedy == case.failure().remedy.replace("NAME", conn.name)
    assert met.remedy or isinstance(met, RetryLater)
    assert f"| {case.failure().remedy or 'None needed.'} |" in page()


# ---------------------------------------------------------------- by their natural causes


def ask(conn: Connection, request: Any) -> Failure:
    with pytest.raises(Failure) as caught:
        conn.http.send(request)
    return caught.value


def test_sandbox_refuses_by_natural_causes(start: Any) -> None:
    world = start(custom_objects="1")
    conn = world.connect()
    world.admin("add_attribute", object="people", slug="vip", type="select", options=["Yes"])
    world.admin("add_attribute", object="companies", slug="code", type="text", required=True)
    for email in ("a@example.com", "b@example.com", "b@example.com"):
        values = {"email_addresses": [email]}
        world.admin("create_record", object="people", values=values, unchecked=True)
    thing = {"api_slug": "bookings", "singular_noun": "Booking", "plural_noun": "Bookings"}
    assert conn.http.send(api.make(thing, "objects")).status == 200
    email = {"email_addresses": ["a@example.com"]}
    causes = {
        "validation_type": api.create("people", {"email_addresses": ["nobody"]}),
        "missing_value": api.create("companies", {"name": ["X"]}),
        "filter_error": api.query("people", {"nothing": "x"}),
        "value_not_found": api.create("people", {"vip": ["No"]}),
        "uniqueness_conflict": api.create("people", email),
        "multiple_match_results": api.upsert(
            "people", "email_addresses", {"email_addresses": ["b@example.com"]}
        ),
        "matching_attribute_definition_not_unique": api.upsert("people", "name", {"name": ["X"]}),
        "system_edit_unauthorized": api.create("people", {"created_at": ["2026-01-01"]}),
        "multiple_values_for_single_value_attribute": api.create(
            "people", {"job_title": list("ab")}
        ),
        "slug_conflict": api.make(thing, "objects"),
        "quota_exceeded": api.make({**thing, "api_slug": "more"}, "objects"),
        "unknown_object": api.create("deals", {}),
        "unknown_endpoint": api.read("nowhere"),
        "not_found": api.append("people", "11111111-2222-4333-8444-555555555555", {}),
    }
    assert {code: ask(conn, request).code for code, request in causes.items()} == {
        code: code for code in causes
    }


def test_own_codes_are_raised(world: Any, conn: Connection, make: Any) -> None:
    import attrs

    person = world.admin("create_record", object="people", values={})["record_id"]
    company = make.person("x", fields={"domains": "gmail.com"})
    company = attrs.evolve(company, type="companies", match=None, action="create")
    free = attrs.evolve(company, fields={"domains": "gmail.com"})
    note = make.note(person)
    causes = {
        "unknown_object": attrs.evolve(note, type="nothing", fields={"name": "x"}),
        "unknown_attribute": attrs.evolve(note, fields={"shoe_size": 39}),
        "unfit_value": make.person("a@example.com", fields={"phone_numbers": "call me"}),
        "free_mail": free,
        "no_parent": attrs.evolve(note, about=()),
        "no_key": attrs.evolve(note, action="upsert"),
    }
    answers = {code: write_records(conn, [write])[0] for code, write in causes.items()}
    assert {code: getattr(answer, "code", answer) for code, answer in answers.items()} == {
        code: code for code in causes
    }
    assert all(getattr(answer, "remedy", "") for answer in answers.values())
    assert set(causes) < {code for code, _ in OWN}


# ---------------------------------------------------------------- what is named


def test_choice_that_is_not_there_is_named_with_those_that_are(
    world: Any, conn: Connection, make: Any
) -> None:
    world.admin("add_attribute", object="people", slug="stage", type="status", options=["A", "B"])
    [answer] = write_records(conn, [make.person("ada@example.com", fields={"stage": "C"})])
    assert isinstance(answer, Rejected)
    assert answer.fields == ("stage",)
    assert "stage takes A, B" in answer.remedy


def test_choice_that_is_not_there_is_left_out_if_that_is_allowed(
    world: Any, conn: Connection, make: Any
) -> None:
    world.admin("add_attribute", object="people", slug="stage", type="select", options=["A"])
    person = make.person("ada@example.com", fields={"stage": "C"}, drop_allowed=("stage",))
    [answer] = write_records(conn, [person])
    assert isinstance(answer, Written)
    assert answer.dropped == ("stage",)


def test_note_on_somebody_gone_names_the_person(world: Any, conn: Connection, make: Any) -> None:
    person = world.admin("create_record", object="people", values={})["record_id"]
    world.admin("delete_record", object="people", record_id=person)
    [answer] = write_records(conn, [make.note(person)])
    assert isinstance(answer, RecordGone)
    assert (answer.type, answer.record) == ("people", person)


def test_scope_is_missing_and_then_given(world: Any, conn: Connection, make: Any) -> None:
    person = world.admin("create_record", object="people", values={})["record_id"]
    conn.report = conn.hooks.check_connection()
    world.admin("set_scopes", scopes="record_permission:read-write object_configuration:read")
    conn.report = conn.hooks.check_connection()
    before = world.count
    [answer] = write_records(conn, [make.note(person)])
    assert isinstance(answer, NotAllowed)
    assert answer.fields == ("note:read-write",)
    assert world.calls(before) == []
    conn.forget_cached("scopes/now")  # a minute later
    world.admin("set_scopes", scopes="note:read-write record_permission:read-write "
                "object_configuration:read")  # fmt: skip
    [answer] = write_records(conn, [make.note(person)])
    assert isinstance(answer, Written)


def test_several_that_match_are_for_a_person_to_choose_from(
    world: Any, conn: Connection, make: Any
) -> None:
    values = {"email_addresses": ["ada@example.com"]}
    for _ in range(2):
        world.admin("create_record", object="people", values=values, unchecked=True)
    [answer] = write_records(conn, [make.person("ada@example.com")])
    assert isinstance(answer, NeedsReview)
    assert len(answer.candidates) == 2

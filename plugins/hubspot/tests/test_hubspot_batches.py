"""One bad input never fails the others, and nothing is told of an input that is not known."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmwire.errors import Failure, NotAllowed, RecordGone, Rejected, RetryLater
from crmwire.sandbox import Fault
from crmwire.types import Ref, Write, Written
from crmwire_hubspot.batches import Input, chunks

if TYPE_CHECKING:
    from collections.abc import Callable

    from crmwire.connections import Connection


def _many(make: Any, count: int) -> list[Any]:
    return [make.upsert(f"p{n}", f"guest{n}@example.com", lastname=str(n)) for n in range(count)]


def test_of_a_hundred_with_one_invalid_address_ninety_nine_are_written(
    conn: Connection, vendor: Any, make: Any
) -> None:
    writes = _many(make, 100)
    writes[41] = make.upsert("p41", "not-an-address", lastname="41")
    answers = conn.hooks.write_records(writes)
    assert sum(isinstance(answer, Written) for answer in answers) == 99
    refused = answers[41]
    assert isinstance(refused, Rejected)
    assert refused.code == "INVALID_EMAIL"
    assert refused.fields == ("email",)
    assert refused.remedy
    assert refused.request_id
    assert vendor.calls == ["POST contacts/batch/upsert"]
    assert len(vendor.people()) == 99


def test_an_unknown_property_fails_only_what_has_it(
    conn: Connection, vendor: Any, make: Any
) -> None:
    good, bad = conn.hooks.write_records(
        [
            make.upsert("a", "a@example.com", lastname="A"),
            make.upsert("b", "b@example.com", shoe_size="44"),
        ]
    )
    assert isinstance(good, Written)
    assert isinstance(bad, Rejected)
    assert (bad.code, bad.fields) == ("PROPERTY_DOESNT_EXIST", ("shoe_size",))


def test_a_wrong_option_names_the_property(conn: Connection, make: Any) -> None:
    (person,) = conn.hooks.write_records(
        [make.upsert("p", "ada@example.com", lifecyclestage="LEAD")]
    )
    assert isinstance(person, Rejected)
    assert (person.code, person.fields) == ("INVALID_OPTION", ("lifecyclestage",))
    assert "subscriber" in person.message
    assert person.sent == "no"


def test_what_the_mapping_allows_to_drop_is_left_out_and_told(
    conn: Connection, vendor: Any, make: Any
) -> None:
    write = make.meeting("m", Ref(write="p"), hs_meeting_outcome="HELD", odd="x")
    write = attrs.evolve(write, drop_allowed=("hs_meeting_outcome", "odd"))
    _, meeting = conn.hooks.write_records([make.upsert("p", "ada@example.com"), write])
    assert isinstance(meeting, Written)
    assert sorted(meeting.dropped) == ["hs_meeting_outcome", "odd"]
    (entry,) = vendor.people()["ada@example.com"].entries
    assert entry.status == ""


def test_results_without_trace_ids_are_matched_by_what_is_unmistakable(
    new_vendor: Callable[..., Any], make: Any
) -> None:
    vendor = new_vendor(trace_echo="off")
    conn = vendor.connect()
    made = conn.hooks.write_records(
        [make.contact(f"p{n}", f"Guest{n}@example.com") for n in range(5)]
    )
    people = vendor.people()
    ids = [people[f"guest{n}@example.com"].id for n in range(5)]
    assert [one.record for one in made if isinstance(one, Written)] == ids
    updated = conn.hooks.write_records(
        [make.update(f"u{n}", "contacts", id_, lastname=str(n)) for n, id_ in enumerate(ids)]
    )
    assert [one.record for one in updated if isinstance(one, Written)] == ids
    (alone,) = conn.hooks.write_records([make.meeting("m", ids[0])])
    assert isinstance(alone, Written)
    # Of several meetings nothing tells whose result is whose: they are looked up instead.
    for doubtful in conn.hooks.write_records([make.meeting(f"m{n}", ids[n]) for n in range(2)]):
        assert isinstance(doubtful, Failure)
        assert doubtful.sent == "unknown"


def test_an_input_with_neither_result_nor_error_is_unknown(
    conn: Connection, vendor: Any, make: Any
) -> None:
    vendor.admin("omit_results", count=1)
    answers = conn.hooks.write_records(_many(make, 10))
    unknown = [answer for answer in answers if isinstance(answer, Failure)]
    assert len(unknown) == 1
    assert unknown[0].sent == "unknown"
    assert len(vendor.people()) == 10


def test_a_key_never_stands_twice_in_a_call(conn: Connection, vendor: Any, make: Any) -> None:
    answers = conn.hooks.write_records(
        [
            make.upsert("a", "ada@example.com", firstname="Old"),
            make.upsert("b", "bob@example.com"),
            make.upsert("c", " ADA@example.com ", firstname="New"),
        ]
    )
    assert all(isinstance(answer, Written) for answer in answers)
    sizes = [len(body["inputs"]) for body in vendor.bodies("contacts/batch/upsert")]
    assert sizes == [2, 1]
    assert vendor.people()["ada@example.com"].name == "New"


def test_inputs_of_one_key_stay_in_order(make: Any) -> None:
    inputs = [
        Input(write=make.upsert(f"{key}{number}", "x@example.com"), key=key, body={})
        for number in range(3)
        for key in ("a", "b")
    ]
    calls = [[one.write.id for one in call] for call in chunks(inputs)]
    assert calls == [["a0", "b0"], ["a1", "b1"], ["a2", "b2"]]


@given(st.lists(st.integers(0, 60), max_size=400))
def test_calls_never_grow_too_large_and_never_hold_a_key_twice(keys: list[int]) -> None:
    write = Write(id="w", key="w", group=None, role="person", action="create", type="contacts")
    inputs = [
        Input(write=attrs.evolve(write, id=str(number)), key=str(key), body={})
        for number, key in enumerate(keys)
    ]
    sent = []
    for call in chunks(inputs):
        assert len(call) <= 100
        assert len({one.key for one in call}) == len(call)
        sent += call
    assert sorted(int(one.write.id) for one in sent) == list(range(len(keys)))
    for key in set(keys):
        numbers = [int(one.write.id) for one in sent if one.key == str(key)]
        assert numbers == sorted(numbers)


@pytest.mark.parametrize("status", [400, 409])
def test_a_batch_refused_for_an_unclear_reason_is_halved(
    conn: Connection, vendor: Any, make: Any, status: int
) -> None:
    body = {"status": "error", "message": "Something", "category": "VALIDATION_ERROR"}
    vendor.arm(Fault(kind="status", path="upsert", status=status, body=body, times=1))
    answers = conn.hooks.write_records(_many(make, 10))
    assert all(isinstance(answer, Written) for answer in answers)
    sizes = [len(body["inputs"]) for body in vendor.bodies("contacts/batch/upsert")]
    assert sizes == [10, 5, 5]


def test_halving_ends_at_the_input_that_is_to_blame(
    conn: Connection, vendor: Any, make: Any
) -> None:
    body = {"status": "error", "message": "Something", "category": "VALIDATION_ERROR"}
    vendor.arm(Fault(kind="status", path="upsert", status=400, body=body, times=3))
    answers = conn.hooks.write_records(_many(make, 4))
    refused = [answer for answer in answers if isinstance(answer, Failure)]
    assert len(refused) == 1
    assert isinstance(refused[0], Rejected)
    assert len(vendor.people()) == 3


def test_a_batch_refused_for_an_unknown_property_is_sent_again_without_those_that_have_it(
    conn: Connection, vendor: Any, make: Any
) -> None:
    problem = [{"isValid": False, "message": "x", "error": "PROPERTY_DOESNT_EXIST", "name": "shoe"}]
    body = {
        "status": "error",
        "message": "Property values were not valid: " + json.dumps(problem),
        "category": "VALIDATION_ERROR",
    }
    vendor.arm(Fault(kind="status", path="update", status=400, body=body, times=1))
    people = conn.hooks.write_records(_many(make, 3))
    ids = [one.record for one in people if isinstance(one, Written)]
    first, second, third = conn.hooks.write_records(
        [
            make.update("a", "contacts", ids[0], lastname="A"),
            make.update("b", "contacts", ids[1], shoe="44"),
            make.update("c", "contacts", ids[2], lastname="C"),
        ]
    )
    assert isinstance(first, Written)
    assert isinstance(second, Rejected)
    assert second.fields == ("shoe",)
    assert isinstance(third, Written)
    assert len(vendor.bodies("contacts/batch/update")) == 2


def test_a_batch_refused_as_duplicate_is_split(conn: Connection, vendor: Any, make: Any) -> None:
    body = {
        "status": "error",
        "message": "Duplicate IDs found in batch input: [x]. IDs must be unique",
        "category": "VALIDATION_ERROR",
        "context": {"ids": ["x"]},
    }
    vendor.arm(Fault(kind="status", path="upsert", status=400, body=body, times=1))
    answers = conn.hooks.write_records(_many(make, 2))
    assert all(isinstance(answer, Written) for answer in answers)


def test_a_record_that_is_gone_fails_its_update_alone(
    conn: Connection, vendor: Any, make: Any
) -> None:
    (person,) = conn.hooks.write_records(_many(make, 1))
    assert isinstance(person, Written)
    good, bad = conn.hooks.write_records(
        [
            make.update("a", "contacts", person.record, lastname="A"),
            make.update("b", "contacts", "123456", lastname="B"),
        ]
    )
    assert isinstance(good, Written)
    assert isinstance(bad, RecordGone)
    assert bad.code == "OBJECT_NOT_FOUND"


def test_a_contact_that_appeared_meanwhile_has_only_its_blanks_filled(
    conn: Connection, vendor: Any, make: Any
) -> None:
    vendor.admin(
        "create_record",
        type="contacts",
        properties={"email": "ada@example.com", "firstname": "Augusta"},
    )
    vendor.forget()
    person, other, meeting = conn.hooks.write_records(
        [
            make.contact("p", "ada@example.com", firstname="Ada", lastname="Example"),
            make.contact("q", "bob@example.com", firstname="Bob"),
            make.meeting("m", Ref(write="p")),
        ]
    )
    assert isinstance(person, Written)
    assert person.created is False
    assert isinstance(other, Written)
    assert other.created is True
    assert isinstance(meeting, Written)
    assert vendor.people()["ada@example.com"].name == "Augusta Example"
    assert len(vendor.people()["ada@example.com"].entries) == 1
    assert vendor.calls == [
        "POST contacts/batch/create",
        "POST contacts/batch/read",
        "POST contacts/batch/update",
        "POST meetings/batch/create",
    ]


def test_a_conflict_that_names_no_record_is_resolved_by_address(
    conn: Connection, vendor: Any, make: Any
) -> None:
    vendor.admin("create_record", type="contacts", properties={"email": "ada@example.com"})
    body = {"status": "error", "message": "Contact already exists", "category": "CONFLICT"}
    vendor.arm(Fault(kind="status", path="create", status=409, body=body, times=1))
    (person,) = conn.hooks.write_records([make.contact("p", "ada@example.com", lastname="X")])
    assert isinstance(person, Written)
    assert vendor.people()["ada@example.com"].name == "X"


def test_required_properties_of_the_account_are_its_configuration(
    conn: Connection, vendor: Any, make: Any
) -> None:
    vendor.admin("set_required_property", type="contacts", name="phone")
    refused, written = conn.hooks.write_records(
        [make.upsert("a", "a@example.com"), make.upsert("b", "b@example.com", phone="+15550100")]
    )
    assert isinstance(refused, NotAllowed)
    assert refused.fields == ("phone",)
    assert isinstance(written, Written)
    legacy = vendor.connect(api_version="v3")
    (on_v3,) = legacy.hooks.write_records([make.upsert("a", "a@example.com")])
    assert isinstance(on_v3, Written)


@pytest.mark.parametrize("kind", ["lost_answer", "cut_short"])
def test_a_create_whose_answer_is_lost_is_unknown_and_not_repeated(
    conn: Connection, vendor: Any, make: Any, kind: Any
) -> None:
    vendor.arm(Fault(kind=kind, path="meetings/batch/create", times=1))
    person, meeting = conn.hooks.write_records(
        [make.upsert("p", "ada@example.com"), make.meeting("m", Ref(write="p"))]
    )
    assert isinstance(person, Written)
    assert isinstance(meeting, RetryLater)
    assert meeting.sent == "unknown"
    assert len(vendor.meetings()) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_create_answered_by_a_server_error_is_unknown(
    conn: Connection, vendor: Any, make: Any, status: int
) -> None:
    vendor.arm(Fault(kind="status", path="meetings/batch/create", status=status, times=1))
    _, meeting = conn.hooks.write_records(
        [make.upsert("p", "ada@example.com"), make.meeting("m", Ref(write="p"))]
    )
    assert isinstance(meeting, RetryLater)
    assert meeting.sent == "unknown"
    assert vendor.calls.count("POST meetings/batch/create") == 1


def test_an_upsert_whose_answer_is_lost_is_repeated_in_place(
    conn: Connection, vendor: Any, make: Any
) -> None:
    vendor.arm(Fault(kind="lost_answer", path="upsert", times=1))
    (person,) = conn.hooks.write_records([make.upsert("p", "ada@example.com")])
    assert isinstance(person, Written)
    assert len(vendor.people()) == 1


def test_a_create_refused_for_too_many_calls_was_not_done(
    conn: Connection, vendor: Any, make: Any
) -> None:
    body = {
        "status": "error",
        "errorType": "RATE_LIMIT",
        "policyName": "TEN_SECONDLY_ROLLING",
        "message": "You have reached your ten_secondly_rolling limit.",
    }
    vendor.arm(Fault(kind="status", path="meetings/batch/create", status=429, body=body, times=1))
    _, meeting = conn.hooks.write_records(
        [make.upsert("p", "ada@example.com"), make.meeting("m", Ref(write="p"))]
    )
    assert isinstance(meeting, RetryLater)
    assert (meeting.sent, meeting.after, meeting.pause) == ("no", 10.0, True)


def test_an_answer_that_is_no_json_leaves_creates_unknown(
    conn: Connection, vendor: Any, make: Any
) -> None:
    vendor.arm(Fault(kind="html", path="meetings/batch/create", status=200, times=1))
    _, meeting = conn.hooks.write_records(
        [make.upsert("p", "ada@example.com"), make.meeting("m", Ref(write="p"))]
    )
    assert isinstance(meeting, RetryLater)
    assert meeting.sent == "unknown"


def test_a_missing_scope_is_named(conn: Connection, vendor: Any, make: Any) -> None:
    vendor.admin("revoke_scope", scope="crm.objects.contacts.write")
    (refused,) = conn.hooks.write_records([make.meeting("m", "1")])
    assert isinstance(refused, NotAllowed)
    assert refused.code == "MISSING_SCOPES"
    assert "crm.objects.contacts.write" in refused.remedy


def test_failures_of_one_call_are_separate_values(conn: Connection, vendor: Any, make: Any) -> None:
    vendor.arm(Fault(kind="status", path="meetings/batch/create", status=503, times=1))
    first, second = conn.hooks.write_records(
        [make.meeting("m1", "1"), make.meeting("m2", "1", title="Other")]
    )
    assert isinstance(first, Failure)
    assert isinstance(second, Failure)
    assert first is not second
    assert (first.code, first.sent) == (second.code, second.sent)

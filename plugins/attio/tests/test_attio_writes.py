"""Writing people, companies and notes."""

from __future__ import annotations

from typing import Any

import pytest

from crmwire.connections import Connection
from crmwire.errors import Failure, NeedsReview, RecordGone, Rejected, RetryLater
from crmwire.sandbox import Fault
from crmwire.types import Key, Ref, Write, Written
from crmwire_attio.writing import write_records


def done(outcome: Written | Failure) -> Written:
    assert isinstance(outcome, Written), outcome
    return outcome


# ---------------------------------------------------------------- calls


def test_new_person_and_note_take_two_calls(world: Any, conn: Connection, make: Any) -> None:
    person = make.person("ada@example.com", fields={"name": "Ada Byron"})
    answers = write_records(conn, [person, make.note(Ref(write=person.id))])
    record = world.person("ada@example.com")
    assert world.calls() == ["PUT /v2/objects/people/records", "POST /v2/notes"]
    assert done(answers[0]).record == record.id
    [note] = world.workspace().notes.values()
    assert (note.parent_object, note.parent_record_id) == ("people", record.id)
    assert done(answers[1]).record == note.id


def test_note_on_known_person_takes_one_call(world: Any, conn: Connection, make: Any) -> None:
    known = world.admin("create_record", object="people", values={})["record_id"]
    for title in ("[Rescheduled] Intro: Ada Byron", "[Cancelled] Intro: Ada Byron"):
        before = world.count
        done(write_records(conn, [make.note(known, title)])[0])
        assert world.calls(before) == ["POST /v2/notes"]
    assert len(world.titles()) == 2


def test_hundred_people_and_notes_take_201_calls(world: Any, conn: Connection, make: Any) -> None:
    writes = []
    for number in range(100):
        person = make.person(f"guest{number}@example.com", fields={"name": f"Guest {number}"})
        writes += [person, make.note(Ref(write=person.id), f"Intro: Guest {number}")]
    queries = [make.query(f"guest{number}@example.com") for number in range(100)]
    crm = conn.hooks
    assert all(not answer.records for answer in crm.find_records(queries))  # type: ignore[union-attr]
    assert all(isinstance(answer, Written) for answer in crm.write_records(writes))
    assert world.count == 201
    assert len(world.people()) == 100
    assert len(set(world.titles())) == 100


def test_pacing_keeps_within_the_vendors_limits(start: Any, make: Any) -> None:
    """Times are real here: a machine that is busy with other things gets three tries."""
    writes = [make.person(f"guest{number}@example.com") for number in range(50)]
    for _ in range(3):
        world = start(limits="on")
        answers = write_records(world.connect(paced=True), writes)
        assert all(isinstance(answer, Written) for answer in answers)
        refused = [one for one in world.sandbox.requests if one["status"] == 429]
        if not refused:
            break
    assert refused == []
    assert world.count == 50


def test_too_many_requests_are_repeated_after_the_date(start: Any, make: Any) -> None:
    world = start(limits="on")
    conn = world.connect()
    writes = [make.person(f"guest{number}@example.com") for number in range(60)]
    assert all(isinstance(answer, Written) for answer in write_records(conn, writes))
    assert 429 in {one["status"] for one in world.sandbox.requests}
    assert len(world.people()) == 60


# ---------------------------------------------------------------- people


def test_name_is_sent_in_three_parts(world: Any, conn: Connection, make: Any) -> None:
    write_records(conn, [make.person("ada@example.com", fields={"name": "Ada Byron"})])
    [name] = world.person("ada@example.com").values["name"]
    assert (name["first_name"], name["last_name"]) == ("Ada", "Byron")
    assert name["full_name"] == "Ada Byron"


def test_assert_adds_a_phone_number_beside_those_there(
    world: Any, conn: Connection, make: Any
) -> None:
    values = {"email_addresses": ["ada@example.com"], "phone_numbers": ["+442079460001"]}
    world.admin("create_record", object="people", values=values)
    person = make.person("ada@example.com", fields={"phone_numbers": "+442079460018"})
    done(write_records(conn, [person])[0])
    numbers = world.texts(world.person("ada@example.com"), "phone_numbers")
    assert numbers == ["+442079460018", "+442079460001"]
    assert [call.partition(" ")[0] for call in world.calls()] == ["PUT", "PATCH"]
    assert "phone_numbers" not in world.sandbox.requests[0]["body"]


def test_assert_sends_nothing_more_for_a_phone_number_that_is_there(
    world: Any, conn: Connection, make: Any
) -> None:
    values = {"email_addresses": ["ada@example.com"], "phone_numbers": ["+442079460018"]}
    world.admin("create_record", object="people", values=values)
    person = make.person("ada@example.com", fields={"phone_numbers": "+442079460018"})
    done(write_records(conn, [person])[0])
    assert world.count == 1


def test_assert_tells_that_an_old_record_was_there(world: Any, conn: Connection, make: Any) -> None:
    made = world.admin(
        "create_record", object="people", values={"email_addresses": ["ada@example.com"]}
    )
    world.workspace().objects["people"].records[
        made["record_id"]
    ].created_at = "2026-01-05T10:00:00.000000000Z"
    old, new = write_records(conn, [make.person("ada@example.com"), make.person("b@example.com")])
    assert done(old).created is False
    assert done(new).created is None


def test_update_joins_lists_and_replaces_single_values(
    world: Any, conn: Connection, make: Any
) -> None:
    values = {
        "email_addresses": ["old@example.com"],
        "phone_numbers": ["+442079460001"],
        "job_title": "Clerk",
    }
    known = world.admin("create_record", object="people", values=values)["record_id"]
    fields = {"phone_numbers": ["+442079460018"], "job_title": "Engineer"}
    person = make.person("ada@example.com", action="update", record=known, fields=fields)
    assert done(write_records(conn, [person])[0]).created is False
    record = world.person("ada@example.com")
    assert world.texts(record, "email_addresses") == ["ada@example.com", "old@example.com"]
    assert world.texts(record, "phone_numbers") == ["+442079460018", "+442079460001"]
    assert world.texts(record, "job_title") == ["Engineer"]
    assert world.calls() == [f"PATCH /v2/objects/people/records/{known}"]


def test_list_that_is_not_added_to_is_replaced(world: Any, conn: Connection, make: Any) -> None:
    world.admin(
        "add_attribute", object="people", slug="tags", type="select", multi=True, options=["A", "B"]
    )
    values = {"email_addresses": ["ada@example.com"], "tags": ["A"]}
    known = world.admin("create_record", object="people", values=values)["record_id"]
    person = make.person(
        "ada@example.com", action="update", record=known, add=(), fields={"tags": ["B"]}
    )
    done(write_records(conn, [person])[0])
    record = world.person("ada@example.com")
    assert [one["option"]["title"] for one in record.values["tags"]] == ["B"]
    assert world.texts(record, "email_addresses") == ["ada@example.com"]


@pytest.mark.parametrize("action", ["update", "upsert"])
def test_phone_numbers_are_added_and_never_lost(
    world: Any, conn: Connection, make: Any, action: Any
) -> None:
    values = {"email_addresses": ["ada@example.com"], "phone_numbers": ["+442079460001"]}
    known = world.admin("create_record", object="people", values=values)["record_id"]
    person = make.person(
        "ada@example.com",
        action=action,
        record=known if action == "update" else None,
        add=(),
        fields={"phone_numbers": ["+442079460018"]},
    )
    done(write_records(conn, [person])[0])
    numbers = world.texts(world.person("ada@example.com"), "phone_numbers")
    assert numbers == ["+442079460018", "+442079460001"]


def test_field_is_cleared_on_purpose_only(world: Any, conn: Connection, make: Any) -> None:
    values = {"email_addresses": ["ada@example.com"], "job_title": "Clerk"}
    known = world.admin("create_record", object="people", values=values)["record_id"]
    person = make.person(
        "ada@example.com", action="update", record=known, fields={"job_title": None}
    )
    done(write_records(conn, [person])[0])
    assert world.texts(world.person("ada@example.com"), "job_title") == []


def test_phone_number_without_country_is_refused_by_name(
    world: Any, conn: Connection, make: Any
) -> None:
    person = make.person("ada@example.com", fields={"phone_numbers": "020 7946 0018"})
    [answer] = write_records(conn, [person])
    assert isinstance(answer, Rejected)
    assert answer.fields == ("phone_numbers",)
    assert world.count == 0


def test_phone_number_without_country_is_left_out_if_that_is_allowed(
    world: Any, conn: Connection, make: Any
) -> None:
    person = make.person(
        "ada@example.com",
        fields={"phone_numbers": "020 7946 0018"},
        drop_allowed=("phone_numbers",),
    )
    assert done(write_records(conn, [person])[0]).dropped == ("phone_numbers",)
    assert world.texts(world.person("ada@example.com"), "phone_numbers") == []


def test_value_that_attio_refuses_is_left_out_if_that_is_allowed(
    world: Any, conn: Connection, make: Any
) -> None:
    """E.164 in form, but of no country."""
    person = make.person(
        "ada@example.com",
        action="create",
        fields={"name": "Ada Byron", "phone_numbers": "+9995550100"},
        drop_allowed=("phone_numbers",),
    )
    assert done(write_records(conn, [person])[0]).dropped == ("phone_numbers",)
    assert world.texts(world.person("ada@example.com"), "name") == ["Ada Byron"]


def test_delete_of_what_is_gone_is_done(world: Any, conn: Connection, make: Any) -> None:
    person = world.admin("create_record", object="people", values={})["record_id"]
    note = done(write_records(conn, [make.note(person)])[0]).record
    for _ in range(2):
        gone = make.note(person, action="delete", record=note, fields={})
        assert done(write_records(conn, [gone])[0]).record == note
    assert world.titles() == []


# ---------------------------------------------------------------- addresses of somebody else


def test_create_with_a_taken_address_fills_its_owner(
    world: Any, conn: Connection, make: Any
) -> None:
    values = {
        "email_addresses": ["ada@example.com"],
        "phone_numbers": ["+442079460001"],
        "job_title": "Countess",
    }
    owner = world.admin("create_record", object="people", values=values)["record_id"]
    person = make.person(
        "ada@example.com",
        action="create",
        fields={"name": "Ada Byron", "phone_numbers": "+442079460018", "job_title": "Guest"},
    )
    answers = write_records(conn, [person, make.note(Ref(write=person.id))])
    assert done(answers[0]).record == owner
    assert done(answers[0]).created is False
    assert done(answers[0]).dropped == ("job_title",)
    record = world.person("ada@example.com")
    assert world.texts(record, "name") == ["Ada Byron"]
    assert world.texts(record, "phone_numbers") == ["+442079460018", "+442079460001"]
    assert world.texts(record, "job_title") == ["Countess"]
    assert [note.parent_record_id for note in world.workspace().notes.values()] == [owner]


def test_update_with_a_taken_address_goes_to_its_owner(
    world: Any, conn: Connection, make: Any
) -> None:
    owner = world.admin(
        "create_record", object="people", values={"email_addresses": ["ada@example.com"]}
    )["record_id"]
    other = world.admin("create_record", object="people", values={})["record_id"]
    person = make.person(
        "ada@example.com", action="update", record=other, fields={"name": "Ada Byron"}
    )
    assert done(write_records(conn, [person])[0]).record == owner
    assert world.texts(world.person("ada@example.com"), "name") == ["Ada Byron"]


def test_addresses_of_two_people_are_for_a_person_to_judge(
    world: Any, conn: Connection, make: Any
) -> None:
    for email in ("a@example.com", "b@example.com"):
        world.admin("create_record", object="people", values={"email_addresses": [email]})
    person = make.person(
        "a@example.com", fields={"email_addresses": ["a@example.com", "b@example.com"]}
    )
    [answer] = write_records(conn, [person])
    assert isinstance(answer, NeedsReview)
    assert len(answer.candidates) == 2


def test_assert_that_matches_duplicates_names_them(world: Any, conn: Connection, make: Any) -> None:
    values = {"email_addresses": ["ada@example.com"]}
    for _ in range(2):
        world.admin("create_record", object="people", values=values, unchecked=True)
    [answer] = write_records(conn, [make.person("ada@example.com")])
    assert isinstance(answer, NeedsReview)
    assert {record.id for record in answer.candidates} == {one.id for one in world.people()}


# ---------------------------------------------------------------- failures


def test_one_bad_write_fails_alone_and_takes_its_note_with_it(
    world: Any, conn: Connection, make: Any
) -> None:
    good, bad = make.person("ada@example.com"), make.person("no address")
    writes = [bad, make.note(Ref(write=bad.id), "A"), good, make.note(Ref(write=good.id), "B")]
    answers = write_records(conn, writes)
    assert [isinstance(answer, Written) for answer in answers] == [False, False, True, True]
    assert isinstance(answers[0], Rejected)
    assert answers[0].fields == ("email_addresses",)
    assert world.titles() == ["B"]


def test_lost_answer_to_a_note_leaves_its_outcome_unknown(
    world: Any, conn: Connection, make: Any
) -> None:
    person = world.admin("create_record", object="people", values={})["record_id"]
    world.faults(Fault(kind="lost_answer", method="POST", path="/v2/notes", times=1))
    [answer] = write_records(conn, [make.note(person)])
    assert isinstance(answer, RetryLater)
    assert answer.sent == "unknown"
    assert len(world.titles()) == 1


def test_half_an_answer_to_a_note_leaves_its_outcome_unknown(
    world: Any, conn: Connection, make: Any
) -> None:
    person = world.admin("create_record", object="people", values={})["record_id"]
    world.faults(Fault(kind="cut_short", method="POST", path="/v2/notes", times=1))
    [answer] = write_records(conn, [make.note(person)])
    assert isinstance(answer, Failure)
    assert answer.sent == "unknown"


def test_lost_answer_to_a_create_leaves_its_outcome_unknown_and_its_note_unsent(
    world: Any, conn: Connection, make: Any
) -> None:
    world.faults(Fault(kind="lost_answer", method="POST", path="/records$", times=1))
    person = make.person("ada@example.com", action="create")
    answers = write_records(conn, [person, make.note(Ref(write=person.id))])
    assert [answer.sent for answer in answers if isinstance(answer, Failure)] == ["unknown", "no"]
    assert len(world.people()) == 1
    assert world.titles() == []


def test_lost_answer_to_an_assert_is_repeated_in_place(
    world: Any, conn: Connection, make: Any
) -> None:
    world.faults(Fault(kind="lost_answer", method="PUT", times=1))
    done(write_records(conn, [make.person("ada@example.com")])[0])
    assert len(world.people()) == 1
    assert world.count == 2


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_racing_writes_are_repeated_in_place(
    world: Any, conn: Connection, make: Any, method: str
) -> None:
    body = {
        "status_code": 409,
        "type": "invalid_request_error",
        "code": "concurrent_write_conflict",
        "message": "The record was modified by another request.",
    }
    world.faults(Fault(kind="status", status=409, body=body, method=method, times=1))
    action = "upsert" if method == "PUT" else "create"
    done(write_records(conn, [make.person("ada@example.com", action=action)])[0])
    assert world.count == 2


def test_page_instead_of_json_is_no_answer(world: Any, conn: Connection, make: Any) -> None:
    person = world.admin("create_record", object="people", values={})["record_id"]
    world.faults(Fault(kind="html", status=200, method="POST", path="/v2/notes", times=1))
    [answer] = write_records(conn, [make.note(person)])
    assert isinstance(answer, RetryLater)
    assert answer.sent == "unknown"


# ---------------------------------------------------------------- other objects and values


def test_two_workspaces_do_not_mix(start: Any, make: Any) -> None:
    world = start(tokens=("one", "two"))
    for token in ("one", "two"):
        person = make.person("ada@example.com", fields={"name": f"Ada {token}"})
        answers = write_records(
            world.connect(token), [person, make.note(Ref(write=person.id), f"Note {token}")]
        )
        assert all(isinstance(answer, Written) for answer in answers)
    for token in ("one", "two"):
        assert world.texts(world.person("ada@example.com", token), "name") == [f"Ada {token}"]
        assert world.titles(token) == [f"Note {token}"]


def test_company_is_asserted_by_its_domain(world: Any, conn: Connection) -> None:
    write = Write(
        id="company",
        key="company",
        group=None,
        role="company",
        action="upsert",
        type="companies",
        match=Key(types=("companies",), name="domains", value="example.com"),
        fields={"domains": "example.com", "name": "Example"},
    )
    first, second = (done(write_records(conn, [write])[0]) for _ in range(2))
    assert first.record == second.record
    assert first.url is not None
    assert first.url.endswith(f"/company/{first.record}")


def test_added_attributes_are_written_in_the_form_of_their_type(
    world: Any, conn: Connection, make: Any
) -> None:
    types = {
        "seats": "number",
        "vip": "checkbox",
        "worth": "currency",
        "born": "date",
        "seen": "timestamp",
        "grade": "rating",
        "owner": "actor-reference",
    }
    for slug, type_ in types.items():
        world.admin("add_attribute", object="people", slug=slug, type=type_)
    options = {"tags": "select", "stage": "status"}
    for slug, type_ in options.items():
        world.admin(
            "add_attribute",
            object="people",
            slug=slug,
            type=type_,
            multi=slug == "tags",
            options=["New", "Old"],
        )
    moment = make.now()
    person = make.person(
        "ada@example.com",
        add=("tags",),
        fields={
            "seats": "3",
            "vip": "true",
            "worth": 99.5,
            "born": moment.date(),
            "seen": moment,
            "grade": 4,
            "owner": "host@example.com",
            "tags": ["New", "Old"],
            "stage": "New",
            "primary_location": {"locality": "London", "country_code": "GB"},
        },
    )
    done(write_records(conn, [person])[0])
    values = world.person("ada@example.com").values
    assert values["seats"][0]["value"] == 3
    assert values["vip"][0]["value"] is True
    assert values["worth"][0]["currency_value"] == 99.5
    assert values["born"][0]["value"] == moment.date().isoformat()
    assert values["grade"][0]["value"] == 4
    member = world.workspace().first_member.id
    assert values["owner"][0]["referenced_actor_id"] == member
    assert [one["option"]["title"] for one in values["tags"]] == ["New", "Old"]
    assert values["stage"][0]["status"]["title"] == "New"
    assert values["primary_location"][0]["locality"] == "London"


def test_attribute_that_is_not_there_is_named(world: Any, conn: Connection, make: Any) -> None:
    [answer] = write_records(conn, [make.person("ada@example.com", fields={"shoe_size": 39})])
    assert isinstance(answer, Rejected)
    assert answer.fields == ("shoe_size",)


def test_option_that_is_not_there_is_refused(world: Any, conn: Connection, make: Any) -> None:
    world.admin("add_attribute", object="people", slug="stage", type="select", options=["New"])
    [answer] = write_records(conn, [make.person("ada@example.com", fields={"stage": "Odd"})])
    assert isinstance(answer, Rejected)
    assert answer.code == "value_not_found"


def test_person_points_to_a_company_by_its_id(world: Any, conn: Connection, make: Any) -> None:
    company = world.admin("create_record", object="companies", values={"domains": ["example.com"]})[
        "record_id"
    ]
    done(write_records(conn, [make.person("ada@example.com", fields={"company": company})])[0])
    [link] = world.person("ada@example.com").values["company"]
    assert link["target_record_id"] == company


# ---------------------------------------------------------------- notes and tasks


def test_note_is_changed_in_place(world: Any, conn: Connection, make: Any) -> None:
    person = world.admin("create_record", object="people", values={})["record_id"]
    note = done(write_records(conn, [make.note(person)])[0]).record
    change = make.note(person, action="update", record=note, fields={"content": "New times"})
    done(write_records(conn, [change])[0])
    [stored] = world.workspace().notes.values()
    assert (stored.title, stored.content_plaintext) == ("Intro: Ada Byron", "New times")


def test_note_without_a_record_to_stand_on_is_refused(
    world: Any, conn: Connection, make: Any
) -> None:
    import attrs

    [answer] = write_records(conn, [attrs.evolve(make.note("x"), about=())])
    assert isinstance(answer, Rejected)
    assert "about" in answer.remedy
    assert world.count == 0


def test_note_on_a_deleted_person_says_that_it_is_gone(
    world: Any, conn: Connection, make: Any
) -> None:
    person = world.admin("create_record", object="people", values={})["record_id"]
    world.admin("delete_record", object="people", record_id=person)
    [answer] = write_records(conn, [make.note(person)])
    assert isinstance(answer, RecordGone)


def test_update_of_a_deleted_person_says_that_it_is_gone(
    world: Any, conn: Connection, make: Any
) -> None:
    person = world.admin("create_record", object="people", values={})["record_id"]
    world.admin("delete_record", object="people", record_id=person)
    write = make.person("ada@example.com", action="update", record=person)
    [answer] = write_records(conn, [write])
    assert isinstance(answer, RecordGone)


def test_task_is_made_changed_and_its_text_left_alone(
    world: Any, conn: Connection, make: Any
) -> None:
    import attrs

    person = world.admin("create_record", object="people", values={})["record_id"]
    fields = {"content": "Call Ada", "deadline_at": make.now(), "assignees": "host@example.com"}
    task = attrs.evolve(make.note(person), type="tasks", fields=fields)
    made = done(write_records(conn, [task])[0]).record
    change = attrs.evolve(
        task, action="update", record=made, fields={"content": "Write", "is_completed": True}
    )
    assert done(write_records(conn, [change])[0]).dropped == ("content",)
    [stored] = world.workspace().tasks.values()
    assert (stored.content, stored.is_completed) == ("Call Ada", True)
    assert stored.assignees == [world.workspace().first_member.id]
    assert [record for _, record in stored.linked] == [person]

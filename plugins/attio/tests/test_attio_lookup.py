"""Finding people, companies and the workspace's members."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from crmwire.connections import Connection
from crmwire.errors import Failure, NotAllowed, RetryLater
from crmwire.sandbox import Fault
from crmwire.types import Candidates, Query, Record
from crmwire_attio.lookup import find_records


def found(answer: Candidates | Failure) -> tuple[Record, ...]:
    assert isinstance(answer, Candidates), answer
    assert answer.complete
    return answer.records


def test_batch_of_addresses_takes_one_query(world: Any, conn: Connection, make: Any) -> None:
    for number in range(3):
        values = {"email_addresses": [f"guest{number}@example.com"]}
        world.admin("create_record", object="people", values=values)
    answers = find_records(conn, [make.query(f"Guest{n}@Example.com") for n in range(100)])
    assert world.calls() == ["POST /v2/objects/people/records/query"]
    assert [len(found(answer)) for answer in answers[:4]] == [1, 1, 1, 0]


def test_person_is_found_by_any_address_whatever_its_case(
    world: Any, conn: Connection, make: Any
) -> None:
    values = {"email_addresses": ["ada@example.com", "Countess@Example.com"]}
    made = world.admin("create_record", object="people", values=values)["record_id"]
    for email in ("ADA@example.com ", "countess@example.com"):
        [record] = found(find_records(conn, [make.query(email)])[0])
        assert record.id == made


def test_address_with_a_plus_is_another_one(world: Any, conn: Connection, make: Any) -> None:
    world.admin("create_record", object="people", values={"email_addresses": ["ada@example.com"]})
    assert found(find_records(conn, [make.query("ada+x@example.com")])[0]) == ()


def test_duplicates_are_all_told(world: Any, conn: Connection, make: Any) -> None:
    values = {"email_addresses": ["ada@example.com"]}
    for _ in range(2):
        world.admin("create_record", object="people", values=values, unchecked=True)
    assert len(found(find_records(conn, [make.query("ada@example.com")])[0])) == 2


def test_record_tells_plain_values_of_what_was_asked(
    world: Any, conn: Connection, make: Any
) -> None:
    values = {
        "email_addresses": ["ada@example.com"],
        "name": {"first_name": "Ada", "last_name": "Byron", "full_name": "Ada Byron"},
        "phone_numbers": ["+442079460001", "+442079460018"],
    }
    made = world.admin("create_record", object="people", values=values)["record_id"]
    [record] = found(find_records(conn, [make.query("ada@example.com")])[0])
    assert record.fields == {
        "name": "Ada Byron",
        "email_addresses": ["ada@example.com"],
        "phone_numbers": ["+442079460001", "+442079460018"],
        "job_title": None,
    }
    assert record.url is not None
    assert record.url.endswith(f"/person/{made}")
    assert record.created_at is not None
    assert record.modified_at == record.created_at


def test_added_attributes_are_read_in_our_form(world: Any, conn: Connection, make: Any) -> None:
    added = {"born": "date", "seen": "timestamp", "worth": "currency", "tags": "select"}
    for slug, type_ in added.items():
        more = {"multi": True, "options": ["New", "Old"]} if slug == "tags" else {}
        world.admin("add_attribute", object="people", slug=slug, type=type_, **more)
    values = {
        "email_addresses": ["ada@example.com"],
        "born": "1990-12-10",
        "seen": "2026-11-21T15:00:00+01:00",
        "worth": 99.5,
        "tags": ["New"],
    }
    world.admin("create_record", object="people", values=values)
    fields = {"people": (*added, "company")}
    [record] = found(find_records(conn, [make.query("ada@example.com", fields=fields)])[0])
    assert record.fields["born"] == date(1990, 12, 10)
    assert record.fields["seen"] == datetime(2026, 11, 21, 14, tzinfo=UTC)
    assert record.fields["worth"] == 99.5
    assert record.fields["tags"] == ["New"]
    assert record.fields["company"] is None
    attributes = [call for call in world.calls() if "/attributes" in call]
    find_records(conn, [make.query("ada@example.com", fields=fields)])
    assert [call for call in world.calls() if "/attributes" in call] == attributes
    assert len(attributes) == 1


def test_more_rows_than_one_chunk_holds_are_all_read(
    world: Any, conn: Connection, make: Any
) -> None:
    values = {"email_addresses": ["ada@example.com"]}
    for _ in range(501):
        world.admin("create_record", object="people", values=values, unchecked=True)
    assert len(found(find_records(conn, [make.query("ada@example.com")])[0])) == 501
    assert world.count == 2


def test_record_ids_take_one_query_and_strange_ones_none(
    world: Any, conn: Connection, make: Any
) -> None:
    ids = [world.admin("create_record", object="people", values={})["record_id"] for _ in range(2)]
    gone = world.admin("create_record", object="people", values={})["record_id"]
    world.admin("delete_record", object="people", record_id=gone)
    queries = [make.query(value, key="id") for value in (*ids, gone, "not an id")]
    answers = [found(answer) for answer in find_records(conn, queries)]
    assert [[record.id for record in records] for records in answers] == [
        [ids[0]],
        [ids[1]],
        [],
        [],
    ]
    assert world.count == 1


def test_merged_record_is_not_found_by_its_old_ids(world: Any, conn: Connection, make: Any) -> None:
    ids = [
        world.admin(
            "create_record", object="people", values={"email_addresses": [f"{name}@example.com"]}
        )["record_id"]
        for name in ("a", "b")
    ]
    merged = world.admin("merge_records", object="people", primary=ids[0], secondary=ids[1])[
        "record_id"
    ]
    by_id = find_records(conn, [make.query(id_, key="id") for id_ in ids])
    assert [found(answer) for answer in by_id] == [(), ()]
    [record] = found(find_records(conn, [make.query("b@example.com")])[0])
    assert record.id == merged


def test_companies_are_found_by_domain_beside_people(
    world: Any, conn: Connection, make: Any
) -> None:
    made = world.admin("create_record", object="companies", values={"domains": ["example.com"]})[
        "record_id"
    ]
    company = make.query("https://Example.com/about", key="domains", types=("companies",))
    answers = find_records(conn, [company, make.query("ada@example.com")])
    assert [record.id for record in found(answers[0])] == [made]
    assert found(answers[1]) == ()
    assert world.count == 2


def test_every_type_of_a_query_is_looked_in(world: Any, conn: Connection, make: Any) -> None:
    world.admin("create_record", object="companies", values={"name": "Ada Byron"})
    name = {"first_name": "Ada", "last_name": "Byron", "full_name": "Ada Byron"}
    world.admin("create_record", object="people", values={"name": name})
    query = make.query("ada byron", key="name", types=("people", "companies"))
    assert [record.type for record in found(find_records(conn, [query])[0])] == [
        "people",
        "companies",
    ]


def test_failed_query_is_a_failure_of_those_it_was_asked_for(
    world: Any, conn: Connection, make: Any
) -> None:
    world.faults(Fault(kind="status", status=500, path="/people/"))
    company = make.query("example.com", key="domains", types=("companies",))
    answers = find_records(conn, [make.query("ada@example.com"), company])
    assert isinstance(answers[0], RetryLater)
    assert found(answers[1]) == ()


def test_object_that_is_not_there_is_a_failure(world: Any, conn: Connection, make: Any) -> None:
    [answer] = find_records(conn, [make.query("1", key="name", types=("deals",))])
    assert isinstance(answer, Failure)
    assert answer.code == "unknown_object"


# ---------------------------------------------------------------- members


def host(email: str) -> Query:
    return Query(id=email, role="user", types=(), key="email", value=email)


def test_host_is_found_among_members_that_are_read_once(world: Any, conn: Connection) -> None:
    member = world.admin("add_member", email_address="Grace@Example.com")["workspace_member_id"]
    for _ in range(2):
        answers = find_records(conn, [host("grace@example.com"), host("nobody@example.com")])
        assert [[record.id for record in found(answer)] for answer in answers] == [[member], []]
    assert world.calls() == ["GET /v2/workspace_members"]


def test_suspended_member_is_not_writable(world: Any, conn: Connection) -> None:
    world.admin("add_member", email_address="grace@example.com", access_level="suspended")
    [record] = found(find_records(conn, [host("grace@example.com")])[0])
    assert not record.writable


def test_missing_scope_for_members_leaves_people_alone(
    world: Any, conn: Connection, make: Any
) -> None:
    world.admin("set_scopes", scopes="record_permission:read object_configuration:read")
    answers = find_records(conn, [host("grace@example.com"), make.query("ada@example.com")])
    assert isinstance(answers[0], NotAllowed)
    assert found(answers[1]) == ()


def test_notes_are_read_by_their_id(world: Any, conn: Connection, make: Any) -> None:
    from crmwire_attio.writing import write_records

    person = world.admin("create_record", object="people", values={})["record_id"]
    write_records(conn, [make.note(person)])
    [note] = world.workspace().notes
    ids = [make.query(id_, key="id", types=("notes",)) for id_ in (note, person)]
    answers = find_records(conn, ids)
    [record] = found(answers[0])
    assert record.fields["title"] == "Intro: Ada Byron"
    assert found(answers[1]) == ()

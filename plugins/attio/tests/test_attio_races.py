"""Two that write at once, and people who move while an answer is on its way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import pytest

from crmwire.errors import Failure
from crmwire.sandbox import Fault
from crmwire.types import Ref, Written
from crmwire_attio.doubt import find_written
from crmwire_attio.lookup import find_records
from crmwire_attio.writing import write_records

EMAILS = [f"guest{number}@example.com" for number in range(8)]


def at_once(*jobs: Callable[[threading.Barrier], list[Any]]) -> list[list[Any]]:
    """Each job on a thread of its own; they meet at the barrier."""
    barrier = threading.Barrier(len(jobs), timeout=20)
    with ThreadPoolExecutor(len(jobs)) as pool:
        return [future.result(60) for future in [pool.submit(job, barrier) for job in jobs]]


@pytest.mark.parametrize("action", ["create", "upsert"])
def test_two_that_create_the_same_people_at_once_make_each_once(
    world: Any, make: Any, action: str
) -> None:
    """Both look them up and find nobody; then both write, each with a phone number of its own.

    A create that comes second is refused (`uniqueness_conflict`) and goes to the owner.
    """

    def job(number: int) -> Callable[[threading.Barrier], list[Any]]:
        conn = world.connect()

        def go(barrier: threading.Barrier) -> list[Any]:
            found = find_records(conn, [make.query(email) for email in EMAILS])
            assert all(not isinstance(one, Failure) and not one.records for one in found)
            writes = []
            for email in EMAILS:
                fields = {"name": "Ada Byron", "phone_numbers": f"+44207946000{number}"}
                person = make.person(email, action=action, fields=fields)
                writes += [person, make.note(Ref(write=person.id), f"{number}: {email}")]
            barrier.wait()
            return write_records(conn, writes)

        return go

    both = at_once(job(1), job(2))
    assert all(isinstance(answer, Written) for answers in both for answer in answers)
    first, second = ([answer.record for answer in answers[::2]] for answers in both)
    assert first == second
    assert sorted(first) == sorted(person.id for person in world.people())
    assert len(first) == len(EMAILS)
    for email in EMAILS:
        person = world.person(email)
        assert world.texts(person, "name") == ["Ada Byron"]
        assert sorted(world.texts(person, "phone_numbers")) == ["+442079460001", "+442079460002"]
    assert len(world.titles()) == 2 * len(EMAILS)
    refused = [one["status"] for one in world.sandbox.requests if one["status"] == 400]
    assert len(refused) == (len(EMAILS) if action == "create" else 0)


def test_create_whose_answer_was_lost_and_is_sent_again_is_one_person(
    world: Any, conn: Any, make: Any
) -> None:
    """What makes a create as safe to repeat as an assert: the address belongs to one record."""
    person = make.person("ada@example.com", action="create", fields={"name": "Ada Byron"})
    world.faults(Fault(kind="lost_answer", method="POST", path="/records$", times=1))
    [lost] = write_records(conn, [person])
    assert isinstance(lost, Failure)
    assert lost.sent == "unknown"
    [again] = write_records(conn, [person])
    assert isinstance(again, Written)
    assert [one.id for one in world.people()] == [again.record]


# ---------------------------------------------------------------- people who move meanwhile


def lost_note(world: Any, conn: Any, make: Any) -> tuple[str, Any]:
    """A person, and the write of a note on them whose answer was lost after the commit."""
    values = {"email_addresses": ["ada@example.com"]}
    person = world.admin("create_record", object="people", values=values)["record_id"]
    write, started = make.note(person), make.now()
    world.faults(Fault(kind="lost_answer", path="/v2/notes", method="POST", times=1))
    [answer] = write_records(conn, [write])
    assert isinstance(answer, Failure)
    return person, attrs.evolve(write, sent_at=started)


def merge(world: Any, person: str) -> str:
    other = world.admin("create_record", object="people", values={})["record_id"]
    merged = world.admin("merge_records", object="people", primary=person, secondary=other)
    return str(merged["record_id"])


def test_note_is_found_on_the_person_its_parent_was_merged_into(
    world: Any, conn: Any, make: Any
) -> None:
    person, write = lost_note(world, conn, make)
    merged = merge(world, person)
    [found] = find_written(conn, [write])
    [note] = world.workspace().notes.values()
    assert note.parent_record_id == merged
    assert [record.id for record in found] == [note.id]


def test_moved_note_is_found_among_many_with_few_calls(world: Any, conn: Any, make: Any) -> None:
    other = world.admin("create_record", object="people", values={})["record_id"]
    made = write_records(conn, [make.note(other, f"Note {number}") for number in range(230)])
    for number, note in enumerate(world.workspace().notes.values()):
        note.created_at = f"2026-01-01T00:{number // 60:02}:{number % 60:02}.000000000Z"
    assert len(made) == 230
    person, write = lost_note(world, conn, make)
    merge(world, person)
    before = world.count
    [found] = find_written(conn, [write])
    assert len(found) == 1
    assert world.calls(before).count("GET /v2/notes") <= 7


def test_note_that_went_with_its_person_is_not_found(world: Any, conn: Any, make: Any) -> None:
    person, write = lost_note(world, conn, make)
    world.admin("delete_record", object="people", record_id=person)
    assert find_written(conn, [write]) == [[]]


def test_merge_while_an_answer_is_lost_leaves_one_note(notes: Any) -> None:
    """Through the whole of crmwire: the note is neither doubled nor lost."""
    notes.linktime()
    [ada] = notes.records("people")
    notes.sandbox.faults.arm([Fault(kind="lost_answer", path="/v2/notes", method="POST", times=1)])
    app = notes.stage.app
    notes.stage.daemon.stop()
    notes.tell("cancelled", at=1, cancelReason="Ill")
    notes.drain()
    assert notes.states() == ["ready", "delivered"]
    other = notes.admin("create_record", object="people", values={"name": "Byron, Ada"})
    merged = notes.admin(
        "merge_records", object="people", primary=ada.id, secondary=other["record_id"]
    )["record_id"]
    app.clock.sleep(0.7)
    notes.drain()
    assert notes.states() == ["delivered"] * 2
    titles = sorted(note.title for note in notes.workspace.notes.values())
    assert titles == ["Intro Call: Ada Byron", "[Cancelled] Intro Call: Ada Byron"]
    assert {note.parent_record_id for note in notes.workspace.notes.values()} == {merged}


def test_booking_record_is_made_anew_with_the_person_who_is_there(records: Any) -> None:
    """Record and person are both gone: the reference names a dead one until that is found out."""
    records.linktime()
    [record], [person] = records.records("bookings"), records.records("people")
    records.admin("delete_record", object="bookings", record_id=record.id)
    merged = records.admin(
        "merge_records",
        object="people",
        primary=person.id,
        secondary=records.admin("create_record", object="people", values={})["record_id"],
    )["record_id"]
    moved = {"startTime": "2027-03-02T14:00:00Z", "endTime": "2027-03-02T14:30:00Z"}
    records.linktime("rescheduled", at=1, **moved)
    assert records.states() == ["delivered"] * 2
    [record] = records.records("bookings")
    assert records.told(record)["guests"] == [merged]


def test_task_without_the_link_that_was_sent_says_so(world: Any, conn: Any, make: Any) -> None:
    person = world.admin("create_record", object="people", values={})["record_id"]
    task = attrs.evolve(make.note(person, fields={"content": "Call Ada"}), type="tasks")
    [linked] = write_records(conn, [task])
    world.admin("delete_record", object="people", record_id=person)
    [unlinked] = write_records(conn, [task])
    assert (linked.dropped, unlinked.dropped) == ((), ("linked_records",))


@pytest.mark.parametrize("preset", ["records", "notes"])
def test_person_made_between_look_up_and_write_is_the_one_that_is_updated(
    request: pytest.FixtureRequest, preset: str
) -> None:
    """The look-up finds nobody; when the create comes, somebody else has made the person."""
    booked = request.getfixturevalue(preset)
    values = {"email_addresses": ["ada@example.com"], "job_title": "Countess"}
    owner = booked.admin("create_record", object="people", values=values)["record_id"]
    empty = Fault(
        kind="status", status=200, body={"data": []}, path="people/records/query$", times=1
    )
    booked.sandbox.faults.arm([empty])
    booked.booked("Ada@Example.com", phone="+442079460018")
    assert booked.states() == ["delivered"]
    [person] = booked.records("people")
    told = booked.told(person, "people")
    assert person.id == owner
    assert (told["name"], told["job_title"]) == ("Ada Byron", "Countess")
    assert told["phone_numbers"] == ["+442079460018"]
    if preset == "records":
        [record] = booked.records("bookings")
        assert booked.told(record)["guests"] == [owner]
    else:
        [note] = booked.workspace.notes.values()
        assert note.parent_record_id == owner

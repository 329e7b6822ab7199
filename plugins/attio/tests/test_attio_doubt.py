"""Finding what an unanswered attempt has written."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
import pytest

from crmwire.connections import Connection
from crmwire.errors import Failure, Rejected, RetryLater
from crmwire.sandbox import Fault
from crmwire.types import Record, Ref, Write
from crmwire_attio.doubt import find_written
from crmwire_attio.writing import write_records


def sent(*writes: Write, at: Any) -> list[Write]:
    return [attrs.evolve(write, sent_at=at) for write in writes]


def ids(answer: Any) -> list[str]:
    assert not isinstance(answer, Failure), answer
    return [record.id for record in answer]


@pytest.fixture
def person(world: Any) -> str:
    values = {"email_addresses": ["ada@example.com"]}
    made: str = world.admin("create_record", object="people", values=values)["record_id"]
    return made


def test_notes_with_lost_answers_are_found_and_no_others(
    world: Any, conn: Connection, make: Any, person: str
) -> None:
    writes = [make.note(person, f"Note {number}") for number in range(6)]
    world.faults(Fault(kind="lost_answer", path="/v2/notes", method="POST", share=0.5))
    started = make.now()
    answers = write_records(conn, writes)
    world.faults()
    doubtful = [
        write for write, answer in zip(writes, answers, strict=True) if isinstance(answer, Failure)
    ]
    assert doubtful
    assert all(a.sent == "unknown" for a in answers if isinstance(a, Failure))
    by_title = {note.title: note.id for note in world.workspace().notes.values()}
    found = find_written(conn, sent(*doubtful, at=started))
    assert [ids(answer) for answer in found] == [[by_title[w.fields["title"]]] for w in doubtful]


def test_many_notes_of_one_person_share_one_listing(
    world: Any, conn: Connection, make: Any, person: str
) -> None:
    before = world.count
    writes = [make.note(person, f"Note {number}") for number in range(10)]
    assert [ids(answer) for answer in find_written(conn, sent(*writes, at=make.now()))] == [[]] * 10
    # The second call makes sure that the person is still there, and was not merged.
    assert world.calls(before) == ["GET /v2/notes", "POST /v2/objects/people/records/query"]


def test_listing_goes_on_to_the_last_note(
    world: Any, conn: Connection, make: Any, person: str
) -> None:
    writes = [make.note(person, f"Note {number}") for number in range(51)]
    started = make.now()
    write_records(conn, writes)
    before = world.count
    [found] = find_written(conn, sent(writes[-1], at=started))
    assert len(ids(found)) == 1
    assert world.count - before == 2


def test_note_that_was_never_made_is_not_found(
    world: Any, conn: Connection, make: Any, person: str
) -> None:
    write = make.note(person)
    world.faults(Fault(kind="cut_before", path="/v2/notes", times=1))
    [answer] = write_records(conn, [write])
    assert isinstance(answer, RetryLater)
    assert answer.sent == "unknown"
    assert ids(find_written(conn, sent(write, at=make.now()))[0]) == []


def test_note_whose_commit_came_late_is_found(start: Any, make: Any) -> None:
    world = start()
    conn = world.connect(read_timeout=0.1)
    made = world.admin("create_record", object="people", values={})["record_id"]
    write, started = make.note(made), make.now()
    world.faults(Fault(kind="late_commit", seconds=0.3, path="/v2/notes", method="POST", times=1))
    [answer] = write_records(conn, [write])
    assert isinstance(answer, RetryLater)
    assert world.titles() == []
    conn.clock.sleep(0.4)
    assert len(ids(find_written(conn, sent(write, at=started))[0])) == 1


def test_equal_notes_of_two_subjects_are_both_told_oldest_first(
    world: Any, conn: Connection, make: Any, person: str
) -> None:
    twice = [make.note(person, id=name, key=name) for name in ("one", "two")]
    started = make.now()
    for write in twice:
        write_records(conn, [write])
        conn.clock.sleep(0.002)
    made = list(world.workspace().notes)
    assert [ids(answer) for answer in find_written(conn, sent(*twice, at=started))] == [made, made]


def test_notes_that_differ_or_are_old_or_a_persons_are_left_out(
    world: Any, conn: Connection, make: Any, person: str
) -> None:
    write = make.note(person)
    others = [
        make.note(person, "Another title"),
        make.note(person, content="Other content", id="2"),
        make.note(person, id="3"),
        make.note(person, id="4"),
    ]
    for other in others:
        write_records(conn, [other])
    old, typed = list(world.workspace().notes.values())[2:]
    old.created_at = "2026-01-05T10:00:00.000000000Z"
    typed.created_by = {"type": "workspace-member", "id": world.workspace().first_member.id}
    assert ids(find_written(conn, sent(write, at=make.now()))[0]) == []


def test_note_of_the_member_who_was_connected_then_is_ours_too(
    world: Any, conn: Connection, make: Any, person: str
) -> None:
    write = make.note(person)
    write_records(conn, [write])
    member = world.workspace().first_member.id
    (note,) = world.workspace().notes.values()
    note.created_by = {"type": "workspace-member", "id": member}
    [asked] = sent(write, at=make.now())
    assert ids(find_written(conn, [attrs.evolve(asked, sent_by="another")])[0]) == []
    assert ids(find_written(conn, [attrs.evolve(asked, sent_by=member)])[0]) == [note.id]


def test_note_within_a_minute_before_is_ours_since_clocks_differ(
    world: Any, conn: Connection, make: Any, person: str
) -> None:
    write = make.note(person)
    write_records(conn, [write])
    for late, count in ((50, 1), (70, 0)):
        at = make.now() + timedelta(seconds=late)
        assert len(ids(find_written(conn, sent(write, at=at))[0])) == count


def test_person_in_doubt_is_looked_for_before_the_note(
    world: Any, conn: Connection, make: Any
) -> None:
    person = make.person("ada@example.com", action="create", fields={"name": "Ada Byron"})
    note = make.note(Ref(write=person.id))
    started = make.now()
    assert all(isinstance(answer, Failure) for answer in _lost(world, conn, [person, note]))
    found = find_written(conn, sent(person, note, at=started))
    assert ids(found[0]) == [world.person("ada@example.com").id]
    assert ids(found[1]) == []
    write_records(conn, [attrs.evolve(note, about=make.note(ids(found[0])[0]).about)])
    assert len(ids(find_written(conn, sent(person, note, at=started))[1])) == 1


def _lost(world: Any, conn: Connection, writes: list[Write]) -> list[Any]:
    world.faults(Fault(kind="lost_answer", method="POST", times=1))
    answers = write_records(conn, writes)
    world.faults()
    return answers


def test_note_of_a_person_who_was_not_made_was_not_made(
    world: Any, conn: Connection, make: Any
) -> None:
    person = make.person("ada@example.com", action="create")
    found = find_written(conn, sent(person, make.note(Ref(write=person.id)), at=make.now()))
    assert found == [[], []]
    assert "GET /v2/notes" not in world.calls()


def test_note_on_the_owner_of_a_taken_address_is_found(
    world: Any, conn: Connection, make: Any, person: str
) -> None:
    """The person was there before, so that it is not ours; the note on it is."""
    write = make.person("ada@example.com", action="create")
    note = make.note(Ref(write=write.id))
    started = make.now() + timedelta(seconds=59)
    world.person("ada@example.com").created_at = "2026-01-05T10:00:00.000000000Z"
    write_records(conn, [write, note])
    found = find_written(conn, sent(write, note, at=started))
    assert [len(ids(answer)) for answer in found] == [0, 1]


def test_note_of_an_upserted_person_is_found_by_that_persons_key(
    world: Any, conn: Connection, make: Any
) -> None:
    write = make.person("ada@example.com")
    note = make.note(Ref(write=write.id))
    started = make.now()
    write_records(conn, [write, note])
    found = find_written(conn, sent(write, note, at=started))
    assert [len(ids(answer)) for answer in found] == [1, 1]


def test_note_on_somebody_unknown_is_for_a_person_to_look_for(
    world: Any, conn: Connection, make: Any
) -> None:
    [answer] = find_written(conn, sent(make.note(Ref(write="elsewhere")), at=make.now()))
    assert isinstance(answer, Rejected)
    assert world.count == 0


def test_person_who_was_there_before_is_not_ours(
    world: Any, conn: Connection, make: Any, person: str
) -> None:
    write = make.person("ada@example.com", action="create")
    assert ids(find_written(conn, sent(write, at=make.now()))[0]) == []


def test_person_without_an_address_is_found_by_name_and_time(
    world: Any, conn: Connection, make: Any
) -> None:
    named = [
        Write(
            id=name,
            key=name,
            group=None,
            role="person",
            action="create",
            type="people",
            fields={"name": name, "phone_numbers": ["+442079460018"]},
        )
        for name in ("Ada Byron", "Ada Lovelace")
    ]
    started = make.now()
    write_records(conn, named[:1])
    found = find_written(conn, sent(*named, at=started))
    assert [len(ids(answer)) for answer in found] == [1, 0]


def test_task_is_found_among_the_newest(
    world: Any, conn: Connection, make: Any, person: str
) -> None:
    def task(content: str) -> Write:
        write: Write = make.note(person, id=content, fields={"content": content})
        return attrs.evolve(write, type="tasks")

    started = make.now()
    write_records(conn, [task("Call Ada"), task("Write to Ada")])
    found = find_written(conn, sent(task("Call Ada"), task("Meet Ada"), at=started))
    assert [len(ids(answer)) for answer in found] == [1, 0]


def test_listing_that_fails_is_no_answer(
    world: Any, conn: Connection, make: Any, person: str
) -> None:
    world.faults(Fault(kind="status", status=500, path="/v2/notes"))
    [answer] = find_written(conn, sent(make.note(person), at=make.now()))
    assert isinstance(answer, RetryLater)


def test_records_found_tell_what_they_are(
    world: Any, conn: Connection, make: Any, person: str
) -> None:
    started = make.now()
    write_records(conn, [make.note(person)])
    [[record]] = find_written(conn, sent(make.note(person), at=started))  # type: ignore[misc]
    assert isinstance(record, Record)
    assert (record.type, record.fields["title"]) == ("notes", "Intro: Ada Byron")

"""Both presets, from what LinkTime sends to what stands in Attio."""

from __future__ import annotations

from typing import Any

MOVED = {"startTime": "2027-03-02T14:00:00.000Z", "endTime": "2027-03-02T14:30:00.000Z"}


def notes_of(booked: Any) -> dict[str, list[str]]:
    """The lines of each note, by title, in the order in which they were made."""
    return {
        note.title: note.content_plaintext.splitlines() for note in booked.workspace.notes.values()
    }


def test_each_event_of_a_linktime_booking_is_a_note_on_the_invitee(notes: Any) -> None:
    before = notes.count
    notes.linktime()
    assert notes.calls(before) == ["PUT /v2/objects/people/records", "POST /v2/notes"]
    notes.linktime("rescheduled", at=1, **MOVED)
    notes.linktime("cancelled", at=2, **MOVED, cancelReason="Schedule conflict")
    assert notes.calls(before)[2:] == ["POST /v2/notes"] * 2
    assert notes.states() == ["delivered"] * 3
    [person] = notes.records("people")
    told = notes.told(person, "people")
    assert told["name"] == "Ada Byron"
    assert told["email_addresses"] == ["ada@example.com"]
    assert {note.parent_record_id for note in notes.workspace.notes.values()} == {person.id}
    said = notes_of(notes)
    assert list(said) == [
        "Intro Call: Ada Byron",
        "[Rescheduled] Intro Call: Ada Byron",
        "[Cancelled] Intro Call: Ada Byron",
    ]
    created, moved, cancelled = said.values()
    assert created == [
        "Start: 2027-03-01 04:00 EST",
        "End: 2027-03-01 04:30 EST",
        "Host: Sam Host",
        "Location: Video call",
        "Join: https://meet.example.com/abc",
        "",
        "About the engine",
    ]
    assert moved[:2] == [
        "Previously: 2027-03-01 04:00 EST",
        "Start: 2027-03-02 09:00 EST",
    ]
    assert cancelled[:2] == ["Reason: Schedule conflict", "Start: 2027-03-02 09:00 EST"]


def test_linktime_booking_is_one_record_that_moves_and_is_cancelled(records: Any) -> None:
    before = records.count
    records.linktime()
    assert records.calls(before) == [
        "POST /v2/objects/people/records/query",
        "POST /v2/objects/people/records",
        "PUT /v2/objects/bookings/records",
    ]
    [person], [record] = records.records("people"), records.records("bookings")
    told = records.told(record)
    assert told.pop("booking_uid")
    times = {slug: told.pop(slug)[:16] for slug in ("start_at", "end_at")}
    assert times == {"start_at": "2027-03-01T09:00", "end_at": "2027-03-01T09:30"}
    for slug in ("record_id", "created_at", "created_by"):
        told.pop(slug, None)
    assert told == {
        "name": "Intro Call: Ada Byron",
        "state": "Booked",
        "guests": [person.id],
        "host": "Sam Host",
        "location": "Video call",
        "join_url": "https://meet.example.com/abc",
        "details": "About the engine",
    }
    before = records.count
    records.linktime("rescheduled", at=1, **MOVED)
    assert records.told(record)["state"] == "Rescheduled"
    assert records.told(record)["start_at"].startswith("2027-03-02T14:00:00")
    records.linktime("cancelled", at=2, **MOVED, cancelReason="Schedule conflict")
    assert records.told(record)["state"] == "Cancelled"
    assert records.told(record)["reason"] == "Schedule conflict"
    assert records.calls(before) == [f"PATCH /v2/objects/bookings/records/{record.id}"] * 2
    assert len(records.records("people")) == len(records.records("bookings")) == 1


def test_second_booking_of_the_invitee_stands_on_the_same_person(notes: Any) -> None:
    notes.linktime()
    notes.linktime(at=1, id="clx7000000002", **MOVED)
    assert len(notes.records("people")) == 1
    assert len(notes.workspace.notes) == 2

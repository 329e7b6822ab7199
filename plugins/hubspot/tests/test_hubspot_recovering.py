"""After a lost answer, exactly what was made is found, from the store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import attrs

from crmwire.errors import Failure, NeedsReview, RetryLater
from crmwire.sandbox import Fault
from crmwire.types import Ref, Written

if TYPE_CHECKING:
    from collections.abc import Callable

    from crmwire.connections import Connection


def _ids(answer: Any) -> list[str]:
    assert not isinstance(answer, Failure), answer
    return [record.id for record in answer]


def _sent(write: Any) -> Any:
    return attrs.evolve(write, sent_at=datetime.now(UTC))


def test_meetings_whose_answer_was_lost_after_the_commit_are_found_and_no_others(
    conn: Connection, vendor: Any, make: Any
) -> None:
    people = conn.hooks.write_records(
        [make.upsert(f"p{n}", f"guest{n}@example.com") for n in range(10)]
    )
    ids = [person.record for person in people if isinstance(person, Written)]
    older = [make.meeting(f"o{n}", id_, title="Another") for n, id_ in enumerate(ids)]
    conn.hooks.write_records(older)
    writes = [_sent(make.meeting(f"m{n}", id_)) for n, id_ in enumerate(ids)]
    vendor.arm(Fault(kind="lost_answer", path="meetings/batch/create", times=1))
    answers = conn.hooks.write_records(writes)
    assert all(isinstance(a, RetryLater) and a.sent == "unknown" for a in answers)
    vendor.forget()
    found = conn.hooks.find_written(writes)
    assert found is not None
    made = [_ids(answer) for answer in found]
    assert [len(one) for one in made] == [1] * 10
    assert len({one[0] for one in made}) == 10
    for number, (id_,) in enumerate(made):
        entries = vendor.people()[f"guest{number}@example.com"].entries
        assert [entry.id for entry in entries if entry.title == "Intro: Ada Example"] == [id_]
    assert vendor.calls == ["POST contacts/meetings/batch/read", "POST meetings/batch/read"]


def test_meetings_that_were_never_committed_are_certainly_not_there(
    conn: Connection, vendor: Any, make: Any
) -> None:
    (person,) = conn.hooks.write_records([make.upsert("p", "ada@example.com")])
    assert isinstance(person, Written)
    write = _sent(make.meeting("m", person.record))
    vendor.arm(Fault(kind="cut_before", path="meetings/batch/create", times=1))
    (answer,) = conn.hooks.write_records([write])
    assert isinstance(answer, RetryLater)
    assert answer.sent == "unknown"
    assert conn.hooks.find_written([write]) == [[]]


def test_a_commit_after_our_timeout_is_found(vendor: Any, make: Any) -> None:
    conn = vendor.connect(read_timeout=0.2)
    (person,) = conn.hooks.write_records([make.upsert("p", "ada@example.com")])
    assert isinstance(person, Written)
    write = _sent(make.meeting("m", person.record))
    vendor.arm(Fault(kind="late_commit", path="meetings/batch/create", seconds=0.4, times=1))
    (answer,) = conn.hooks.write_records([write])
    assert isinstance(answer, RetryLater)
    assert answer.sent == "unknown"
    conn.clock.sleep(0.4)
    (found,) = conn.hooks.find_written([write]) or ()
    assert len(_ids(found)) == 1


def test_only_the_same_start_title_and_time_of_making_fit(
    conn: Connection, vendor: Any, make: Any
) -> None:
    (person,) = conn.hooks.write_records([make.upsert("p", "ada@example.com")])
    assert isinstance(person, Written)
    conn.hooks.write_records(
        [
            make.meeting("other start", person.record, start=make.start + timedelta(hours=1)),
            make.meeting("other title", person.record, title="Other"),
            make.meeting("same", person.record),
        ]
    )
    now = datetime.now(UTC)
    early = attrs.evolve(make.meeting("m", person.record), sent_at=now)
    late = attrs.evolve(early, id="l", sent_at=now + timedelta(minutes=5))
    found, none = conn.hooks.find_written([early, late]) or ()
    assert len(_ids(found)) == 1
    # Made more than a minute before it was sent: somebody else's.
    assert _ids(none) == []


def test_a_meeting_that_a_person_made_in_hubspot_is_not_ours(
    conn: Connection, vendor: Any, make: Any
) -> None:
    (person,) = conn.hooks.write_records([make.upsert("p", "ada@example.com")])
    assert isinstance(person, Written)
    write = _sent(make.meeting("m", person.record))
    vendor.admin(
        "create_record",
        type="meetings",
        properties={
            "hs_timestamp": "2026-11-24T09:00:00Z",
            "hs_meeting_start_time": "2026-11-24T09:00:00Z",
            "hs_meeting_title": write.fields["hs_meeting_title"],
        },
        about={"contacts": [person.record]},
    )
    assert conn.hooks.find_written([write]) == [[]]


def test_all_records_that_fit_are_given_oldest_first(
    conn: Connection, vendor: Any, make: Any
) -> None:
    (person,) = conn.hooks.write_records([make.upsert("p", "ada@example.com")])
    assert isinstance(person, Written)
    write = _sent(make.meeting("m", person.record))
    made = []
    for _ in range(3):
        (written,) = conn.hooks.write_records([write])
        assert isinstance(written, Written)
        made.append(written.record)
        conn.clock.sleep(0.002)
    (found,) = conn.hooks.find_written([write]) or ()
    assert _ids(found) == made


def test_search_is_not_asked_however_much_it_lags(
    new_vendor: Callable[..., Any], make: Any
) -> None:
    vendor = new_vendor(search_lag="60")
    conn = vendor.connect()
    (person,) = conn.hooks.write_records([make.upsert("p", "ada@example.com")])
    assert isinstance(person, Written)
    write = _sent(make.meeting("m", person.record))
    vendor.arm(Fault(kind="lost_answer", path="meetings/batch/create", times=1))
    conn.hooks.write_records([write])
    (found,) = conn.hooks.find_written([write]) or ()
    assert len(_ids(found)) == 1
    assert not [call for call in vendor.calls if "search" in call]


def test_a_contact_whose_create_was_lost_is_found_by_address_and_its_meeting_through_it(
    conn: Connection, vendor: Any, make: Any
) -> None:
    person = _sent(make.contact("p", "Ada@example.com"))
    meeting = _sent(make.meeting("m", Ref(write="p")))
    vendor.arm(Fault(kind="lost_answer", path="contacts/batch/create", times=1))
    first, second = conn.hooks.write_records([person, meeting])
    assert isinstance(first, Failure)
    assert first.sent == "unknown"
    assert isinstance(second, Failure)
    assert second.sent == "no"
    found, none = conn.hooks.find_written([person, meeting]) or ()
    (id_,) = _ids(found)
    assert id_ == vendor.people()["ada@example.com"].id
    assert _ids(none) == []


def test_the_meeting_of_a_person_that_was_upserted_is_found_through_the_upsert(
    conn: Connection, vendor: Any, make: Any
) -> None:
    writes = [_sent(make.upsert("p", "Ada@example.com")), _sent(make.meeting("m", Ref(write="p")))]
    vendor.arm(Fault(kind="lost_answer", path="meetings/batch/create", times=1))
    conn.hooks.write_records(writes)
    person, meeting = conn.hooks.find_written(writes) or ()
    ada = vendor.people()["ada@example.com"]
    assert _ids(person) == [ada.id]
    assert _ids(meeting) == [ada.entries[0].id]
    # Without the person in the same call nothing tells whose meeting it is.
    (alone,) = conn.hooks.find_written(writes[1:]) or ()
    assert isinstance(alone, NeedsReview)


def test_a_person_that_was_not_made_has_no_meeting(
    conn: Connection, vendor: Any, make: Any
) -> None:
    writes = [_sent(make.contact("p", "ada@example.com")), _sent(make.meeting("m", Ref(write="p")))]
    assert conn.hooks.find_written(writes) == [[], []]


def test_a_hundred_meetings_in_doubt_take_three_calls(
    conn: Connection, vendor: Any, make: Any
) -> None:
    writes = []
    for number in range(100):
        writes.append(_sent(make.contact(f"p{number}", f"guest{number}@example.com")))
        writes.append(_sent(make.meeting(f"m{number}", Ref(write=f"p{number}"))))
    vendor.arm(Fault(kind="lost_answer", path="meetings/batch/create", times=1))
    conn.hooks.write_records(writes)
    vendor.forget()
    found = conn.hooks.find_written(writes)
    assert found is not None
    assert all(len(_ids(answer)) == 1 for answer in found)
    assert vendor.calls == [
        "POST contacts/batch/read",
        "POST contacts/meetings/batch/read",
        "POST meetings/batch/read",
    ]


def test_associations_beyond_one_answer_are_read_on(
    new_vendor: Callable[..., Any], make: Any
) -> None:
    vendor = new_vendor(association_chunk="2")
    conn = vendor.connect()
    (person,) = conn.hooks.write_records([make.upsert("p", "ada@example.com")])
    assert isinstance(person, Written)
    conn.hooks.write_records(
        [make.meeting(f"o{n}", person.record, title=f"Other {n}") for n in range(5)]
    )
    write = _sent(make.meeting("m", person.record))
    conn.hooks.write_records([write])
    (found,) = conn.hooks.find_written([write]) or ()
    assert len(_ids(found)) == 1


def test_a_look_up_that_fails_is_a_failure(conn: Connection, vendor: Any, make: Any) -> None:
    write = _sent(make.meeting("m", "1"))
    vendor.arm(Fault(kind="status", path="contacts/meetings/batch/read", status=503))
    (answer,) = conn.hooks.find_written([write]) or ()
    assert isinstance(answer, RetryLater)


def test_what_cannot_be_found_out_is_left_to_a_person(
    conn: Connection, vendor: Any, make: Any
) -> None:
    alone = attrs.evolve(_sent(make.meeting("m", "1")), about=())
    company = attrs.evolve(
        _sent(make.contact("c", "x@example.com")),
        role="company",
        type="companies",
        fields={"name": "Acme", "domain": "acme.example"},
    )
    unsent = attrs.evolve(company, sent_at=None)
    first, second = conn.hooks.find_written([alone, unsent]) or ()
    assert isinstance(first, NeedsReview)
    assert isinstance(second, NeedsReview)
    long_ago = attrs.evolve(company, sent_at=datetime.now(UTC) - timedelta(minutes=11))
    assert conn.hooks.find_written([long_ago]) == [[]]
    # What the search shows is there, although what it does not show proves nothing.
    conn.hooks.write_records([company])
    (found,) = conn.hooks.find_written([company]) or ()
    assert len(_ids(found)) == 1


def test_a_company_that_the_search_does_not_show_yet_is_looked_for_again(
    new_vendor: Callable[..., Any], make: Any
) -> None:
    vendor = new_vendor(search_lag="0.3")
    conn = vendor.connect()
    company = attrs.evolve(
        _sent(make.contact("c", "x@example.com")),
        role="company",
        type="companies",
        fields={"name": "Acme", "domain": "acme.example"},
    )
    vendor.arm(Fault(kind="lost_answer", path="companies/batch/create", times=1))
    conn.hooks.write_records([company])
    (waiting,) = conn.hooks.find_written([company]) or ()
    assert isinstance(waiting, RetryLater)
    assert (waiting.after, waiting.pause, waiting.remedy != "") == (15.0, False, True)
    conn.clock.sleep(0.4)
    (found,) = conn.hooks.find_written([company]) or ()
    assert len(_ids(found)) == 1

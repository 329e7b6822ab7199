"""What bookings become in HubSpot, and how many calls that takes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import attrs
import pytest

import crmwire_hubspot
from crmwire.errors import Failure, Rejected, RetryLater
from crmwire.sandbox import Fault
from crmwire.types import About, Ref, Written

if TYPE_CHECKING:
    from collections.abc import Callable

    from crmwire.connections import Connection


def test_a_new_person_with_a_meeting_takes_two_calls(
    conn: Connection, vendor: Any, make: Any
) -> None:
    person, meeting = conn.hooks.write_records(
        [
            make.upsert("p", "Ada@Example.com", firstname="Ada", lastname="Example"),
            make.meeting("m", Ref(write="p"), hs_meeting_body="Notes &lt;here&gt;<br>second line"),
        ]
    )
    assert vendor.calls == ["POST contacts/batch/upsert", "POST meetings/batch/create"]
    assert isinstance(person, Written)
    assert person.created is True
    assert isinstance(meeting, Written)
    assert meeting.url
    assert meeting.request_id
    ada = vendor.people()["ada@example.com"]
    assert ada.name == "Ada Example"
    (entry,) = ada.entries
    assert entry.id == meeting.record
    assert (entry.start, entry.status) == ("2026-11-24T09:00:00Z", "SCHEDULED")
    assert entry.text == "Notes &lt;here&gt;<br>second line"


def test_an_upsert_of_a_known_person_overwrites_and_says_so(
    conn: Connection, vendor: Any, make: Any
) -> None:
    conn.hooks.write_records([make.upsert("p", "ada@example.com", firstname="A", phone="1")])
    (again,) = conn.hooks.write_records(
        [make.upsert("p", "ada@example.com", firstname="Ada", phone="+15550100")]
    )
    assert isinstance(again, Written)
    assert again.created is False
    (ada,) = vendor.people().values()
    assert ada.name == "Ada"
    assert ada.fields["phone"] == "+15550100"


def test_an_upsert_never_sends_the_address_as_a_property(
    conn: Connection, vendor: Any, make: Any
) -> None:
    vendor.admin(
        "create_record",
        type="contacts",
        properties={"email": "ada@example.com"},
        additional_emails=["ada@example.org"],
    )
    (written,) = conn.hooks.write_records([make.upsert("p", "ADA@example.org", firstname="Ada")])
    assert isinstance(written, Written)
    assert written.created is False
    assert list(vendor.people()) == ["ada@example.com"]
    (body,) = vendor.bodies("contacts/batch/upsert")
    assert body["inputs"][0]["properties"] == {"firstname": "Ada"}


def test_a_reschedule_and_a_cancellation_take_one_call_each(
    conn: Connection, vendor: Any, make: Any
) -> None:
    _, meeting = conn.hooks.write_records(
        [make.upsert("p", "ada@example.com"), make.meeting("m", Ref(write="p"))]
    )
    assert isinstance(meeting, Written)
    vendor.forget()
    later = make.start + timedelta(days=1)
    moved = make.update(
        "r",
        "meetings",
        meeting.record,
        hs_timestamp=later,
        hs_meeting_start_time=later,
        hs_meeting_outcome="RESCHEDULED",
    )
    about = (About(role="person", type="contacts", record="1"),)
    conn.hooks.write_records([attrs.evolve(moved, about=about)])
    assert vendor.calls == ["POST meetings/batch/update"]
    (entry,) = vendor.people()["ada@example.com"].entries
    assert (entry.start, entry.status) == ("2026-11-25T09:00:00Z", "RESCHEDULED")
    vendor.forget()
    conn.hooks.write_records(
        [make.update("c", "meetings", meeting.record, hs_meeting_outcome="CANCELED")]
    )
    assert vendor.calls == ["POST meetings/batch/update"]
    (entry,) = vendor.people()["ada@example.com"].entries
    assert (entry.start, entry.status) == ("2026-11-25T09:00:00Z", "CANCELED")


def test_a_hundred_bookings_of_a_hundred_people_take_two_calls(
    conn: Connection, vendor: Any, make: Any
) -> None:
    writes = []
    for number in range(100):
        writes.append(make.upsert(f"p{number}", f"guest{number}@example.com", lastname=str(number)))
        writes.append(make.meeting(f"m{number}", Ref(write=f"p{number}"), title=f"Intro {number}"))
    answers = conn.hooks.write_records(writes)
    assert vendor.calls == ["POST contacts/batch/upsert", "POST meetings/batch/create"]
    assert [answer.id for answer in answers if isinstance(answer, Written)] == [
        write.id for write in writes
    ]
    people = vendor.people()
    assert len(people) == 100
    for number in range(100):
        (entry,) = people[f"guest{number}@example.com"].entries
        assert entry.title == f"Intro {number}"


def test_a_hundred_bookings_with_a_look_up_take_three_calls(
    conn: Connection, vendor: Any, make: Any
) -> None:
    emails = [f"guest{number}@example.com" for number in range(100)]
    for email in emails[:50]:
        vendor.admin("create_record", type="contacts", properties={"email": email})
    vendor.forget()
    found = conn.hooks.find_records([make.query(email) for email in emails])
    writes = []
    for number, (email, candidates) in enumerate(zip(emails, found, strict=True)):
        assert not isinstance(candidates, Failure)
        if candidates.records:
            known = candidates.records[0].id
            writes.append(make.meeting(f"m{number}", known))
        else:
            writes.append(make.contact(f"p{number}", email))
            writes.append(make.meeting(f"m{number}", Ref(write=f"p{number}")))
    answers = conn.hooks.write_records(writes)
    assert all(isinstance(answer, Written) for answer in answers)
    assert vendor.calls == [
        "POST contacts/batch/read",
        "POST contacts/batch/create",
        "POST meetings/batch/create",
    ]
    assert len(vendor.people()) == 100
    assert vendor.loose_meetings() == 0


WRITES = ("create", "update", "upsert")


@pytest.mark.parametrize("count", [1, 2, 99, 100, 101])
def test_batches_are_cut_at_a_hundred(
    new_vendor: Callable[..., Any], make: Any, count: int
) -> None:
    """People, meetings, associations, reads, updates and deletes; a hundred and first goes on."""
    vendor = new_vendor(limits="off")
    conn = vendor.connect()
    company = vendor.admin("create_record", type="companies", properties={"name": "A"})["id"]
    at = (About(role="company", type="companies", record=company),)
    people = [
        attrs.evolve(make.upsert(f"p{n}", f"guest{n}@example.com"), about=at) for n in range(count)
    ]
    meetings = [make.meeting(f"m{n}", Ref(write=f"p{n}"), title=f"T {n}") for n in range(count)]
    made = conn.hooks.write_records([*people, *meetings])
    assert all(isinstance(answer, Written) for answer in made)
    ids = {answer.id: answer.record for answer in made}
    queries = [make.query(f"guest{n}@example.com") for n in range(count)]
    found = conn.hooks.find_records(queries)
    assert [one.records[0].id for one in found] == [ids[f"p{n}"] for n in range(count)]
    moved = [
        make.update(f"m{n}", "meetings", ids[f"m{n}"], hs_meeting_outcome="NO_SHOW")
        for n in range(count)
    ]
    gone = [make.delete(f"m{n}", "meetings", ids[f"m{n}"]) for n in range(count)]
    for writes in (moved, gone):
        done = conn.hooks.write_records(writes)
        assert [one.record for one in done] == [ids[f"m{n}"] for n in range(count)]
    sizes = [count] if count <= 100 else [100, count - 100]
    for call in (
        "contacts/batch/upsert",
        "contacts/batch/read",
        "meetings/batch/create",
        "meetings/batch/update",
        "meetings/batch/archive",
    ):
        bodies = vendor.bodies(call)
        # They go several at once, so either may come first.
        assert sorted((len(body["inputs"]) for body in bodies), reverse=True) == sizes, call
        for inputs in (body["inputs"] for body in bodies if call.endswith(WRITES)):
            assert len({one["objectWriteTraceId"] for one in inputs}) == len(inputs)
    (associated,) = vendor.bodies("contacts/companies/batch/create")
    assert len(associated["inputs"]) == count
    assert vendor.meetings() == []


def test_more_than_a_hundred_go_in_further_calls(conn: Connection, vendor: Any, make: Any) -> None:
    writes = [make.upsert(f"p{number}", f"guest{number}@example.com") for number in range(250)]
    answers = conn.hooks.write_records(writes)
    assert all(isinstance(answer, Written) for answer in answers)
    sizes = [len(body["inputs"]) for body in vendor.bodies("contacts/batch/upsert")]
    assert sizes == [100, 100, 50]


def test_a_shared_person_is_written_once_and_every_meeting_stands_on_their_timeline(
    conn: Connection, vendor: Any, make: Any
) -> None:
    answers = conn.hooks.write_records(
        [
            make.meeting("m1", Ref(write="p"), title="First"),
            make.upsert("p", "ada@example.com"),
            make.meeting("m2", Ref(write="p"), title="Second"),
        ]
    )
    assert all(isinstance(answer, Written) for answer in answers)
    assert vendor.calls == ["POST contacts/batch/upsert", "POST meetings/batch/create"]
    entries = vendor.people()["ada@example.com"].entries
    assert sorted(entry.title for entry in entries) == ["First", "Second"]


def test_the_failure_of_a_person_is_that_of_their_meetings_and_nothing_of_these_is_sent(
    conn: Connection, vendor: Any, make: Any
) -> None:
    person, first, second = conn.hooks.write_records(
        [
            make.upsert("p", "not an address"),
            make.meeting("m1", Ref(write="p")),
            make.meeting("m2", Ref(write="p")),
        ]
    )
    for answer in (person, first, second):
        assert isinstance(answer, Rejected)
        assert answer.code == "INVALID_EMAIL"
        assert answer.sent == "no"
    assert vendor.calls == ["POST contacts/batch/upsert"]


def test_meetings_of_known_and_new_people_go_in_one_call(
    conn: Connection, vendor: Any, make: Any
) -> None:
    (known,) = conn.hooks.write_records([make.upsert("k", "known@example.com")])
    assert isinstance(known, Written)
    vendor.forget()
    conn.hooks.write_records(
        [
            make.meeting("m1", known.record),
            make.upsert("p", "new@example.com"),
            make.meeting("m2", Ref(write="p")),
        ]
    )
    assert vendor.calls == ["POST contacts/batch/upsert", "POST meetings/batch/create"]


def test_two_portals_do_not_mix(new_vendor: Callable[..., Any], make: Any) -> None:
    vendor = new_vendor(tokens=("one", "two"))
    one, two = vendor.connect("one"), vendor.connect("two")
    (first,) = one.hooks.write_records([make.upsert("p", "ada@example.com", lastname="One")])
    (second,) = two.hooks.write_records([make.upsert("p", "ada@example.com", lastname="Two")])
    assert isinstance(first, Written)
    assert isinstance(second, Written)
    assert first.record != second.record
    assert vendor.people("one")["ada@example.com"].name == "One"
    assert vendor.people("two")["ada@example.com"].name == "Two"
    assert one.hooks.check_connection().account_id != two.hooks.check_connection().account_id
    answer = two.hooks.write_records([make.update("u", "contacts", first.record, lastname="X")])[0]
    assert isinstance(answer, Rejected)
    assert answer.code == "OBJECT_NOT_FOUND"


def test_values_are_written_as_hubspot_takes_them(conn: Connection, vendor: Any, make: Any) -> None:
    (deal,) = conn.hooks.write_records(
        [
            attrs.evolve(
                make.update("d", "deals", ""),
                action="create",
                record=None,
                fields={"dealname": "Deal", "amount": 12.5, "closedate": make.start},
            )
        ]
    )
    assert isinstance(deal, Written)
    (body,) = vendor.bodies("deals/batch/create")
    assert body["inputs"][0]["properties"] == {
        "dealname": "Deal",
        "amount": "12.5",
        "closedate": "2026-11-24T09:00:00Z",
    }


def test_a_deleted_meeting_is_archived(conn: Connection, vendor: Any, make: Any) -> None:
    _, meeting = conn.hooks.write_records(
        [make.upsert("p", "ada@example.com"), make.meeting("m", Ref(write="p"))]
    )
    assert isinstance(meeting, Written)
    vendor.forget()
    (gone,) = conn.hooks.write_records([make.delete("d", "meetings", meeting.record)])
    assert isinstance(gone, Written)
    assert vendor.calls == ["POST meetings/batch/archive"]
    assert vendor.meetings() == []


def test_a_meeting_is_associated_with_company_and_deal_too(
    conn: Connection, vendor: Any, make: Any
) -> None:
    company = vendor.admin("create_record", type="companies", properties={"name": "Acme"})["id"]
    deal = vendor.admin("create_record", type="deals", properties={"dealname": "Big"})["id"]
    meeting = make.meeting("m", Ref(write="p"))
    about = (
        *meeting.about,
        About(role="company", type="companies", record=company),
        About(role="deal", type="deals", record=deal),
    )
    answers = conn.hooks.write_records(
        [make.upsert("p", "ada@example.com"), attrs.evolve(meeting, about=about)]
    )
    assert all(isinstance(answer, Written) for answer in answers)
    (body,) = vendor.bodies("meetings/batch/create")
    types = [one["types"][0]["associationTypeId"] for one in body["inputs"][0]["associations"]]
    assert types == [200, 188, 212]


def test_an_association_that_hubspot_does_not_have_is_rejected_alone(
    conn: Connection, vendor: Any, make: Any
) -> None:
    odd = attrs.evolve(
        make.meeting("m1", "1"), about=(About(role="x", type="unicorns", record="1"),)
    )
    person, refused = conn.hooks.write_records([make.upsert("p", "ada@example.com"), odd])
    assert isinstance(person, Written)
    assert isinstance(refused, Rejected)
    assert "unicorns" in refused.message


def test_an_upserted_contact_is_associated_with_its_company_in_one_more_call(
    conn: Connection, vendor: Any, make: Any
) -> None:
    company = vendor.admin("create_record", type="companies", properties={"name": "Acme"})["id"]
    vendor.forget()
    about = (About(role="company", type="companies", record=company),)
    writes = [
        attrs.evolve(make.upsert(name, f"{name}@example.com"), about=about) for name in ("a", "b")
    ]
    answers = conn.hooks.write_records(writes)
    assert all(isinstance(answer, Written) for answer in answers)
    assert vendor.calls == ["POST contacts/batch/upsert", "POST contacts/companies/batch/create"]
    (body,) = vendor.bodies("contacts/companies/batch/create")
    assert [one["types"][0]["associationTypeId"] for one in body["inputs"]] == [1, 1]
    vendor.forget()
    conn.hooks.write_records(writes)
    (body,) = vendor.bodies("contacts/companies/batch/create")
    # Of a known contact the primary company is not replaced.
    assert [one["types"][0]["associationTypeId"] for one in body["inputs"]] == [279, 279]


def test_a_failed_association_fails_only_its_own_write(
    conn: Connection, vendor: Any, make: Any
) -> None:
    company = vendor.admin("create_record", type="companies", properties={"name": "Acme"})["id"]
    good, bad = conn.hooks.write_records(
        [
            attrs.evolve(
                make.upsert(name, f"{name}@example.com"),
                about=(About(role="company", type="companies", record=id_),),
            )
            for name, id_ in (("a", company), ("b", "999"))
        ]
    )
    assert isinstance(good, Written)
    assert isinstance(bad, Rejected)
    assert "COMPANY=999" in bad.message


@pytest.mark.parametrize("body", [{"unexpected": [{"id": 7}, None]}, [], {"errors": "no"}])
def test_an_answer_that_tells_of_no_association_is_no_association(
    conn: Connection, vendor: Any, make: Any, body: Any
) -> None:
    """Its status was 200 and it named no error: the association was taken for made."""
    company = vendor.admin("create_record", type="companies", properties={"name": "Acme"})["id"]
    about = (About(role="company", type="companies", record=company),)
    write = attrs.evolve(make.upsert("a", "a@example.com"), about=about)
    vendor.arm(Fault(kind="status", status=200, body=body, path="contacts/companies", times=1))
    [odd] = conn.hooks.write_records([write])
    assert isinstance(odd, RetryLater)
    [done] = conn.hooks.write_records([write])
    assert isinstance(done, Written)


def test_legacy_paths_do_the_same(vendor: Any, make: Any) -> None:
    conn = vendor.connect(api_version="v3")
    answers = conn.hooks.write_records(
        [make.upsert("p", "ada@example.com"), make.meeting("m", Ref(write="p"))]
    )
    assert all(isinstance(answer, Written) for answer in answers)
    assert [one["path"] for one in vendor.app.requests] == [
        "/crm/v3/objects/contacts/batch/upsert",
        "/crm/v3/objects/meetings/batch/create",
    ]


def test_the_plugin_is_found_as_an_entry_point() -> None:
    from importlib.metadata import entry_points

    (found,) = entry_points(group="crmwire.crm", name="hubspot")
    assert found.load() is crmwire_hubspot

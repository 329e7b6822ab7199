"""Calendly's webhooks, from the bytes of a body to events."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import crmwire_calendly
from crmwire import UnreadableWebhook
from crmwire.signatures import verify
from crmwire.types import Event, Feed, WebhookRequest
from crmwire.vocabulary import Answer, Booking, Details, Page, Payment, Person

HERE = Path(__file__).parent
SHARED = HERE.parents[2].parent / "shared" / "payloads"
FEED = Feed(name="roof", source="calendly", secrets=("a-key-for-tests",))
RECEIVED = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
ONE = "https://api.calendly.com/scheduled_events/MEET1/invitees/INV1"
TWO = "https://api.calendly.com/scheduled_events/MEET2/invitees/INV2"


def load(name: str, **payload: object) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((HERE / "payloads" / f"{name}.json").read_text("utf-8"))
    body["payload"].update(payload)
    return body


def parse(body: object) -> Event:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = WebhookRequest(body=raw, received_at=RECEIVED)
    (event,) = crmwire_calendly.parse_webhook(FEED, request) or ()
    return event


def booking(name: str, **payload: object) -> Booking:
    found = parse(load(name, **payload)).details.booking
    assert found is not None
    return found


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


# ---------------------------------------------------------------- what a booking tells


def test_a_booking_is_told_in_the_vocabulary() -> None:
    event = parse(load("invitee_created"))
    assert (event.type, event.subject_id, event.previous_ids) == ("booking.created", ONE, ())
    assert event.webhook_id == ONE
    notes = "Please share anything that will help prepare for our meeting."
    assert event.details == Details(
        booking=Booking(
            title="Roof survey",
            start=at("2026-11-16T10:00:00+00:00"),
            end=at("2026-11-16T10:30:00+00:00"),
            timezone="Europe/Dublin",
            notes="About the roof.",
            join_url="https://zoom.example.com/j/77",
            url="https://calendly.com/reschedulings/INV1",
        ),
        guest=Person(
            email="iris@example.com",
            full_name="Iris Marlow",
            phone="+44 20 7946 0111",
            company="Marlow Roofs",
            timezone="Europe/Dublin",
        ),
        guests=(Person(email="wren@example.com"),),
        hosts=(Person(id="HOST1", email="otto@example.com", full_name="Otto Reed"),),
        page=Page(id="SURVEY1", title="Roof survey"),
        answers=(
            Answer(key="Company", label="Company", values=("Marlow Roofs",)),
            Answer(key="Phone Number", label="Phone Number", values=("+44 20 7946 0111",)),
            Answer(key=notes, label=notes, values=("About the roof.",)),
        ),
        tracking={
            "utm_campaign": "autumn",
            "utm_source": "letter",
            "salesforce_uuid": "003000000000002AAA",
        },
    )


def test_a_paid_booking_tells_what_was_paid() -> None:
    details = parse(load("paid_created")).details
    assert details.payment == Payment(amount="45.5", currency="USD", status="paid")
    assert details.guest is not None
    assert (details.guest.given_name, details.guest.family_name) == ("Paula", "Oak")
    assert details.guest.phone == "+1 555-0134"
    assert details.booking is not None
    assert (details.booking.location, details.booking.join_url) == ("3 Mill Lane", None)
    failed = {"amount": 10, "currency": "EUR", "successful": False}
    assert parse(load("paid_created", payment=failed)).details.payment == Payment(
        amount="10", currency="EUR", status="failed"
    )


def test_a_place_that_is_a_link_is_where_to_join() -> None:
    meeting = load("invitee_created")["payload"]["scheduled_event"]
    meeting["location"] = {"type": "custom", "location": "https://meet.example.com/a"}
    assert booking("invitee_created", scheduled_event=meeting).join_url == (
        "https://meet.example.com/a"
    )


def test_a_meeting_without_an_event_type_has_only_a_name() -> None:
    meeting = {**load("invitee_created")["payload"]["scheduled_event"], "event_type": None}
    event = parse(load("invitee_created", scheduled_event=meeting))
    assert event.details.page == Page(title="Roof survey")


def test_the_secret_of_the_meeting_is_left_out() -> None:
    assert "not-a-real-one" not in repr(parse(load("invitee_created")))


# ---------------------------------------------------------------- moves and cancels


def test_the_new_half_of_a_move_is_the_move() -> None:
    event = parse(load("moved_created"))
    assert (event.type, event.subject_id) == ("booking.rescheduled", TWO)
    assert event.previous_ids == (ONE,)


def test_the_old_half_of_a_move_is_no_cancel_but_tells_why_and_what_comes() -> None:
    event = parse(load("moved_canceled"))
    assert (event.type, event.subject_id) == ("booking.updated", TWO)
    assert event.previous_ids == (ONE,)
    assert event.partial
    assert event.details == Details(booking=Booking(reason="The train is late.", by="guest"))


def test_a_move_is_known_by_either_of_its_two_marks() -> None:
    named = parse(load("moved_canceled", rescheduled=None))
    assert (named.type, named.subject_id) == ("booking.updated", TWO)
    flagged = parse(load("moved_canceled", new_invitee=None))
    assert (flagged.type, flagged.subject_id) == ("booking.updated", ONE)
    neither = parse(load("moved_canceled", rescheduled=False, new_invitee=None))
    assert (neither.type, neither.subject_id) == ("booking.cancelled", ONE)


def test_a_cancel_tells_who_and_why() -> None:
    event = parse(load("invitee_canceled"))
    assert (event.type, event.subject_id, event.previous_ids) == ("booking.cancelled", TWO, (ONE,))
    assert event.occurred_at == at("2026-11-13T09:00:00+00:00")
    cancelled = booking("invitee_canceled")
    assert (cancelled.by, cancelled.reason) == ("host", "Storm.")
    named = {"canceled_by": "A robot", "reason": "x"}
    assert booking("invitee_canceled", cancellation=named).by == "A robot"


def test_each_guest_of_a_group_has_a_booking_of_their_own() -> None:
    other = parse(load("invitee_created", uri=ONE.replace("INV1", "INV8")))
    assert other.subject_id != parse(load("invitee_created")).subject_id


def test_a_cancel_needs_no_meeting() -> None:
    assert parse(load("invitee_canceled", scheduled_event=None)).subject_id == TWO


# ---------------------------------------------------------------- no-shows


def test_a_no_show_is_marked_and_taken_back() -> None:
    marked, cleared = parse(load("no_show_created")), parse(load("no_show_deleted"))
    assert (marked.type, marked.subject_id) == ("booking.no_show", TWO)
    assert marked.occurred_at == at("2026-11-18T16:00:00+00:00")
    assert (cleared.type, cleared.subject_id) == ("booking.no_show_cleared", TWO)
    assert cleared.occurred_at == at("2026-11-18T17:00:01+00:00")
    assert marked.partial
    assert cleared.partial


def test_a_no_show_may_be_told_by_its_mark_alone() -> None:
    mark = {
        "uri": "https://api.calendly.com/invitee_no_shows/5d1f",
        "invitee": TWO,
        "created_at": "2026-11-18T16:00:00Z",
    }
    event = parse({**load("no_show_created"), "payload": mark})
    assert (event.type, event.subject_id) == ("booking.no_show", TWO)
    del mark["invitee"]
    with pytest.raises(UnreadableWebhook, match=r"payload\.invitee is missing"):
        parse({**load("no_show_created"), "payload": mark})


# ---------------------------------------------------------------- what is left out, or unreadable


@pytest.mark.parametrize(
    "kind", ["routing_form_submission.created", "event_type.updated", "contact.created"]
)
def test_a_known_kind_that_is_not_carried_is_ignored_with_a_reason(kind: str) -> None:
    event = parse({**load("routing_form_submission"), "event": kind})
    assert event.type == kind
    assert event.ignored
    assert "does not know" not in event.ignored


def test_an_unknown_kind_is_ignored_by_name() -> None:
    event = parse({"event": "invitee.sang", "created_at": "2026-11-20T08:00:00Z"})
    assert event.ignored == "crmwire does not know Calendly's event invitee.sang"
    assert event.occurred_at == at("2026-11-20T08:00:00+00:00")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("invitee_created", "event"),
        ("invitee_created", "payload"),
        ("invitee_created", "payload.uri"),
        ("invitee_created", "payload.scheduled_event"),
        ("invitee_created", "payload.scheduled_event.start_time"),
        ("invitee_canceled", "payload.uri"),
        ("no_show_created", "payload.uri"),
        ("no_show_deleted", "created_at"),
    ],
)
def test_what_is_missing_is_named_with_its_place(name: str, path: str) -> None:
    wrongs: list[object] = [None, [], 5]
    for wrong in wrongs:
        body = load(name)
        *parents, key = path.split(".")
        where = body
        for parent in parents:
            where = where[parent]
        where[key] = wrong
        with pytest.raises(UnreadableWebhook) as caught:
            parse(body)
        assert f"$.{path}" in str(caught.value)


# ---------------------------------------------------------------- what is shared


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared payloads are not here")
def test_the_shared_payloads_are_read() -> None:
    files = sorted((SHARED / "calendly").glob("*.json"))
    events = {file.stem: parse(file.read_bytes()) for file in files}
    assert {name: event.type for name, event in events.items()} == {
        "invitee.canceled": "booking.cancelled",
        "invitee.created": "booking.created",
        "invitee_no_show.created": "booking.no_show",
        "reschedule_1_invitee.canceled": "booking.updated",
        "reschedule_2_invitee.created": "booking.rescheduled",
        "routing_form_submission.created": "routing_form_submission.created",
    }
    first = events["reschedule_1_invitee.canceled"]
    second = events["reschedule_2_invitee.created"]
    assert first.subject_id == second.subject_id
    assert first.previous_ids == second.previous_ids == (events["invitee.created"].subject_id,)
    assert events["invitee.created"].order < first.order < second.order


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared vectors are not here")
def test_the_shared_signature_is_right() -> None:
    vectors = json.loads((SHARED / "_signatures" / "vectors.json").read_text("utf-8"))
    (vector,) = [one for one in vectors if one["scheme"] == "calendly"]
    info = crmwire_calendly.source_info()
    assert info is not None
    assert info.signature is not None
    feed = Feed(name="roof", source="calendly", secrets=("old", vector["secret"]))
    request = WebhookRequest(
        body=vector["body"].encode(),
        headers={name.lower(): value for name, value in vector["headers"].items()},
        received_at=datetime.fromtimestamp(1700000100, UTC),
    )
    verify(info.signature, feed, request)

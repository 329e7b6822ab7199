"""Cal.com's webhooks, from the bytes of a body to events."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crmwire_calcom
from crmwire import UnreadableWebhook, WebhookRefused, hookspecs
from crmwire.hooks import SourceHooks, manager
from crmwire.signatures import sign, verify
from crmwire.types import Event, Feed, WebhookRequest
from crmwire.vocabulary import EVENT_TYPES, Answer, Booking, Details, Page, Payment, Person

HERE = Path(__file__).parent
PAYLOADS = sorted((HERE / "payloads").glob("*.json"))
SHARED = HERE.parents[2].parent / "shared" / "payloads" / "calcom"
FEED = Feed(name="garden", source="calcom", secrets=("a-secret-for-tests",))
RECEIVED = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


def load(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((HERE / "payloads" / f"{name}.json").read_text("utf-8"))
    return body


def request(body: object) -> WebhookRequest:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WebhookRequest(body=raw, received_at=RECEIVED)


def parse(body: object) -> Event:
    events = crmwire_calcom.parse_webhook(FEED, request(body))
    assert events is not None
    (event,) = events
    return event


def parsed(name: str, **payload: object) -> Event:
    """The event of one of our payloads, with some of its payload changed."""
    body = load(name)
    body["payload"].update(payload)
    return parse(body)


def booking(name: str, **payload: object) -> Booking:
    found = parsed(name, **payload).details.booking
    assert found is not None
    return found


def guest(name: str, **payload: object) -> Person:
    found = parsed(name, **payload).details.guest
    assert found is not None
    return found


def unreadable(body: object) -> str:
    with pytest.raises(UnreadableWebhook) as caught:
        parse(body)
    return str(caught.value)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


# ---------------------------------------------------------------- who the event is about


@pytest.mark.parametrize(
    ("name", "type_", "ids", "occurred"),
    [
        ("booking_requested", "booking.requested", "orchard-3 orchard-2", "2026-11-26T08:00"),
        ("booking_created", "booking.created", "orchard-1", "2026-11-20T08:15:30.250"),
        ("booking_rescheduled", "booking.rescheduled", "orchard-2 orchard-1", "2026-11-21T10:00"),
        ("booking_cancelled", "booking.cancelled", "orchard-2", "2026-11-25T07:00"),
        ("booking_rejected", "booking.rejected", "orchard-3", "2026-11-26T09:00"),
        ("booking_no_show_updated", "booking.no_show", "orchard-2", "2026-11-26T15:00"),
        ("meeting_ended", "booking.completed", "orchard-2", "2026-11-26T14:15"),
    ],
)
def test_each_trigger_becomes_an_event_of_its_booking(
    name: str, type_: str, ids: str, occurred: str
) -> None:
    event = parse(load(name))
    assert event.type == type_
    assert [event.subject_id, *event.previous_ids] == ids.split()
    assert event.occurred_at == at(f"{occurred}+00:00")
    assert event.occurred_at.utcoffset() == RECEIVED.utcoffset()
    assert event.version is None
    assert event.webhook_id is None
    assert event.ignored is None


def test_the_previous_booking_is_kept_on_any_trigger() -> None:
    for name in ("booking_created", "booking_cancelled", "booking_rejected"):
        assert parsed(name, rescheduleUid="before").previous_ids == ("before",)


def test_a_whole_booking_is_told_in_the_vocabulary() -> None:
    assert parse(load("booking_created")).details == Details(
        booking=Booking(
            title="Garden visit between Nora Field and Harriet Vane",
            start=at("2026-11-24T09:00:00+00:00"),
            end=at("2026-11-24T09:45:00+00:00"),
            timezone="Europe/London",
            notes="The gate is on the left.",
            location="12 Orchard Row",
            url="https://bookings.example.com/booking/orchard-1",
        ),
        guest=Person(
            email="harriet@example.com",
            full_name="Harriet Vane",
            given_name="Harriet",
            family_name="Vane",
            phone="+442079460321",
            company="Vane Books",
            locale="en",
            timezone="Europe/London",
        ),
        guests=(
            Person(
                email="bunter@example.com",
                full_name="Mervyn Bunter",
                locale="en",
                timezone="Europe/London",
            ),
        ),
        hosts=(
            Person(
                id="41",
                email="nora@example.com",
                full_name="Nora Field",
                locale="nl",
                timezone="Europe/Amsterdam",
            ),
            Person(
                id="42",
                email="piet@example.com",
                full_name="Piet Dale",
                locale="nl",
                timezone="Europe/Amsterdam",
            ),
        ),
        page=Page(id="310", title="Garden visit"),
        answers=(
            Answer(
                key="attendeePhoneNumber",
                label="phone_number",
                type="phone",
                values=("+442079460321",),
            ),
            Answer(
                key="notes",
                label="additional_notes",
                type="text",
                values=("The gate is on the left.",),
            ),
            Answer(key="company", label="Company", values=("Vane Books",)),
            Answer(
                key="plants",
                label="Which plants?",
                type="multiple",
                values=("Roses", "Apple trees"),
            ),
            Answer(key="size", label="Size in square metres", type="number", values=("250",)),
            Answer(key="fence", label="Is there a fence?", type="boolean", values=("true",)),
        ),
        tracking={"utm_source": "newsletter", "salesforce_id": "003000000000001AAA"},
    )


# ---------------------------------------------------------------- a booking's parts


def test_a_move_tells_the_times_before_it_who_and_why() -> None:
    moved = booking("booking_rescheduled")
    assert moved.previous_start == at("2026-11-24T09:00:00+00:00")
    assert moved.previous_end == at("2026-11-24T09:45:00+00:00")
    assert moved.by == "guest"
    assert moved.reason == "Rain is forecast."


def test_a_cancel_tells_who_and_why_and_not_why_it_was_moved_before() -> None:
    cancelled = booking("booking_cancelled")
    assert cancelled.by == "host"
    assert cancelled.reason == "The garden is flooded."
    assert booking("booking_cancelled", cancellationReason=None).reason is None


def test_somebody_else_who_cancels_stands_as_sent() -> None:
    assert booking("booking_cancelled", cancelledBy="admin@example.com").by == "admin@example.com"


def test_a_rejection_tells_why() -> None:
    assert booking("booking_rejected").reason == "We are closed that week."


def test_a_video_app_is_no_place() -> None:
    moved = booking("booking_rescheduled")
    assert moved.location is None
    assert moved.join_url == "https://bookings.example.com/video/orchard-2"


def test_the_link_of_the_video_call_stands_in_where_metadata_has_none() -> None:
    moved = booking("booking_rescheduled", metadata={})
    assert moved.join_url == "https://rooms.example.com/room-7"


def test_the_secret_of_the_video_call_is_left_out() -> None:
    assert "not-a-real-one" not in repr(parse(load("booking_rescheduled")))


def test_a_link_as_the_place_is_where_to_join() -> None:
    made = booking("booking_created", location="https://meet.example.com/a")
    assert made.location == made.join_url == "https://meet.example.com/a"


def test_the_answers_of_a_cancelled_booking_are_left_as_known() -> None:
    assert parse(load("booking_cancelled")).details.answers == ()


def test_a_choice_with_a_field_beside_it_is_the_field() -> None:
    responses = {
        "how": {"label": "How?", "value": {"value": "other", "optionValue": "By boat"}},
        "who": {"label": "Who?", "value": {"value": "me", "optionValue": ""}},
        "odd": {"label": "Odd?", "value": {"value": 5}},
        "deep": {"label": "Deep?", "value": [["x"], 1.5, {"value": "y"}, None]},
    }
    assert parsed("booking_created", responses=responses).details.answers == (
        Answer(key="how", label="How?", values=("By boat",)),
        Answer(key="who", label="Who?", values=("me",)),
        Answer(key="deep", label="Deep?", type="multiple", values=("1.5", "y")),
    )


def test_the_phone_number_of_the_attendee_comes_first() -> None:
    attendees = [{"email": "h@example.com", "phoneNumber": "+442079460999"}]
    assert guest("booking_created", attendees=attendees).phone == "+442079460999"
    assert guest("booking_created", attendees=[{"email": "h@example.com"}]).phone == "+442079460321"


def test_the_made_up_address_of_a_guest_with_a_phone_only_is_left_out() -> None:
    person = guest("booking_phone_only")
    assert person.email is None
    assert person.phone == "+442079460322"


def test_the_parts_of_a_name_come_from_the_form_where_the_attendee_has_none() -> None:
    person = guest("booking_cancelled")
    assert (person.given_name, person.family_name) == ("Harriet", "Vane")


def test_the_page_is_named_by_its_slug_where_it_has_no_title() -> None:
    assert parsed("booking_created", eventTitle="").details.page == Page(
        id="310", title="garden-visit"
    )


def test_only_metadata_that_says_where_a_guest_came_from_is_kept() -> None:
    kept = {"utm_term": "a", "crm_record_id": "b", "hubspotId": "c", "sfid": "d", "id": "e"}
    dropped = {"paid": "yes", "videoCallUrl": "https://example.com", "utm_x": 5, "a_id": {}}
    event = parsed("booking_created", metadata={**kept, **dropped})
    assert event.details.tracking == kept


def test_only_what_every_booking_has_is_needed() -> None:
    body = {
        "triggerEvent": "BOOKING_CREATED",
        "createdAt": "2026-11-20T08:15:30.250Z",
        "payload": {"uid": "bare", "startTime": "2026-11-24T09:00:00Z"},
    }
    assert parse(body).details == Details(booking=Booking(start=at("2026-11-24T09:00:00+00:00")))


@pytest.mark.parametrize(
    ("price", "currency", "amount"),
    [(1250, "eur", "12.50"), (5, "usd", "0.05"), (3000, "jpy", "3000")],
)
def test_what_a_booking_costs_is_told_in_main_units(price: int, currency: str, amount: str) -> None:
    event = parsed("booking_created", price=price, currency=currency)
    assert event.details.payment == Payment(amount=amount, currency=currency.upper())
    paid = parsed("booking_created", price=price, currency=currency, paid=True)
    assert paid.details.payment is not None
    assert paid.details.payment.status == "paid"


@pytest.mark.parametrize("price", [0, None, True, "12", -5, 10**400])
def test_a_booking_without_a_price_tells_of_no_payment(price: object) -> None:
    assert parsed("booking_created", price=price).details.payment is None


def test_hidden_questions_that_the_link_fills_in_are_tracking() -> None:
    hidden = {"label": "x", "value": "003A", "isHidden": True}
    responses = {"sfid": hidden, "utm_source": hidden, "colour": hidden, "id": {"value": "no"}}
    event = parsed("booking_created", responses=responses, metadata={}, tracking={"utm_x": "y"})
    assert event.details.tracking == {"sfid": "003A", "utm_source": "003A", "utm_x": "y"}


def test_another_host_is_told_with_the_booking() -> None:
    event = parse(load("booking_reassigned"))
    assert (event.type, event.subject_id) == ("booking.reassigned", "orchard-2")
    assert [host.full_name for host in event.details.hosts] == ["Piet Dale"]


def test_another_place_is_told_with_the_booking() -> None:
    body = {**load("booking_created"), "triggerEvent": "BOOKING_LOCATION_UPDATED"}
    body["payload"] |= {"location": "https://meet.example.com/b", "previousLocation": "12 Row"}
    event = parse(body)
    assert event.type == "booking.updated"
    assert event.details.booking is not None
    assert event.details.booking.join_url == "https://meet.example.com/b"


def test_each_guest_of_a_booking_with_seats_has_a_booking_of_their_own() -> None:
    body = load("booking_rescheduled")
    body["payload"] |= {
        "seatsPerTimeSlot": 5,
        "attendees": [{"email": "A@example.com"}, {"name": "nobody"}, {"email": "b@example.com"}],
    }
    first, second = crmwire_calcom.parse_webhook(FEED, request(body)) or ()
    assert first.subject_id == "orchard-2/a@example.com"
    assert first.previous_ids == ("orchard-1/a@example.com",)
    assert first.details.guest == Person(email="A@example.com")
    assert second.subject_id == "orchard-2/b@example.com"
    assert second.details.guests == ()


# ---------------------------------------------------------------- partial events


def test_a_no_show_can_be_taken_back() -> None:
    cleared = parsed("booking_no_show_updated", attendees=[{"email": "a", "noShow": False}])
    assert cleared.type == "booking.no_show_cleared"
    both = [{"noShow": False}, {"noShow": True}]
    assert parsed("booking_no_show_updated", attendees=both).type == "booking.no_show"


def test_a_no_show_says_nothing_else_of_the_booking() -> None:
    event = parse(load("booking_no_show_updated"))
    assert event.partial
    assert event.details == Details()


def test_a_completed_meeting_repeats_nothing_that_may_be_old() -> None:
    event = parse(load("meeting_ended"))
    assert event.partial
    assert event.details == Details(page=Page(id="310"))


# ---------------------------------------------------------------- what is left out


@pytest.mark.parametrize(
    "trigger", ["BOOKING_PAID", "MEETING_STARTED", "PING", "RECORDING_READY", "FORM_SUBMITTED"]
)
def test_a_known_trigger_that_is_not_carried_is_ignored_with_a_reason(trigger: str) -> None:
    event = parse({**load("booking_paid"), "triggerEvent": trigger})
    assert event.type == trigger
    assert event.ignored
    assert "does not know" not in event.ignored
    assert event.subject_id == "orchard-1"


def test_an_unknown_trigger_is_ignored_by_name() -> None:
    event = parse({"triggerEvent": "BOOKING_SANG", "createdAt": "2026-11-20T08:00:00Z"})
    assert event.ignored == "crmwire does not know Cal.com's trigger BOOKING_SANG"
    assert event.occurred_at == at("2026-11-20T08:00:00+00:00")


def test_an_ignored_event_needs_nothing_but_its_name() -> None:
    event = parse({"triggerEvent": "PING", "createdAt": 5, "payload": "x"})
    assert event.ignored == "it is Cal.com's test of the address"
    assert event.occurred_at == RECEIVED


# ---------------------------------------------------------------- what cannot be read


@pytest.mark.parametrize(
    "body",
    [b"", b"uid=1&title=x", b"\xff\xfe", b"[" * 100_000, b"[]", b"null", b'"x"', b"1" * 9999],
)
def test_a_body_that_is_no_json_object_says_what_to_do(body: bytes) -> None:
    assert "payload template" in unreadable(body)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("booking_created", "triggerEvent"),
        ("booking_created", "createdAt"),
        ("booking_created", "payload"),
        ("booking_created", "payload.uid"),
        ("booking_created", "payload.startTime"),
        ("booking_rescheduled", "payload.startTime"),
        ("booking_cancelled", "payload.uid"),
        ("booking_no_show_updated", "payload.bookingUid"),
        ("booking_no_show_updated", "createdAt"),
        ("booking_no_show_updated", "payload.attendees"),
        ("meeting_ended", "uid"),
        ("meeting_ended", "endTime"),
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
        if wrong is None:
            del where[key]
        else:
            where[key] = wrong
        assert f"$.{path}" in unreadable(body)


def test_a_cancel_needs_no_time() -> None:
    assert booking("booking_cancelled", startTime=None).start is None


# ---------------------------------------------------------------- signatures, hooks, robustness


def test_the_signature_of_a_webhook_is_checked() -> None:
    info = crmwire_calcom.source_info()
    assert info is not None
    assert info.signature is not None
    body = json.dumps(load("booking_created")).encode()
    headers = sign(info.signature, FEED.secrets[0], body)
    assert list(headers) == ["X-Cal-Signature-256"]
    lowered = {name.lower(): value for name, value in headers.items()}
    verify(info.signature, FEED, WebhookRequest(body=body, headers=lowered, received_at=RECEIVED))
    for wrong in ({}, {"x-cal-signature-256": "no-secret-provided"}):
        unsigned = WebhookRequest(body=body, headers=wrong, received_at=RECEIVED)
        with pytest.raises(WebhookRefused):
            verify(info.signature, FEED, unsigned)


def test_the_plugin_answers_through_its_hooks() -> None:
    hooks = SourceHooks(manager(hookspecs.SourceSpecs, [("calcom", crmwire_calcom)]), "feed garden")
    hooks.feed = FEED
    assert set(hooks.source_info().events) <= EVENT_TYPES
    (event,) = hooks.parse_webhook(request(load("booking_created")))
    assert event.type == "booking.created"


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared payloads are not here")
def test_every_shared_payload_is_read() -> None:
    files = sorted(SHARED.glob("*.json"))
    assert files
    for file in files:
        event = parse(file.read_bytes())
        assert event.ignored or event.type in hooked_events(), file.name
        assert event.subject_id, file.name


def hooked_events() -> tuple[str, ...]:
    info = crmwire_calcom.source_info()
    assert info is not None
    return info.events


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


def read_or_refused(body: object) -> None:
    try:
        event = parse(body)
    except UnreadableWebhook:
        return
    assert event.ignored or event.type in EVENT_TYPES
    assert event.occurred_at.tzinfo is not None
    assert isinstance(event.order, int)
    repr(event).encode()


@given(JSON)
@settings(deadline=None)
def test_any_json_is_read_or_refused(body: object) -> None:
    read_or_refused(body)


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    read_or_refused(body)


ODD = JSON | st.sampled_from(
    ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "\ud800", "\0", "2026-11-24", " "]
)


@given(st.data(), st.sampled_from([file.stem for file in PAYLOADS]), ODD)
@settings(deadline=None, max_examples=400)
def test_a_payload_with_any_part_of_another_type_is_read_or_refused(
    data: st.DataObject, name: str, odd: object
) -> None:
    body = copy.deepcopy(load(name))
    where: Any = body
    while True:
        keys = list(where) if isinstance(where, dict) else list(range(len(where)))
        key = data.draw(st.sampled_from(keys))
        inner = where[key]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
            break
        where = inner
    where[key] = odd
    read_or_refused(body)

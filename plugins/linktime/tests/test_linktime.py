"""LinkTime's webhooks, from the bytes of a body to events."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import crmwire_linktime
from crmwire import UnreadableWebhook, WebhookRefused
from crmwire.types import Event, Feed, WebhookRequest
from crmwire.vocabulary import Booking, Details, Page, Person

HERE = Path(__file__).parent
SHARED = HERE.parents[2].parent / "shared" / "payloads" / "linktime"
FEED = Feed(name="studio", source="linktime", secrets=("old-secret", "new-secret"))
RECEIVED = datetime(2026, 11, 10, 10, 0, 2, tzinfo=UTC)


def load(name: str, **data: object) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((HERE / "payloads" / f"{name}.json").read_text("utf-8"))
    body["data"].update(data)
    return body


def request(body: object, **headers: str) -> WebhookRequest:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {f"x-linktime-{name}": value for name, value in headers.items()}
    return WebhookRequest(body=raw, headers=named, received_at=RECEIVED)


def parse(body: object) -> Event:
    (event,) = crmwire_linktime.parse_webhook(FEED, request(body)) or ()
    return event


def booking(name: str, **data: object) -> Booking:
    found = parse(load(name, **data)).details.booking
    assert found is not None
    return found


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_a_booking_is_told_in_the_vocabulary() -> None:
    event = parse(load("booking_created"))
    assert (event.type, event.subject_id) == ("booking.created", "clx00bk1")
    assert event.occurred_at == at("2026-11-10T10:00:00+00:00")
    assert event.details == Details(
        booking=Booking(
            title="Studio tour",
            start=at("2026-11-18T16:00:00+00:00"),
            end=at("2026-11-18T16:30:00+00:00"),
            timezone="America/Denver",
            notes="I bring a friend.",
            location="Google Meet",
            join_url="https://meet.example.com/studio",
        ),
        guest=Person(email="gil@example.com", full_name="Gil Penrose", timezone="America/Denver"),
        hosts=(Person(id="user_h1", email="mara@example.com", full_name="Mara Lund"),),
        page=Page(id="clx00et1", title="Studio tour"),
    )


def test_a_moved_booking_keeps_its_id() -> None:
    event = parse(load("booking_rescheduled"))
    assert (event.type, event.subject_id, event.previous_ids) == (
        "booking.rescheduled",
        "clx00bk1",
        (),
    )


@pytest.mark.parametrize(
    "told",
    [
        {"previousStartTime": "2026-11-18T16:00:00Z", "previousEndTime": "2026-11-18T16:30:00Z"},
        {"oldStartTime": "2026-11-18T16:00:00Z", "oldEndTime": "2026-11-18T16:30:00Z"},
        {"originalStartTime": "2026-11-18T16:00:00Z", "originalEndTime": "2026-11-18T16:30:00Z"},
        {"previous": {"startTime": "2026-11-18T16:00:00Z", "endTime": "2026-11-18T16:30:00Z"}},
    ],
)
def test_the_times_before_the_move_are_taken_under_the_likely_names(told: dict[str, Any]) -> None:
    moved = booking("booking_rescheduled", **told)
    assert moved.previous_start == at("2026-11-18T16:00:00+00:00")
    assert moved.previous_end == at("2026-11-18T16:30:00+00:00")


def test_a_move_that_does_not_name_them_tells_the_new_times_only() -> None:
    moved = booking("booking_rescheduled")
    assert moved.previous_start is None
    assert moved.start == at("2026-11-20T17:00:00+00:00")


def test_a_cancel_tells_why_and_by_whom_if_it_says() -> None:
    assert booking("booking_cancelled").reason == "The studio is closed."
    assert booking("booking_cancelled").by is None
    assert booking("booking_cancelled", cancelledBy="INVITEE").by == "guest"
    assert booking("booking_cancelled", cancelledBy="admin").by == "admin"


@pytest.mark.parametrize("kind", ["payment.received", "contact.created", "booking.sung"])
def test_other_kinds_are_ignored_by_name(kind: str) -> None:
    event = parse({**load("payment_received"), "event": kind})
    assert event.type == kind
    assert event.ignored


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"event": None}, "$.event is missing"),
        ({"timestamp": "yesterday"}, "$.timestamp is missing, or no ISO 8601 time"),
        ({"data": []}, "$.data is missing, or no object"),
        ({"data": {"startTime": "2026-11-18T16:00:00Z"}}, "$.data.id is missing"),
        ({"data": {"id": "a"}}, "$.data.startTime is missing"),
    ],
)
def test_what_is_missing_is_named_with_its_place(change: dict[str, object], words: str) -> None:
    with pytest.raises(UnreadableWebhook) as caught:
        parse({**load("booking_created"), **change})
    assert words in str(caught.value)


# ---------------------------------------------------------------- signatures

BODY = '{"event":"x","note":"こんにちは"}'.encode()


def digest(signed: bytes, secret: str = "new-secret") -> bytes:
    return hmac.digest(secret.encode(), signed, "sha256")


@pytest.mark.parametrize(
    "write",
    [
        lambda found: found.hex(),
        lambda found: found.hex().upper(),
        lambda found: f"sha256={found.hex()}",
        lambda found: base64.b64encode(found).decode(),
        lambda found: f"v1,{base64.b64encode(found).decode()}",
    ],
    ids=["hex", "HEX", "prefixed", "base64", "listed"],
)
@pytest.mark.parametrize("dated", [False, True])
def test_every_usual_form_of_the_signature_is_taken(write: Any, dated: bool) -> None:
    stamp = RECEIVED.isoformat()
    signed = f"{stamp}.".encode() + BODY if dated else BODY
    right = request(BODY, signature=write(digest(signed)), timestamp=stamp)
    assert crmwire_linktime.verify_webhook(FEED, right)
    for wrong in (digest(signed, "other"), digest(signed + b" ")):
        with pytest.raises(WebhookRefused):
            crmwire_linktime.verify_webhook(
                FEED, request(BODY, signature=write(wrong), timestamp=stamp)
            )


def test_a_signed_time_that_is_long_past_is_refused() -> None:
    stamp = (RECEIVED - timedelta(minutes=10)).isoformat()
    signature = digest(f"{stamp}.".encode() + BODY).hex()
    with pytest.raises(WebhookRefused):
        crmwire_linktime.verify_webhook(FEED, request(BODY, signature=signature, timestamp=stamp))


# ---------------------------------------------------------------- what is shared


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared payloads are not here")
def test_the_shared_payloads_are_read() -> None:
    files = sorted(SHARED.glob("*.json"))
    events = [parse(file.read_bytes()) for file in files]
    assert [event.type for event in events] == [file.stem for file in files]
    assert {event.subject_id for event in events} == {"clx1234567890"}
    assert {event.details.guest and event.details.guest.email for event in events} == {
        "john@example.com"
    }

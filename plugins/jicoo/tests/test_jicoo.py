"""Jicoo's webhooks, from the bytes of a body to events."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import crmwire_jicoo
from crmwire import UnreadableWebhook, WebhookRefused
from crmwire.types import Event, Feed, WebhookRequest
from crmwire.vocabulary import Answer, Booking, Details, Page, Person

HERE = Path(__file__).parent
SHARED = HERE.parents[2].parent / "shared" / "payloads"
FEED = Feed(
    name="desk",
    source="jicoo",
    secrets=("a-secret-for-tests",),
    settings={"hosts": {"USR2": {"email": "emi@example.com", "name": "Emi"}}},
)
RECEIVED = datetime(2026, 11, 9, 0, 0, 2, tzinfo=UTC)


def load(name: str, **object_: object) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((HERE / "payloads" / f"{name}.json").read_text("utf-8"))
    body["object"].update(object_)
    return body


def request(body: object, signature: str = "") -> WebhookRequest:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"jicoo-webhook-signature": signature} if signature else {}
    return WebhookRequest(body=raw, headers=headers, received_at=RECEIVED)


def parse(body: object) -> Event:
    (event,) = crmwire_jicoo.parse_webhook(FEED, request(body)) or ()
    return event


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_a_booking_is_told_in_the_vocabulary() -> None:
    event = parse(load("guest_booked"))
    assert (event.type, event.subject_id) == ("booking.created", "BKNG0007")
    assert event.occurred_at == at("2026-11-09T00:00:01+00:00")
    assert event.order == int(at("2026-11-09T00:00:00.500+00:00").timestamp() * 1_000_000)
    assert event.details == Details(
        booking=Booking(
            title="採用面談",
            start=at("2026-11-17T02:00:00+00:00"),
            end=at("2026-11-17T02:45:00+00:00"),
            timezone="Asia/Tokyo",
            join_url="https://meet.example.com/jic-oo",
        ),
        guest=Person(
            email="ren@example.com",
            full_name="佐々木 蓮",
            family_kana="ササキ",
            given_kana="レン",
            phone="090-1234-5678",
            company="あおぞら商事",
            timezone="Asia/Tokyo",
        ),
        hosts=(
            Person(id="USR1"),
            Person(id="USR2", email="emi@example.com", full_name="Emi"),
        ),
        page=Page(id="PAGE0003"),
        answers=(
            Answer(key="会社名", label="会社名", values=("あおぞら商事",)),
            Answer(key="セイ", label="セイ", values=("ササキ",)),
            Answer(key="メイ", label="メイ", values=("レン",)),
            Answer(key="何で知りましたか", label="何で知りましたか", values=("検索", "知人")),
        ),
        tracking={"utm_campaign": "aki", "utm_source": "search"},
    )


@pytest.mark.parametrize(
    ("kind", "type_", "by"),
    [
        ("guest_booked", "booking.created", None),
        ("host_booked", "booking.created", None),
        ("guest_rescheduled", "booking.rescheduled", "guest"),
        ("host_rescheduled", "booking.rescheduled", "host"),
        ("guest_cancelled", "booking.cancelled", "guest"),
        ("host_cancelled", "booking.cancelled", "host"),
        ("host_canceled", "booking.cancelled", "host"),
    ],
)
def test_each_kind_tells_what_happened_and_who_did_it(
    kind: str, type_: str, by: str | None
) -> None:
    event = parse({**load("guest_booked"), "event": kind})
    assert event.type == type_
    assert event.details.booking is not None
    assert event.details.booking.by == by


def test_a_booking_that_waits_for_the_host_is_requested() -> None:
    assert parse(load("guest_requested")).type == "booking.requested"


def test_a_cancel_tells_why() -> None:
    event = parse(load("guest_cancelled"))
    assert event.details.booking is not None
    assert event.details.booking.reason == "体調不良"


def test_bodies_as_integrations_saw_them_are_read_too() -> None:
    """The contact beside the object, answers with `value`, the page by `eventTypeId`."""
    body = load(
        "guest_booked",
        contact=None,
        eventTypeUid=None,
        eventTypeId="T1",
        eventTypeName="Talk",
        answers=[{"question": "電話番号", "value": "03-1234-5678"}],
        url=None,
        customLocation="Lobby",
        ccEmails=["cc@example.com", 5],
    )
    event = parse({**body, "contact": {"name": "Ren", "email": "ren@example.com"}})
    assert event.details.guest == Person(
        email="ren@example.com", full_name="Ren", phone="03-1234-5678", timezone="Asia/Tokyo"
    )
    assert event.details.page == Page(id="T1", title="Talk")
    assert event.details.guests == (Person(email="cc@example.com"),)
    assert event.details.booking is not None
    assert event.details.booking.location == "Lobby"


def test_hosts_can_be_named_one_by_one_on_the_command_line() -> None:
    feed = Feed(name="desk", source="jicoo", settings={"hosts.USR1": "umi@example.com"})
    (event,) = crmwire_jicoo.parse_webhook(feed, request(load("guest_booked"))) or ()
    assert event.details.hosts == (Person(id="USR1", email="umi@example.com"), Person(id="USR2"))


def test_an_unknown_kind_is_ignored_by_name() -> None:
    event = parse(load("host_sang"))
    assert (event.type, event.subject_id) == ("host_sang", "BKNG0007")
    assert event.ignored == "crmwire does not know Jicoo's event host_sang"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"event": None}, "$.event is missing"),
        ({"object": []}, "$.object is missing, or no object"),
        ({"object": {"startedAt": "2026-11-17T02:00:00Z"}}, "$.object.uid is missing"),
        ({"object": {"uid": "a"}}, "$.object.startedAt is missing"),
    ],
)
def test_what_is_missing_is_named_with_its_place(change: dict[str, object], words: str) -> None:
    with pytest.raises(UnreadableWebhook) as caught:
        parse({**load("guest_booked"), **change})
    assert words in str(caught.value)


def test_what_is_dated_nowhere_is_unreadable() -> None:
    body = {**load("guest_booked", updatedAt=None), "createdAt": None}
    with pytest.raises(UnreadableWebhook, match=r"\$.object.updatedAt is missing"):
        parse(body)


# ---------------------------------------------------------------- signatures


def signed(key: bytes, body: bytes = b"{}") -> str:
    stamp = str(int(RECEIVED.timestamp()))
    return f"t={stamp},v1={hmac.digest(key, f'{stamp}.'.encode() + body, 'sha256').hex()}"


def test_a_secret_that_looks_like_base64_is_tried_as_both() -> None:
    key = b"0123456789abcdef"
    secret = "whsec_" + base64.b64encode(key).decode()
    feed = Feed(name="desk", source="jicoo", secrets=(secret,))
    for tried in (secret.encode(), key):
        assert crmwire_jicoo.verify_webhook(feed, request(b"{}", signed(tried)))
    with pytest.raises(WebhookRefused):
        crmwire_jicoo.verify_webhook(feed, request(b"{}", signed(b"other")))


def test_a_signature_that_does_not_match_says_what_can_be_done() -> None:
    with pytest.raises(WebhookRefused) as caught:
        crmwire_jicoo.verify_webhook(FEED, request(b"{}", signed(b"other")))
    assert "signature is wrong" in caught.value.message
    assert "allow unsigned webhooks for this feed by name" in caught.value.remedy


def test_the_parts_of_the_header_may_stand_in_any_order_with_spaces() -> None:
    stamp, signature = signed(b"a-secret-for-tests").split(",")
    header = f"{signature} , {stamp}"
    assert crmwire_jicoo.verify_webhook(FEED, request(b"{}", header))


# ---------------------------------------------------------------- what is shared


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared payloads are not here")
def test_the_shared_payloads_are_read() -> None:
    files = sorted((SHARED / "jicoo").glob("*.json"))
    types = [parse(file.read_bytes()).type for file in files]
    assert types == [
        "booking.created",
        "booking.cancelled",
        "booking.rescheduled",
        "booking.cancelled",
        "booking.rescheduled",
    ]
    event = parse((SHARED / "jicoo" / "guest_booked.json").read_bytes())
    assert event.details.guest == Person(
        email="example@example.com", full_name="John Doe", timezone="America/New_York"
    )
    assert event.details.tracking["utm_term"] == "howto"


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared vectors are not here")
def test_the_shared_signature_is_right() -> None:
    vectors = json.loads((SHARED / "_signatures" / "vectors.json").read_text("utf-8"))
    (vector,) = [one for one in vectors if one["scheme"] == "jicoo"]
    feed = Feed(name="desk", source="jicoo", secrets=("old", vector["secret"]))
    webhook = WebhookRequest(
        body=vector["body"].encode(),
        headers={name.lower(): value for name, value in vector["headers"].items()},
        received_at=datetime.fromtimestamp(1700000100, UTC),
    )
    assert crmwire_jicoo.verify_webhook(feed, webhook)

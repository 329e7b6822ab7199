"""TimeRex's webhooks, from the bytes of a body to events."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import crmwire_timerex
from crmwire import UnreadableWebhook, WebhookRefused
from crmwire.types import Event, Feed, WebhookRequest
from crmwire.vocabulary import Answer, Booking, Details, Page, Person

HERE = Path(__file__).parent
SHARED = HERE.parents[2].parent / "shared" / "payloads" / "timerex"
FEED = Feed(name="desk", source="timerex", secrets=("new-token", "old-token"))
RECEIVED = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


def load(name: str, **event: object) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((HERE / "payloads" / f"{name}.json").read_text("utf-8"))
    body["event"].update(event)
    return body


def request(body: object, **headers: str) -> WebhookRequest:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return WebhookRequest(body=raw, headers=named, received_at=RECEIVED)


def parse(body: object) -> Event:
    (event,) = crmwire_timerex.parse_webhook(FEED, request(body)) or ()
    return event


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_a_confirmed_booking_is_told_in_the_vocabulary() -> None:
    event = parse(load("event_confirmed"))
    assert (event.type, event.subject_id, event.webhook_id) == ("booking.created", "aa01", "aa01")
    assert event.occurred_at == at("2026-11-11T03:00:00+00:00")
    assert event.details == Details(
        booking=Booking(
            title="オンライン相談",
            start=at("2026-11-20T01:00:00+00:00"),
            end=at("2026-11-20T01:30:00+00:00"),
            timezone="Asia/Tokyo",
            notes="よろしくお願いします。",
            join_url="https://meet.example.com/aaa-bbbb-ccc",
            url="https://timerex.net/schedule/change/aa01",
        ),
        guest=Person(
            email="sakura@example.com",
            full_name="川上　さくら",
            family_kana="カワカミ",
            given_kana="サクラ",
            phone="０３－１２３４－５６７８",
            company="みどり建設株式会社",
            locale="ja",
        ),
        hosts=(
            Person(email="mori@example.com", full_name="森 花"),
            Person(email="tom@example.com", full_name="Tom Hill"),
        ),
        page=Page(id="7c1e55d0", title="オンライン相談"),
        answers=(
            Answer(
                key="company_name",
                label="会社名",
                type="company_name",
                values=("みどり建設株式会社",),
            ),
            Answer(key="guest_name", label="お名前", type="guest_name", values=("川上　さくら",)),
            Answer(
                key="guest_email",
                label="メールアドレス",
                type="guest_email",
                values=("sakura@example.com",),
            ),
            Answer(
                key="フリガナ（任意）",
                label="フリガナ（任意）",
                type="text",
                values=("カワカミ　サクラ",),
            ),
            Answer(
                key="電話番号", label="電話番号", type="text", values=("０３－１２３４－５６７８",)
            ),
            Answer(key="ご興味", label="ご興味", type="checkbox", values=("屋根", "庭")),
            Answer(
                key="guest_comment",
                label="コメント",
                type="guest_comment",
                values=("よろしくお願いします。",),
            ),
        ),
        tracking={"utm_source": "meishi", "sfid": "00Q000000000003AAA"},
    )


def test_a_cancelled_booking_tells_when_and_why() -> None:
    event = parse(load("event_cancelled"))
    assert (event.type, event.subject_id) == ("booking.cancelled", "aa01")
    assert event.occurred_at == at("2026-11-13T06:00:00+00:00")
    assert event.details.booking is not None
    assert event.details.booking.reason == "出張のため"


def test_the_kind_decides_whatever_the_status_says() -> None:
    """The documents write 3 for a cancelled event, one integration 2."""
    assert parse(load("event_cancelled", status=1)).type == "booking.cancelled"
    assert parse(load("event_confirmed", status=3)).type == "booking.created"
    body = {**load("event_cancelled"), "webhook_type": "event_canceled"}
    assert parse(body).type == "booking.cancelled"


def test_a_cancel_and_a_confirm_without_a_link_are_two_bookings() -> None:
    """Only a route can ask to join them; the plugin tells what is known."""
    assert parse(load("event_confirmed", id="zz")).previous_ids == ()
    for nothing in (None, "", 5, "zz"):
        event = parse(load("event_confirmed", id="zz", old_event_id=nothing))
        assert (event.type, event.previous_ids) == ("booking.created", ())


def test_the_halves_of_a_move_name_each_other_where_timerex_tells() -> None:
    first, second = parse(load("moved_cancelled")), parse(load("moved_confirmed"))
    assert (first.type, first.subject_id, first.previous_ids) == (
        "booking.updated",
        "aa02",
        ("aa01",),
    )
    assert first.partial
    assert (second.type, second.subject_id, second.previous_ids) == (
        "booking.rescheduled",
        "aa02",
        ("aa01",),
    )


def test_a_moved_booking_can_be_cancelled() -> None:
    event = parse(load("cancelled_again"))
    assert (event.type, event.subject_id, event.previous_ids) == (
        "booking.cancelled",
        "aa02",
        ("aa01",),
    )


def test_the_phone_number_has_a_field_of_its_own_in_some_forms() -> None:
    form = [{"field_type": "guest_phone", "label": "Phone", "value": "03-1234-5678"}]
    guest = parse(load("event_confirmed", form=form)).details.guest
    assert guest is not None
    assert guest.phone == "03-1234-5678"


def test_parameters_of_the_link_may_be_one_object_too() -> None:
    event = parse(load("event_confirmed", url_params={"sfid": 5, "x": None, "utm_term": "a"}))
    assert event.details.tracking == {"sfid": "5", "utm_term": "a"}


@pytest.mark.parametrize("name", ["zoom_meeting", "google_meet_meeting", "microsoft_teams_meeting"])
def test_any_of_the_three_meeting_services_gives_the_link(name: str) -> None:
    meetings = {"google_meet_meeting": None, name: {"join_url": "https://x.example.com/1"}}
    event = parse(load("event_confirmed", **meetings))
    assert event.details.booking is not None
    assert event.details.booking.join_url == "https://x.example.com/1"


def test_what_is_dated_nowhere_is_dated_by_its_coming() -> None:
    assert parse(load("event_confirmed", created_at=None)).occurred_at == RECEIVED
    assert parse(load("event_cancelled", canceled_at=7)).occurred_at == RECEIVED


def test_an_unknown_kind_is_ignored_by_name() -> None:
    event = parse(load("event_reminded"))
    assert event.type == "event_reminded"
    assert event.ignored == "crmwire does not know TimeRex's webhook event_reminded"
    assert event.subject_id == "aa01"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"webhook_type": None}, "$.webhook_type is missing"),
        ({"event": []}, "$.event is missing, or no object"),
        ({"event": {"start_datetime": "2026-11-20T01:00:00Z"}}, "$.event.id is missing"),
        ({"event": {"id": "x", "start_datetime": "soon"}}, "$.event.start_datetime is missing"),
    ],
)
def test_what_is_missing_is_named_with_its_place(change: dict[str, object], words: str) -> None:
    with pytest.raises(UnreadableWebhook) as caught:
        parse({**load("event_confirmed"), **change})
    assert words in str(caught.value)


def test_the_token_is_taken_from_either_header() -> None:
    for header in ("x_timerex_authorization", "authorization"):
        for token in FEED.secrets:
            assert crmwire_timerex.verify_webhook(FEED, request(b"{}", **{header: token}))
        with pytest.raises(WebhookRefused):
            crmwire_timerex.verify_webhook(FEED, request(b"{}", **{header: "other"}))
    both = request(b"{}", x_timerex_authorization="other", authorization="new-token")
    with pytest.raises(WebhookRefused):
        crmwire_timerex.verify_webhook(FEED, both)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared payloads are not here")
@pytest.mark.parametrize("name", ["event_confirmed", "event_cancelled"])
def test_the_shared_payloads_are_read(name: str) -> None:
    event = parse((SHARED / f"{name}.json").read_bytes())
    assert event.ignored is None
    assert event.subject_id == "1981d18a994f60e7bcc2"
    guest = event.details.guest
    assert guest is not None
    assert (guest.full_name, guest.company) == ("山田 太郎", "株式会社サンプル")
    assert event.details.tracking["member_id"] == "U1234567890"

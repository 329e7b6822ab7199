"""Any tool's webhooks: described by settings, signed as Standard Webhooks or otherwise."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

from crmwire import ConfigurationError, UnreadableWebhook, WebhookRefused
from crmwire.intake import verified
from crmwire.signatures import sign
from crmwire.sources import webhook
from crmwire.sources.webhook.info import STANDARD
from crmwire.sources.webhook.paths import path
from crmwire.sources.webhook.settings import settings_of
from crmwire.testing.source_contract import SourceContract
from crmwire.types import Event, Feed, Json, SignatureScheme, WebhookRequest
from crmwire.vocabulary import EVENT_TYPES, Answer, Payment, Person

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
SETTINGS: dict[str, Any] = {
    "kind": "event",
    "id": "data.id",
    "at": "timestamp",
    "previous_ids": ["data.old_id"],
    "zone": "Europe/Paris",
    "events": {
        "room.booked": "booking.created",
        "room.moved": "booking.rescheduled",
        "room.freed": "booking.cancelled",
        "room.absent": {"type": "booking.no_show", "partial": True},
        **{f"as {type_}": type_ for type_ in EVENT_TYPES},
    },
    "fields": {
        "booking.start": "data.from",
        "booking.end": "data.to",
        "booking.notes": "data.notes",
        "booking.timezone": "data.zone",
        "booking.join_url": "data.rooms[0]['video link']",
        "guest.email": "data.who.mail",
        "guest.full_name": "data.who.name",
        "page.id": "data.room",
        "page.title": "=The blue room",
        "payment.amount": "data.price",
        "message.direction": "=in",
        "hosts": {"path": "data.hosts", "email": "mail", "full_name": "name"},
        "guests": {"path": "data.others"},
        "answers": {"path": "data.questions", "key": "id", "label": "text", "value": "answer"},
        "tracking": "data.utm",
    },
    "pages": {"blue": "The blue room"},
}


def body(event: str = "room.booked", at: str = "2026-11-20T09:00:00Z", **data: Any) -> bytes:
    told = {
        "id": "b1",
        "from": "2027-03-01T09:00:00+01:00",
        "to": "2027-03-01T10:00:00+01:00",
        "who": {"mail": "ada@example.com", "name": "Ada Example"},
        "room": "blue",
        **data,
    }
    return json.dumps({"event": event, "timestamp": at, "data": told}).encode()


def feed(**settings: Json) -> Feed:
    return Feed(name="rooms", source="webhook", settings={**SETTINGS, **settings})


def parsed(content: bytes, headers: Mapping[str, str] | None = None, **settings: Json) -> Event:
    request = WebhookRequest(body=content, headers=headers or {}, received_at=NOW)
    events = webhook.parse_webhook(feed(**settings), request)
    assert events is not None
    (event,) = events
    return event


class TestContract(SourceContract):
    plugin = webhook
    settings: ClassVar = SETTINGS
    story = ("booked", "moved", "freed")
    unknown = "cleaned"

    def samples(self) -> Mapping[str, bytes]:
        moved = {"from": "2027-03-02T09:00:00+01:00", "to": "2027-03-02T10:00:00+01:00"}
        return {
            "booked": body(),
            "moved": body("room.moved", "2026-11-20T10:00:00Z", **moved),
            "freed": body("room.freed", "2026-11-20T11:00:00Z"),
            "absent": body("room.absent", "2026-11-20T12:00:00Z"),
            "cleaned": body("room.cleaned"),
            **{type_: body(f"as {type_}", id=type_) for type_ in EVENT_TYPES},
        }

    def headers(self, content: bytes, secret: str, at: datetime) -> Mapping[str, str]:
        import hashlib

        id_ = hashlib.sha256(content).hexdigest()[:12]
        return sign(STANDARD, secret, content, timestamp=at, id=f"msg_{id_}")


class TestReading:
    """Each field is taken from where the settings say."""

    def test_all_that_is_described(self) -> None:
        event = parsed(
            body(
                old_id="b0",
                notes=" By the window ",
                price=12.5,
                rooms=[{"video link": "https://example.com/v"}],
                hosts=[{"mail": "harriet@example.com", "name": "Harriet Host"}, {"x": 1}],
                others=["bob@example.com"],
                questions=[{"id": "q1", "text": "Why?", "answer": ["a", 2, True]}, {"id": "q2"}],
                utm={"utm_source": "mail", "n": 3, "no": None},
            )
        )
        details = event.details
        assert (event.type, event.subject_id, event.previous_ids) == (
            "booking.created",
            "b1",
            ("b0",),
        )
        assert details.booking is not None
        assert details.booking.start == datetime(2027, 3, 1, 8, tzinfo=UTC)
        assert details.booking.notes == "By the window"
        assert details.booking.join_url == "https://example.com/v"
        assert details.guest == Person(email="ada@example.com", full_name="Ada Example")
        assert details.guests == (Person(email="bob@example.com"),)
        assert details.hosts == (Person(email="harriet@example.com", full_name="Harriet Host"),)
        assert details.answers == (Answer(key="q1", label="Why?", values=("a", "2", "true")),)
        assert details.tracking == {"utm_source": "mail", "n": "3"}
        assert details.payment == Payment(amount="12.5")
        assert details.page is not None
        assert (details.page.id, details.page.title) == ("blue", "The blue room")

    def test_answers_may_stand_by_their_keys(self) -> None:
        fields = {**SETTINGS["fields"], "answers": {"path": "data.form"}}
        event = parsed(
            body(form={"topic": "Engines", "size": {"label": "Size?", "value": 3}}), fields=fields
        )
        assert event.details.answers == (
            Answer(key="topic", values=("Engines",)),
            Answer(key="size", label="Size?", values=("3",)),
        )

    @pytest.mark.parametrize(
        ("written", "zone", "meant"),
        [
            ("2027-03-01T09:00", None, "2027-03-01T08:00+00:00"),  # the feed's zone
            ("2027-03-01T09:00", "Asia/Tokyo", "2027-03-01T00:00+00:00"),  # the guest's
            ("2027-03-01T09:00-05:00", "Asia/Tokyo", "2027-03-01T14:00+00:00"),
            (1803891600, None, "2027-03-01T09:00+00:00"),
            (1803891600000, None, "2027-03-01T09:00+00:00"),
            ("1803891600", None, "2027-03-01T09:00+00:00"),
        ],
    )
    def test_times_may_be_written_in_many_ways(
        self, written: object, zone: str | None, meant: str
    ) -> None:
        booking = parsed(body(**{"from": written, "zone": zone})).details.booking
        assert booking is not None
        assert booking.start == datetime.fromisoformat(meant)

    def test_forms_are_read_too(self) -> None:
        headers = {"content-type": "application/x-www-form-urlencoded"}
        event = parsed(
            b"what=made&id=7&start=2027-03-01T09%3A00Z&mail=ada%40example.com",
            headers,
            kind="what",
            id="id",
            at=None,
            previous_ids=[],
            events={"made": "booking.created"},
            fields={"booking.start": "start", "guest.email": "mail"},
        )
        assert event.subject_id == "7"
        assert event.occurred_at == NOW
        assert event.details.guest == Person(email="ada@example.com")

    def test_the_kind_and_the_time_may_stand_in_headers(self) -> None:
        headers = {"x-kind": "room.booked", "webhook-timestamp": "1795510800"}
        event = parsed(body(), headers, kind="header:X-Kind", at=None)
        assert event.type == "booking.created"
        assert event.occurred_at == datetime.fromtimestamp(1795510800, UTC)

    def test_the_senders_id_is_the_standard_header(self) -> None:
        assert parsed(body(), {"webhook-id": "msg_1"}).webhook_id == "msg_1"
        assert parsed(body(nr=5), event_id="data.nr").webhook_id == "5"

    @pytest.mark.parametrize(
        ("value", "version"),
        [(3, 3), ("4", 4), ("2026-11-20T09:00:00Z", 1795165200000000), ("x", None), (None, None)],
    )
    def test_a_version_is_a_number_or_a_time(self, value: object, version: int | None) -> None:
        assert parsed(body(v=value), version="data.v").version == version

    def test_a_partial_event_makes_nothing_known(self) -> None:
        assert parsed(body("room.absent", **{"from": None})).partial

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (body(**{"from": "soon"}), "data.from holds no time"),
            (body(id=None), "data.id holds no id"),
            (body(at="then"), "timestamp holds no time"),
            (b'{"data": {}}', "event names no kind"),
            (b"[]", "no object"),
        ],
    )
    def test_what_is_missing_is_named(self, content: bytes, said: str) -> None:
        with pytest.raises(UnreadableWebhook, match=said):
            parsed(content)


class TestSignatures:
    """Standard Webhooks, unless the settings describe another scheme."""

    def test_another_scheme_may_be_described(self) -> None:
        given = {"header": "X-Room-Signature", "encoding": "base64", "algorithm": "sha1"}
        own = feed(signature=given)
        signed = sign(SignatureScheme(**given), "s3cret", body())  # type: ignore[arg-type]

        class Hooks:
            feed = Feed(name="rooms", source="webhook", settings=own.settings, secrets=("s3cret",))

            def verify_webhook(self, request: WebhookRequest) -> bool | None:
                return webhook.verify_webhook(self.feed, request)

        headers = {name.lower(): value for name, value in signed.items()}
        assert verified(Hooks(), WebhookRequest(body=body(), headers=headers, received_at=NOW))  # type: ignore[arg-type]
        with pytest.raises(WebhookRefused):
            verified(Hooks(), WebhookRequest(body=b"{}", headers=headers, received_at=NOW))  # type: ignore[arg-type]


class TestSettings:
    """All mistakes are told at once, each with its place."""

    def test_the_description_is_checked(self) -> None:
        with pytest.raises(ConfigurationError) as caught:
            settings_of(
                Feed(
                    name="rooms",
                    source="webhook",
                    settings={
                        "id": "a[",
                        "zone": "Mars/Olympus",
                        "events": {
                            "made": "booking.baked",
                            "x": {"type": "booking.created", "y": 1},
                        },
                        "fields": {
                            "guest.shoe_size": "a",
                            "booking.start": 7,
                            "answers": "a",
                            "hosts": {"path": "h", "hat": "x"},
                        },
                        "pages": {"a": ""},
                    },
                )
            )
        said = str(caught.value)
        for place in (
            ".id",
            ".zone",
            "events['made']",
            "events['x']",
            "fields['guest.shoe_size']",
            "fields['booking.start']",
            "fields.answers",
            "'hat'",
            "pages['a']",
        ):
            assert place in said, place

    def test_settings_that_are_not_known_are_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="colour"):
            settings_of(feed(colour="blue"))

    def test_a_feed_without_events_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="none of the tool's events"):
            settings_of(Feed(name="rooms", source="webhook", settings={"id": "id"}))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a.b[1].c", 3),
        ("$.a.b[1].c", 3),
        ("a['b'][1][\"c\"]", 3),
        ("a.b[7].c", None),
        ("a.c.d", None),
        ("a.b.c", None),
        ("=a.b", "a.b"),
        ("header:X-Kind", "k"),
        ("['x.y']", 4),
        ("$", {"a": {"b": [0, {"c": 3}]}, "x.y": 4}),
    ],
)
def test_paths(text: str, found: object) -> None:
    thing = {"a": {"b": [0, {"c": 3}]}, "x.y": 4}
    assert path(text).of(thing, {"x-kind": "k"}) == found


@pytest.mark.parametrize("text", ["", " ", "a[", "a[b]", "a..b", "a['b"])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        path(text)


def test_the_description_in_the_documents_can_be_used() -> None:
    import re
    import tomllib
    from pathlib import Path

    page = (Path(__file__).parents[3] / "docs" / "howto" / "any-tool.md").read_text()
    data = tomllib.loads("".join(re.findall(r"```toml\n(.*?)```", page, re.DOTALL)))
    settings = settings_of(
        Feed(name="rooms", source="webhook", settings=data["feeds"]["rooms"]["settings"])
    )
    assert settings.signature is not None
    assert settings.signature.encoding == "base64"
    assert settings.events["room.absent"].partial

"""Calendars: messages and files by UID, SEQUENCE and METHOD, and feeds that are polled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from crmwire import ConfigurationError, RetryLater, UnreadableWebhook
from crmwire.feeds import OpenFeed
from crmwire.hooks import SourceHooks, manager
from crmwire.hookspecs import SourceSpecs
from crmwire.pacing import Pacer
from crmwire.sandbox import Sandbox, SandboxServer, SandboxSettings, TimelinePerson
from crmwire.sources import ics
from crmwire.sources.ics.settings import settings_of
from crmwire.testing.clock import HurryingClock
from crmwire.testing.source_contract import SourceContract
from crmwire.types import Event, Feed, Json, WebhookRequest
from crmwire.vocabulary import Booking, Person

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
ADA = 'ATTENDEE;CN="Ada Example";PARTSTAT=NEEDS-ACTION:mailto:ada@example.com'
HOST = "ORGANIZER;CN=Harriet Host:mailto:harriet@example.com"


def vevent(uid: str = "b1@example.com", *lines: str, seq: int = 0, stamp: str = "20261120T090000Z",
           start: str = "DTSTART:20270301T080000Z", end: str = "DTEND:20270301T083000Z",
           people: tuple[str, ...] = (HOST, ADA)) -> str:  # fmt: skip
    return "\r\n".join(
        [
            "BEGIN:VEVENT",
            f"UID:{uid}",
            f"DTSTAMP:{stamp}",
            f"SEQUENCE:{seq}",
            *filter(None, (start, end)),
            "SUMMARY:Introduction",
            *people,
            *lines,
            "END:VEVENT",
        ]
    )


def vcalendar(*events: str, method: str | None = "REQUEST") -> bytes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Example Corp//Booking//EN"]
    lines += [f"METHOD:{method}"] if method else []
    return ("\r\n".join([*lines, *events, "END:VCALENDAR"]) + "\r\n").encode()


def parsed(content: bytes, **settings: Json) -> list[Event]:
    feed = Feed(name="cal", source="ics", settings=settings)
    events = ics.parse_webhook(feed, WebhookRequest(body=content, received_at=NOW))
    assert events is not None
    return list(events)


def one(*lines: str, method: str | None = "REQUEST", more: Mapping[str, Any] | None = None,
        **settings: Json) -> Event:  # fmt: skip
    (event,) = parsed(vcalendar(vevent("b1", *lines, **(more or {})), method=method), **settings)
    return event


def booking(event: Event) -> Booking:
    assert event.details.booking is not None
    return event.details.booking


class Calendars(Sandbox):
    """A host that publishes one calendar, at a secret address."""

    title = "Calendars (sandbox)"
    content = vcalendar(method=None)
    etag: str | None = None

    def routes(self) -> list[BaseRoute]:
        return [Route("/private-7f/basic.ics", self._calendar)]

    def timelines(self, account: object) -> list[TimelinePerson]:
        return []

    async def _calendar(self, request: Request) -> Response:
        if self.etag and request.headers.get("if-none-match") == self.etag:
            return Response(status_code=304)
        headers = {"ETag": self.etag} if self.etag else {}
        return Response(self.content, media_type="text/calendar", headers=headers)


class TestContract(SourceContract):
    plugin = ics
    story = ("created", "moved", "cancelled")
    unknown = "reply"
    content_type = "text/calendar; charset=utf-8"

    def samples(self) -> Mapping[str, bytes]:
        later = "DTSTART;TZID=Europe/London:20270302T080000"
        return {
            "created": vcalendar(vevent()),
            "moved": vcalendar(
                vevent(seq=1, stamp="20261120T100000Z", start=later, end="DURATION:PT30M")
            ),
            "cancelled": vcalendar(vevent(seq=2, stamp="20261120T110000Z"), method="CANCEL"),
            "reply": vcalendar(vevent(), method="REPLY"),
        }

    # A message never says "updated": only a polled calendar shows that nothing but its text did.
    def test_the_samples_show_every_kind(self) -> None:
        shown = {event.type for _, events in self.told() for event in events}
        assert set(self.hooks.source_info().events) - shown == {"booking.updated"}


class TestPolledContract(SourceContract):
    plugin = ics
    story = ()
    settings: ClassVar = {"url": "https://calendars.example.com/private-7f/basic.ics"}

    def samples(self) -> Mapping[str, bytes]:
        return {}

    def takes_webhooks(self) -> bool:
        return False

    def made_sandbox(self) -> Sandbox | None:
        sandbox = Calendars(SandboxSettings())
        sandbox.content = vcalendar(vevent(), vevent("b2@example.com"), method=None)
        return sandbox


class TestMessages:
    """What METHOD, SEQUENCE and STATUS say (RFC 5546)."""

    @pytest.mark.parametrize(
        ("method", "seq", "lines", "type_"),
        [
            ("REQUEST", 0, [], "booking.created"),
            ("PUBLISH", 0, [], "booking.created"),
            (None, 0, [], "booking.created"),
            ("REQUEST", 1, [], "booking.rescheduled"),
            ("CANCEL", 2, [], "booking.cancelled"),
            ("REQUEST", 2, ["STATUS:CANCELLED"], "booking.cancelled"),
        ],
    )
    def test_kinds(self, method: str | None, seq: int, lines: list[str], type_: str) -> None:
        assert one(*lines, method=method, more={"seq": seq}).type == type_

    @pytest.mark.parametrize("method", ["REPLY", "COUNTER", "REFRESH", "ADD", "X-MINE"])
    def test_other_methods_are_left_out_under_their_name(self, method: str) -> None:
        event = one(method=method)
        assert event.type == method
        assert event.ignored

    def test_sequence_counts_before_the_stamp(self) -> None:
        early = one(more={"seq": 1, "stamp": "20261120T080000Z"})
        late = one(more={"seq": 0, "stamp": "20261125T080000Z"})
        again = one(more={"seq": 1, "stamp": "20261120T080001Z"})
        assert late.order < early.order < again.order

    def test_times_are_in_their_zones(self) -> None:
        event = one(
            more={
                "start": "DTSTART;TZID=Asia/Tokyo:20270301T180000",
                "end": "DTEND;TZID=Asia/Tokyo:20270301T183000",
            }
        )
        assert booking(event).start == datetime(2027, 3, 1, 9, tzinfo=UTC)
        assert booking(event).end == datetime(2027, 3, 1, 9, 30, tzinfo=UTC)
        assert booking(event).timezone == "Asia/Tokyo"

    def test_a_zone_that_the_file_brings_itself(self) -> None:
        zone = "\r\n".join(
            [
                "BEGIN:VTIMEZONE",
                "TZID:Office",
                "BEGIN:STANDARD",
                "DTSTART:19700101T000000",
                "TZOFFSETFROM:+0530",
                "TZOFFSETTO:+0530",
                "END:STANDARD",
                "END:VTIMEZONE",
            ]
        )
        event = vevent(start="DTSTART;TZID=Office:20270301T180000", end="DURATION:PT1H")
        (told,) = parsed(vcalendar(zone, event))
        assert booking(told).start == datetime(2027, 3, 1, 12, 30, tzinfo=UTC)
        assert booking(told).end == datetime(2027, 3, 1, 13, 30, tzinfo=UTC)

    def test_times_without_a_zone_are_in_the_feeds(self) -> None:
        start = {"start": "DTSTART:20270301T090000", "end": "DTEND:20270301T093000"}
        assert booking(one(more=start)).start == datetime(2027, 3, 1, 9, tzinfo=UTC)
        there = one(more=start, zone="America/New_York")
        assert booking(there).start == datetime(2027, 3, 1, 14, tzinfo=UTC)

    def test_whole_days_are_no_bookings_unless_allowed(self) -> None:
        day = {"start": "DTSTART;VALUE=DATE:20270301", "end": ""}
        assert "whole day" in (one(more=day).ignored or "")
        carried = one(more=day, all_day=True)
        assert booking(carried).end == datetime(2027, 3, 2, tzinfo=UTC)

    def test_an_instance_of_a_series_is_a_booking_of_its_own(self) -> None:
        events = parsed(
            vcalendar(
                vevent("s1", "RRULE:FREQ=DAILY;COUNT=3"),
                vevent("s1", "RECURRENCE-ID:20270302T080000Z", seq=1),
            )
        )
        assert [event.subject_id for event in events] == ["s1", "s1/2027-03-02T08:00:00+00:00"]

    def test_the_organizer_hosts_and_the_others_are_guests(self) -> None:
        bob = "ATTENDEE;CN=Bob:mailto:bob@example.com"
        himself = "ATTENDEE;ROLE=CHAIR:mailto:HARRIET@example.com"
        event = one(more={"people": (HOST, himself, ADA, bob)})
        assert event.details.hosts == (
            Person(email="harriet@example.com", full_name="Harriet Host"),
        )
        assert event.details.guest == Person(email="ada@example.com", full_name="Ada Example")
        assert event.details.guests == (Person(email="bob@example.com", full_name="Bob"),)

    def test_who_invites_the_team_is_its_guest(self) -> None:
        us = "ATTENDEE;CN=Us:mailto:sales@example.org"
        invited = {"people": ("ORGANIZER;CN=Ada:mailto:ada@example.com", us)}
        event = one(more=invited, own=["sales@example.org"])
        assert event.details.guest == Person(email="ada@example.com", full_name="Ada")
        assert event.details.hosts == (Person(email="sales@example.org", full_name="Us"),)

    def test_an_event_that_nobody_is_invited_to_is_left_out(self) -> None:
        assert one(more={"people": (HOST,)}).ignored == "nobody is invited"

    def test_a_cancellation_needs_no_guest(self) -> None:
        assert one(method="CANCEL", more={"people": (HOST,)}).ignored is None

    def test_where_it_is(self) -> None:
        event = one(
            "LOCATION:Meet: https://meet.example.com/abc-defg",
            "DESCRIPTION:Bring the\\nplans\\, please",
        )
        assert booking(event).join_url == "https://meet.example.com/abc-defg"
        assert booking(event).notes == "Bring the\nplans, please"

    def test_the_page_is_the_calendars_name(self) -> None:
        content = vcalendar(vevent()).replace(b"METHOD", b"X-WR-CALNAME:Team\r\nMETHOD")
        (event,) = parsed(content)
        assert event.details.page is not None
        assert event.details.page.id == "Team"
        (event,) = parsed(content, page="intro")
        assert event.details.page is not None
        assert event.details.page.id == "intro"

    def test_several_calendars_in_one_file(self) -> None:
        content = vcalendar(vevent("a")) + vcalendar(vevent("b"), method="CANCEL")
        assert [event.type for event in parsed(content)] == ["booking.created", "booking.cancelled"]

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"{}",
            b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n",
            vcalendar(vevent().replace("UID:b1@example.com\r\n", "")),
        ],
    )
    def test_what_is_no_calendar_is_unreadable(self, content: bytes) -> None:
        with pytest.raises(UnreadableWebhook):
            parsed(content)


class Polled:
    """A calendar that is asked for, as often as `told` is called."""

    def __init__(self, sandbox: Calendars, url: str) -> None:
        self.sandbox = sandbox
        self.address = f"{url}/private-7f/basic.ics"
        self.cursor: Json = None
        self.token: str | None = None
        self.settings: dict[str, Json] = {"url": self.address}
        self.since = datetime.now(UTC) - timedelta(hours=1)

    def hooks(self) -> SourceHooks:
        hooks = SourceHooks(manager(SourceSpecs, [("ics", ics)]), "feed cal")
        hooks.feed = Feed(
            name="cal", source="ics", settings=self.settings, since=self.since, token=self.token
        )
        clock = HurryingClock()
        hooks.open_feed = OpenFeed(hooks, clock=clock, pacer=lambda api: Pacer(clock))
        return hooks

    def told(self, *events: str) -> list[tuple[str, str]]:
        """What is told once the calendar holds these events."""
        self.sandbox.content = vcalendar(*events, method=None)
        chunk = self.hooks().poll(self.cursor)
        self.cursor = chunk.cursor
        self.last = chunk.events
        return [(event.type.partition(".")[2], event.subject_id) for event in chunk.events]


@pytest.fixture
def polled(monkeypatch: pytest.MonkeyPatch) -> Iterator[Polled]:
    monkeypatch.setenv("CRMWIRE_ALLOW_LOOPBACK", "1")
    sandbox = Calendars(SandboxSettings())
    with SandboxServer(sandbox) as server:
        yield Polled(sandbox, server.url)


class TestPolling:
    """What differs from the last time is what happened."""

    def test_a_bookings_life(self, polled: Polled) -> None:
        assert polled.told(vevent("a")) == [("created", "a")]
        assert polled.told(vevent("a")) == []
        later = {"start": "DTSTART:20270302T080000Z", "end": "DTEND:20270302T083000Z"}
        assert polled.told(vevent("a", **later)) == [("rescheduled", "a")]
        assert polled.told(vevent("a", "LOCATION:Room 2", **later)) == [("updated", "a")]
        assert polled.told(vevent("a", "STATUS:CANCELLED", **later)) == [("cancelled", "a")]

    def test_a_stamp_of_each_answer_changes_nothing(self, polled: Polled) -> None:
        assert polled.told(vevent("a", stamp="20261120T090000Z")) == [("created", "a")]
        assert polled.told(vevent("a", stamp="20261121T090000Z")) == []

    def test_moved_there_and_back_and_there_again(self, polled: Polled) -> None:
        from crmwire.store.accepting import dedupe_key

        there = {"start": "DTSTART:20270302T080000Z", "end": "DTEND:20270302T083000Z"}
        keys = []
        for event in (vevent("a"), vevent("a", **there), vevent("a"), vevent("a", **there)):
            polled.told(event)
            keys += map(dedupe_key, polled.last)
        assert len(set(keys)) == 4

    def test_what_is_gone_and_was_to_come_is_cancelled(self, polled: Polled) -> None:
        past = {"start": "DTSTART:20200101T080000Z", "end": "DTEND:20200101T083000Z"}
        polled.told(vevent("a"), vevent("b"), vevent("old", **past))
        assert polled.told(vevent("b")) == [("cancelled", "a")]

    def test_a_calendar_that_is_empty_all_at_once_cancels_nothing(self, polled: Polled) -> None:
        polled.told(vevent("a"), vevent("b"))
        with pytest.raises(RetryLater, match="empty all at once"):
            polled.told()
        assert polled.told(vevent("a"), vevent("b")) == []

    def test_what_was_there_at_first_happened_before_the_feed(self, polled: Polled) -> None:
        polled.told(vevent("a"), vevent("b", "LAST-MODIFIED:20261120T070000Z"))
        first, second = polled.last
        assert first.occurred_at < polled.since
        assert second.occurred_at == datetime(2026, 11, 20, 7, tzinfo=UTC)
        polled.told(vevent("a"), vevent("b"), vevent("c"))
        assert polled.last[-1].occurred_at > polled.since

    def test_an_answer_that_nothing_changed_is_enough(self, polled: Polled) -> None:
        polled.sandbox.etag = '"1"'
        polled.told(vevent("a"))
        before = polled.cursor
        assert polled.told(vevent("a"), vevent("b")) == []
        assert polled.cursor == before
        polled.sandbox.etag = '"2"'
        assert polled.told(vevent("a"), vevent("b")) == [("created", "b")]

    def test_a_page_instead_of_a_calendar_is_tried_again(self, polled: Polled) -> None:
        polled.told(vevent("a"))
        polled.sandbox.content = b"<html>Sign in</html>"
        with pytest.raises(RetryLater, match="no calendar"):
            polled.hooks().poll(polled.cursor)

    def test_a_secret_address_is_the_feeds_token(self, polled: Polled) -> None:
        polled.settings, polled.token = {"secret_url": True}, polled.address
        assert polled.told(vevent("a")) == [("created", "a")]
        assert "private" not in repr(polled.hooks().feed)

    def test_without_an_address_it_is_not_polled(self, polled: Polled) -> None:
        polled.settings = {}
        assert not polled.hooks().is_polled()
        assert not polled.hooks().check_feed()

    def test_the_check_asks_for_the_calendar(self, polled: Polled) -> None:
        assert not polled.hooks().check_feed()
        polled.sandbox.content = b"no"
        with pytest.raises(RetryLater):
            polled.hooks().check_feed()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"url": "ftp://example.com/a"}, "no web address"),
        ({"url": "https://example.com/a", "secret_url": True}, "either"),
        ({"zone": "Mars"}, "no time zone"),
        ({"own": "me@example.com"}, "own"),
        ({"colour": 1}, "colour"),
    ],
)
def test_settings_are_checked(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings_of(Feed(name="cal", source="ics", settings=settings))
    assert said in str(caught.value)


def test_webcal_is_https() -> None:
    feed = Feed(name="cal", source="ics", settings={"url": "webcal://example.com/a.ics"})
    api = ics.feed_api(feed)
    assert api is not None
    assert api.base_url == "https://example.com"
    assert api.host_suffixes == ("example.com",)

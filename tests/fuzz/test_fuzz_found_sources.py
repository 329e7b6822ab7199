"""What the fuzzer found in calendars, sources' answers and logins, each in its smallest form."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import crmwire_calcom
import crmwire_calendly
import crmwire_timerex
from crmwire.backfilling import FilePast
from crmwire.documents import parsed as parsed_document
from crmwire.errors import ConfigurationError, RetryLater
from crmwire.feeds import OpenFeed
from crmwire.hooks import SourceHooks, manager
from crmwire.hookspecs import SourceSpecs
from crmwire.intake import bodies_in
from crmwire.logins.answers import Unreadable, read_tokens
from crmwire.pacing import Pacer
from crmwire.testing.clock import HurryingClock
from crmwire.testing.samples import BOOKED_AT
from crmwire.testing.toylogin import login_at
from crmwire.types import Event, Feed, Json, WebhookRequest
from fuzz import logins
from fuzz.calling import called
from fuzz.samples import CALENDAR, sources

ZONE = """BEGIN:VTIMEZONE
TZID:Customized Time Zone
BEGIN:STANDARD
DTSTART:16010101T000000
TZOFFSETFROM:{offset}
TZOFFSETTO:{offset}
END:STANDARD
END:VTIMEZONE
"""


def calendar(offset: str, more: str = "") -> bytes:
    text = CALENDAR.format(method="REQUEST", sequence=0, end="DURATION:PT30M")
    text = text.replace("BEGIN:VEVENT", ZONE.format(offset=offset) + more + "BEGIN:VEVENT")
    return text.replace("Europe/London", "Customized Time Zone").replace("\n", "\r\n").encode()


def parsed(body: bytes) -> Event:
    [source] = [one for one in sources() if one.name == "ics"]
    [event] = source.hooks.parse_webhook(WebhookRequest(body=body, received_at=BOOKED_AT))
    return event


def test_a_zone_that_a_calendar_defines_is_not_taken_for_another_ones_of_the_same_name() -> None:
    starts = [parsed(calendar(offset)).details.booking for offset in ("+0500", "+0900", "-0200")]
    assert [one.start.hour for one in starts if one and one.start] == [3, 23, 10]


def test_nothing_is_kept_of_the_names_in_a_calendar() -> None:
    def kept() -> int:
        gc.collect()
        return sum(isinstance(one, type) for one in gc.get_objects())

    def odd(number: int) -> str:
        return "".join(f"BEGIN:X-{number}-{n}\nEND:X-{number}-{n}\n" for n in range(50))

    parsed(calendar("+0500", odd(0)))
    before = kept()
    for number in range(1, 5):
        parsed(calendar("+0500", odd(number)))
    assert kept() - before < 20


class Past:
    """A source's client that answers every path with the same, or with one list after another."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self._answers = answers
        self.asked = 0

    def send(self, request: Any, url: str, headers: object, **more: Any) -> Any:
        self.asked += 1
        told = next((one for path, one in self._answers.items() if path in url), {})
        text = json.dumps(told).replace("NEXT", str(self.asked))
        return 200, {"content-type": "application/json"}, text.encode()


def listed(plugin: Any, answers: Mapping[str, Any], cursor: Json = None) -> Any:
    hooks = SourceHooks(manager(SourceSpecs, [("plugin", plugin)]), "feed x")
    hooks.feed = Feed(name="x", source="x", token="t", since=BOOKED_AT)
    clock = HurryingClock()
    client: Any = Past(answers)
    hooks.open_feed = OpenFeed(hooks, clock=clock, pacer=lambda _: Pacer(clock), client=client)
    return hooks.list_past(BOOKED_AT, cursor)


ME = {"resource": {"uri": "https://api.calendly.com/users/U"}}
MEETING = {"uri": "https://api.calendly.com/scheduled_events/M"}


def test_lists_that_do_not_end_or_do_not_go_on_are_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for plugin in ("calendly", "timerex"):
        monkeypatch.setattr(f"crmwire_{plugin}.past.MOST_LISTS", 3)
    onward = {"pagination": {"next_page_token": "NEXT"}, "collection": []}
    meetings = {"collection": [MEETING], "pagination": {}}
    invitees = {"users/me": ME, "/invitees": onward, "scheduled_events": meetings}
    same = {"users/me": ME, "scheduled_events": {"pagination": {"next_page_token": "t"}}}
    calendars = {"primary": {"id": "p"}, "/calendars": {"items": [], "nextPageToken": "NEXT"}}
    with pytest.raises(RetryLater, match="has no end"):
        listed(crmwire_calendly, invitees)
    with pytest.raises(RetryLater, match="does not go on"):
        listed(crmwire_calendly, same, {"whose": {"user": "u"}, "page_token": "t"})
    with pytest.raises(RetryLater, match="has no end"):
        listed(crmwire_timerex, calendars)
    cursor = {"calendars": [["c", "c", ""]], "page": "t"}
    with pytest.raises(RetryLater, match="does not go on"):
        listed(crmwire_timerex, {"events": {"nextPageToken": "t"}}, cursor)


def test_an_address_that_is_none_is_no_fault_of_the_plugin() -> None:
    answers = {"users/me": ME, "scheduled_events": {"collection": [{"uri": "https://["}]}}
    assert listed(crmwire_calendly, answers).events == ()


def test_a_total_that_is_no_number_of_things_is_none() -> None:
    assert (
        listed(crmwire_calcom, {"bookings": {"pagination": {"totalItems": 10**400}}}).total is None
    )


def test_guests_that_are_no_addresses_are_left_out() -> None:
    booking = {
        "uid": "b", "status": "accepted", "start": "2027-03-01T09:00:00Z",
        "createdAt": "2027-02-01T09:00:00Z", "guests": [{"x": 1}, ["y"], "bob@example.com"],
        "attendees": [{"email": "ada@example.com", "name": "Ada"}],
    }  # fmt: skip
    [event] = listed(crmwire_calcom, {"bookings": {"data": [booking]}}).events
    assert [one.email for one in event.details.guests] == ["bob@example.com"]


def test_a_life_of_infinite_seconds_is_an_answer_that_cannot_be_read() -> None:
    with pytest.raises(Unreadable):
        read_tokens('{"access_token": "t", "expires_in": Infinity}', login_at("https://x.example"))


@pytest.mark.parametrize("query", [b"state=s&code=\xff\xfe", b"\x80", b""])
def test_whatever_a_browser_brings_back_gets_a_page(query: bytes) -> None:
    with logins.serving() as asgi:
        said = asyncio.run(called(asgi, "GET", "/oauth/callback", b"", [], query=query))
    assert said.status == 400


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.csv", "id,booking.start\nb,0001-01-01T00:00:00+14:00\n"),
        ("x.ndjson", '{"id": "b", "booking.start": "9999-12-31T23:59:59-14:00"}'),
    ],
)
def test_a_time_before_or_after_all_others_is_a_mistake_of_its_row(
    tmp_path: Path, name: str, content: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ConfigurationError) as caught:
        FilePast(tmp_path / name)
    assert "booking.start is " in caught.value.problems[0]


def test_a_file_of_webhooks_that_is_nested_without_end_is_one_body(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_bytes(b"[" * 100_000)
    assert [body for _, body in bodies_in(file)] == [b"[" * 100_000]


@pytest.mark.parametrize("text", ["team = " + "9" * 5000, "team = " + "[" * 5000])
def test_a_document_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        parsed_document(text, "team.toml")

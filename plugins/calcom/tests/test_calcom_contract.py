"""The Cal.com plugin keeps the contract of sources, and lists what is past from Cal.com's API."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from attrs import Factory, define
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

import crmwire_calcom
from crmwire import ConfigurationError
from crmwire.sandbox import Account, Sandbox, SandboxSettings, TimelinePerson
from crmwire.testing.source_contract import SourceContract
from crmwire.testing.source_contract_base import TOKEN
from crmwire.types import Chunk, Event
from crmwire.vocabulary import Person

PAYLOADS = sorted((Path(__file__).parent / "payloads").glob("*.json"))


@define(kw_only=True)
class Calendar(Account):
    """What one token sees."""

    bookings: list[dict[str, Any]] = Factory(list)
    webhooks: list[dict[str, Any]] = Factory(list)


class CalcomApi(Sandbox):
    """The few calls of Cal.com's API v2 that the plugin makes (cal.com/docs/api-reference/v2)."""

    title = "Cal.com (sandbox)"
    most = 2  # listed at a time, whatever is asked for

    def routes(self) -> Sequence[BaseRoute]:
        return [Route("/bookings", self._bookings), Route("/webhooks", self._webhooks)]

    def new_account(self, token: str, number: int) -> Account:
        return Calendar(token=token)

    def timelines(self, account: Account) -> list[TimelinePerson]:
        return []

    async def _bookings(self, request: Request) -> Response:
        calendar = self.account_of(request)
        if not isinstance(calendar, Calendar):
            return _refused()
        if request.headers.get("cal-api-version") != "2024-08-13":
            return JSONResponse({"status": "error"}, 404)
        query = request.query_params
        late = [one for one in calendar.bookings if one["createdAt"] >= query["afterCreatedAt"]]
        late.sort(key=lambda one: str(one["createdAt"]), reverse=query.get("sortCreated") != "asc")
        first = int(query.get("skip", "0"))
        pages = {"totalItems": len(late), "hasNextPage": first + self.most < len(late)}
        found = late[first : first + self.most]
        return JSONResponse({"status": "success", "data": found, "pagination": pages})

    async def _webhooks(self, request: Request) -> Response:
        calendar = self.account_of(request)
        if not isinstance(calendar, Calendar):
            return _refused()
        return JSONResponse({"status": "success", "data": calendar.webhooks})


def _refused() -> Response:
    return JSONResponse({"status": "error", "error": {"code": "UnauthorizedException"}}, 401)


def booking(uid: str, status: str, created: str, **more: Any) -> dict[str, Any]:
    """A booking as the API shows it, version 2024-08-13."""
    return {
        "id": 9001,
        "uid": uid,
        "title": "Garden visit between Nora Field and Harriet Vane",
        "description": "",
        "hosts": [
            {"id": 41, "name": "Nora Field", "email": "nora@example.com", "timeZone": "Europe/Oslo"}
        ],
        "status": status,
        "start": "2026-11-24T09:00:00.000Z",
        "end": "2026-11-24T09:45:00.000Z",
        "duration": 45,
        "eventType": {"id": 310, "slug": "garden-visit"},
        "location": "12 Orchard Row",
        "meetingUrl": None,
        "absentHost": False,
        "createdAt": created,
        "updatedAt": "2026-11-25T07:00:00.000Z",
        "metadata": {"utm_source": "newsletter"},
        "attendees": [
            {
                "name": "Harriet Vane",
                "email": "harriet@example.com",
                "timeZone": "Europe/London",
                "language": "en",
                "absent": False,
                "phoneNumber": "+442079460321",
            }
        ],
        "guests": ["bunter@example.com"],
        "bookingFieldsResponses": {"email": "harriet@example.com", "plants": ["Roses"]},
        **more,
    }


BOOKINGS = (
    booking("one", "cancelled", "2026-11-20T08:00:00.000Z", rescheduledToUid="two"),
    booking(
        "two",
        "cancelled",
        "2026-11-21T08:00:00.000Z",
        rescheduledFromUid="one",
        cancellationReason="Flooded.",
        cancelledByEmail="nora@example.com",
    ),
    booking("three", "pending", "2026-11-22T08:00:00.000Z"),
    booking("four", "rejected", "2026-11-23T08:00:00.000Z"),
    booking(
        "five",
        "accepted",
        "2026-11-24T08:00:00.000Z",
        attendees=[{"name": "A", "email": "a@example.com", "absent": True}],
    ),
    booking(
        "six",
        "accepted",
        "2026-11-25T06:00:00.000Z",
        attendees=[
            {"email": "b@example.com", "seatUid": "s1"},
            {"email": "c@example.com", "seatUid": "s2"},
        ],
        guests=[],
    ),
)


class TestCalcom(SourceContract):
    plugin = crmwire_calcom
    story = ("booking_created", "booking_rescheduled", "booking_cancelled")
    unknown = "booking_paid"

    def samples(self) -> Mapping[str, bytes]:
        return {path.stem: path.read_bytes() for path in PAYLOADS}

    def made_sandbox(self) -> CalcomApi:
        api = CalcomApi(SandboxSettings(tokens=(TOKEN,)))
        calendar = next(iter(api.accounts.values()))
        assert isinstance(calendar, Calendar)
        calendar.bookings += json.loads(json.dumps(BOOKINGS))
        calendar.webhooks += [webhook()]
        return api

    # ------------------------------------------------------------ the plugin's own

    def calendar(self) -> Calendar:
        assert self.sandbox is not None
        found = next(iter(self.sandbox.accounts.values()))
        assert isinstance(found, Calendar)
        return found

    def past(self, since: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> list[Event]:
        events: list[Event] = []
        chunk = Chunk(more=True)
        while chunk.more:
            chunk = self.hooks.list_past(since, chunk.cursor)
            events += chunk.events
        assert chunk.total is not None
        return events

    def test_each_booking_is_told_as_its_webhooks_tell_it(self) -> None:
        """A moved one counts as cancelled at Cal.com, but its move goes on."""
        told = [(event.type, event.subject_id, *event.previous_ids) for event in self.past()]
        assert sorted(told) == sorted(
            [
                ("booking.created", "one"),
                ("booking.rescheduled", "two", "one"),
                ("booking.cancelled", "two", "one"),
                ("booking.requested", "three"),
                ("booking.requested", "four"),
                ("booking.rejected", "four"),
                ("booking.created", "five"),
                ("booking.no_show", "five"),
                ("booking.created", "six/b@example.com"),
                ("booking.created", "six/c@example.com"),
            ]
        )

    def test_a_past_booking_is_told_in_full(self) -> None:
        """With all that the API knows of it."""
        event = self.past()[0]
        details = event.details
        assert event.occurred_at == datetime(2026, 11, 20, 8, tzinfo=UTC)
        assert details.guest == Person(
            email="harriet@example.com",
            full_name="Harriet Vane",
            phone="+442079460321",
            locale="en",
            timezone="Europe/London",
        )
        assert [one.email for one in details.guests] == ["bunter@example.com"]
        assert [one.email for one in details.hosts] == ["nora@example.com"]
        assert details.tracking == {"utm_source": "newsletter"}
        assert [answer.values for answer in details.answers] == [("Roses",)]
        assert details.booking is not None
        assert details.booking.location == "12 Orchard Row"
        assert details.page is not None
        assert details.page.id == "310"

    def test_a_cancelled_one_tells_who_and_why(self) -> None:
        """As the webhook does."""
        (cancelled,) = [one for one in self.past() if one.type == "booking.cancelled"]
        assert cancelled.details.booking is not None
        assert cancelled.details.booking.by == "host"
        assert cancelled.details.booking.reason == "Flooded."

    def test_what_was_booked_before_is_left_out(self) -> None:
        """`since` is the day of booking."""
        events = self.past(datetime(2026, 11, 24, tzinfo=UTC))
        assert {event.subject_id for event in events} == {
            "five",
            "six/b@example.com",
            "six/c@example.com",
        }

    def test_a_booking_that_cannot_be_read_stops_nothing(self) -> None:
        """It is left out, and the log says so."""
        self.calendar().bookings[0]["uid"] = None
        assert "two" in {event.subject_id for event in self.past()}

    @pytest.mark.parametrize(
        ("more", "level", "words"),
        [
            ({}, "ok", "Cal.com sends to hooks.example.com"),
            ({"active": False}, "error", "switched off"),
            ({"payloadTemplate": "{}"}, "error", "custom payload template"),
            ({"triggers": ["BOOKING_CREATED"]}, "warning", "BOOKING_RESCHEDULED, BOOKING_CANC"),
        ],
    )
    def test_the_check_tells_what_is_wrong_with_a_webhook(
        self, more: dict[str, Any], level: str, words: str
    ) -> None:
        """Without showing its address."""
        self.calendar().webhooks[:] = [webhook(**more)]
        (finding,) = self.hooks.check_feed()
        assert finding.level == level
        assert words in finding.message
        assert "SECRET" not in repr(finding)

    def test_webhooks_that_are_not_ours_and_feeds_without_a_token_are_left_alone(self) -> None:
        """There is nothing to say of them."""
        self.calendar().webhooks[:] = [webhook(subscriberUrl="https://other.example.com/")]
        assert list(self.hooks.check_feed()) == []
        assert list(self.feed_hooks(token="").check_feed()) == []

    def test_a_cal_com_of_ones_own_is_asked_at_its_host_only(self) -> None:
        """The setting `self_hosted` names it."""
        api = self.feed_hooks(self_hosted=" Cal.Example.com ").feed_api()
        assert api is not None
        assert api.base_url == "https://cal.example.com/api/v2"
        hooks = self.feed_hooks(self_hosted="cal.example.com", host="https://api.cal.com/v2")
        with pytest.raises(ConfigurationError):
            hooks.list_past(self.since, None)

    @pytest.mark.parametrize("host", ["https://cal.example.com", "cal.example.com/x", "", 7])
    def test_a_host_that_is_none_is_refused(self, host: Any) -> None:
        """An address in the place of the host's name would be asked at nobody knows where."""
        with pytest.raises(ConfigurationError, match=r"no host. Give the name alone"):
            self.feed_hooks(self_hosted=host).feed_api()


def webhook(**more: Any) -> dict[str, Any]:
    return {
        "id": "w1",
        "subscriberUrl": "https://hooks.example.com/in/SECRET",
        "active": True,
        "payloadTemplate": None,
        "triggers": ["BOOKING_CREATED", "BOOKING_RESCHEDULED", "BOOKING_CANCELLED"],
        **more,
    }

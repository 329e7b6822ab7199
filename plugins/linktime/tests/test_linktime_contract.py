"""The LinkTime plugin keeps the contract of sources, and lists what is past from its API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import Factory, define
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

import crmwire_linktime
from crmwire.sandbox import Account, Sandbox, SandboxSettings, TimelinePerson
from crmwire.testing.source_contract import SourceContract
from crmwire.testing.source_contract_base import TOKEN
from crmwire.types import Chunk, Event
from crmwire.vocabulary import Person

PAYLOADS = sorted((Path(__file__).parent / "payloads").glob("*.json"))


@define(kw_only=True)
class User(Account):
    """What one key sees."""

    bookings: list[dict[str, Any]] = Factory(list)


class LinktimeApi(Sandbox):
    """The few calls of LinkTime's API v1 that the plugin makes (linktime.io/docs/developers/api).

    Guess: `createdAt` and `cancelledAt` of a booking, and that `from` means its start.
    """

    title = "LinkTime (sandbox)"
    most = 2  # listed at a time, whatever is asked for

    def routes(self) -> Sequence[BaseRoute]:
        return [Route("/me", self._me), Route("/bookings", self._bookings)]

    def new_account(self, token: str, number: int) -> Account:
        return User(token=token)

    def timelines(self, account: Account) -> list[TimelinePerson]:
        return []

    async def _me(self, request: Request) -> Response:
        if self.account_of(request) is None:
            return JSONResponse({"error": "Unauthorized"}, 401)
        return JSONResponse({"id": "user_h1", "name": "Mara Lund", "plan": "PRO"})

    async def _bookings(self, request: Request) -> Response:
        user = self.account_of(request)
        if not isinstance(user, User):
            return JSONResponse({"error": "Unauthorized"}, 401)
        query = request.query_params
        wanted = query.get("status", "CONFIRMED")
        listed = [
            one
            for one in user.bookings
            if one["startTime"] >= query["from"] and wanted in ("all", one["status"])
        ]
        page = int(query.get("page", "1"))
        told = {
            "page": page,
            "limit": self.most,
            "total": len(listed),
            "totalPages": -(-len(listed) // self.most),
        }
        shown = listed[(page - 1) * self.most : page * self.most]
        return JSONResponse({"data": shown, "pagination": told})


def booking(id_: str, created: str, **more: Any) -> dict[str, Any]:
    """A booking as the API's examples show it."""
    return {
        "id": id_,
        "startTime": "2026-11-18T16:00:00.000Z",
        "endTime": "2026-11-18T16:30:00.000Z",
        "status": "CONFIRMED",
        "inviteeName": "Gil Penrose",
        "inviteeEmail": "gil@example.com",
        "inviteeTimezone": "America/Denver",
        "notes": "I bring a friend.",
        "eventType": {"id": "clx00et1", "name": "Studio tour"},
        "contact": {"name": "Gil P.", "phone": "+1 555-0155", "company": "Penrose Prints"},
        "createdAt": created,
        **more,
    }


class TestLinktime(SourceContract):
    plugin = crmwire_linktime
    story = ("booking_created", "booking_rescheduled", "booking_cancelled")
    unknown = "payment_received"

    def samples(self) -> Mapping[str, bytes]:
        return {path.stem: path.read_bytes() for path in PAYLOADS}

    def made_sandbox(self) -> LinktimeApi:
        api = LinktimeApi(SandboxSettings(tokens=(TOKEN,)))
        user = next(iter(api.accounts.values()))
        assert isinstance(user, User)
        ended = {"status": "CANCELLED", "cancelReason": "Closed."}
        user.bookings += [
            booking("one", "2026-11-01T08:00:00.000Z"),
            booking("two", "2026-11-02T08:00:00.000Z", **ended),
            booking(
                "three", "2026-11-03T08:00:00.000Z", **ended, cancelledAt="2026-11-04T08:00:00Z"
            ),
        ]
        return api

    # ------------------------------------------------------------ the plugin's own

    def user(self) -> User:
        assert self.sandbox is not None
        found = next(iter(self.sandbox.accounts.values()))
        assert isinstance(found, User)
        return found

    def past(self, since: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> list[Event]:
        events: list[Event] = []
        chunk = Chunk(more=True)
        while chunk.more:
            chunk = self.hooks.list_past(since, chunk.cursor)
            assert chunk.total == len(self.user().bookings)
            events += chunk.events
        return events

    def test_each_booking_is_told_by_what_made_and_what_ended_it(self) -> None:
        """Cancelled ones too; one that does not say when ended as soon as it was made."""
        told = [(event.type, event.subject_id, event.occurred_at.day) for event in self.past()]
        assert told == [
            ("booking.created", "one", 1),
            ("booking.created", "two", 2),
            ("booking.cancelled", "two", 2),
            ("booking.created", "three", 3),
            ("booking.cancelled", "three", 4),
        ]

    def test_a_past_booking_is_told_in_full(self) -> None:
        """The invitee by the list's own names, the rest from the contact."""
        details = self.past()[0].details
        assert details.guest == Person(
            email="gil@example.com",
            full_name="Gil Penrose",
            phone="+1 555-0155",
            company="Penrose Prints",
            timezone="America/Denver",
        )
        assert details.booking is not None
        assert details.booking.notes == "I bring a friend."
        assert details.page is not None
        assert details.page.title == "Studio tour"

    def test_what_was_booked_before_is_left_out(self) -> None:
        """As far as LinkTime tells when."""
        self.user().bookings[0]["createdAt"] = None
        events = self.past(datetime(2026, 11, 3, tzinfo=UTC))
        assert {event.subject_id for event in events} == {"one", "three"}

    def test_a_booking_that_cannot_be_read_stops_nothing(self) -> None:
        """It is left out, and the log says so."""
        self.user().bookings[0]["id"] = None
        assert {event.subject_id for event in self.past()} == {"two", "three"}

    def test_the_check_names_the_user(self) -> None:
        """And says nothing where there is no key."""
        (finding,) = self.hooks.check_feed()
        assert (finding.level, "Mara Lund" in finding.message) == ("ok", True)
        assert list(self.feed_hooks(token="").check_feed()) == []

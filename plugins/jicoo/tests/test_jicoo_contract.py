"""The Jicoo plugin keeps the contract of sources, and lists what is past from Jicoo's API."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import Factory, define
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

import crmwire_jicoo
from crmwire.sandbox import Account, Sandbox, SandboxSettings, TimelinePerson
from crmwire.testing.source_contract import SourceContract
from crmwire.testing.source_contract_base import TOKEN
from crmwire.types import Chunk, Event
from crmwire.vocabulary import Person

PAYLOADS = sorted((Path(__file__).parent / "payloads").glob("*.json"))


@define(kw_only=True)
class Team(Account):
    """What one key sees."""

    bookings: list[dict[str, Any]] = Factory(list)
    users: bool = True


class JicooApi(Sandbox):
    """The few calls of Jicoo's API v1 that the plugin makes (developer.jicoo.com).

    Guess: the paths and answers of a booking's contacts and of the users.
    """

    title = "Jicoo (sandbox)"
    most = 2  # listed at a time, whatever is asked for

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/v1/bookings", self._bookings),
            Route("/v1/bookings/{uid}/contacts", self._contacts),
            Route("/v1/organization/users", self._users),
        ]

    def new_account(self, token: str, number: int) -> Account:
        return Team(token=token)

    def timelines(self, account: Account) -> list[TimelinePerson]:
        return []

    def account_of(self, request: Request) -> Account | None:
        return self.accounts.get(request.headers.get("x-jicoo-api-key", ""))

    async def _bookings(self, request: Request) -> Response:
        team = self.account_of(request)
        if not isinstance(team, Team):
            return JSONResponse({"errors": {}}, 401)
        page = int(request.query_params.get("page", "1"))
        since = request.query_params.get("startedAt", "")
        late = [one for one in team.bookings if one["startedAt"] >= since]
        late.sort(key=lambda one: str(one["startedAt"]))
        pages = -(-len(late) // self.most)
        shown = late[(page - 1) * self.most : page * self.most]
        return JSONResponse(
            {
                "data": shown,
                "totalCount": len(late),
                "count": len(shown),
                "currentPage": page,
                "nextPage": page + 1 if page < pages else None,
                "numberOfPages": pages,
            }
        )

    async def _contacts(self, request: Request) -> Response:
        name = request.path_params["uid"].lower()
        return JSONResponse({"data": [{"email": f"{name}@example.com", "name": name}]})

    async def _users(self, request: Request) -> Response:
        team = self.account_of(request)
        if not isinstance(team, Team) or not team.users:
            return JSONResponse({"errors": {}}, 403)
        users = [{"id": "USR1", "name": "Umi Sato", "email": "umi@example.com"}]
        return JSONResponse({"data": users})


def booking(uid: str, status: str, created: str, **more: Any) -> dict[str, Any]:
    """A booking as the API shows it."""
    return {
        "uid": uid,
        "eventTypeId": "PAGE0003",
        "name": "採用面談",
        "description": None,
        "status": status,
        "startedAt": "2026-11-17T02:00:00.000Z",
        "endedAt": "2026-11-17T02:45:00.000Z",
        "locationId": "inPerson",
        "url": None,
        "phoneNumber": None,
        "address": "1-2-3 Example",
        "customLocation": None,
        "access": None,
        "timeZone": "Asia/Tokyo",
        "priority": "low",
        "cancelReason": None,
        "cancelledAt": None,
        "cancelledBy": None,
        "hosts": [{"userId": "USR1", "role": "admin"}, {"userId": "USR2", "role": "member"}],
        "createdAt": created,
        "updatedAt": created,
        **more,
    }


BOOKINGS = (
    booking("ONE", "open", "2026-11-09T00:00:00.000Z"),
    booking("TWO", "request", "2026-11-09T01:00:00.000Z"),
    booking(
        "THREE",
        "cancel",
        "2026-11-10T00:00:00.000Z",
        cancelReason="体調不良",
        cancelledAt="2026-11-11T00:00:00.000Z",
        cancelledBy="guest",
        updatedAt="2026-11-11T00:00:00.000Z",
    ),
)


class TestJicoo(SourceContract):
    plugin = crmwire_jicoo
    story = ("guest_booked", "host_rescheduled", "guest_cancelled")
    unknown = "host_sang"

    def samples(self) -> Mapping[str, bytes]:
        return {path.stem: path.read_bytes() for path in PAYLOADS}

    def made_sandbox(self) -> JicooApi:
        api = JicooApi(SandboxSettings(tokens=(TOKEN,)))
        team = next(iter(api.accounts.values()))
        assert isinstance(team, Team)
        team.bookings += json.loads(json.dumps(BOOKINGS))
        return api

    # ------------------------------------------------------------ the plugin's own

    def team(self) -> Team:
        assert self.sandbox is not None
        found = next(iter(self.sandbox.accounts.values()))
        assert isinstance(found, Team)
        return found

    def past(self, since: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> list[Event]:
        events: list[Event] = []
        chunk = Chunk(more=True)
        while chunk.more:
            chunk = self.hooks.list_past(since, chunk.cursor)
            assert chunk.total == len(self.team().bookings)
            events += chunk.events
        return events

    def test_each_booking_is_told_with_its_guest_and_hosts(self) -> None:
        """Which are asked for by themselves."""
        events = self.past()
        assert [(event.type, event.subject_id) for event in events] == [
            ("booking.created", "ONE"),
            ("booking.requested", "TWO"),
            ("booking.created", "THREE"),
            ("booking.cancelled", "THREE"),
        ]
        first = events[0].details
        assert first.guest == Person(
            email="one@example.com", full_name="one", timezone="Asia/Tokyo"
        )
        assert first.hosts == (
            Person(id="USR1", email="umi@example.com", full_name="Umi Sato"),
            Person(id="USR2"),
        )
        assert first.booking is not None
        assert first.booking.location == "1-2-3 Example"
        ended = events[-1]
        assert ended.occurred_at == datetime(2026, 11, 11, tzinfo=UTC)
        assert ended.details.booking is not None
        assert (ended.details.booking.by, ended.details.booking.reason) == ("guest", "体調不良")

    def test_a_key_that_may_not_see_the_users_still_lists(self) -> None:
        """Then the hosts are ids, but for those that the feed's settings name."""
        self.team().users = False
        assert self.past()[0].details.hosts[0] == Person(id="USR1")
        hooks = self.feed_hooks(hosts={"USR1": "otto@example.com"})
        (host, _) = hooks.list_past(self.since, None).events[0].details.hosts
        assert host == Person(id="USR1", email="otto@example.com")

    def test_what_was_booked_before_is_left_out(self) -> None:
        """Jicoo lists by start; what counts is when it was booked."""
        events = self.past(datetime(2026, 11, 9, 12, tzinfo=UTC))
        assert {event.subject_id for event in events} == {"THREE"}

    def test_a_booking_that_cannot_be_read_stops_nothing(self) -> None:
        """It is left out, and the log says so."""
        self.team().bookings[0]["uid"] = None
        assert [event.subject_id for event in self.past()] == ["TWO", "THREE", "THREE"]

    def test_without_a_key_there_is_nothing_to_check(self) -> None:
        """Webhooks alone need none."""
        assert list(self.feed_hooks(token="").check_feed()) == []
        (finding,) = self.hooks.check_feed()
        assert finding.level == "ok"

"""The TimeRex plugin keeps the contract of sources, and lists what is past from TimeRex's API."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import Factory, define
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

import crmwire_timerex
from crmwire.sandbox import Account, Sandbox, SandboxSettings, TimelinePerson
from crmwire.testing.source_contract import SourceContract
from crmwire.testing.source_contract_base import TOKEN
from crmwire.types import Chunk, Event

PAYLOADS = sorted((Path(__file__).parent / "payloads").glob("*.json"))


def load(name: str) -> dict[str, Any]:
    path = Path(__file__).parent / "payloads" / f"{name}.json"
    body: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return body


@define(kw_only=True)
class Team(Account):
    """What one key sees: events by calendar."""

    events: dict[str, list[dict[str, Any]]] = Factory(dict)


class TimerexApi(Sandbox):
    """The few calls of TimeRex's API (beta) that the plugin makes.

    Guess: an event that is asked for by itself shows what a webhook shows, with its status as a
    word, as in the calendar's list.
    """

    title = "TimeRex (sandbox)"
    most = 2  # listed at a time

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/user/me/teams/primary", self._team),
            Route("/teams/{id}/calendars", self._calendars),
            Route("/calendars/{id}/events", self._events),
            Route("/events/{id}", self._event),
        ]

    def new_account(self, token: str, number: int) -> Account:
        return Team(token=token, name="Midori")

    def timelines(self, account: Account) -> list[TimelinePerson]:
        return []

    def account_of(self, request: Request) -> Account | None:
        return self.accounts.get(request.headers.get("x-api-key", ""))

    async def _team(self, request: Request) -> Response:
        team = self.account_of(request)
        # A wrong key is answered with the login page (a public integration's notes).
        if team is None:
            return RedirectResponse("/login", 302)
        return JSONResponse({"id": "TEAM1", "name": team.name, "is_primary": True})

    async def _calendars(self, request: Request) -> Response:
        team = self._of(request)
        calendars = [
            {
                "id": id_,
                "team_id": "TEAM1",
                "name": f"相談 {id_}",
                "url": f"https://timerex.net/s/m/{id_}p",
            }
            for id_ in team.events
        ]
        return JSONResponse(self._some(request, calendars))

    async def _events(self, request: Request) -> Response:
        since = datetime.fromisoformat(request.query_params["startTime"]).replace(tzinfo=UTC)
        listed = [
            {name: one[name] for name in ("id", "status", "start_datetime", "end_datetime")}
            for one in self._of(request).events[request.path_params["id"]]
            if datetime.fromisoformat(one["start_datetime"]) >= since
        ]
        return JSONResponse(self._some(request, listed))

    async def _event(self, request: Request) -> Response:
        known = [one for those in self._of(request).events.values() for one in those]
        found = [one for one in known if one["id"] == request.path_params["id"]]
        return JSONResponse(found[0]) if found else JSONResponse({"message": "no"}, 404)

    def _of(self, request: Request) -> Team:
        team = self.account_of(request)
        assert isinstance(team, Team)
        return team

    def _some(self, request: Request, all_: list[dict[str, Any]]) -> dict[str, Any]:
        first = int(request.query_params.get("nextPageToken", "0"))
        after = first + self.most
        answer: dict[str, Any] = {"items": all_[first:after]}
        return answer | ({"nextPageToken": str(after)} if after < len(all_) else {})


class TestTimerex(SourceContract):
    plugin = crmwire_timerex
    story = ("event_confirmed", "moved_cancelled", "moved_confirmed", "cancelled_again")
    unknown = "event_reminded"

    def samples(self) -> Mapping[str, bytes]:
        return {path.stem: path.read_bytes() for path in PAYLOADS}

    def made_sandbox(self) -> TimerexApi:
        api = TimerexApi(SandboxSettings(tokens=(TOKEN,)))
        team = next(iter(api.accounts.values()))
        assert isinstance(team, Team)
        team.events = {
            "CAL1": [
                {**load("moved_cancelled")["event"], "status": "cancelled"},
                {**load("moved_confirmed")["event"], "status": "confirmed"},
                {**load("event_confirmed")["event"], "id": "bb01", "status": "confirmed"},
            ],
            "CAL2": [],
            "CAL3": [{**load("event_cancelled")["event"], "id": "cc01", "status": "cancelled"}],
        }
        return api

    # ------------------------------------------------------------ the plugin's own

    def past(self, since: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> list[Event]:
        events: list[Event] = []
        chunk = Chunk(more=True)
        while chunk.more:
            chunk = self.hooks.list_past(since, chunk.cursor)
            events += chunk.events
        return events

    def test_every_calendar_is_told_as_its_webhooks_tell_it(self) -> None:
        """A moved booking joined, where TimeRex names the other half."""
        told = {(event.type, event.subject_id, *event.previous_ids) for event in self.past()}
        assert told == {
            ("booking.created", "aa01"),
            ("booking.updated", "aa02", "aa01"),
            ("booking.rescheduled", "aa02", "aa01"),
            ("booking.created", "bb01"),
            ("booking.created", "cc01"),
            ("booking.cancelled", "cc01"),
        }
        pages = {
            (event.details.page.id, event.details.page.title)
            for event in self.past()
            if event.details.page
        }
        assert pages == {("CAL1p", "相談 CAL1"), ("CAL3p", "相談 CAL3")}

    def test_what_was_booked_before_is_left_out(self) -> None:
        """TimeRex lists by start; what counts is when it was booked."""
        events = self.past(datetime(2026, 11, 12, tzinfo=UTC))
        assert {event.subject_id for event in events} == {"aa02"}

    def test_a_team_without_calendars_has_no_past(self) -> None:
        """There is nothing to list, and an end."""
        assert self.sandbox is not None
        team = next(iter(self.sandbox.accounts.values()))
        assert isinstance(team, Team)
        team.events = {}
        assert self.past() == []

    def test_the_check_names_the_team(self) -> None:
        """And says nothing where there is no key."""
        (finding,) = self.hooks.check_feed()
        assert finding.level == "ok"
        assert "Midori" in finding.message
        assert list(self.feed_hooks(token="").check_feed()) == []

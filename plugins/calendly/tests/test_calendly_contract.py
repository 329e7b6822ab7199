"""The Calendly plugin keeps the contract of sources, and lists what is past from Calendly's API."""

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

import crmwire_calendly
from crmwire.sandbox import Account, Sandbox, SandboxSettings, TimelinePerson
from crmwire.testing.source_contract import SourceContract
from crmwire.testing.source_contract_base import TOKEN
from crmwire.types import Chunk, Event, Finding

PAYLOADS = sorted((Path(__file__).parent / "payloads").glob("*.json"))
API = "https://api.calendly.com"


def load(name: str) -> dict[str, Any]:
    path = Path(__file__).parent / "payloads" / f"{name}.json"
    body: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return body


@define(kw_only=True)
class Organization(Account):
    """What one token sees: invitees, each with its scheduled event, and webhooks."""

    invitees: list[dict[str, Any]] = Factory(list)
    subscriptions: list[dict[str, Any]] = Factory(list)


class CalendlyApi(Sandbox):
    """The few calls of Calendly's API v2 that the plugin makes (developer.calendly.com)."""

    title = "Calendly (sandbox)"
    most = 2  # listed at a time, whatever is asked for

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/users/me", self._me),
            Route("/scheduled_events", self._meetings),
            Route("/scheduled_events/{id}/invitees", self._invitees),
            Route("/webhook_subscriptions", self._subscriptions),
        ]

    def new_account(self, token: str, number: int) -> Account:
        return Organization(token=token)

    def timelines(self, account: Account) -> list[TimelinePerson]:
        return []

    @property
    def organization(self) -> Organization:
        found = next(iter(self.accounts.values()))
        assert isinstance(found, Organization)
        return found

    async def _me(self, request: Request) -> Response:
        user = {"uri": f"{API}/users/HOST1", "current_organization": f"{API}/organizations/ORG1"}
        return self._said(request, lambda _: {"resource": {**user, "name": "Otto Reed"}})

    async def _meetings(self, request: Request) -> Response:
        query = request.query_params
        whose = [name for name in ("user", "organization") if name in query]
        if len(whose) != 1 or not query[whose[0]].startswith(API):
            return JSONResponse({"title": "Invalid Argument"}, 400)

        def listed(organization: Organization) -> dict[str, Any]:
            known = {one["event"]: one["scheduled_event"] for one in organization.invitees}
            since = query["min_start_time"]
            late = [one for one in known.values() if one["start_time"] >= since]
            return self._some(request, sorted(late, key=lambda one: one["start_time"]))

        return self._said(request, listed)

    async def _invitees(self, request: Request) -> Response:
        uri = f"{API}/scheduled_events/{request.path_params['id']}"

        def listed(organization: Organization) -> dict[str, Any]:
            those = [one for one in organization.invitees if one["event"] == uri]
            # Not the API's: the meeting is asked for by itself.
            return self._some(
                request, [{k: v for k, v in one.items() if k != "scheduled_event"} for one in those]
            )

        return self._said(request, listed)

    async def _subscriptions(self, request: Request) -> Response:
        if "organization" not in request.query_params:
            return JSONResponse({"title": "Invalid Argument"}, 400)
        return self._said(request, lambda one: self._some(request, one.subscriptions))

    def _some(self, request: Request, all_: list[dict[str, Any]]) -> dict[str, Any]:
        first = int(request.query_params.get("page_token", "0"))
        after = first + self.most
        token = str(after) if after < len(all_) else None
        return {"collection": all_[first:after], "pagination": {"next_page_token": token}}

    def _said(self, request: Request, made: Any) -> Response:
        account = self.account_of(request)
        if account is None:
            return JSONResponse({"title": "Unauthenticated", "message": "no"}, 401)
        return JSONResponse(made(account))


class TestCalendly(SourceContract):
    plugin = crmwire_calendly
    story = ("invitee_created", "moved_canceled", "moved_created", "invitee_canceled")
    unknown = "routing_form_submission"

    def samples(self) -> Mapping[str, bytes]:
        return {path.stem: path.read_bytes() for path in PAYLOADS}

    def made_sandbox(self) -> CalendlyApi:
        api = CalendlyApi(SandboxSettings(tokens=(TOKEN,)))
        missed = load("no_show_created")["payload"]
        api.organization.invitees = [
            load("moved_canceled")["payload"],
            load("invitee_canceled")["payload"],
            load("paid_created")["payload"],
            {**missed, "uri": missed["uri"].replace("INV2", "INV5"), "old_invitee": None},
        ]
        api.organization.subscriptions = [subscription()]
        return api

    # ------------------------------------------------------------ the plugin's own

    def past(self, since: datetime, scope: str = "user") -> list[Event]:
        hooks = self.feed_hooks(scope=scope)
        events: list[Event] = []
        chunk = Chunk(more=True)
        while chunk.more:
            chunk = hooks.list_past(since, chunk.cursor)
            events += chunk.events
        return events

    def api(self) -> CalendlyApi:
        assert isinstance(self.sandbox, CalendlyApi)
        return self.sandbox

    def test_the_past_is_told_as_the_webhooks_tell_it(self) -> None:
        """A moved booking in its two halves, each with the key that its webhook has."""
        told = {(event.type, event.subject_id[-4:], event.webhook_id) for event in self.past_all()}
        hooked = [
            event
            for name in ("invitee_created", "moved_canceled", "moved_created", "invitee_canceled")
            for event in self.parsed(self.samples()[name])
        ]
        assert told >= {(event.type, event.subject_id[-4:], event.webhook_id) for event in hooked}
        assert {kind for kind, _, _ in told} == {
            "booking.created",
            "booking.rescheduled",
            "booking.updated",
            "booking.cancelled",
            "booking.no_show",
        }

    def past_all(self) -> list[Event]:
        return self.past(datetime(2026, 1, 1, tzinfo=UTC))

    def test_who_booked_before_is_left_out(self) -> None:
        """Calendly lists by start; what counts is when it was booked."""
        events = self.past(datetime(2026, 11, 11, tzinfo=UTC))
        assert {event.subject_id.rpartition("/")[2] for event in events} == {"INV2", "INV5"}

    def test_the_whole_organization_is_listed_if_the_feed_says_so(self) -> None:
        """The setting `scope` says whose bookings are asked for."""
        self.past(datetime(2026, 1, 1, tzinfo=UTC), scope="organization")
        asked = [one["query"] for one in self.api().requests if one["path"] == "/scheduled_events"]
        assert asked
        assert all("organization=" in query and "user=" not in query for query in asked)

    def test_an_invitee_that_cannot_be_read_stops_nothing(self) -> None:
        """It is left out, and the log says so."""
        self.api().organization.invitees[0]["uri"] = None
        assert len(self.past_all()) > 2

    def test_a_webhook_that_calendly_switched_off_is_an_error(self) -> None:
        """And the remedy is to make it anew; the address's secret part is not shown."""
        self.api().organization.subscriptions = [subscription(state="disabled")]
        (finding,) = self.findings()
        assert finding.level == "error"
        assert "hooks.example.com" in finding.message
        assert "anew" in finding.remedy
        assert "SECRET" not in repr(finding)

    def test_a_webhook_in_trouble_is_warned_of(self) -> None:
        """While Calendly still tries, and where it does not send what is needed."""
        some = self.api().organization.subscriptions
        some[:] = [subscription(retry_started_at="2026-11-20T00:00:00Z")]
        assert [one.level for one in self.findings()] == ["warning"]
        some[:] = [subscription(events=["invitee.created"])]
        (finding,) = self.findings()
        assert "does not send invitee.canceled" in finding.message
        some[:] = [subscription(callback_url="https://elsewhere.example.com/hook")]
        (finding,) = self.findings()
        assert "no webhook subscription" in finding.message

    def test_without_a_token_there_is_nothing_to_check(self) -> None:
        """Webhooks alone need none."""
        assert self.feed_hooks(token="").check_feed() == ()

    def findings(self) -> Sequence[Finding]:
        return self.hooks.check_feed()


def subscription(**more: Any) -> dict[str, Any]:
    return {
        "uri": f"{API}/webhook_subscriptions/SUB1",
        "callback_url": "https://hooks.example.com/in/SECRET",
        "state": "active",
        "retry_started_at": None,
        "events": ["invitee.created", "invitee.canceled", "invitee_no_show.created"],
        **more,
    }

"""The API as an ASGI app: search, tickets, inboxes, customers; what crmwire's poller uses.

Facts: developer.ingage.jp (API v2), read 2026-11. Guesses are said to be such.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from attrs import Factory, define
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from crmwire.sandbox import Account, Sandbox, SandboxSettings, TimelinePerson

INBOX = "7"
GROUP = "3"
A_MINUTE = 60.0

Ticket = dict[str, Any]


@define(kw_only=True)
class Workspace(Account):
    """One subdomain: tickets by inbox and number, customers by address."""

    inboxes: dict[str, dict[str, Ticket]] = Factory(lambda: {INBOX: {}})
    customers: dict[str, dict[str, Any]] = Factory(dict)
    calls: list[float] = Factory(list)
    number: int = 0


class RelationSandbox(Sandbox):
    """Re:lation, with one workspace for each token.

    The option `limit` is how many requests a minute are answered (60, as the vendor's).
    """

    title = "Re:lation (sandbox)"

    def __init__(self, settings: SandboxSettings) -> None:
        super().__init__(settings)
        self.limit = int(settings.option("limit", "60"))

    def routes(self) -> Sequence[BaseRoute]:
        customers = "/api/v2/customer_groups/{group}/customers/{key}/{value:path}"
        return [
            Route("/api/v2/message_boxes", self._message_boxes),
            Route("/api/v2/{inbox}/tickets/search", self._search, methods=["POST"]),
            Route("/api/v2/{inbox}/tickets/{ticket}", self._ticket),
            Route(customers, self._customer),
        ]

    def new_account(self, token: str, number: int) -> Account:
        return Workspace(token=token, name=f"Example Ltd {number}")

    def timelines(self, account: Account) -> list[TimelinePerson]:
        return []

    # ------------------------------------------------------------ what people do there

    def write(
        self, ticket: int, *, inbox: str = INBOX, at: datetime | None = None, **message: Any
    ) -> int:
        """Put a message into a ticket, which is made if it is not there; returns its number."""
        workspace = next(iter(self.accounts.values()))
        assert isinstance(workspace, Workspace)
        workspace.number += 1
        moment = (at or datetime.now(UTC)).astimezone(UTC)
        known = workspace.inboxes.setdefault(inbox, {}).setdefault(
            str(ticket),
            {
                "ticket_id": ticket,
                "assignee": None,
                "status_cd": "open",
                "created_at": _text(moment),
                "title": message.get("title", "A question"),
                "color_cd": None,
                "case_category_ids": [],
                "label_ids": [],
                "pending_reason_id": None,
                "messages": [],
            },
        )
        # Guess: `last_updated_at` is when the ticket last changed, by the vendor's own clock.
        known["last_updated_at"] = _text(datetime.now(UTC))
        known["messages"].append(
            {
                "message_id": workspace.number,
                "sent_at": _text(moment),
                "title": "A question",
                "body": "<div>Hello</div>",
                "method_cd": "mail",
                "action_cd": "received",
                "comments": [],
                **message,
            }
        )
        return workspace.number

    def know(self, email: str, **customer: Any) -> None:
        """Put a customer into the address book."""
        workspace = next(iter(self.accounts.values()))
        assert isinstance(workspace, Workspace)
        workspace.customers[email] = {
            "customer_id": len(workspace.customers) + 1,
            "emails": [{"email": email}],
            **customer,
        }

    # ------------------------------------------------------------ the API

    def _let_in(self, request: Request) -> tuple[Workspace | None, Response]:
        """Who asks, or why they get no answer."""
        workspace = self.account_of(request)
        if not isinstance(workspace, Workspace):
            return None, JSONResponse({"message": "invalid token"}, 401)
        now = time.time()
        workspace.calls = [call for call in workspace.calls if call > now - A_MINUTE]
        left = self.limit - len(workspace.calls)
        start = workspace.calls[0] if workspace.calls else now
        headers = {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(max(left - 1, 0)),
            "X-RateLimit-Reset": str(math.ceil(start + A_MINUTE)),
        }
        if left <= 0:
            # Guess: the text; the documents name the status 403 and the headers.
            return None, JSONResponse({"message": "rate limit exceeded"}, 403, headers=headers)
        workspace.calls.append(now)
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return None, JSONResponse({"message": "invalid format"}, 415, headers=headers)
        return workspace, JSONResponse({"message": "not found"}, 404, headers=headers)

    async def _message_boxes(self, request: Request) -> Response:
        workspace, refusal = self._let_in(request)
        if workspace is None:
            return refusal
        # Guess: names and colours; the number is what counts here.
        return JSONResponse(
            [
                {"message_box_id": int(inbox), "name": f"Inbox {inbox}", "color": "blue"}
                for inbox in workspace.inboxes
            ]
        )

    async def _search(self, request: Request) -> Response:
        workspace, refusal = self._let_in(request)
        if workspace is None or request.path_params["inbox"] not in workspace.inboxes:
            return refusal
        tickets = workspace.inboxes[request.path_params["inbox"]]
        try:
            asked = json.loads(await request.body())
            since, until = _moment(asked.get("since")), _moment(asked.get("until"))
            page, per_page = int(asked.get("page", 1)), int(asked.get("per_page", 10))
        except (ValueError, TypeError, AttributeError):
            return JSONResponse({"message": "invalid parameter"}, 400)
        if not 1 <= per_page <= 50 or page < 1:
            return JSONResponse({"message": "invalid parameter"}, 400)
        # Guess: both bounds count, and tickets come newest first.
        found = [
            ticket
            for ticket in sorted(tickets.values(), key=lambda one: one["ticket_id"], reverse=True)
            if any(
                (since is None or moment >= since) and (until is None or moment <= until)
                for moment in _times(ticket)
            )
        ]
        shown = found[(page - 1) * per_page : page * per_page]
        return JSONResponse(
            [{name: one[name] for name in one if name != "messages"} for one in shown]
        )

    async def _ticket(self, request: Request) -> Response:
        workspace, refusal = self._let_in(request)
        if workspace is None:
            return refusal
        tickets = workspace.inboxes.get(request.path_params["inbox"], {})
        ticket = tickets.get(request.path_params["ticket"])
        return JSONResponse(ticket) if ticket is not None else refusal

    async def _customer(self, request: Request) -> Response:
        workspace, refusal = self._let_in(request)
        if workspace is None:
            return refusal
        key, value = request.path_params["key"], request.path_params["value"]
        known: Mapping[str, Any] | None = None
        if key == "email":
            known = workspace.customers.get(value)
        elif key == "system_id1":
            every = workspace.customers.values()
            known = next((one for one in every if one.get("system_id1") == value), None)
        if request.path_params["group"] != GROUP or known is None:
            return refusal
        return JSONResponse(known)


def _times(ticket: Ticket) -> list[datetime]:
    times = (_moment(message["sent_at"]) for message in ticket["messages"])
    return [moment for moment in times if moment is not None]


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

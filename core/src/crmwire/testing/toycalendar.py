"""The toy calendar's API: a list of all that happened, over HTTP.

`GET /me`; `GET /happenings?after=N&since=TIME` gives `{"happenings": […], "last": N, "more":
bool, "total": n}`, at most `chunk` at a time; each is a body as the webhooks have it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import Factory, define
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from crmwire.sandbox import Account, Sandbox, TimelinePerson


@define(kw_only=True)
class Calendar(Account):
    """What happened in an account, oldest first."""

    happenings: list[dict[str, Any]] = Factory(list)


class ToyCalendar(Sandbox):
    """The toy calendar, with one account for each token."""

    title = "Toy Calendar (sandbox)"
    chunk = 2
    url = ""

    def routes(self) -> Sequence[BaseRoute]:
        return [Route("/me", self._me), Route("/happenings", self._list)]

    def new_account(self, token: str, number: int) -> Account:
        return Calendar(token=token, name=f"Example Ltd {number}")

    def timelines(self, account: Account) -> list[TimelinePerson]:
        return []

    def happen(self, *bodies: Mapping[str, Any]) -> None:
        """Let something happen in the first account."""
        calendar = next(iter(self.accounts.values()))
        assert isinstance(calendar, Calendar)
        calendar.happenings += map(dict, bodies)

    async def _me(self, request: Request) -> Response:
        account = self.account_of(request)
        return JSONResponse({"name": account.name}) if account else _refused()

    async def _list(self, request: Request) -> Response:
        account = self.account_of(request)
        if not isinstance(account, Calendar):
            return _refused()
        after = int(request.query_params.get("after", "0"))
        since = request.query_params.get("since")
        known = [
            (number, one)
            for number, one in enumerate(account.happenings, start=1)
            if not since or datetime.fromisoformat(one["at"]) >= datetime.fromisoformat(since)
        ]
        rest = [(number, one) for number, one in known if number > after]
        shown = rest[: self.chunk]
        return JSONResponse(
            {
                "happenings": [one for _, one in shown],
                "last": shown[-1][0] if shown else after,
                "more": len(rest) > len(shown),
                "total": len(known),
            }
        )


def _refused() -> Response:
    return JSONResponse({"message": "unknown token"}, 401)

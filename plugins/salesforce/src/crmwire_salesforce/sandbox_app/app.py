"""The sandbox: HTTP in front of an org, for each token one."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from crmwire.sandbox import Account, Sandbox, SandboxSettings, TimelineEntry, TimelinePerson
from crmwire_salesforce.sandbox_app import screens, timelines
from crmwire_salesforce.sandbox_app.api import answer, versions
from crmwire_salesforce.sandbox_app.calls import Answer, read_call, read_json
from crmwire_salesforce.sandbox_app.compression import packed, unpacked
from crmwire_salesforce.sandbox_app.identity import userinfo
from crmwire_salesforce.sandbox_app.org import Org
from crmwire_salesforce.sandbox_app.problems import Refused, not_found
from crmwire_salesforce.sandbox_app.seed import new_org

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_LONGEST_URL = 16_000


class SalesforceSandbox(Sandbox):
    """Salesforce's REST API over records in memory.

    Options: `daily_limit` (API calls of a day, 15000), `page_size` (rows of a query's chunk,
    2000), `duplicate_rule` (off, alert, block), `shared_activities` and `person_accounts` (yes,
    no), `state_picklists` and `multiday_events` (yes, no), `edition`.
    """

    title = "Salesforce sandbox"

    def __init__(self, settings: SandboxSettings) -> None:
        self.orgs: dict[str, Org] = {}
        super().__init__(settings)

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/services/data", self._versions),
            Route("/services/data/", self._versions),
            Route("/services/data/{rest:path}", self._data, methods=_METHODS),
            Route("/services/oauth2/userinfo", self._userinfo, methods=["GET", "POST"]),
        ]

    def new_account(self, token: str, number: int) -> Account:
        org = self.orgs[token] = new_org(token, number, self.settings)
        return org

    def org_of(self, request: Request) -> Org | None:
        """The org whose token the request carries, unless its user was deactivated."""
        account = self.account_of(request)
        org = self.orgs[account.token] if account else None
        if org is not None:
            user = org.row("User", org.user_id)
            if user is None or not user["IsActive"]:
                return None
        return org

    # ------------------------------------------------------------ handlers

    async def _versions(self, request: Request) -> Response:
        return self._response(Answer(body=versions()), None)

    async def _data(self, request: Request) -> Response:
        content = await request.body()
        org = self.org_of(request)
        if org is None:
            problem = Refused("INVALID_SESSION_ID", "Session expired or invalid", status=401)
            return self._response(Answer(status=401, body=problem.body()), None)
        url = request.scope["raw_path"].decode("latin-1").partition("?")[0]
        query = request.scope["query_string"].decode("latin-1")
        # Guess: how long is too long; the documentation names 414 and 431 without a number.
        if len(url) + len(query) > _LONGEST_URL:
            return PlainTextResponse("URI Too Long", 414)
        headers = {name.lower(): value for name, value in request.headers.items()}
        begin = org.mark()
        try:
            org.refuse("call")
            org.count_call()
            body = read_json(unpacked(content, headers))
            call = read_call(request.method, f"{url}?{query}", headers, body)
            result = answer(org, call)
        except Refused as error:
            org.roll_back(begin)
            result = Answer(status=error.status, body=error.body())
        org.settle(lambda *change: self.commit(org, *change))
        return packed(self._response(result, org), headers)

    async def _userinfo(self, request: Request) -> Response:
        """Errors of identity URLs are plain text. Not counted as an API call (Guess)."""
        org = self.org_of(request)
        if org is None:
            sent = "authorization" in request.headers
            return PlainTextResponse("Bad_OAuth_Token" if sent else "Missing_OAuth_Token", 403)
        return self._response(Answer(body=userinfo(org, str(request.base_url).rstrip("/"))), None)

    def _response(self, result: Answer, org: Org | None) -> Response:
        headers = {
            **result.headers,
            "Cache-Control": "no-cache,must-revalidate,max-age=0,no-store,private",
            "X-SFDC-Request-Id": secrets.token_hex(16),
        }
        if org is not None:
            headers["Sforce-Limit-Info"] = f"api-usage={org.used}/{org.daily_limit}"
        if result.body is None:
            return Response(status_code=result.status, headers=headers)
        media_type = "application/json;charset=UTF-8"
        return JSONResponse(result.body, result.status, headers=headers, media_type=media_type)

    def refuse_path(self, request: Request) -> Response | None:
        return self._response(Answer(status=404, body=not_found().body()), None)

    # ------------------------------------------------------------ for people

    def timelines(self, account: Account) -> list[TimelinePerson]:
        return timelines.people(self.orgs[account.token])

    def unattached(self, account: Account) -> list[TimelineEntry]:
        return timelines.unattached(self.orgs[account.token])

    async def admin(self, account: Account, action: str, body: Mapping[str, Any]) -> Any:
        """See `screens` for the actions."""
        org = self.orgs[account.token]
        begin = org.mark()
        try:
            done = screens.act(org, action, body)
        except Refused as error:
            org.roll_back(begin)
            raise LookupError(f"{error.code}: {error.message}") from error
        org.settle(lambda *change: self.commit(org, *change))
        return done

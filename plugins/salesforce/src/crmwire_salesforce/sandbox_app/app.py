"""The sandbox: HTTP in front of an org, for each token one."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from crmwire.sandbox import (
    Account,
    LoginBook,
    Sandbox,
    SandboxSettings,
    TimelineEntry,
    TimelinePerson,
)
from crmwire_salesforce.sandbox_app import screens, timelines
from crmwire_salesforce.sandbox_app.api import answer, versions
from crmwire_salesforce.sandbox_app.calls import Answer, read_call, read_json
from crmwire_salesforce.sandbox_app.compression import packed, unpacked
from crmwire_salesforce.sandbox_app.identity import identity, userinfo
from crmwire_salesforce.sandbox_app.login_rules import new_logins
from crmwire_salesforce.sandbox_app.logins import LoginDesk
from crmwire_salesforce.sandbox_app.org import Org
from crmwire_salesforce.sandbox_app.problems import Refused, not_found
from crmwire_salesforce.sandbox_app.seed import new_org

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_LONGEST_URL = 16_000


class SalesforceSandbox(Sandbox):
    """Salesforce's REST API over records in memory.

    Options: `daily_limit` (API calls of a day, 15000), `page_size` (rows of a query's chunk,
    2000), `duplicate_rule` (off, alert, block), `shared_activities` and `person_accounts` (yes,
    no), `state_picklists` and `multiday_events` (yes, no), `edition`; of the login: `client_id`,
    `client_secret`, `rotation` (yes, no), `pkce` (required, optional), `session_seconds` (7200).
    """

    title = "Salesforce sandbox"

    def __init__(self, settings: SandboxSettings) -> None:
        self.orgs: dict[str, Org] = {}
        self.desk = LoginDesk(self)
        super().__init__(settings)

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/services/data", self._versions),
            Route("/services/data/", self._versions),
            Route("/services/data/{rest:path}", self._data, methods=_METHODS),
            Route("/services/oauth2/userinfo", self._userinfo, methods=["GET", "POST"]),
            Route("/services/oauth2/authorize", self.desk.page.authorize, methods=["GET", "POST"]),
            Route("/services/oauth2/token", self.desk.token, methods=["POST"]),
            Route("/services/oauth2/revoke", self.desk.revoke, methods=["GET", "POST"]),
            Route("/services/oauth2/introspect", self.desk.introspect, methods=["POST"]),
            Route("/.well-known/openid-configuration", self.desk.discovery),
            Route("/id/{org}/{user}", self._identity),
        ]

    def new_logins(self) -> LoginBook:
        return new_logins(self.settings)

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
        if org is None or not self._may_use_api(request):
            told = "Session expired or invalid"
            if org is not None:
                told = "This session is not valid for use with the REST API"
            problem = Refused("INVALID_SESSION_ID", told, status=401)
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

    def _may_use_api(self, request: Request) -> bool:
        """Whether the login has a scope for the data API."""
        token = request.headers.get("authorization", "").partition(" ")[2].strip()
        consent = self.logins.consent_of(token)
        return consent is None or bool({"api", "full"} & set(consent.scopes))

    async def _identity(self, request: Request) -> Response:
        """The address in a token's answer: about its user. Errors are plain text."""
        org = self.org_of(request)
        if org is None:
            return PlainTextResponse("Bad_OAuth_Token", 403)
        if request.path_params["org"][:15] != org.org_id[:15]:
            return PlainTextResponse("Wrong_Org", 403)
        if request.path_params["user"][:15] != org.user_id[:15]:
            return PlainTextResponse("Bad_Id", 404)
        host = str(request.base_url).rstrip("/")
        return self._response(Answer(body=identity(org, host)), None)

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
        done = self.desk.act(org, action, body)
        if done is not None:
            return done
        begin = org.mark()
        try:
            done = screens.act(org, action, body)
        except Refused as error:
            org.roll_back(begin)
            raise LookupError(f"{error.code}: {error.message}") from error
        org.settle(lambda *change: self.commit(org, *change))
        return done

"""The app: its portals, its logins, and what every request passes."""

from __future__ import annotations

import random
import secrets
import time
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from crmwire.sandbox import (
    CLIENT_ID,
    CLIENT_SECRET,
    Account,
    LoginApp,
    LoginBook,
    LoginPolicy,
    Sandbox,
    TimelineEntry,
    TimelinePerson,
)
from crmwire_hubspot.sandbox_app.account_routes import add_owner
from crmwire_hubspot.sandbox_app.admin import act, act_on_login
from crmwire_hubspot.sandbox_app.calls import Call
from crmwire_hubspot.sandbox_app.login_routes import Logins
from crmwire_hubspot.sandbox_app.portal import Portal
from crmwire_hubspot.sandbox_app.reading import check_scope, json_of, query_of, version_of
from crmwire_hubspot.sandbox_app.refusals import Refusal, not_found
from crmwire_hubspot.sandbox_app.refusing import expired, refused, unusable
from crmwire_hubspot.sandbox_app.rules import FAMILIES, Rule
from crmwire_hubspot.sandbox_app.timelines import people, without_person
from crmwire_hubspot.sandbox_app.windows import Windows


class HubSpotSandbox(Sandbox):
    """HubSpot's API, one portal for each token.

    Options: `limits` on or off, `burst` (calls in ten seconds), `daily`, `search_lag` (seconds),
    `association_chunk`, `trace_echo` on or off, `old_ids` on or off, `region` (na1, eu1), of which
    the second token's portal may have another: `region_2`. Of logins: `client_id`, `client_secret`,
    `redirects` and `app_scopes` (what the app has registered, by spaces), `access_life`,
    `code_life` (seconds), `idle_life` (seconds after which a login that nobody uses ends),
    `rotation` yes or no.
    """

    title = "HubSpot sandbox"
    clock: Callable[[], float] = staticmethod(time.time)
    """Seconds since 1970, by which logins end; a test may turn it."""

    def new_account(self, token: str, number: int) -> Portal:
        option = self.settings.option
        portal = Portal(
            token=token,
            name=f"Example portal {number}",
            portal_id=20_000_000 + number * 1_013,
            app_id=str(4_000_000 + number),
            random=random.Random(self.settings.seed + number),
            windows=Windows(
                on=option("limits", "on") == "on",
                burst=int(option("burst", "100")),
                daily=int(option("daily", "250000")),
            ),
            search_lag=float(option("search_lag", "0")),
            association_chunk=int(option("association_chunk", "500")),
            trace_echo=option("trace_echo", "on") == "on",
            old_ids=option("old_ids", "on") == "on",
            region=option(f"region_{number}", option("region", "na1")),
        )
        # Apps have 110 calls in ten seconds and no limit of the day; searches are the account's.
        portal.app_windows = Windows(
            on=portal.windows.on, burst=110, daily=None, searched=portal.windows.searched
        )
        add_owner(portal, "host@example.com", "Hana", "Host")
        return portal

    def routes(self) -> list[BaseRoute]:
        idle = self.settings.option("idle_life", "")
        logins = Logins(
            self.logins,
            self.accounts,
            self._app_scopes(),
            clock=self._time,
            idle_life=float(idle) if idle else None,
        )
        return [
            *logins.routes(),
            *self._api(),
        ]

    def _app_scopes(self) -> frozenset[str] | None:
        """The scopes that are set on the app itself; all if the option does not say."""
        return frozenset(self.settings.option("app_scopes", "").split()) or None

    def new_logins(self) -> LoginBook:
        """Tokens as long as HubSpot's may be; its access tokens live half an hour."""
        option = self.settings.option
        app = LoginApp(
            client_id=option("client_id", CLIENT_ID),
            secret=option("client_secret", CLIENT_SECRET),
            redirects=tuple(option("redirects", "").split()),
        )
        policy = LoginPolicy(
            access_life=float(option("access_life", "1800")),
            code_life=float(option("code_life", "60")),
            rotation=option("rotation", "no") == "yes",
        )
        return LoginBook((app,), policy, clock=self._time, make_token=_made_token)

    def _time(self) -> float:
        return self.clock()

    def _api(self) -> list[BaseRoute]:
        return [
            Route(root + rule.path, partial(self._answered, rule), methods=[rule.methods])
            for rules, legacy, dated in FAMILIES
            for rule in rules
            for root in (legacy, dated)
        ]

    async def _answered(self, rule: Rule, request: Request) -> Response:
        """What every request passes: token, version, scope, limits; then its handler."""
        correlation = str(uuid.uuid4())
        headers = {"X-HubSpot-Correlation-Id": correlation}
        try:
            portal, scopes, windows = self._authorised(request)
            version = version_of(request)
            check_scope(scopes, rule, request)
            try:
                windows.take(rule.count)
            finally:
                headers |= windows.headers(rule.count)
            answer = rule.handler(
                Call(
                    portal=portal,
                    scopes=scopes,
                    version=version,
                    params={name: str(value) for name, value in request.path_params.items()},
                    query=query_of(request),
                    json=json_of(await request.body()),
                    url=f"{request.url.scheme}://{request.url.netloc}{request.url.path}",
                    commit=partial(self.commit, portal),
                )
            )
        except Refusal as refusal:
            answer = refused(request, refusal, correlation)
        answer.headers.update(headers)
        return answer

    def refuse_path(self, request: Request) -> Response | None:
        correlation = str(uuid.uuid4())
        answer = refused(request, not_found(), correlation)
        answer.headers["X-HubSpot-Correlation-Id"] = correlation
        return answer

    def _authorised(self, request: Request) -> tuple[Portal, frozenset[str], Windows]:
        """The portal of a token, what the token may do, and the limits that count it."""
        _, _, token = request.headers.get("authorization", "").partition(" ")
        token = token.strip()
        if not token:
            raise unusable()
        account = self.account_of(request)
        consent = self.logins.consent_ever_of(token)
        if not isinstance(account, Portal):
            if consent is not None and consent.ended:
                raise unusable()
            ended = consent.access[token] if consent is not None else None
            raise expired(ended or 0.0, self.clock())
        if consent is None:
            return account, frozenset(account.scopes), account.windows
        scopes = frozenset(consent.scopes) & account.scopes
        return account, scopes, account.app_windows or account.windows

    # ------------------------------------------------------------ what people see and do

    def timelines(self, account: Account) -> list[TimelinePerson]:
        assert isinstance(account, Portal)
        return people(account)

    def unattached(self, account: Account) -> list[TimelineEntry]:
        assert isinstance(account, Portal)
        return without_person(account)

    async def admin(self, account: Account, action: str, body: Mapping[str, Any]) -> Any:
        assert isinstance(account, Portal)
        done = act_on_login(self.logins, account, action, body)
        return act(account, action, body, partial(self.commit, account)) if done is None else done


def _made_token(kind: str, account: str) -> str:
    """Access tokens of 320 characters: they grow with the scopes, and 512 are to be expected."""
    if kind == "access":
        return f"CN{secrets.token_urlsafe(238)}"
    return str(uuid.uuid4()) if kind == "code" else f"na1-{uuid.uuid4()}"

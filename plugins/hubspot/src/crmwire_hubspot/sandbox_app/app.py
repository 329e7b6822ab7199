"""The app: routes in both path styles, and what every request passes."""

from __future__ import annotations

import json
import random
import secrets
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal

from attrs import frozen
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
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
from crmwire_hubspot.sandbox_app import (
    account_routes,
    association_routes,
    batches,
    object_routes,
    property_routes,
    searches,
)
from crmwire_hubspot.sandbox_app.account_routes import add_owner
from crmwire_hubspot.sandbox_app.admin import act, act_on_login
from crmwire_hubspot.sandbox_app.calls import Call
from crmwire_hubspot.sandbox_app.kinds import kind_of
from crmwire_hubspot.sandbox_app.login_routes import Logins
from crmwire_hubspot.sandbox_app.portal import Portal
from crmwire_hubspot.sandbox_app.refusals import Refusal, malformed, missing_scope, not_found
from crmwire_hubspot.sandbox_app.timelines import people, without_person
from crmwire_hubspot.sandbox_app.times import stamp
from crmwire_hubspot.sandbox_app.windows import Count, Windows

DATED = ("2026-09", "2026-03", "v3")
"""What may stand where the dated paths have their date; `v3` is seen in the vendor's own links."""

Access = Literal["read", "write", "owners", "none"]
Handler = Callable[[Call], Response]

_PAGE = (
    "<html>\n<head>\n<title>Error 404 Not Found</title>\n</head>\n"
    "<body><h2>HTTP ERROR 404</h2>\n<p>Resource not found</p>\n</body>\n</html>\n"
)


@frozen(kw_only=True)
class _Rule:
    """One route of a family: below its roots, with what it needs and how it counts."""

    methods: str
    path: str
    handler: Handler
    access: Access = "read"
    count: Count = "calls"


_OBJECTS = (
    _Rule(methods="POST", path="/{type}/batch/create", handler=batches.create, access="write"),
    _Rule(methods="POST", path="/{type}/batch/update", handler=batches.update, access="write"),
    _Rule(methods="POST", path="/{type}/batch/upsert", handler=batches.upsert, access="write"),
    _Rule(
        methods="POST", path="/{type}/batch/archive", handler=batches.archive_all, access="write"
    ),
    _Rule(methods="POST", path="/{type}/batch/read", handler=batches.read),
    _Rule(methods="POST", path="/{type}/search", handler=searches.search, count="search"),
    _Rule(methods="POST", path="/{type}/merge", handler=object_routes.merge_two, access="write"),
    _Rule(methods="POST", path="/{type}/gdpr-delete", handler=object_routes.forget, access="write"),
    _Rule(methods="GET", path="/{type}", handler=object_routes.list_),
    _Rule(methods="POST", path="/{type}", handler=object_routes.create, access="write"),
    _Rule(methods="GET", path="/{type}/{id}", handler=object_routes.read),
    _Rule(methods="PATCH", path="/{type}/{id}", handler=object_routes.update, access="write"),
    _Rule(methods="DELETE", path="/{type}/{id}", handler=object_routes.delete, access="write"),
)
_SINGLE = (
    _Rule(
        methods="PUT",
        path="/{type}/{id}/associations/default/{to}/{to_id}",
        handler=association_routes.put_default,
        access="write",
    ),
    _Rule(
        methods="PUT",
        path="/{type}/{id}/associations/{to}/{to_id}",
        handler=association_routes.put_labelled,
        access="write",
    ),
    _Rule(
        methods="DELETE",
        path="/{type}/{id}/associations/{to}/{to_id}",
        handler=association_routes.delete,
        access="write",
    ),
    _Rule(methods="GET", path="/{type}/{id}/associations/{to}", handler=association_routes.list_),
)
_BETWEEN = (
    _Rule(
        methods="POST",
        path="/{type}/{to}/batch/create",
        handler=association_routes.batch_create,
        access="write",
        count="exempt",
    ),
    _Rule(
        methods="POST",
        path="/{type}/{to}/batch/associate/default",
        handler=association_routes.batch_default,
        access="write",
        count="exempt",
    ),
    _Rule(
        methods="POST",
        path="/{type}/{to}/batch/read",
        handler=association_routes.batch_read,
        count="exempt",
    ),
    _Rule(
        methods="POST",
        path="/{type}/{to}/batch/archive",
        handler=association_routes.batch_archive,
        access="write",
        count="exempt",
    ),
    _Rule(methods="GET", path="/{type}/{to}/labels", handler=association_routes.labels),
)
_PROPERTIES = (
    _Rule(methods="GET", path="/{type}", handler=property_routes.list_, access="none"),
    _Rule(methods="POST", path="/{type}", handler=property_routes.create, access="none"),
    _Rule(
        methods="POST",
        path="/{type}/batch/create",
        handler=property_routes.batch_create,
        access="none",
    ),
    _Rule(methods="GET", path="/{type}/groups", handler=property_routes.groups, access="none"),
    _Rule(
        methods="POST", path="/{type}/groups", handler=property_routes.create_group, access="none"
    ),
    *(
        _Rule(methods=method, path=path, handler=handler, access="none")
        for method, path, handler in (
            ("POST", "/{type}/batch/read", property_routes.batch_read),
            ("POST", "/{type}/batch/archive", property_routes.batch_archive),
            ("PATCH", "/{type}/groups/{name}", property_routes.change_group),
            ("DELETE", "/{type}/groups/{name}", property_routes.delete_group),
            ("GET", "/{type}/{name}", property_routes.one),
            ("PATCH", "/{type}/{name}", property_routes.change),
            ("DELETE", "/{type}/{name}", property_routes.delete),
        )
    ),
)
_VALIDATIONS = (
    _Rule(methods="GET", path="/{type}", handler=property_routes.validations, access="none"),
)
_OWNERS = (
    _Rule(methods="GET", path="", handler=account_routes.owners, access="owners"),
    _Rule(methods="GET", path="/", handler=account_routes.owners, access="owners"),
    _Rule(methods="GET", path="/{id}", handler=account_routes.one_owner, access="owners"),
)
_ACCOUNT = (
    _Rule(methods="GET", path="/details", handler=account_routes.details, access="none"),
    _Rule(
        methods="GET",
        path="/api-usage/daily/private-apps",
        handler=account_routes.usage,
        access="none",
    ),
)
_SCHEMAS = (_Rule(methods="GET", path="/{type}", handler=property_routes.schema, access="none"),)
_FAMILIES: tuple[tuple[tuple[_Rule, ...], str, str], ...] = (
    (_SINGLE, "/crm/v4/objects", "/crm/objects/{version}"),
    (_OBJECTS, "/crm/v3/objects", "/crm/objects/{version}"),
    (_BETWEEN, "/crm/v4/associations", "/crm/associations/{version}"),
    (_PROPERTIES, "/crm/v3/properties", "/crm/properties/{version}"),
    (_VALIDATIONS, "/crm/v3/property-validations", "/crm/property-validations/{version}"),
    (_SCHEMAS, "/crm/v3/schemas", "/crm-object-schemas/{version}/schemas"),
    (_OWNERS, "/crm/v3/owners", "/crm/owners/{version}"),
    (_ACCOUNT, "/account-info/v3", "/account-info/{version}"),
)
"""Each family: its routes, its legacy root and its dated one."""


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
            for rules, legacy, dated in _FAMILIES
            for rule in rules
            for root in (legacy, dated)
        ]

    async def _answered(self, rule: _Rule, request: Request) -> Response:
        """What every request passes: token, version, scope, limits; then its handler."""
        correlation = str(uuid.uuid4())
        headers = {"X-HubSpot-Correlation-Id": correlation}
        try:
            portal, scopes, windows = self._authorised(request)
            version = _version(request)
            _check_scope(scopes, rule, request)
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
                    query=_query(request),
                    json=_json(await request.body()),
                    url=f"{request.url.scheme}://{request.url.netloc}{request.url.path}",
                    commit=partial(self.commit, portal),
                )
            )
        except Refusal as refusal:
            answer = _refused(request, refusal, correlation)
        answer.headers.update(headers)
        return answer

    def refuse_path(self, request: Request) -> Response | None:
        correlation = str(uuid.uuid4())
        answer = _refused(request, not_found(), correlation)
        answer.headers["X-HubSpot-Correlation-Id"] = correlation
        return answer

    def _authorised(self, request: Request) -> tuple[Portal, frozenset[str], Windows]:
        """The portal of a token, what the token may do, and the limits that count it."""
        _, _, token = request.headers.get("authorization", "").partition(" ")
        token = token.strip()
        if not token:
            raise _unusable()
        account = self.account_of(request)
        consent = self.logins.consent_ever_of(token)
        if not isinstance(account, Portal):
            if consent is not None and consent.ended:
                raise _unusable()
            ended = consent.access[token] if consent is not None else None
            raise _expired(ended or 0.0, self.clock())
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


def _unusable() -> Refusal:
    """Guess: also for a token of an app that was uninstalled."""
    return Refusal(
        401,
        "Authentication credentials not found. This API supports OAuth 2.0 "
        "authentication and you can find more details at "
        "https://developers.hubspot.com/docs/methods/auth/oauth-overview",
        category="INVALID_AUTHENTICATION",
    )


def _expired(at: float, now: float) -> Refusal:
    """A text that is no token at all reads as expired since 1970."""
    ended = datetime.fromtimestamp(at, UTC)
    seconds = int(now - at)
    told = f"{seconds} second(s)" if at else f"{seconds // 86_400} day(s)"
    return Refusal(
        401,
        f"The OAuth token used to make this call expired {told} ago.",
        category="EXPIRED_AUTHENTICATION",
        context={"expire time": [stamp(ended)]},
    )


def _made_token(kind: str, account: str) -> str:
    """Access tokens of 320 characters: they grow with the scopes, and 512 are to be expected."""
    if kind == "access":
        return f"CN{secrets.token_urlsafe(238)}"
    return str(uuid.uuid4()) if kind == "code" else f"na1-{uuid.uuid4()}"


def _version(request: Request) -> str:
    version = request.path_params.get("version")
    if version is None:
        return "v4" if "/v4/" in request.url.path else "v3"
    if version not in DATED:
        raise not_found()
    return str(version)


def _check_scope(scopes: frozenset[str], rule: _Rule, request: Request) -> None:
    """Guess: the scope of the path's own type is needed; of two types, the first one's."""
    if rule.access == "none":
        return
    if rule.access == "owners":
        wanted = "crm.objects.owners.read"
    else:
        kind = kind_of(request.path_params["type"])
        wanted = f"crm.objects.{kind.scope}.{rule.access}"
    if wanted not in scopes:
        raise missing_scope(wanted)


def _query(request: Request) -> dict[str, str]:
    """The query; a name that stands several times (the official clients do so) is joined."""
    values = request.query_params
    return {name: ",".join(values.getlist(name)) for name in values}


def _json(body: bytes) -> Any:
    if not body.strip():
        return None
    try:
        return json.loads(body)
    except ValueError as error:
        raise malformed(f"Unexpected character ({type(error).__name__})") from None


def _refused(request: Request, refusal: Refusal, correlation: str) -> Response:
    """A refusal as JSON; not found is a page for clients that do not ask for JSON."""
    asks_for_json = "application/json" in request.headers.get("accept", "")
    if refusal.status == 404 and not asks_for_json:
        return HTMLResponse(
            _PAGE,
            404,
            headers={
                "Content-Type": "text/html;charset=iso-8859-1",
                "X-HubSpot-NotFound": "true",
            },
        )
    return JSONResponse(refusal.body(correlation), refusal.status)

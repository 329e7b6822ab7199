"""HubSpot's login: the page on which an app is connected to an account, and the token endpoint.

Paths and members are those of the OpenAPI documents (`oauth`, 2026-09, 2026-03, v3, v1). The
page's own wordings are made up; what it refuses is documented: an unknown app, an address that is
not registered, a scope that the app does not have, a user who may not install apps. Of an
optional scope that the account lacks nothing is said: it is left out.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from attrs import frozen
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from crmwire.sandbox.loginpage import consent_page, problem_page, redirected
from crmwire.sandbox.logins import Consent, Issued, LoginApp, LoginBook, LoginRefused, Reason
from crmwire_hubspot.sandbox_app.portal import SCHEMA_SCOPES, SCOPES, Portal

if TYPE_CHECKING:
    from crmwire.sandbox import Account

TITLE = "Connect an app to HubSpot"
USER_ID = 4_711
Form = Mapping[str, str]


@frozen(kw_only=True)
class Shown(Exception):
    """HubSpot shows this and does not come back."""

    text: str


class Logins:
    """The login of all portals of one sandbox. `app_scopes` are those set on the app itself.

    `idle_life` is in seconds. Guess: HubSpot's documentation knows no end of a refresh token by
    time, while one product says that a login which is not used for 180 days is lost.
    """

    def __init__(
        self,
        book: LoginBook,
        accounts: Mapping[str, Account],
        app_scopes: frozenset[str] | None,
        *,
        clock: Callable[[], float],
        idle_life: float | None = None,
    ) -> None:
        self._book = book
        self._accounts = accounts
        self._app_scopes = app_scopes or SCOPES | SCHEMA_SCOPES
        self._clock = clock
        self._idle_life = idle_life
        self._used: dict[str, float] = {}

    def routes(self) -> list[BaseRoute]:
        routes: list[BaseRoute] = []
        for path in ("/oauth/authorize", "/oauth/{portal:int}/authorize"):
            routes += [
                Route(path, self._page, methods=["GET"]),
                Route(path, self._pressed, methods=["POST"]),
            ]
        for version in ("2026-09", "2026-03", "v3", "v1"):
            routes.append(Route(f"/oauth/{version}/token", _by_form(self._token), methods=["POST"]))
            if version != "v1":
                for name, answer in (("introspect", self._introspect), ("revoke", self._revoke)):
                    path = f"/oauth/{version}/token/{name}"
                    routes.append(Route(path, _by_form(answer), methods=["POST"]))
        return [
            *routes,
            Route("/oauth/v1/access-tokens/{token}", self._access_token, methods=["GET"]),
            Route("/oauth/v1/refresh-tokens/{token}", self._refresh_token, methods=["GET"]),
            Route("/oauth/v1/refresh-tokens/{token}", self._end, methods=["DELETE"]),
            Route("/appinstalls/2026-09/external-install", self._uninstall, methods=["DELETE"]),
        ]

    # ------------------------------------------------------------ the page

    async def _page(self, request: Request) -> Response:
        try:
            app, wanted, optional = self._asked(request)
        except Shown as shown:
            return HTMLResponse(problem_page(TITLE, shown.text), 400)
        only = request.path_params.get("portal")
        portals = {
            str(one.portal_id): f"{one.name} ({one.portal_id})"
            for one in self._portals()
            if only in (None, one.portal_id)
        }
        scopes = [*wanted, *(f"{one} (if the account has it)" for one in optional)]
        return HTMLResponse(
            consent_page(TITLE, app=app.client_id, scopes=scopes, accounts=portals, keep={})
        )

    async def _pressed(self, request: Request) -> Response:
        """The choice of account and button, sent to the address of the page itself."""
        form = _form(await request.body())
        try:
            app, wanted, optional = self._asked(request)
            query = request.query_params
            redirect, state = query["redirect_uri"], query.get("state")
            if form.get("decision") != "allow":
                # Guess: the description; the reference has the form of the answer only.
                told = "The user declined to connect the app"
                to = redirected(
                    redirect, error="access_denied", error_description=told, state=state
                )
                return RedirectResponse(to, 302)
            portal = self._portal(form.get("account", ""))
            missing = [one for one in wanted if one not in portal.scopes]
            if not portal.may_install:
                raise Shown(text="You do not have permission to install apps in this account.")
            if missing:
                raise Shown(text=f"This account does not have: {', '.join(missing)}.")
            code = self._book.consented(
                app,
                portal.token,
                redirect=redirect,
                challenge=query.get("code_challenge"),
                scopes=[*wanted, *(one for one in optional if one in portal.scopes)],
                user=portal.installer,
            )
        except Shown as shown:
            return HTMLResponse(problem_page(TITLE, shown.text), 400)
        return RedirectResponse(redirected(redirect, code=code, state=state), 302)

    def _asked(self, request: Request) -> tuple[LoginApp, list[str], list[str]]:
        """The app, the scopes it must have and those it can do without. Raises: Shown."""
        query = request.query_params
        try:
            app = self._book.asked(query.get("client_id", ""), query.get("redirect_uri", ""))
        except LoginRefused as refused:
            raise Shown(text=_ON_THE_PAGE[refused.reason]) from None
        wanted = query.get("scope", "").split()
        optional = [one for one in query.get("optional_scope", "").split() if one not in wanted]
        unknown = [one for one in (*wanted, *optional) if one not in self._app_scopes]
        if unknown or not wanted:
            raise Shown(
                text="Authorization failed because there is a mismatch between the scopes in the "
                f"install URL and the app's configured scopes: {' '.join(unknown)}"
            )
        return app, wanted, optional

    def _portals(self) -> list[Portal]:
        return [one for one in self._accounts.values() if isinstance(one, Portal)]

    def _portal(self, id_: str) -> Portal:
        found = next((one for one in self._portals() if str(one.portal_id) == id_), None)
        if found is None:
            raise Shown(text="Choose an account.")
        return found

    # ------------------------------------------------------------ the token endpoint

    def _token(self, form: Form) -> Response:
        app = self._client(form)
        match form.get("grant_type"):
            case "authorization_code":
                issued = self._book.exchange(
                    app,
                    form.get("code", ""),
                    redirect=form.get("redirect_uri", ""),
                    verifier=form.get("code_verifier"),
                )
            case "refresh_token":
                token = form.get("refresh_token", "")
                self._check_used(token)
                issued = self._book.refresh(app, token)
            case other:
                # Guess: the name. Client credentials are for an app's own calls, not for records.
                return _refused("BAD_GRANT_TYPE", "unsupported_grant_type", f"grant {other}")
        self._used[issued.consent.refresh or ""] = self._clock()
        return JSONResponse(self._issued(issued))

    def _check_used(self, token: str) -> None:
        consent, used = self._by_refresh(token), self._used.get(token)
        if consent is None or used is None or self._idle_life is None:
            return
        if self._clock() - used > self._idle_life:
            self._book.end_consent(consent, "not used for long")

    def _client(self, form: Form) -> LoginApp:
        return self._book.client(form.get("client_id", ""), form.get("client_secret"))

    def _issued(self, issued: Issued) -> dict[str, Any]:
        consent = issued.consent
        portal = self._of(consent)
        return {
            "access_token": issued.access,
            "refresh_token": issued.refresh or consent.refresh,
            "expires_in": int(issued.expires_in or 0),
            "token_type": "bearer",
            "token_use": "access_token",
            "hub_id": portal.portal_id,
            "user_id": USER_ID,
            "scopes": _held(consent, portal),
        }

    def _of(self, consent: Consent) -> Portal:
        portal = self._accounts[consent.account]
        assert isinstance(portal, Portal)
        return portal

    # ------------------------------------------------------------ what is known of a token

    def _introspect(self, form: Form) -> Response:
        """Guess: a token that holds no more is told as not active, with 200."""
        app = self._client(form)
        token = form.get("token", "")
        consent = self._book.consent_of(token) or self._by_refresh(token)
        if consent is None or consent.app is not app:
            return JSONResponse({"active": False})
        access = token in consent.access
        portal = self._of(consent)
        told: dict[str, Any] = {
            "active": True,
            "token": token,
            "token_type": "access" if access else "refresh",
            "token_use": "access_token" if access else "refresh_token",
            "client_id": app.client_id,
            **self._who(consent, portal),
        }
        if access:
            told |= {
                "expires_in": self._left(consent, token),
                "is_private_distribution": False,
                "signed_access_token": _signed(consent, portal),
            }
        return JSONResponse(told)

    def _who(self, consent: Consent, portal: Portal) -> dict[str, Any]:
        return {
            "app_id": int(portal.app_id),
            "hub_id": portal.portal_id,
            "hub_domain": f"portal-{portal.portal_id}.example.com",
            "user": consent.user,
            "user_id": USER_ID,
            "scopes": _held(consent, portal),
        }

    def _left(self, consent: Consent, token: str) -> int:
        ends = consent.access[token]
        return 0 if ends is None else max(0, int(ends - self._clock()))

    def _by_refresh(self, token: str) -> Consent | None:
        return next(
            (one for one in self._book.consents if one.refresh == token and not one.ended), None
        )

    def _revoke(self, form: Form) -> Response:
        """Guess: 200 without a body. Access tokens that are out hold until their time is over."""
        app = self._client(form)
        consent = self._by_refresh(form.get("token", ""))
        if consent is not None and consent.app is app:
            consent.refresh = None
        return Response(status_code=200)

    # ------------------------------------------------------------ what v1 has of its own

    async def _access_token(self, request: Request) -> Response:
        token = request.path_params["token"]
        consent = self._book.consent_of(token)
        if consent is None:
            return _refused("BAD_TOKEN", None, "the token is not known", status_=404)
        told = {"token": token, "token_type": "access", "expires_in": self._left(consent, token)}
        return JSONResponse({**told, **self._who(consent, self._of(consent))})

    async def _refresh_token(self, request: Request) -> Response:
        token = request.path_params["token"]
        consent = self._by_refresh(token)
        if consent is None:
            return _refused("BAD_TOKEN", None, "the token is not known", status_=404)
        told = {"token": token, "token_type": "refresh", "client_id": consent.app.client_id}
        return JSONResponse({**told, **self._who(consent, self._of(consent))})

    async def _end(self, request: Request) -> Response:
        consent = self._by_refresh(request.path_params["token"])
        if consent is not None:
            consent.refresh = None
        return Response(status_code=204)

    async def _uninstall(self, request: Request) -> Response:
        """DELETE the app from the account whose token it is."""
        _, _, token = request.headers.get("authorization", "").partition(" ")
        consent = self._book.consent_of(token.strip())
        if consent is None:
            told = {"status": "error", "message": "not installed", "correlationId": _id()}
            return JSONResponse({**told, "category": "INVALID_AUTHENTICATION"}, 401)
        self._book.end(consent.account, "uninstalled")
        return Response(status_code=204)


# ---------------------------------------------------------------- wordings

_ON_THE_PAGE = {
    "unknown_client": "Authorization failed because the client_id is not that of an app.",
    "wrong_redirect": "Authorization failed because the redirect URL in the install URL does not "
    "match one of the app's registered redirect URLs.",
}
_CODE = ("BAD_AUTH_CODE", "invalid_grant", "missing or unknown auth code")
_TOKEN = ("BAD_REFRESH_TOKEN", "invalid_grant", "missing or invalid refresh token")
_REFUSALS: Mapping[Reason, tuple[str, str, str]] = {
    # Guess: the names and wordings of all but BAD_AUTH_CODE and BAD_REFRESH_TOKEN.
    "unknown_client": ("BAD_CLIENT_ID", "invalid_client", "missing or unknown client id"),
    "wrong_secret": ("BAD_CLIENT_SECRET", "invalid_client", "missing or invalid client secret"),
    "other_redirect": (
        "MISMATCH_REDIRECT_URI_AUTH_CODE",
        "invalid_grant",
        "redirect_uri does not match the one that the code was made for",
    ),
    "unknown_code": _CODE,
    "expired_code": _CODE,
    "used_code": _CODE,
    "other_client": _CODE,
    "missing_verifier": _CODE,
    "wrong_verifier": _CODE,
    "unknown_refresh": _TOKEN,
    "rotated_refresh": _TOKEN,
    "ended": _TOKEN,
}


def _refused(status: str, error: str | None, message: str, *, status_: int = 400) -> Response:
    """Since January 2026 with the members of RFC 6749 beside the older ones."""
    told = {"status": status, "message": message, "correlationId": _id()}
    if error is not None:
        told |= {"error": error, "error_description": message}
    return JSONResponse(told, status_)


def _by_form(answer: Callable[[Form], Response]) -> Callable[[Request], Awaitable[Response]]:
    """A handler of a form, which stands in the body and never in the query."""

    async def handle(request: Request) -> Response:
        try:
            return answer(_form(await request.body()))
        except LoginRefused as refused:
            return _refused(*_REFUSALS[refused.reason])

    return handle


def _form(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _held(consent: Consent, portal: Portal) -> list[str]:
    """What was consented to, less what the account has lost since."""
    return [scope for scope in consent.scopes if scope in portal.scopes]


def _signed(consent: Consent, portal: Portal) -> dict[str, Any]:
    """Members of the document; nothing here checks signatures."""
    return {
        "appId": int(portal.app_id),
        "appInstallId": "",
        "audience": "",
        "expiresAt": 0,
        "hubId": portal.portal_id,
        "hublet": portal.region,
        "installingUserId": USER_ID,
        "isPrivateDistribution": False,
        "isServiceAccount": False,
        "isUserLevel": False,
        "newSignature": "",
        "scopeToScopeGroupPks": "",
        "scopes": ",".join(_held(consent, portal)),
        "signature": "",
        "trialScopeToScopeGroupPks": "",
        "trialScopes": "",
        "userId": USER_ID,
    }


def _id() -> str:
    return str(uuid.uuid4())

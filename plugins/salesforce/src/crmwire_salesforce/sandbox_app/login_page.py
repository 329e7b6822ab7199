"""The page on which a person lets the app in, or which says why it never comes back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from crmwire.sandbox import LoginApp
from crmwire.sandbox.loginpage import consent_page, problem_page, redirected
from crmwire.sandbox.logins import LoginRefused
from crmwire_salesforce.sandbox_app.login_rules import SCOPES, TOLD, LoginRules, OAuthError
from crmwire_salesforce.sandbox_app.org import Org

if TYPE_CHECKING:
    from crmwire_salesforce.sandbox_app.app import SalesforceSandbox

TITLE = "Salesforce sandbox: log in"


class ConsentPage:
    """`/services/oauth2/authorize`: a plain form, which is sent with POST to where it stands."""

    def __init__(self, sandbox: SalesforceSandbox, rules_of: Callable[[Org], LoginRules]) -> None:
        self._sandbox = sandbox
        self._rules_of = rules_of

    async def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        if request.method == "POST":
            asked = form_of(await request.body())
        redirect = asked.get("redirect_uri", "")
        state = asked.get("state")
        try:
            app = self._app(asked, redirect)
        except OAuthError as error:
            # Nobody is sent to an address that is not the app's.
            return shown(f"error={error.error}&error_description={error.description}")
        try:
            scopes = self._asked(asked)
            if request.method == "GET":
                page = consent_page(
                    TITLE,
                    app=app.client_id,
                    scopes=scopes,
                    accounts={org.token: org.name for org in self._sandbox.orgs.values()},
                    keep=asked,
                )
                return HTMLResponse(page)
            if asked.get("decision") != "allow":
                raise OAuthError("access_denied", "end-user denied authorization")
        except OAuthError as error:
            there = redirected(
                redirect, error=error.error, error_description=error.description, state=state
            )
            return RedirectResponse(there, 302)
        org = self._sandbox.orgs[asked["account"]]
        problem = self._stopped(org)
        if problem:
            return shown(problem)
        try:
            code = self._sandbox.logins.consented(
                app,
                org.token,
                redirect=redirect,
                challenge=asked.get("code_challenge"),
                scopes=scopes,
                user=org.user_id,
            )
        except LoginRefused as refused:
            told, description = TOLD[refused.reason]
            there = redirected(redirect, error=told, error_description=description, state=state)
            return RedirectResponse(there, 302)
        return RedirectResponse(redirected(redirect, code=code, state=state), 302)

    def _app(self, asked: Mapping[str, str], redirect: str) -> LoginApp:
        try:
            app = self._sandbox.logins.asked(asked.get("client_id", ""), redirect)
        except LoginRefused as refused:
            missing = refused.reason == "wrong_redirect" and not redirect
            told = ("redirect_uri_missing", "redirect_uri not provided")
            raise OAuthError(*(told if missing else TOLD[refused.reason])) from None
        return app

    def _asked(self, asked: Mapping[str, str]) -> tuple[str, ...]:
        """The scopes that are asked for. Raises: OAuthError."""
        if asked.get("response_type") != "code":
            raise OAuthError("unsupported_response_type", "response type is not supported")
        if self._sandbox.logins.policy.pkce == "required" and not asked.get("code_challenge"):
            raise OAuthError(*TOLD["missing_challenge"])
        if asked.get("code_challenge") and asked.get("code_challenge_method") != "S256":
            # Guess: the wording.
            raise OAuthError("invalid_request", "invalid code challenge method")
        scopes = tuple(asked.get("scope", "").split()) or ("api",)
        if not SCOPES.issuperset(scopes):
            raise OAuthError(
                "invalid_scope", "the requested scope is invalid, unknown, or malformed"
            )
        return scopes

    def _stopped(self, org: Org) -> str:
        """What the page shows instead of coming back, if anything."""
        rules, user = self._rules_of(org), org.row("User", org.user_id)
        if not rules.installed:
            return "OAUTH_EC_APP_NOT_FOUND: External client app is not installed in this org"
        if rules.blocked:
            return "OAUTH_APP_BLOCKED: this app is blocked by admin"
        if not rules.allowed:
            return "OAUTH_APP_ACCESS_DENIED: user is not admin approved to access this app"
        if user is None or not user["IsActive"] or rules.user_locked:
            return "Please check your username and password."
        if not rules.ip_allowed:
            return "You are not allowed to log in from this address."
        return ""


def form_of(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def shown(problem: str) -> Response:
    """A page that never comes back."""
    return HTMLResponse(problem_page(TITLE, problem), 400)

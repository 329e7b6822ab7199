"""Attio's login: the page where a person lets an app into a workspace, and its tokens.

docs.attio.com/docs/oauth: authorize, token, introspect, revoke (read 2026-11). The app's scopes
are set where it was made (build.attio.com), not asked for; its tokens neither end nor are renewed.
No exchange with these endpoints was ever published, so that the texts of refusals are guesses; the
codes are those of RFC 6749.

Options: `client_id`, `client_secret`, `redirects` (the app's registered addresses, separated by
blanks; without them any of this machine), `code_life` (seconds, 600), `app_scopes` (those of the
app, if other than `scopes`).
"""

from __future__ import annotations

import base64
import binascii
import secrets
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from crmwire.sandbox import SandboxSettings
from crmwire.sandbox.loginpage import consent_page, problem_page, redirected
from crmwire.sandbox.logins import (
    CLIENT_ID,
    CLIENT_SECRET,
    LoginApp,
    LoginBook,
    LoginPolicy,
    LoginRefused,
    Reason,
)
from crmwire_attio.sandbox_app import members
from crmwire_attio.sandbox_app.workspace import Access, Workspace

if TYPE_CHECKING:
    from crmwire_attio.sandbox_app import AttioSandbox

TITLE = "Attio (sandbox)"
_SHOWN: dict[Reason, str] = {
    "unknown_client": "This app could not be found: its client id is not known.",
    "wrong_redirect": "The redirect address is not one of those registered for this app.",
}
_TOLD: dict[Reason, tuple[str, str]] = {
    "unknown_client": ("invalid_client", "Client authentication failed: no such client"),
    "wrong_secret": ("invalid_client", "Client authentication failed: wrong client secret"),
    "unknown_code": ("invalid_grant", "The authorization code is invalid"),
    "expired_code": ("invalid_grant", "The authorization code has expired"),
    "used_code": ("invalid_grant", "The authorization code was already used"),
    "other_redirect": ("invalid_grant", "The redirect_uri does not match the authorization"),
    "other_client": ("invalid_grant", "The authorization code was issued to another client"),
}


def new_logins(settings: SandboxSettings) -> LoginBook:
    """The one app that is registered, and how its tokens live: until they are revoked."""
    option = settings.option
    app = LoginApp(
        client_id=option("client_id", CLIENT_ID),
        secret=option("client_secret", CLIENT_SECRET),
        redirects=tuple(option("redirects", "").split()),
    )
    policy = LoginPolicy(
        code_life=float(option("code_life", "600")),
        access_life=None,
        refreshable=False,
        pkce="ignored",
    )
    # Guess: a login's token is as long as one of the settings.
    return LoginBook((app,), policy, make_token=lambda *_: secrets.token_hex(32))


def token_of(request: Request) -> str:
    """A bearer token, or the user name of a login with an empty password."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(given).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return given.strip() if scheme.lower() == "bearer" else ""


class LoginPages:
    """The pages and endpoints of the login; they stand at another host than the API."""

    def __init__(self, sandbox: AttioSandbox) -> None:
        self._sandbox = sandbox
        self._issued: dict[str, int] = {}

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/authorize", self._authorize, methods=["GET", "POST"]),
            Route("/oauth/token", self._token, methods=["POST"]),
            Route("/oauth/introspect", self._introspect, methods=["POST"]),
            Route("/oauth/revoke", self._revoke, methods=["POST"]),
        ]

    def issued_at(self, token: str) -> int:
        return self._issued.get(token, 0)

    async def _authorize(self, request: Request) -> Response:
        """Which workspace, allow or deny; a wrong app or address is shown and never comes back."""
        asked, book = request.query_params, self._sandbox.logins
        redirect, state = asked.get("redirect_uri", ""), asked.get("state")
        try:
            app = book.asked(asked.get("client_id", ""), redirect)
        except LoginRefused as refused:
            return HTMLResponse(problem_page(TITLE, _SHOWN[refused.reason]), 400)

        def back(**told: str) -> Response:
            return RedirectResponse(redirected(redirect, state=state, **told), 303)

        if asked.get("response_type") != "code":
            return back(error="unsupported_response_type")
        workspaces = [one for one in self._sandbox.accounts.values() if isinstance(one, Workspace)]
        scopes = self._scopes(workspaces[0])
        if request.method == "GET":
            names = {one.token: one.name for one in workspaces}
            page = consent_page(TITLE, app=app.client_id, scopes=scopes, accounts=names, keep={})
            return HTMLResponse(page)
        pressed = await _form(request)
        chosen = self._sandbox.accounts.get(pressed.get("account", ""))
        if pressed.get("decision") != "allow" or not isinstance(chosen, Workspace):
            return back(error="access_denied", error_description="The user denied the request")
        code = book.consented(
            app, chosen.token, redirect=redirect, scopes=self._scopes(chosen),
            user=chosen.first_member.id,
        )  # fmt: skip
        return back(code=code)

    def _scopes(self, workspace: Workspace) -> list[str]:
        """Those of the app. Guess: scopes added later do not reach the tokens that there are."""
        given = self._sandbox.settings.option("app_scopes", "").split()
        return sorted(given or workspace.scopes)

    async def _token(self, request: Request) -> Response:
        form, book = await _form(request), self._sandbox.logins
        if form.get("grant_type") != "authorization_code":
            return JSONResponse({"error": "unsupported_grant_type"}, 400)
        try:
            app = book.client(form.get("client_id", ""), form.get("client_secret"))
            code, redirect = form.get("code", ""), form.get("redirect_uri")
            issued = book.exchange(app, code, redirect=redirect, verifier=None)
        except LoginRefused as refused:
            error, text = _TOLD[refused.reason]
            status = 401 if error == "invalid_client" else 400
            return JSONResponse({"error": error, "error_description": text}, status)
        self._issued[issued.access] = int(time.time())
        return JSONResponse({"access_token": issued.access, "token_type": "Bearer"})

    async def _introspect(self, request: Request) -> Response:
        workspace, access = self._who(request)
        return JSONResponse(members.identity(workspace, access))

    def _who(self, request: Request) -> tuple[Workspace | None, Access | None]:
        return self._sandbox.account_of(request), self._sandbox.access_of(request)

    async def _revoke(self, request: Request) -> Response:
        """204 whether the token was known or not (guess: as RFC 7009 has it)."""
        in_header, in_form = token_of(request), (await _form(request)).get("token", "")
        token = in_header or in_form
        if not token or (in_header and in_form and in_header != in_form):
            # Guess: the form of the refusal.
            told = {"error": "invalid_request", "error_description": "One token is required"}
            return JSONResponse(told, 400)
        self._sandbox.logins.revoke(token)
        account = self._sandbox.accounts.get(token)
        if isinstance(account, Workspace):
            account.revoked = True
        return Response(status_code=204)


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace")))

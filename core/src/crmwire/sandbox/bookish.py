"""A login by the book, for sandboxes of vendors that add nothing of their own to OAuth 2.

RFC 6749, 7009 and 7636: `GET authorize` shows a form, which is sent with POST to where it was got
from; `POST token` and `POST revoke` take forms. What is known of apps and tokens is the sandbox's
`LoginBook`. A vendor whose answers differ words its own handlers on that book.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from attrs import frozen
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from crmwire.sandbox.loginpage import consent_page, problem_page, redirected
from crmwire.sandbox.logins import Consent, Issued, LoginApp, LoginRefused

if TYPE_CHECKING:
    from crmwire.sandbox.base import Sandbox


def login_routes(sandbox: Sandbox, below: str = "/oauth") -> list[BaseRoute]:
    """The three addresses of a login, below that path."""
    login = _Login(sandbox)
    return [
        Route(f"{below}/authorize", login.consent, methods=["GET", "POST"]),
        Route(f"{below}/token", login.token, methods=["POST"]),
        Route(f"{below}/revoke", login.revoke, methods=["POST"]),
    ]


@frozen
class _Login:
    sandbox: Sandbox

    async def consent(self, request: Request) -> Response:
        """The page where a person lets an app in; it comes back only to the app's address."""
        asked, book, title = request.query_params, self.sandbox.logins, self.sandbox.title
        redirect, state = asked.get("redirect_uri", ""), asked.get("state")
        try:
            app = book.asked(asked.get("client_id", ""), redirect)
        except LoginRefused as refused:
            return HTMLResponse(problem_page(title, refused.reason), 400)
        scopes = asked.get("scope", "").split()
        if request.method == "GET":
            names = {token: account.name for token, account in self.sandbox.accounts.items()}
            page = consent_page(title, app=app.client_id, scopes=scopes, accounts=names, keep={})
            return HTMLResponse(page)
        pressed = await _form(request)
        if pressed.get("decision") != "allow":
            told = {"error": "access_denied", "error_description": "the person said no"}
            return RedirectResponse(redirected(redirect, state=state, **told), 303)
        try:
            code = book.consented(
                app,
                pressed["account"],
                redirect=redirect,
                challenge=asked.get("code_challenge"),
                scopes=scopes,
            )
        except LoginRefused as refused:
            told = {"error": "invalid_request", "error_description": refused.reason}
            return RedirectResponse(redirected(redirect, state=state, **told), 303)
        return RedirectResponse(redirected(redirect, code=code, state=state), 303)

    async def token(self, request: Request) -> Response:
        """Tokens for a code or a refresh token, or for an app that acts as itself."""
        form = await _form(request)
        try:
            app = self._client(form)
            issued = self._issued(app, form)
        except LoginRefused as refused:
            client = refused.reason in ("unknown_client", "wrong_secret")
            told = {"error": "invalid_client" if client else "invalid_grant"}
            told["error_description"] = refused.detail or refused.reason
            return JSONResponse(told, 401 if client else 400)
        if issued is None:
            return JSONResponse({"error": "unsupported_grant_type"}, 400)
        answer: dict[str, Any] = {"access_token": issued.access, "token_type": "Bearer"}
        if issued.refresh is not None:
            answer["refresh_token"] = issued.refresh
        if issued.expires_in is not None:
            answer["expires_in"] = issued.expires_in
        answer["scope"] = " ".join(issued.consent.scopes)
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    async def revoke(self, request: Request) -> Response:
        form = await _form(request)
        try:
            self._client(form)
        except LoginRefused:
            return JSONResponse({"error": "invalid_client"}, 401)
        self.sandbox.logins.revoke(form.get("token", ""))  # RFC 7009: an unknown one is no error
        return Response(status_code=200)

    def _client(self, form: Mapping[str, str]) -> LoginApp:
        return self.sandbox.logins.client(form.get("client_id", ""), form.get("client_secret"))

    def _issued(self, app: LoginApp, form: Mapping[str, str]) -> Issued | None:
        """What the form asks for; None for a grant that there is not. Raises: LoginRefused."""
        book = self.sandbox.logins
        match form.get("grant_type"):
            case "authorization_code":
                return book.exchange(
                    app,
                    form.get("code", ""),
                    redirect=form.get("redirect_uri", ""),
                    verifier=form.get("code_verifier"),
                )
            case "refresh_token":
                return book.refresh(app, form.get("refresh_token", ""))
            case "client_credentials":
                first = next(iter(self.sandbox.accounts))
                return book.issue(Consent(account=first, app=app), refreshable=False)
            case _:
                return None


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace")))

"""The page on which an app is connected to an account."""

from __future__ import annotations

from attrs import frozen
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from crmwire.sandbox.loginpage import consent_page, problem_page, redirected
from crmwire.sandbox.logins import LoginApp, LoginRefused
from crmwire_hubspot.sandbox_app.login_routes.answers import form_of
from crmwire_hubspot.sandbox_app.login_routes.ledger import Ledger
from crmwire_hubspot.sandbox_app.portal import Portal

TITLE = "Connect an app to HubSpot"
_ON_THE_PAGE = {
    "unknown_client": "Authorization failed because the client_id is not that of an app.",
    "wrong_redirect": "Authorization failed because the redirect URL in the install URL does not "
    "match one of the app's registered redirect URLs.",
}


@frozen(kw_only=True)
class Shown(Exception):
    """HubSpot shows this and does not come back."""

    text: str


class Page:
    """The page, and what a person presses on it. `app_scopes` are those set on the app itself."""

    def __init__(self, ledger: Ledger, app_scopes: frozenset[str]) -> None:
        self._ledger = ledger
        self._app_scopes = app_scopes

    def routes(self) -> list[Route]:
        return [
            Route(path, handler, methods=[method])
            for path in ("/oauth/authorize", "/oauth/{portal:int}/authorize")
            for method, handler in (("GET", self._page), ("POST", self._pressed))
        ]

    async def _page(self, request: Request) -> Response:
        try:
            app, wanted, optional = self._asked(request)
        except Shown as shown:
            return HTMLResponse(problem_page(TITLE, shown.text), 400)
        only = request.path_params.get("portal")
        portals = {
            str(one.portal_id): f"{one.name} ({one.portal_id})"
            for one in self._ledger.portals()
            if only in (None, one.portal_id)
        }
        scopes = [*wanted, *(f"{one} (if the account has it)" for one in optional)]
        return HTMLResponse(
            consent_page(TITLE, app=app.client_id, scopes=scopes, accounts=portals, keep={})
        )

    async def _pressed(self, request: Request) -> Response:
        """The choice of account and button, sent to the address of the page itself."""
        form = form_of(await request.body())
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
            code = self._ledger.book.consented(
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
            app = self._ledger.book.asked(query.get("client_id", ""), query.get("redirect_uri", ""))
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

    def _portal(self, id_: str) -> Portal:
        found = next((one for one in self._ledger.portals() if str(one.portal_id) == id_), None)
        if found is None:
            raise Shown(text="Choose an account.")
        return found

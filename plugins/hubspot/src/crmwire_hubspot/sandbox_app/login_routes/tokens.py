"""The token endpoint: tokens given for codes and for refresh tokens."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from crmwire.sandbox.logins import Issued
from crmwire_hubspot.sandbox_app.login_routes.answers import by_form, refusal
from crmwire_hubspot.sandbox_app.login_routes.ledger import USER_ID, Form, Ledger, held


class Tokens:
    """The token endpoint of all versions. `idle_life` is in seconds."""

    def __init__(self, ledger: Ledger, idle_life: float | None) -> None:
        self._ledger = ledger
        self._idle_life = idle_life
        self._used: dict[str, float] = {}

    def routes(self) -> list[Route]:
        return [
            Route(f"/oauth/{version}/token", by_form(self._token), methods=["POST"])
            for version in ("2026-09", "2026-03", "v3", "v1")
        ]

    def _token(self, form: Form) -> Response:
        app = self._ledger.client(form)
        match form.get("grant_type"):
            case "authorization_code":
                issued = self._ledger.book.exchange(
                    app,
                    form.get("code", ""),
                    redirect=form.get("redirect_uri", ""),
                    verifier=form.get("code_verifier"),
                )
            case "refresh_token":
                token = form.get("refresh_token", "")
                self._check_used(token)
                issued = self._ledger.book.refresh(app, token)
            case other:
                # Guess: the name. Client credentials are for an app's own calls, not for records.
                return refusal("BAD_GRANT_TYPE", "unsupported_grant_type", f"grant {other}")
        self._used[issued.consent.refresh or ""] = self._ledger.clock()
        return JSONResponse(self._issued(issued))

    def _check_used(self, token: str) -> None:
        consent, used = self._ledger.by_refresh(token), self._used.get(token)
        if consent is None or used is None or self._idle_life is None:
            return
        if self._ledger.clock() - used > self._idle_life:
            self._ledger.book.end_consent(consent, "not used for long")

    def _issued(self, issued: Issued) -> dict[str, Any]:
        consent = issued.consent
        portal = self._ledger.portal_of(consent)
        return {
            "access_token": issued.access,
            "refresh_token": issued.refresh or consent.refresh,
            "expires_in": int(issued.expires_in or 0),
            "token_type": "bearer",
            "token_use": "access_token",
            "hub_id": portal.portal_id,
            "user_id": USER_ID,
            "scopes": held(consent, portal),
        }

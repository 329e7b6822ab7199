"""What is known of a token, and how one is ended; v1 has paths of its own for both."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from crmwire.sandbox.logins import Consent
from crmwire_hubspot.sandbox_app.login_routes.answers import by_form, new_id, refusal
from crmwire_hubspot.sandbox_app.login_routes.ledger import USER_ID, Form, Ledger, held
from crmwire_hubspot.sandbox_app.portal import Portal


class Facts:
    """Introspection and revocation of tokens, and the end of an installation."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def routes(self) -> list[Route]:
        by_forms = (("introspect", self._introspect), ("revoke", self._revoke))
        return [
            *(
                Route(f"/oauth/{version}/token/{name}", by_form(answer), methods=["POST"])
                for version in ("2026-09", "2026-03", "v3")
                for name, answer in by_forms
            ),
            Route("/oauth/v1/access-tokens/{token}", self._access_token, methods=["GET"]),
            Route("/oauth/v1/refresh-tokens/{token}", self._refresh_token, methods=["GET"]),
            Route("/oauth/v1/refresh-tokens/{token}", self._end, methods=["DELETE"]),
            Route("/appinstalls/2026-09/external-install", self._uninstall, methods=["DELETE"]),
        ]

    def _introspect(self, form: Form) -> Response:
        """Guess: a token that holds no more is told as not active, with 200."""
        app = self._ledger.client(form)
        token = form.get("token", "")
        consent = self._ledger.book.consent_of(token) or self._ledger.by_refresh(token)
        if consent is None or consent.app is not app:
            return JSONResponse({"active": False})
        access = token in consent.access
        portal = self._ledger.portal_of(consent)
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
            "scopes": held(consent, portal),
        }

    def _left(self, consent: Consent, token: str) -> int:
        ends = consent.access[token]
        return 0 if ends is None else max(0, int(ends - self._ledger.clock()))

    def _revoke(self, form: Form) -> Response:
        """Guess: 200 without a body. Access tokens that are out hold until their time is over."""
        app = self._ledger.client(form)
        consent = self._ledger.by_refresh(form.get("token", ""))
        if consent is not None and consent.app is app:
            consent.refresh = None
        return Response(status_code=200)

    async def _access_token(self, request: Request) -> Response:
        token = request.path_params["token"]
        consent = self._ledger.book.consent_of(token)
        if consent is None:
            return refusal("BAD_TOKEN", None, "the token is not known", status_=404)
        told = {"token": token, "token_type": "access", "expires_in": self._left(consent, token)}
        return JSONResponse({**told, **self._who(consent, self._ledger.portal_of(consent))})

    async def _refresh_token(self, request: Request) -> Response:
        token = request.path_params["token"]
        consent = self._ledger.by_refresh(token)
        if consent is None:
            return refusal("BAD_TOKEN", None, "the token is not known", status_=404)
        told = {"token": token, "token_type": "refresh", "client_id": consent.app.client_id}
        return JSONResponse({**told, **self._who(consent, self._ledger.portal_of(consent))})

    async def _end(self, request: Request) -> Response:
        consent = self._ledger.by_refresh(request.path_params["token"])
        if consent is not None:
            consent.refresh = None
        return Response(status_code=204)

    async def _uninstall(self, request: Request) -> Response:
        """DELETE the app from the account whose token it is."""
        _, _, token = request.headers.get("authorization", "").partition(" ")
        consent = self._ledger.book.consent_of(token.strip())
        if consent is None:
            told = {"status": "error", "message": "not installed", "correlationId": new_id()}
            return JSONResponse({**told, "category": "INVALID_AUTHENTICATION"}, 401)
        self._ledger.book.end(consent.account, "uninstalled")
        return Response(status_code=204)


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
        "scopes": ",".join(held(consent, portal)),
        "signature": "",
        "trialScopeToScopeGroupPks": "",
        "trialScopes": "",
        "userId": USER_ID,
    }

"""The login of the sandbox: web server flow with PKCE, client credentials, JWT bearer.

"OAuth Authorization Flows", "OAuth 2.0 Authorization Errors", "Refresh Token Rotation" and
"Manage OAuth Access Policies" in Salesforce Help (read 2026-11). The page is a plain form; a
token's answer has no `expires_in`, and a session's end is met as a 401.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from crmwire.sandbox import LoginApp
from crmwire.sandbox.logins import Consent, Issued, LoginRefused
from crmwire_salesforce.sandbox_app.assertions import WrongAssertion, read_assertion
from crmwire_salesforce.sandbox_app.login_page import ConsentPage, form_of
from crmwire_salesforce.sandbox_app.login_rules import (
    MOST_GRANTS,
    SCOPES,
    TOLD,
    LoginRules,
    OAuthError,
    new_logins,
)
from crmwire_salesforce.sandbox_app.org import Org

if TYPE_CHECKING:
    from crmwire_salesforce.sandbox_app.app import SalesforceSandbox

JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class LoginDesk:
    """The pages and endpoints of `/services/oauth2`."""

    def __init__(self, sandbox: SalesforceSandbox) -> None:
        self.sandbox = sandbox
        self.rules: dict[str, LoginRules] = {}
        self.page = ConsentPage(sandbox, self.rules_of)
        self.certificate = ""
        self.generic = False
        """Whether this is one of the hosts for all orgs, where apps cannot log in as themselves."""
        self.delay = 0.0
        self._under_way: set[str] = set()

    def rules_of(self, org: Org) -> LoginRules:
        return self.rules.setdefault(org.token, LoginRules())

    # ------------------------------------------------------------ the token endpoint

    async def token(self, request: Request) -> Response:
        form = form_of(await request.body())
        try:
            issued = await self._issued(request, form)
        except LoginRefused as refused:
            return _refused(*TOLD[refused.reason])
        except OAuthError as error:
            return _refused(error.error, error.description)
        return JSONResponse(
            self._answer(issued, str(request.base_url).rstrip("/")),
            headers={"Cache-Control": "no-store", "Pragma": "no-cache"},
            media_type="application/json;charset=UTF-8",
        )

    async def _issued(self, request: Request, form: Mapping[str, str]) -> Issued:
        grant = form.get("grant_type", "")
        if grant == JWT_GRANT:
            return self._signed(request, form)
        book = self.sandbox.logins
        app = book.client(*_client(request, form))
        match grant:
            case "authorization_code":
                issued = book.exchange(
                    app,
                    form.get("code", ""),
                    redirect=form.get("redirect_uri", ""),
                    verifier=form.get("code_verifier"),
                )
                self._check(issued.consent)
                return self._kept(issued)
            case "refresh_token":
                return await self._refreshed(app, form.get("refresh_token", ""))
            case "client_credentials":
                return self._itself(app)
        raise OAuthError("unsupported_grant_type", "grant type not supported")

    async def _refreshed(self, app: LoginApp, token: str) -> Issued:
        """Another access token. Two at the same moment: the second is told to wait."""
        if token in self._under_way:
            raise OAuthError("invalid_grant", "token request is already being processed")
        self._under_way.add(token)
        try:
            if self.delay:
                await asyncio.sleep(self.delay)
            for consent in self.sandbox.logins.consents:
                if token == consent.refresh:
                    self._check(consent)
            return self.sandbox.logins.refresh(app, token)
        finally:
            self._under_way.discard(token)

    def _itself(self, app: LoginApp) -> Issued:
        """An app that acts as its "Run As" user. Guess: both descriptions."""
        if self.generic:
            raise OAuthError("invalid_grant", "request not supported on this domain")
        org = next(iter(self.sandbox.orgs.values()))
        if not self.rules_of(org).run_as:
            raise OAuthError("invalid_grant", "no client credentials user enabled")
        consent = Consent(account=org.token, app=app, scopes=("api",), user=org.user_id)
        self._check(consent)
        return self.sandbox.logins.issue(consent, refreshable=False)

    def _signed(self, request: Request, form: Mapping[str, str]) -> Issued:
        """An app that signs for a user. Errors are of the text that the vendor gives."""
        try:
            claims = read_assertion(
                form.get("assertion", ""), self.certificate, str(request.base_url).rstrip("/")
            )
        except WrongAssertion as error:
            raise OAuthError("invalid_grant", str(error)) from None
        app = self.sandbox.logins.apps.get(str(claims.get("iss")))
        if app is None:
            raise LoginRefused("unknown_client")
        for org in self.sandbox.orgs.values():
            user = org.row("User", org.user_id)
            if user is not None and user["Username"] == claims.get("sub"):
                if not self.rules_of(org).approved:
                    raise OAuthError("invalid_grant", "user hasn't approved this consumer")
                consent = Consent(account=org.token, app=app, scopes=("api",), user=org.user_id)
                self._check(consent)
                return self.sandbox.logins.issue(consent, refreshable=False)
        raise OAuthError("invalid_grant", "invalid assertion")

    def _check(self, consent: Consent) -> None:
        """Raise what the org's rules say against it. Raises: OAuthError."""
        org = self.sandbox.orgs[consent.account]
        rules, user = self.rules_of(org), org.row("User", org.user_id)
        if rules.rate_limited:
            raise OAuthError("rate_limit_exceeded", "login rate exceeded")
        if not rules.org_active:
            raise OAuthError("inactive_org", "organization is inactive")
        if not rules.installed:
            raise OAuthError("app_not_found", "External client app is not installed in this org")
        if not rules.allowed or rules.blocked:
            raise OAuthError("invalid_app_access", "user is not admin approved to access this app")
        if user is None or not user["IsActive"]:
            raise OAuthError("inactive_user", "user is inactive")
        if rules.user_locked:
            raise OAuthError("invalid_grant", "authentication failure")
        if not rules.ip_allowed:
            raise OAuthError("invalid_grant", "ip restricted or invalid login hours")

    def _kept(self, issued: Issued) -> Issued:
        """End the oldest approval of the same user and app where there are too many."""
        consent = issued.consent
        if not {"refresh_token", "offline_access"} & set(consent.scopes):
            consent.refresh = None
            return Issued(
                consent=consent, access=issued.access, refresh=None, expires_in=issued.expires_in
            )
        same = [
            one
            for one in self.sandbox.logins.consents
            if (one.account, one.app) == (consent.account, consent.app)
            if one.refresh and not one.ended
        ]
        for old in same[:-MOST_GRANTS]:
            self.sandbox.logins.end_consent(old, "too many approvals")
        return issued

    def _answer(self, issued: Issued, host: str) -> dict[str, str]:
        org = self.sandbox.orgs[issued.consent.account]
        identity = f"{host}/id/{org.org_id}/{org.user_id}"
        issued_at = str(int(time.time() * 1000))
        key = (issued.consent.app.secret or "").encode()
        signature = hmac.digest(key, f"{identity}{issued_at}".encode(), "sha256")
        told = {
            "access_token": issued.access,
            "signature": base64.b64encode(signature).decode(),
            "scope": " ".join(issued.consent.scopes),
            "instance_url": host,
            "id": identity,
            "token_type": "Bearer",
            "issued_at": issued_at,
        }
        return told if issued.refresh is None else {**told, "refresh_token": issued.refresh}

    # ------------------------------------------------------------ tokens in use

    async def revoke(self, request: Request) -> Response:
        form = form_of(await request.body())
        token = form.get("token") or request.query_params.get("token", "")
        if not self.sandbox.logins.revoke(token):
            # Guess: which of the two documented errors it is.
            return _refused("invalid_token", "the token is invalid")
        return Response(status_code=200)

    async def introspect(self, request: Request) -> Response:
        form = form_of(await request.body())
        try:
            app = self.sandbox.logins.client(*_client(request, form))
        except LoginRefused:
            return _refused("invalid_client", "invalid client credentials", 401)
        consent = self.sandbox.logins.consent_of(form.get("token", ""))
        if consent is None:
            return JSONResponse({"active": False})
        org = self.sandbox.orgs[consent.account]
        user = org.row("User", org.user_id) or {}
        host = str(request.base_url).rstrip("/")
        ends = consent.access[form["token"]]
        return JSONResponse(
            {
                "active": True,
                "scope": " ".join(consent.scopes),
                "client_id": app.client_id,
                "username": user.get("Username"),
                "sub": f"{host}/id/{org.org_id}/{org.user_id}",
                "token_type": "access_token",
                **({} if ends is None else {"exp": int(ends)}),
            }
        )

    async def discovery(self, request: Request) -> Response:
        """Where the endpoints are: a free check that a host is one of the vendor's."""
        host = str(request.base_url).rstrip("/")
        base = f"{host}/services/oauth2"
        return JSONResponse(
            {
                "issuer": host,
                "authorization_endpoint": f"{base}/authorize",
                "token_endpoint": f"{base}/token",
                "revocation_endpoint": f"{base}/revoke",
                "introspection_endpoint": f"{base}/introspect",
                "userinfo_endpoint": f"{base}/userinfo",
                "scopes_supported": sorted(SCOPES),
                "response_types_supported": ["code"],
            }
        )

    # ------------------------------------------------------------ what an admin does

    def act(self, org: Org, action: str, body: Mapping[str, Any]) -> dict[str, Any] | None:
        """Do one of these actions, None if it is none of them.

        `revoke_logins` · `expire_sessions` · `set_login` with any of the names of LoginRules ·
        `replace_secret` secret · `delete_app` and `make_app` · `upload_certificate` pem ·
        `login_host` generic, delay
        """
        book = self.sandbox.logins
        match action:
            case "revoke_logins":
                return {"ended": book.end(org.token)}
            case "expire_sessions":
                book.expire(org.token)
            case "set_login":
                rules = self.rules_of(org)
                for name, value in body.items():
                    if hasattr(rules, name):
                        setattr(rules, name, bool(value))
            case "replace_secret":
                (old, *_) = book.apps.values()
                fresh = LoginApp(client_id=old.client_id, secret=str(body["secret"]))
                book.apps[old.client_id] = fresh
                for consent in book.consents:
                    consent.app = fresh if consent.app is old else consent.app
            case "delete_app":
                book.apps.clear()
            case "make_app":
                book.apps = new_logins(self.sandbox.settings).apps
            case "upload_certificate":
                self.certificate = str(body["pem"])
            case "login_host":
                self.generic = bool(body.get("generic", self.generic))
                self.delay = float(body.get("delay", self.delay))
            case _:
                return None
        return {"done": action}


def _client(request: Request, form: Mapping[str, str]) -> tuple[str, str | None]:
    """Who asks: by the form, or by the header of Basic."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        name, _, secret = base64.b64decode(given).decode("utf-8", "replace").partition(":")
        return name, secret
    return form.get("client_id", ""), form.get("client_secret")


def _refused(error: str, description: str, status: int = 400) -> Response:
    body = {"error": error, "error_description": description}
    return JSONResponse(body, status, headers={"Cache-Control": "no-store"})

"""How a person or an app logs in to an org.

OAuth 2.0 web server flow, client credentials flow and JWT bearer flow: Salesforce Help, "OAuth
Authorization Flows" (read 2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmwire.http import Request
from crmwire.types import AuthScheme, OAuth2

if TYPE_CHECKING:
    from crmwire.connections import Connection

LOGIN_HOST = "https://login.salesforce.com"
SCOPES = ("api", "refresh_token")
WITHOUT_A_PERSON = ("client_credentials", "jwt_bearer")
KEEP_ALIVE = 24 * 3600.0
"""Seconds. An app's policy may end a login that is not used for some days or hours; a refresh is
a use, and no API call."""
_HINT = (
    "If the page shows OAUTH_EC_APP_NOT_FOUND, OAUTH_APPROVAL_ERROR_GENERIC or "
    "OAUTH_APP_ACCESS_DENIED, an admin must install the app in the org or let the user use it "
    "(Setup, External Client App Manager); for a sandbox give --login-host with its My Domain."
)
_GIVEN = "an access token of the connected user; set `host` to your My Domain address"


def login_host(conn: Connection) -> str:
    """Where people of the org log in: as it is set, else its own address, else for production.

    Sandboxes are at https://test.salesforce.com; some orgs, and apps that log in as themselves,
    only at the org's My Domain.
    """
    return (conn.settings.login_host or conn.settings.host or LOGIN_HOST).rstrip("/")


def auth_scheme(conn: Connection) -> AuthScheme:
    host = login_host(conn)
    return AuthScheme(
        base_url=LOGIN_HOST,
        token_hint=_GIVEN,
        oauth=OAuth2(
            authorize_url=f"{host}/services/oauth2/authorize",
            token_url=f"{host}/services/oauth2/token",
            revoke_url=f"{host}/services/oauth2/revoke",
            # An app that acts by itself asks anew instead of refreshing.
            scopes=("api",) if conn.settings.grant in WITHOUT_A_PERSON else SCOPES,
            grants=("authorization_code", "client_credentials", "jwt_bearer"),
            audience=host,
            # The answer has no `expires_in`: a session lasts as the org has set it, and is
            # prolonged by use, so that a refused request tells best.
            lifetime=None,
            keep_alive=KEEP_ALIVE,
            base_url_field="instance_url",
            hint=_HINT,
        ),
    )


def revocation(conn: Connection, token: str) -> Request:
    """A refresh token takes its access tokens with it ("Revoke OAuth Tokens", read 2026-11)."""
    path = f"{login_host(conn)}/services/oauth2/revoke"
    return Request(method="POST", path=path, form={"token": token})

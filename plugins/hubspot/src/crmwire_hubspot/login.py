"""How an app logs in to HubSpot: OAuth 2, by a person who chooses the account on HubSpot's page.

Access tokens live for 30 minutes. A refresh token has no end by time in HubSpot's documentation
(developers.hubspot.com/docs, "Working with OAuth", read 2026-11), while TimeRex tells its users
that a login which was not used for 180 days is lost (its help page "HubSpot integration", note 1):
one that is idle is therefore refreshed every 30 days. PKCE is documented for other kinds of apps
only; the secret is what protects the code here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import attrs

from crmwire.hosts import is_loopback
from crmwire.http import Request
from crmwire.types import AuthScheme, OAuth2
from crmwire_hubspot import paths
from crmwire_hubspot.info import AUTH, BASE_URL
from crmwire_hubspot.scopes import OPTIONAL, REQUIRED

if TYPE_CHECKING:
    from crmwire.connections import Connection

LOGIN_HOST = "https://app.hubspot.com"
"""Of every region: HubSpot's page leads on to the account's own."""
LIFETIME = 1800.0
MARGIN = 300.0
DAY = 86_400.0
KEEP_ALIVE = 30 * DAY

HINT = (
    "HubSpot wants this redirect address and each of the scopes set on the app (Development, "
    "Projects, the app, Auth), and a user who is a super admin or may install apps."
)


def auth_scheme(conn: Connection) -> AuthScheme:
    """A static token, or OAuth 2. Raises: ConfigurationError for an unknown API version."""
    paths.checked_version(conn.api_version)
    settings = conn.settings
    optional = OPTIONAL if settings.optional_scopes is None else settings.optional_scopes
    wanted = {*REQUIRED, *settings.scopes}
    return attrs.evolve(
        AUTH,
        oauth=OAuth2(
            authorize_url=f"{_login_host(conn)}/oauth/authorize",
            token_url=_address(conn, "token"),
            revoke_url=_address(conn, "token", "revoke"),
            scopes=REQUIRED,
            optional_scopes=tuple(one for one in optional if one not in wanted),
            pkce=False,
            lifetime=LIFETIME,
            margin=MARGIN,
            keep_alive=KEEP_ALIVE,
            needs_secret=True,
            hint=HINT,
        ),
    )


def revocation(conn: Connection, token: str) -> Request | None:
    """End a login. Access tokens that are out end by time, and the app stays installed."""
    if conn.settings.client_id is None:
        return None
    form = {
        "token": token,
        "token_type_hint": "refresh_token",
        "client_id": "{client_id}",
        "client_secret": "{client_secret}",
    }
    return Request(method="POST", path=_address(conn, "token", "revoke"), form=form)


def _address(conn: Connection, *rest: str) -> str:
    return (conn.settings.host or BASE_URL).rstrip("/") + paths.oauth(conn, *rest)


def _login_host(conn: Connection) -> str:
    """HubSpot's own, the one that is set, or that of a sandbox on this machine."""
    host = conn.settings.host
    if conn.settings.login_host:
        return conn.settings.login_host.rstrip("/")
    if host and is_loopback(urlsplit(host).hostname or ""):
        return host.rstrip("/")
    return LOGIN_HOST

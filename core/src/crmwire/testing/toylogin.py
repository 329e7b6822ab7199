"""The toy CRM's login: OAuth 2 by the book, with its pages below `/oauth`."""

from __future__ import annotations

from crmwire.types import OAuth2

MONTH = 30 * 86400.0


def login_at(address: str) -> OAuth2:
    """How one logs in at this address; a login that is not used for a month ends."""
    pages = f"{address.rstrip('/')}/oauth"
    return OAuth2(
        authorize_url=f"{pages}/authorize",
        token_url=f"{pages}/token",
        revoke_url=f"{pages}/revoke",
        scopes=("records",),
        grants=("authorization_code", "client_credentials"),
        keep_alive=MONTH,
    )

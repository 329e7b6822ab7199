"""What an org's admin decides of logins: apps, policies, and how each refusal is worded.

"OAuth 2.0 Authorization Errors" and "Manage OAuth Access Policies" in Salesforce Help (read
2026-11).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from attrs import define

from crmwire.sandbox import CLIENT_ID, CLIENT_SECRET, LoginApp, LoginBook, LoginPolicy

if TYPE_CHECKING:
    from crmwire.sandbox import SandboxSettings

CODE_LIFE = 900.0
SESSION = 7_200.0
"""Seconds: the usual session timeout. Guess: here it does not slide with use."""
MOST_GRANTS = 5
"""Approvals of one user and app: one more ends the oldest ("Request Approval", read 2026-11)."""
SCOPES = frozenset({"api", "refresh_token", "offline_access", "openid", "id", "web", "full"})

_GONE = ("invalid_grant", "expired access/refresh token")
TOLD: Mapping[str, tuple[str, str]] = {
    "unknown_client": ("invalid_client_id", "client identifier invalid"),
    "wrong_secret": ("invalid_client", "invalid client credentials"),
    "wrong_redirect": ("redirect_uri_mismatch", "redirect_uri must match configuration"),
    "other_redirect": ("redirect_uri_mismatch", "redirect_uri must match configuration"),
    "unknown_code": ("invalid_grant", "invalid authorization code"),
    "other_client": ("invalid_grant", "invalid authorization code"),
    "expired_code": ("invalid_grant", "expired authorization code"),
    "used_code": ("invalid_grant", "expired authorization code"),
    # Guess: the descriptions; the errors are documented.
    "missing_challenge": ("invalid_request", "missing required code challenge"),
    "missing_verifier": ("invalid_grant", "missing required code verifier"),
    "wrong_verifier": ("invalid_request", "invalid code verifier"),
    "unknown_refresh": _GONE,
    "rotated_refresh": _GONE,
    "ended": _GONE,
}


@define(kw_only=True)
class LoginRules:
    """What an admin of one org has set for logins of the app."""

    installed: bool = True
    allowed: bool = True
    blocked: bool = False
    approved: bool = True
    """Whether the user has approved the app beforehand, as a signed assertion needs."""
    ip_allowed: bool = True
    run_as: bool = True
    """Whether the app has a user to run as, as client credentials need."""
    org_active: bool = True
    rate_limited: bool = False
    user_locked: bool = False


class OAuthError(Exception):
    """An answer of the token endpoint, or an error of a redirect."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.description = description


def new_logins(settings: SandboxSettings) -> LoginBook:
    """The apps and the policy, as the sandbox's options say."""
    option = settings.option
    app = LoginApp(
        client_id=option("client_id", CLIENT_ID), secret=option("client_secret", CLIENT_SECRET)
    )
    pkce: Literal["required", "optional"] = (
        "required" if option("pkce", "required") == "required" else "optional"
    )
    policy = LoginPolicy(
        code_life=CODE_LIFE,
        access_life=float(option("session_seconds", str(SESSION))),
        rotation=option("rotation", "no") == "yes",
        pkce=pkce,
    )
    return LoginBook((app,), policy, make_token=_made)


def _made(kind: str, account: str) -> str:
    """Tokens of the vendor's looks: opaque, with signs that addresses must encode."""
    if kind == "access":
        org = hashlib.sha256(account.encode()).hexdigest()[:12].upper()
        return f"00D{org}!AQ{secrets.token_urlsafe(60)}"
    return f"{'aPrx' if kind == 'code' else '5Aep861'}{secrets.token_urlsafe(48)}=="

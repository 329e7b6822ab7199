"""What is sent to a vendor's login: addresses and forms, put together by oauthlib.

oauthlib refuses addresses without TLS. Which hosts may be talked to is decided in
`crmwire.hosts` (loopback only behind a switch), so oauthlib is given a stand-in and our own
address takes its place.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import jwt
from oauthlib.oauth2 import BackendApplicationClient, Client, WebApplicationClient

from crmwire.errors import ConfigurationError
from crmwire.types import OAuth2

_STAND_IN = "https://login.invalid/"
ASSERTION_LIFE = 170
"""Seconds that a signed assertion holds; Salesforce takes at most 180."""
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def code_verifier() -> str:
    """A fresh secret for PKCE (RFC 7636)."""
    made: str = Client("").create_code_verifier(64)
    return made


def authorisation_address(
    oauth: OAuth2,
    *,
    client_id: str,
    redirect_uri: str,
    state: str,
    scopes: Sequence[str],
    verifier: str | None,
) -> str:
    """Where a person is sent to consent."""
    client = WebApplicationClient(client_id)
    more: dict[str, str] = dict(oauth.parameters)
    if verifier is not None:
        challenge = client.create_code_challenge(verifier, "S256")
        more |= {"code_challenge": challenge, "code_challenge_method": "S256"}
    if oauth.optional_scopes:
        more["optional_scope"] = " ".join(oauth.optional_scopes)
    made = client.prepare_request_uri(
        _STAND_IN, redirect_uri=redirect_uri, scope=list(scopes) or None, state=state, **more
    )
    ours = urlsplit(oauth.authorize_url)
    query = "&".join(part for part in (ours.query, urlsplit(made).query) if part)
    return urlunsplit((ours.scheme, ours.netloc, ours.path, query, ""))


def code_form(
    *, client_id: str, secret: str | None, code: str, redirect_uri: str, verifier: str | None
) -> Mapping[str, str]:
    """What a code is exchanged with. A public client, without a secret, sends none."""
    client = WebApplicationClient(client_id)
    return _form(
        client.prepare_request_body(
            code=code, redirect_uri=redirect_uri, code_verifier=verifier, client_secret=secret
        )
    )


def refresh_form(*, client_id: str, secret: str | None, token: str) -> Mapping[str, str]:
    """What another access token is asked for with."""
    client = WebApplicationClient(client_id)
    body = client.prepare_refresh_body(
        refresh_token=token, client_id=client_id, client_secret=secret or ""
    )
    return _form(body)


def app_form(*, client_id: str, secret: str, scopes: Sequence[str]) -> Mapping[str, str]:
    """What an app that acts as itself asks with."""
    client = BackendApplicationClient(client_id)
    return _form(
        client.prepare_request_body(
            scope=list(scopes) or None, include_client_id=True, client_secret=secret
        )
    )


def assertion_form(
    *, client_id: str, key: str, user: str, audience: str, now: float | None = None
) -> Mapping[str, str]:
    """What an app asks with that signs for a user (RFC 7523). Raises: ConfigurationError."""
    at = int(time.time() if now is None else now)
    claims = {
        "iss": client_id,
        "sub": user,
        "aud": audience,
        "exp": at + ASSERTION_LIFE,
        "jti": str(uuid.uuid4()),
    }
    try:
        signed = jwt.encode(claims, key, algorithm="RS256")
    except (ValueError, TypeError, jwt.PyJWTError):
        raise ConfigurationError(
            "The private key of the login cannot be used.",
            remedy="Give an RSA key in PEM form, without a passphrase.",
        ) from None
    return {"grant_type": JWT_GRANT, "assertion": signed}


def _form(body: str) -> Mapping[str, str]:
    return {name: value for name, value in parse_qsl(body, keep_blank_values=True) if value != ""}

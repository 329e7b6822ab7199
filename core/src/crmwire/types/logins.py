"""How requests are authorised, and how a login is had."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import attrs
from attrs import frozen

Grant = Literal["authorization_code", "client_credentials", "jwt_bearer"]
"""How a login is had: a person consents in a browser, an app acts as itself, an app signs."""


@frozen(kw_only=True)
class OAuth2:
    """How a vendor's OAuth 2 works. Times are in seconds; all addresses are of the vendor's hosts.

    The first of `grants` is the usual one. `optional_scopes` are sent as `optional_scope`.
    `audience` is who a signed assertion (`jwt_bearer`) is for. An access token lives as long as
    its answer says, else for `lifetime`; None means until a request is refused. It is replaced
    `margin` before its end. A login that is not `refreshable` lasts until it is revoked; one that
    ends by not being used is refreshed at least every `keep_alive`. `base_url_field` names the
    field of the token answer that holds the API's base URL. `issuer` is what the vendor calls
    itself where it does (RFC 9207). `parameters` go into the authorisation address as well. With
    `needs_secret` nobody is sent to the vendor without the app's secret, since no code could be
    exchanged. `hint` tells a person what to look at if the vendor's page shows an error and never
    comes back.
    """

    authorize_url: str
    token_url: str
    revoke_url: str | None = None
    scopes: tuple[str, ...] = ()
    optional_scopes: tuple[str, ...] = ()
    pkce: bool = True
    grants: tuple[Grant, ...] = attrs.field(
        default=("authorization_code",), validator=attrs.validators.min_len(1)
    )
    audience: str = ""
    refreshable: bool = True
    lifetime: float | None = None
    margin: float = 300.0
    keep_alive: float | None = None
    base_url_field: str | None = None
    issuer: str | None = None
    parameters: Mapping[str, str] = attrs.field(factory=dict)
    needs_secret: bool = False
    hint: str = ""


@frozen(kw_only=True)
class AuthScheme:
    """How requests are authorised and where they go. `template` is filled with `{token}`.

    With `oauth` a person logs in by `crmwire connect`. A static token does as well, unless `kind`
    is `oauth2`.
    """

    kind: Literal["static_token", "oauth2"] = "static_token"
    base_url: str
    header: str = "Authorization"
    template: str = "Bearer {token}"
    token_hint: str = ""
    oauth: OAuth2 | None = None

"""Logging in to Attio: by OAuth 2 as a team's own app, or with a token of the settings.

docs.attio.com/docs/oauth: authorize, token, revoke (read 2026-11). A login's token does not end
and is never renewed: it holds until it is revoked or the app is uninstalled. The app's scopes are
set where it was made, build.attio.com, and are not asked for. PKCE is not documented, so it is
left out. Attio's documentation tells no body of a refusal; those of RFC 6749 are taken for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import frozen

from crmwire.errors import Failure, NeedsLogin, NotAllowed, RetryLater
from crmwire.hosts import is_loopback
from crmwire.http import Request
from crmwire.types import AuthScheme, OAuth2
from crmwire_attio import errors
from crmwire_attio.errors import NAME
from crmwire_attio.info import BASE_URL

if TYPE_CHECKING:
    from crmwire.connections import Connection

LOGIN_URL = "https://app.attio.com"
APP = "the app's page at build.attio.com"
AGAIN = "`crmwire connect attio --name NAME`"
WHERE = (
    "An access token of 64 characters: Attio's workspace settings, Developers, Access tokens. "
    "A new one has no scopes; give it record_permission:read-write, "
    "object_configuration:read, note:read-write and user_management:read."
)
HINT = (
    f"Attio shows a page instead of coming back if {APP} does not list this redirect address, if "
    "the client id is not the app's, or if an app that is not published stands in 25 workspaces "
    "already."
)


def scheme(conn: Connection) -> AuthScheme:
    """Where the login's pages are: at Attio, or at the sandbox that the connection is for."""
    host = conn.settings.host or ""
    here = host if is_loopback(host.partition("://")[2].partition(":")[0]) else LOGIN_URL
    pages = (conn.settings.login_host or here).rstrip("/")
    return AuthScheme(
        base_url=BASE_URL,
        token_hint=WHERE,
        oauth=OAuth2(
            authorize_url=f"{pages}/authorize",
            token_url=f"{pages}/oauth/token",
            revoke_url=f"{pages}/oauth/revoke",
            pkce=False,
            refreshable=False,
            needs_secret=True,
            hint=HINT,
        ),
    )


def revocation(conn: Connection, token: str) -> Request | None:
    """The token alone, as a form; Attio does not ask who revokes it."""
    oauth = scheme(conn).oauth
    if oauth is None or oauth.revoke_url is None:
        return None
    return Request(method="POST", path=oauth.revoke_url, form={"token": token})


# ---------------------------------------------------------------- refusals


@frozen(kw_only=True)
class Refused:
    """What a refusal of the login means. `told` is looked for in the vendor's text."""

    code: str
    kind: type[Failure]
    message: str
    remedy: str
    told: str = ""
    name: str = ""
    """Our own name for it, where one code of the vendor's stands for several causes."""


_APP_SECRET = (
    f"Compare the client id and secret with {APP}, then run `crmwire connect attio --name NAME "
    "--client-id ID --client-secret-stdin`."
)
REFUSED = (
    Refused(
        code="access_denied",
        kind=NotAllowed,
        message="Nobody let the app into a workspace: the login was declined.",
        remedy=f"Run {AGAIN} again, choose the workspace and allow it. In some workspaces only "
        "admins may install apps.",
    ),
    Refused(
        code="invalid_client",
        name="wrong_secret",
        told="secret",
        kind=NeedsLogin,
        message="Attio does not accept the app's client secret.",
        remedy=_APP_SECRET,
    ),
    Refused(
        code="invalid_client",
        kind=NeedsLogin,
        message="Attio does not know the app that logs in.",
        remedy=_APP_SECRET,
    ),
    Refused(
        code="unauthorized_client",
        kind=NeedsLogin,
        message="The app may not log in in this way.",
        remedy=f"Turn OAuth on in {APP}, then run {AGAIN}.",
    ),
    Refused(
        code="invalid_grant",
        name="expired_code",
        told="expired",
        kind=NeedsLogin,
        message="The login took too long: Attio's code has expired.",
        remedy=f"Run {AGAIN} again and finish it within ten minutes.",
    ),
    Refused(
        code="invalid_grant",
        name="used_code",
        told="used",
        kind=NeedsLogin,
        message="The login's code was used before: somebody may have seen it.",
        remedy=f"Run {AGAIN} again. If that was not you, uninstall the app in Attio first.",
    ),
    Refused(
        code="invalid_grant",
        name="other_redirect",
        told="redirect",
        kind=NeedsLogin,
        message="The login's code was given for another redirect address.",
        remedy=f"Register the redirect address that `crmwire connect` names on {APP}; run "
        f"{AGAIN} again.",
    ),
    Refused(
        code="invalid_grant",
        name="other_client",
        told="another client",
        kind=NeedsLogin,
        message="The login's code was given to another app.",
        remedy=_APP_SECRET,
    ),
    Refused(
        code="invalid_grant",
        kind=NeedsLogin,
        message="Attio does not accept the login's code.",
        remedy=f"Run {AGAIN} again.",
    ),
    Refused(
        code="redirect_uri_mismatch",
        kind=NeedsLogin,
        message="The redirect address is not one of the app's.",
        remedy=f"Register the redirect address that `crmwire connect` names on {APP}.",
    ),
    Refused(
        code="invalid_scope",
        kind=NeedsLogin,
        message="The app has no scopes, or was asked for others than it has.",
        remedy=f"Set the scopes on {APP}; ask for none with --scope. Then run {AGAIN} again.",
    ),
    Refused(
        code="unsupported_response_type",
        kind=NeedsLogin,
        message="Attio's login has changed.",
        remedy="Update crmwire-attio.",
    ),
    Refused(
        code="unsupported_grant_type",
        kind=NeedsLogin,
        message="Attio's login has changed.",
        remedy="Update crmwire-attio.",
    ),
    Refused(
        code="invalid_request",
        kind=NeedsLogin,
        message="Attio could not read the login.",
        remedy=f"Update crmwire-attio; then run {AGAIN} again.",
    ),
    Refused(
        code="server_error",
        kind=RetryLater,
        message="Attio's login failed at Attio's side.",
        remedy=f"Run {AGAIN} again in a while.",
    ),
    Refused(
        code="temporarily_unavailable",
        kind=RetryLater,
        message="Attio's login is not available now.",
        remedy=f"Run {AGAIN} again in a while.",
    ),
)
"""The first whose code and text fit counts."""


def failure(status: int, body: str, name: str = NAME) -> Failure | None:
    """What a refusal of the login means; None if the body is of no known form.

    Of a redirect's error the status is 0. A body in the form of the API's refusals is judged as
    those are.
    """
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, Mapping):
        return None
    code, text = told.get("error"), str(told.get("error_description") or "")
    if not isinstance(code, str):
        return errors.failure(status, body, name)
    for one in REFUSED:
        if one.code == code and re.search(one.told, text, re.IGNORECASE):
            return _made(one, text, name)
    other = Refused(
        code=code,
        kind=NeedsLogin,
        message="Attio does not accept the login.",
        remedy=f"Run {AGAIN} again; look at {APP}.",
    )
    return _made(other, text or code, name)


def _made(found: Refused, text: str, name: str) -> Failure:
    line = " ".join(text.split())[:200].rstrip(".")
    message = f"{found.message} It says: {line}." if line else found.message
    remedy = found.remedy.replace(NAME, name)
    code = found.name or found.code
    if found.kind is RetryLater:
        return RetryLater(message, pause=True, remedy=remedy, code=code)
    return found.kind(message, remedy=remedy, code=code)

"""What a browser brings back from a vendor's login page (RFC 6749, 4.1.2; RFC 9207)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from attrs import field, frozen

from crmwire.errors import ConfigurationError, LoginFailed, NotAllowed
from crmwire.hosts import checked_base_url
from crmwire.logins.endpoint import oauth_of

if TYPE_CHECKING:
    from crmwire.connections import Connection

MOST_PARAMETERS = 30
LONGEST = 8_192
AGAIN = "Begin again: the link or the command that began it can be used once."


@frozen(kw_only=True)
class Redirect:
    """The parameters that mean something; others are ignored, above all any address to go to."""

    state: str = field(repr=False)
    code: str | None = field(default=None, repr=False)
    error: str | None = None
    description: str | None = None
    issuer: str | None = None


def read_redirect(query: str) -> Redirect:
    """The parameters of a redirect's query. Raises: LoginFailed."""
    if len(query) > LONGEST:
        raise LoginFailed("What came back from the login is too long.", remedy=AGAIN)
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
    except ValueError:
        raise LoginFailed("What came back from the login cannot be read.", remedy=AGAIN) from None
    names = [name for name, _ in pairs]
    for name in ("state", "code", "error", "iss"):
        if names.count(name) > 1:
            raise LoginFailed(f"What came back from the login has two of {name}.", remedy=AGAIN)
    told = dict(pairs)
    if not told.get("state"):
        raise LoginFailed(
            "What came back from the login does not say which login it is.", remedy=AGAIN
        )
    return Redirect(
        state=told["state"],
        code=told.get("code") or None,
        error=told.get("error") or None,
        description=told.get("error_description") or None,
        issuer=told.get("iss"),
    )


def code_of(conn: Connection, redirect: Redirect) -> str:
    """The code, if the vendor let the person in.

    Raises: LoginFailed, or the Failure that the plugin makes of the vendor's error.
    """
    _check_issuer(conn, redirect.issuer)
    if redirect.error is not None:
        body = {"error": redirect.error, "error_description": redirect.description or ""}
        failure = conn.hooks.classify_login_error(0, {}, json.dumps(body))
        raise failure or NotAllowed("The vendor did not let you in.", code=redirect.error[:80])
    if redirect.code is None:
        raise LoginFailed("The login came back without a code.", remedy=AGAIN)
    return redirect.code


def _check_issuer(conn: Connection, issuer: str | None) -> None:
    """Refuse an answer of another server than the one that was asked."""
    expected = oauth_of(conn).issuer
    if issuer is None:
        return
    if expected is not None:
        right = issuer.rstrip("/") == expected.rstrip("/")
    else:
        try:
            right = bool(checked_base_url(issuer, conn.info.host_suffixes))
        except ConfigurationError:
            right = False
    if not right:
        raise LoginFailed("The login came back from another server than was asked.", remedy=AGAIN)

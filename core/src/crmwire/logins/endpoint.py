"""Asking a vendor's token endpoint, and what its refusals mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from crmwire.errors import ConfigurationError, Failure, NeedsLogin, RetryLater
from crmwire.hosts import checked_base_url
from crmwire.http import Request, retry_after, shared_client
from crmwire.logins.answers import Tokens, Unreadable, read_tokens
from crmwire.types import OAuth2

if TYPE_CHECKING:
    from crmwire.connections import Connection

CONNECT_TIMEOUT = 10.0
SLACK = 15.0
"""Seconds that a refresh may take beyond the deadlines of its request."""


def longest(conn: Connection) -> float:
    """Seconds after which a request to the token endpoint has surely ended."""
    return conn.settings.read_timeout + CONNECT_TIMEOUT + SLACK


def oauth_of(conn: Connection) -> OAuth2:
    """The plugin's OAuth 2, its addresses checked. Raises: ConfigurationError."""
    oauth = conn.scheme.oauth
    if oauth is None:
        raise ConfigurationError(
            f"{conn.info.title} has no login of that kind.",
            remedy=f"Give a token: `crmwire connection add {conn.crm} --name {conn.name}`.",
        )
    for url in (oauth.authorize_url, oauth.token_url, oauth.revoke_url):
        if url is not None:
            checked_base_url(url, conn.info.host_suffixes)
    return oauth


def ask(conn: Connection, form: Mapping[str, str]) -> Tokens:
    """Ask the token endpoint, once.

    Raises: RetryLater if it could not be asked or could not say; NeedsLogin and others as the
    plugin names its refusal.
    """
    oauth = oauth_of(conn)
    status, headers, body = send(conn, Request(method="POST", path=oauth.token_url, form=form))
    if status == 200:
        try:
            tokens = read_tokens(body, oauth)
        except Unreadable:
            raise RetryLater(
                "The answer of the login cannot be read.", pause=True, code="HTTP 200"
            ) from None
        if tokens.base_url is not None:
            _check_base_url(conn, tokens.base_url)
        return tokens
    raise refusal(conn, status, headers, body)


def send(conn: Connection, request: Request) -> tuple[int, Mapping[str, str], str]:
    """Send a request to one of the vendor's login addresses, without the connection's token.

    Raises: ConfigurationError for another host, RetryLater.
    """
    checked_base_url(request.path, conn.info.host_suffixes)
    conn.alive()
    try:
        status, headers, content = (conn.client or shared_client()).send(
            request,
            request.path,
            {},
            connect=min(CONNECT_TIMEOUT, conn.settings.read_timeout),
            read=conn.settings.read_timeout,
            called="CRM's login",
        )
    except RetryLater as error:
        error.pause = True
        error.sent = "no"  # whatever became of it, it wrote no record
        raise
    conn.alive()
    return status, headers, content.decode("utf-8", "replace")


def refusal(conn: Connection, status: int, headers: Mapping[str, str], body: str) -> Failure:
    """What an answer other than 200 means.

    A vendor that is down, or asks for fewer requests, has not refused the login, whatever the
    body says.
    """
    failure = conn.hooks.classify_login_error(status, headers, body)
    if status >= 500 or status in (408, 425, 429):
        if not isinstance(failure, RetryLater):
            failure = RetryLater(
                f"The CRM's login is not available (status {status}).",
                pause=True,
                code=f"HTTP {status}",
            )
        if failure.after is None:
            failure.after = retry_after(headers)
        return failure
    if failure is None:
        return RetryLater(
            f"The answer of the login cannot be read (status {status}).",
            pause=True,
            code=f"HTTP {status}",
        )
    return failure


def _check_base_url(conn: Connection, url: str) -> None:
    try:
        checked_base_url(url, conn.info.host_suffixes)
    except ConfigurationError as error:
        raise NeedsLogin(
            f"The login's answer names an address that is not the CRM's: {error.message}",
            remedy="Nothing was sent there. Look at which host the connection logs in at.",
            code="base_url",
        ) from error

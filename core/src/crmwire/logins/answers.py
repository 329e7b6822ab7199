"""Reading the answer of a token endpoint (RFC 6749, 5.1)."""

from __future__ import annotations

from typing import Any

import attrs
from attrs import frozen
from oauthlib.oauth2 import OAuth2Error, WebApplicationClient

from crmwire.logins.refusals import told_by
from crmwire.types import OAuth2

LONGEST_TOKEN = 16_384
LONGEST_LIFE = 10 * 365 * 24 * 3600.0


class Unreadable(Exception):
    """The answer is not what a token endpoint gives."""


@frozen(kw_only=True)
class Tokens:
    """What a login gave. `expires_in` is in seconds, `refresh_token` None if the old one stays."""

    access_token: str = attrs.field(repr=False)
    refresh_token: str | None = attrs.field(default=None, repr=False)
    expires_in: float | None = None
    scopes: tuple[str, ...] = ()
    base_url: str | None = None


def read_tokens(body: str, oauth: OAuth2) -> Tokens:
    """The tokens of an answer of status 200. Raises: Unreadable."""
    if not told_by(body):  # oauthlib would take a page of HTML for an odd form
        raise Unreadable
    try:
        told = dict(WebApplicationClient("").parse_request_body_response(body))
    except (OAuth2Error, ArithmeticError, ValueError, TypeError, AttributeError) as error:
        raise Unreadable from error
    return Tokens(
        access_token=_token(told.get("access_token")),
        refresh_token=_token(told["refresh_token"]) if told.get("refresh_token") else None,
        expires_in=_life(told.get("expires_in"), oauth),
        scopes=_scopes(told),
        base_url=_base_url(told, oauth),
    )


def _token(value: object) -> str:
    """A token can stand in a header: visible ASCII, and not endless."""
    if (
        isinstance(value, str)
        and 0 < len(value) <= LONGEST_TOKEN
        and all("!" <= sign <= "~" for sign in value)
    ):
        return value
    raise Unreadable


def _life(value: object, oauth: OAuth2) -> float | None:
    if isinstance(value, int | float) and 0 < value < LONGEST_LIFE:
        return float(value)
    return oauth.lifetime


def _scopes(told: dict[str, Any]) -> tuple[str, ...]:
    """What was granted: `scope` by the standard, a list `scopes` by some."""
    given = told.get("scopes") or told.get("scope") or ()
    if isinstance(given, str):
        given = given.split()
    if not isinstance(given, list | tuple):
        return ()
    return tuple(scope for scope in given if isinstance(scope, str))


def _base_url(told: dict[str, Any], oauth: OAuth2) -> str | None:
    if oauth.base_url_field is None:
        return None
    value = told.get(oauth.base_url_field)
    if not isinstance(value, str) or not value:
        raise Unreadable
    return value

"""Assertions that an app signs: "OAuth 2.0 JWT Bearer Flow" in Salesforce Help (read 2026-11)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jwt

AUDIENCES = ("https://login.salesforce.com", "https://test.salesforce.com")


class WrongAssertion(Exception):
    """The text that the token endpoint answers with."""


def read_assertion(text: str, certificate: str, host: str) -> Mapping[str, Any]:
    """The claims of an assertion that the app's certificate fits. Raises: WrongAssertion."""
    if not certificate:
        raise WrongAssertion("invalid assertion")
    try:
        claims: Mapping[str, Any] = jwt.decode(
            text,
            certificate,
            algorithms=["RS256"],
            audience=[host, *AUDIENCES],
            options={"require": ["iss", "sub", "aud", "exp"]},
        )
    except jwt.InvalidAudienceError:
        raise WrongAssertion("Audience validation failed") from None
    except (jwt.PyJWTError, ValueError):
        raise WrongAssertion("invalid assertion") from None
    return claims

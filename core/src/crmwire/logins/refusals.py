"""What a refusal of a login means, by the codes of RFC 6749 (4.1.2.1 and 5.2)."""

from __future__ import annotations

import json
from typing import Any

from crmwire.errors import Failure, NeedsLogin, NotAllowed, RetryLater

LONGEST_DESCRIPTION = 300


def classified(crm: str, name: str, status: int, body: str) -> Failure | None:
    """The failure that a token endpoint's answer or a redirect's error stands for.

    None if the body is not what RFC 6749 says. `crm` and `name` are the connection's.
    """
    told = told_by(body)
    code = told.get("error")
    if not isinstance(code, str):
        return None
    text = described(code, told.get("error_description"))
    again = f"Run `crmwire connect {crm} --name {name}`"
    match code:
        case "temporarily_unavailable" | "server_error" | "slow_down":
            return RetryLater(f"The login is not available: {text}", pause=True, code=code)
        case "access_denied":
            return NotAllowed(
                f"The login was declined: {text}",
                remedy=f"{again} again and consent to it.",
                code=code,
            )
        case "invalid_client" | "unauthorized_client":
            return NeedsLogin(
                f"The CRM does not know the app that logs in: {text}",
                remedy=f"{again} with the right --client-id, and --client-secret-stdin.",
                code=code,
            )
        case "invalid_scope":
            return NeedsLogin(
                f"The CRM does not give what was asked for: {text}",
                remedy=f"Give the app these scopes at the vendor. {again} then.",
                code=code,
            )
        case _:
            return NeedsLogin(
                f"The CRM does not accept the login: {text}", remedy=f"{again}.", code=code
            )


def told_by(body: str) -> dict[str, Any]:
    """The JSON object of a body, empty if it is none."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def described(code: str, description: object) -> str:
    """The code and what the vendor says of it, in one line that a terminal can show."""
    text = f"{code} ({description})" if isinstance(description, str) and description else code
    line = "".join(sign if sign.isprintable() else " " for sign in text)
    return f"{line[:LONGEST_DESCRIPTION].rstrip('.')}."

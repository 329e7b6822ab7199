"""Forms as they come in, and the refusals of the token endpoint."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from crmwire.sandbox.logins import LoginRefused, Reason
from crmwire_hubspot.sandbox_app.login_routes.ledger import Form

_CODE = ("BAD_AUTH_CODE", "invalid_grant", "missing or unknown auth code")
_TOKEN = ("BAD_REFRESH_TOKEN", "invalid_grant", "missing or invalid refresh token")
_REFUSALS: Mapping[Reason, tuple[str, str, str]] = {
    # Guess: the names and wordings of all but BAD_AUTH_CODE and BAD_REFRESH_TOKEN.
    "unknown_client": ("BAD_CLIENT_ID", "invalid_client", "missing or unknown client id"),
    "wrong_secret": ("BAD_CLIENT_SECRET", "invalid_client", "missing or invalid client secret"),
    "other_redirect": (
        "MISMATCH_REDIRECT_URI_AUTH_CODE",
        "invalid_grant",
        "redirect_uri does not match the one that the code was made for",
    ),
    "unknown_code": _CODE,
    "expired_code": _CODE,
    "used_code": _CODE,
    "other_client": _CODE,
    "missing_verifier": _CODE,
    "wrong_verifier": _CODE,
    "unknown_refresh": _TOKEN,
    "rotated_refresh": _TOKEN,
    "ended": _TOKEN,
}


def refusal(status: str, error: str | None, message: str, *, status_: int = 400) -> Response:
    """Since January 2026 with the members of RFC 6749 beside the older ones."""
    told = {"status": status, "message": message, "correlationId": new_id()}
    if error is not None:
        told |= {"error": error, "error_description": message}
    return JSONResponse(told, status_)


def by_form(answer: Callable[[Form], Response]) -> Callable[[Request], Awaitable[Response]]:
    """A handler of a form, which stands in the body and never in the query."""

    async def handle(request: Request) -> Response:
        try:
            return answer(form_of(await request.body()))
        except LoginRefused as refused:
            return refusal(*_REFUSALS[refused.reason])

    return handle


def form_of(body: bytes) -> dict[str, str]:
    """The values of a form in a body, blank ones too."""
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def new_id() -> str:
    """An id of an answer."""
    return str(uuid.uuid4())

"""How a request is refused before its handler, and what a refusal looks like."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from crmwire_hubspot.sandbox_app.refusals import Refusal
from crmwire_hubspot.sandbox_app.times import stamp

_PAGE = (
    "<html>\n<head>\n<title>Error 404 Not Found</title>\n</head>\n"
    "<body><h2>HTTP ERROR 404</h2>\n<p>Resource not found</p>\n</body>\n</html>\n"
)


def refused(request: Request, refusal: Refusal, correlation: str) -> Response:
    """A refusal as JSON; not found is a page for clients that do not ask for JSON."""
    asks_for_json = "application/json" in request.headers.get("accept", "")
    if refusal.status == 404 and not asks_for_json:
        return HTMLResponse(
            _PAGE,
            404,
            headers={
                "Content-Type": "text/html;charset=iso-8859-1",
                "X-HubSpot-NotFound": "true",
            },
        )
    return JSONResponse(refusal.body(correlation), refusal.status)


def unusable() -> Refusal:
    """Guess: also for a token of an app that was uninstalled."""
    return Refusal(
        401,
        "Authentication credentials not found. This API supports OAuth 2.0 "
        "authentication and you can find more details at "
        "https://developers.hubspot.com/docs/methods/auth/oauth-overview",
        category="INVALID_AUTHENTICATION",
    )


def expired(at: float, now: float) -> Refusal:
    """A text that is no token at all reads as expired since 1970."""
    ended = datetime.fromtimestamp(at, UTC)
    seconds = int(now - at)
    told = f"{seconds} second(s)" if at else f"{seconds // 86_400} day(s)"
    return Refusal(
        401,
        f"The OAuth token used to make this call expired {told} ago.",
        category="EXPIRED_AUTHENTICATION",
        context={"expire time": [stamp(ended)]},
    )

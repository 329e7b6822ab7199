"""Webhooks over HTTP: the answer tells that an event is on disk, and nothing of any CRM."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

import structlog
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from crmwire.alerting.intakes import Intakes
from crmwire.errors import (
    CrmwireError,
    PluginBroken,
    StoreUnavailable,
    UnreadableWebhook,
    WebhookRefused,
)
from crmwire.intake import LARGEST_BODY, Intake, take_in, token_hash
from crmwire.login_pages import login_routes
from crmwire.tallies import Tallies
from crmwire.types import WebhookRequest

if TYPE_CHECKING:
    from crmwire.opening import Openings

log = structlog.get_logger("crmwire.receiver")

JSON_TYPES = (
    "application/json",
    "application/x-www-form-urlencoded",
    "text/calendar",
    "text/plain",
    "",
)
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "via")
"""Headers of requests that came through a proxy: metrics are for this machine and its network."""


def receiver(
    openings: Openings,
    wake: Callable[[Collection[str]], None],
    health: Callable[[], dict[str, object]],
    intakes: Intakes | None = None,
    tallies: Tallies | None = None,
) -> Starlette:
    """The ASGI app of the daemon: `POST /in/TOKEN`, `GET /healthz`, `GET /metrics`, and logging in.

    `intakes` is told which feeds refused a webhook and which took one, `tallies` how many.
    """
    counts, tallies = intakes or Intakes(), tallies or Tallies()

    async def take(request: Request) -> Response:
        # All that may wait is done on one thread: each change of threads costs time.
        made = await run_in_threadpool(taken, request, await _body(request))
        if isinstance(made, Response):
            return made
        feed, became = made
        return _answer(feed, became) if isinstance(became, Intake) else _refusal(feed, became)

    def taken(request: Request, body: bytes | None) -> Response | tuple[str, Intake | CrmwireError]:
        row = openings.feed_by_token(token_hash(request.path_params["token"]))
        if row is None:
            return _error(404, "unknown_feed", "No feed has this address.")
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in JSON_TYPES and not kind.endswith("+json"):
            return _error(415, "unsupported_type", f"Send JSON, not {kind[:80]}.")
        if body is None:
            limit = LARGEST_BODY // 1024
            return _error(413, "too_large", f"A webhook may have {limit} kB at most.")
        webhook = WebhookRequest(
            body=body,
            headers={name.lower(): value for name, value in request.headers.items()},
            query=dict(request.query_params),
            received_at=openings.clock.now(),
        )
        try:
            made = take_in(openings, row, webhook)
        except CrmwireError as error:
            if isinstance(error, WebhookRefused):
                counts.refused(row.id, webhook.received_at.timestamp())
            elif not isinstance(error, UnreadableWebhook | StoreUnavailable):
                counts.failed(row.id)
            tallies.webhook(row.name, _became(error))
            return row.name, error
        except Exception as error:  # noqa: BLE001  (the source must be able to send it again)
            tallies.webhook(row.name, "failed")
            log.error("webhook_failed", feed=row.name, error=f"{type(error).__name__}: {error}")
            return _error(503, "unavailable", "The event was not stored; send it again.")
        counts.taken(row.id, webhook.received_at.timestamp())
        tallies.webhook(row.name, made.status)
        wake(made.lanes)
        return row.name, made

    async def healthz(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(health))

    async def metrics(request: Request) -> Response:
        if any(name in request.headers for name in FORWARDED):
            return _error(404, "not_found", "There is nothing here.")
        from crmwire.metrics import CONTENT_TYPE_LATEST, exposition

        text = await run_in_threadpool(exposition, openings, tallies)
        return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def unavailable(request: Request, error: Exception) -> Response:
        log.error("store_unavailable", error=str(error))
        return _error(503, "store_unavailable", "The event was not stored; send it again.")

    async def not_found(request: Request, error: Exception) -> Response:
        return _error(404, "not_found", "There is nothing here.")

    async def not_allowed(request: Request, error: Exception) -> Response:
        return _error(405, "method_not_allowed", "Webhooks are sent with POST.")

    async def gone(request: Request, error: Exception) -> Response:
        return _error(400, "incomplete", "The body ended early.")

    app = Starlette(
        routes=[
            Route("/in/{token}", take, methods=["POST"]),
            Route("/healthz", healthz),
            Route("/metrics", metrics),
            *login_routes(openings, wake),
        ],
        exception_handlers={
            StoreUnavailable: unavailable,
            ClientDisconnect: gone,
            404: not_found,
            405: not_allowed,
        },
    )
    # A webhook is not sent again to where it is redirected to; and a query of any bytes breaks it.
    app.router.redirect_slashes = False
    return app


async def _body(request: Request) -> bytes | None:
    """The body, or None as soon as it is larger than is taken."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST_BODY:
            return None
        parts.append(part)
    return b"".join(parts)


def _answer(feed: str, made: Intake) -> Response:
    log.info(
        "webhook_taken",
        feed=feed,
        status=made.status,
        events=[one.event_id for one in made.accepted],
        deliveries=sum(one.deliveries for one in made.accepted),
    )
    status = 200 if made.status == "duplicate" else 202
    body: dict[str, object] = {
        "status": made.status,
        "events": [one.event_id for one in made.accepted],
    }
    if made.reason:
        body["reason"] = made.reason
    return JSONResponse(body, status)


def _refusal(feed: str, error: CrmwireError) -> Response:
    log.warning("webhook_refused", feed=feed, error=type(error).__name__, reason=error.message)
    if isinstance(error, WebhookRefused):
        return _error(401, "bad_signature", error.message)
    if isinstance(error, UnreadableWebhook):
        return _error(400, "unreadable", error.message)
    if isinstance(error, StoreUnavailable | PluginBroken):
        return _error(503, "unavailable", "The event was not stored; send it again.")
    return _error(503, "unavailable", error.message)


def _became(error: CrmwireError) -> str:
    if isinstance(error, WebhookRefused):
        return "refused"
    return "unreadable" if isinstance(error, UnreadableWebhook) else "failed"


def _error(status: int, code: str, message: str) -> JSONResponse:
    headers = {"Retry-After": "5"} if status == 503 else {}
    return JSONResponse({"error": code, "message": message}, status, headers=headers)

"""Logging in at the daemon, for whoever cannot use the command line's own browser.

`crmwire connect … --hosted URL` prints a link with a ticket; nobody without one can begin. The
link shows a button; pressing it uses the ticket up and sends that browser, which is given a
cookie, to the vendor; only the browser with the cookie can bring the login back. Nothing that
comes from outside decides where a browser is sent: the vendor's address is the plugin's, and
after the login there is a page of ours.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from crmwire.errors import CrmwireError
from crmwire.logins.loopback import PATH
from crmwire.logins.pages import HEADERS, invitation, page
from crmwire.setting_up import inviting, logins

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from crmwire.opening import Openings

log = structlog.get_logger("crmwire.login")

COOKIE = "crmwire_login"
LARGEST_FORM = 4_096


def login_routes(openings: Openings, wake: Callable[[Collection[str]], None]) -> list[Route]:
    """`/oauth/{crm}/start` and `/oauth/callback`."""

    async def show(request: Request) -> Response:
        crm, ticket = request.path_params["crm"], request.query_params.get("ticket", "")
        try:
            row = await run_in_threadpool(inviting.invited, openings, crm, ticket)
        except CrmwireError as error:
            return _refused(error)
        text = f"Let crmwire act in the CRM ({row.crm}) for the connection {row.name}."
        return _page(200, invitation("Log in to the CRM", text, ticket))

    async def start(request: Request) -> Response:
        crm = request.path_params["crm"]
        ticket = _first(await _form(request), "ticket")
        browser = secrets.token_urlsafe(32)
        try:
            begun = await run_in_threadpool(inviting.begin_invited, openings, crm, ticket, browser)
        except CrmwireError as error:
            return _refused(error)
        answer = Response(status_code=303, headers={"Cache-Control": "no-store",
                          "Referrer-Policy": "no-referrer", "Location": begun.address})  # fmt: skip
        answer.set_cookie(
            COOKIE,
            browser,
            max_age=int(logins.LIFE),
            path="/",  # a proxy may put the daemon below a path
            secure=begun.redirect_uri.startswith("https:"),
            httponly=True,
            samesite="lax",  # the vendor sends the browser back by a link
        )
        return answer

    async def callback(request: Request) -> Response:
        browser = request.cookies.get(COOKIE, "")
        query = request.scope["query_string"].decode("utf-8", "replace")  # any bytes may come
        try:
            made = await run_in_threadpool(lambda: logins.finish(openings, query, browser=browser))
        except CrmwireError as error:
            log.warning("login_failed", error=type(error).__name__, problem=error.message)
            return _refused(error)
        row = await run_in_threadpool(openings.store.connection, made.name)
        wake([row.lane])
        log.info("login_finished", connection=made.name, crm=made.crm)
        answer = _page(200, page("You are logged in.", made.summary, "You may close this page."))
        answer.delete_cookie(COOKIE, path="/")
        return answer

    return [
        Route("/oauth/{crm}/start", show, methods=["GET"]),
        Route("/oauth/{crm}/start", start, methods=["POST"]),
        Route(PATH, callback, methods=["GET"]),
    ]


def _page(status: int, text: str) -> Response:
    return Response(text, status, headers=HEADERS)


def _refused(error: CrmwireError) -> Response:
    return _page(400, page("You are not logged in.", error.message, error.remedy))


async def _form(request: Request) -> dict[str, list[str]]:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST_FORM:
            return {}
        parts.append(part)
    return parse_qs(b"".join(parts).decode("utf-8", "replace"))


def _first(form: dict[str, list[str]], name: str) -> str:
    return next(iter(form.get(name, [])), "")

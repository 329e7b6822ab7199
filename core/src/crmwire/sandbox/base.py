"""The frame of a vendor's sandbox: the ASGI app and its logs, and the way of a request."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crmwire.sandbox.accounts import Account, TimelineEntry, TimelinePerson
from crmwire.sandbox.control import CONTROL, ControlFace
from crmwire.sandbox.faults import Fault, Faults
from crmwire.sandbox.logins import CLIENT_ID, CLIENT_SECRET, LoginApp, LoginBook, LoginPolicy
from crmwire.sandbox.server import abort
from crmwire.sandbox.settings import SandboxSettings


class Sandbox:
    """An ASGI app that behaves as a vendor's API does.

    A plugin gives `title`, `routes`, `new_account` and `timelines`. Handlers run on one event
    loop and must not await between reading and changing records, so each request is atomic.
    """

    title = "Sandbox"
    later_options: frozenset[str] = frozenset()
    """Options that are looked for only while it runs, so that they are known from the start."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        names = [name for name in vars(cls) if re.match("_[^_]", name) and name in vars(Sandbox)]
        if names and Sandbox in cls.__bases__:  # below a vendor's own, it is meant
            raise TypeError(
                f"{cls.__name__}.{names[0]}: that name is in use by what all sandboxes share "
                "(crmwire.sandbox.base). Choose another."
            )

    def __init__(self, settings: SandboxSettings) -> None:
        self.settings = settings
        self.latency = settings.latency
        self.faults = Faults(settings.seed)
        self.requests: list[dict[str, Any]] = []
        self.commits: list[dict[str, Any]] = []
        self.logins = self.new_logins()
        self.accounts: dict[str, Account] = {
            token: self.new_account(token, number)
            for number, token in enumerate(settings.tokens, start=1)
        }
        self._vendor: ASGIApp = Starlette(routes=list(self.routes()))
        self._own: ASGIApp = Starlette(routes=ControlFace(self).routes())

    # ------------------------------------------------------------ what a vendor gives

    def routes(self) -> Sequence[BaseRoute]:
        """The vendor's API."""
        raise TypeError(f"{type(self).__name__} has no routes")

    def new_account(self, token: str, number: int) -> Account:
        """A fresh account for this token."""
        return Account(token=token, name=f"Example Ltd {number}")

    def new_logins(self) -> LoginBook:
        """The vendor's logins: which app, and how long tokens live."""
        option = self.settings.option
        app = LoginApp(
            client_id=option("client_id", CLIENT_ID), secret=option("client_secret", CLIENT_SECRET)
        )
        return LoginBook((app,), LoginPolicy(rotation=option("rotation", "no") == "yes"))

    def timelines(self, account: Account) -> list[TimelinePerson]:
        """Every person of the account, each with the activities on their timeline."""
        raise TypeError(f"{type(self).__name__} has no timelines")

    def unattached(self, account: Account) -> list[TimelineEntry]:
        """Activities that stand on nobody's timeline."""
        return []

    async def admin(self, account: Account, action: str, body: Mapping[str, Any]) -> Any:
        """Do what a person would do in the vendor's own screens; a plugin names its actions."""
        raise LookupError(f"no admin action {action!r}")

    def refuse_path(self, request: Request) -> Response | None:
        """Answer a request that matches no route, as the vendor does; None for a plain 404."""
        return None

    # ------------------------------------------------------------ for the vendor's handlers

    def account_of(self, request: Request) -> Account | None:
        """The account whose token the request carries as a bearer: a static one, or a login's."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        consent = self.logins.consent_of(token.strip())
        return self.accounts.get(consent.account if consent is not None else token.strip())

    def commit(
        self, account: Account, action: str, type_: str, id_: str, fields: Mapping[str, Any]
    ) -> None:
        """Note that a record was changed: create, update, delete, or associate."""
        self.commits.append(
            {
                "n": len(self.commits) + 1,
                "time": time.time(),
                "account": account.token,
                "action": action,
                "type": type_,
                "id": id_,
                "fields": dict(fields),
            }
        )

    # ------------------------------------------------------------ the way of a request

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._own(scope, receive, send)
            return
        if scope["path"] == "/" or scope["path"].startswith(CONTROL):
            await self._own(scope, receive, send)
            return
        body = await Request(scope, receive).body()
        entry: dict[str, Any] = {
            "n": len(self.requests) + 1,
            "time": time.time(),
            "account": (account.token if (account := self.account_of(Request(scope))) else None),
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode("latin-1"),
            "body": body.decode("utf-8", "replace")[:200_000],
            "status": None,
            "fault": None,
        }
        self.requests.append(entry)
        if self.latency:
            await asyncio.sleep(self.latency)
        fault = self.faults.draw(scope["method"], scope["path"])
        entry["fault"] = fault.kind if fault else None
        if fault is None:
            await self._answer(scope, body, send, entry)
        else:
            await self._misbehave(fault, scope, body, send, entry)

    async def _answer(self, scope: Scope, body: bytes, send: Send, entry: dict[str, Any]) -> None:
        start, content = await self._handled(scope, body)
        entry["status"] = start["status"]
        await send(start)
        await send({"type": "http.response.body", "body": content})

    async def _handled(self, scope: Scope, body: bytes) -> tuple[Message, bytes]:
        """Let the vendor's handlers answer, and keep the answer."""
        messages: list[Message] = []
        given = False

        async def receive() -> Message:
            nonlocal given
            if given:
                return {"type": "http.disconnect"}
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def keep(message: Message) -> None:
            messages.append(message)

        vendor_scope = dict(scope)
        await self._vendor(vendor_scope, receive, keep)
        if messages[0]["status"] == 404 and "endpoint" not in vendor_scope:
            refused = self.refuse_path(Request(scope))
            if refused is not None:
                messages.clear()
                await refused(scope, receive, keep)
        content = b"".join(message.get("body", b"") for message in messages[1:])
        return messages[0], content

    async def _misbehave(
        self, fault: Fault, scope: Scope, body: bytes, send: Send, entry: dict[str, Any]
    ) -> None:
        match fault.kind:
            case "latency":
                await asyncio.sleep(fault.seconds)
                await self._answer(scope, body, send, entry)
            case "status":
                entry["status"] = fault.status
                content = fault.body if fault.body is not None else {"message": "sandbox fault"}
                answer = JSONResponse(content, fault.status, headers=fault.headers)
                await answer(scope, _no_body, send)
            case "html":
                entry["status"] = fault.status
                html = HTMLResponse("<html><body>Down for maintenance</body></html>", fault.status)
                await html(scope, _no_body, send)
            case "timeout":
                await asyncio.sleep(fault.seconds)
                abort(scope)
            case "cut_before":
                abort(scope)
            case "lost_answer":
                start, _ = await self._handled(scope, body)
                entry["status"] = start["status"]
                abort(scope)
            case "late_commit":
                await asyncio.sleep(fault.seconds)
                start, _ = await self._handled(scope, body)
                entry["status"] = start["status"]
                abort(scope)
            case "cut_short":
                start, content = await self._handled(scope, body)
                entry["status"] = start["status"]
                await send(start)
                half = content[: len(content) // 2]
                await send({"type": "http.response.body", "body": half, "more_body": True})
                await asyncio.sleep(0.01)
                abort(scope)


async def _no_body() -> Message:
    return {"type": "http.disconnect"}

"""The frame of a vendor's sandbox: the ASGI app, its control face and its logs."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import attrs
import cattrs
from attrs import define, frozen
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crmwire.sandbox.faults import Fault, FaultKind, Faults
from crmwire.sandbox.logins import CLIENT_ID, CLIENT_SECRET, LoginApp, LoginBook, LoginPolicy
from crmwire.sandbox.server import abort
from crmwire.sandbox.viewer import page

CONTROL = "/__sandbox__"


@frozen(kw_only=True)
class SandboxSettings:
    """How a sandbox is set up: one account for each token.

    `latency` is in seconds. `options` are the vendor's own switches, as text, named in the
    plugin's documentation; all have `client_id`, `client_secret` (of the app that may log in) and
    `rotation` (`yes`: each refresh gives another refresh token).
    """

    tokens: tuple[str, ...] = ("sandbox",)
    latency: float = 0.0
    seed: int = 0
    options: Mapping[str, str] = attrs.field(factory=dict)
    asked: set[str] = attrs.field(factory=set, init=False, eq=False, repr=False)
    """The names of the options that this vendor's sandbox looked for."""

    def option(self, name: str, default: str) -> str:
        self.asked.add(name)
        return self.options.get(name, default)


@define(kw_only=True)
class Account:
    """One account at the vendor; a plugin's sandbox adds its records."""

    token: str
    name: str = "Example Ltd"


@frozen(kw_only=True)
class TimelineEntry:
    """An activity as a person sees it; times as the vendor stores them."""

    type: str
    id: str
    title: str
    start: str = ""
    end: str = ""
    status: str = ""
    text: str = ""


@frozen(kw_only=True)
class TimelinePerson:
    """A person and what stands on their timeline."""

    type: str
    id: str
    name: str
    email: str
    fields: Mapping[str, Any] = attrs.field(factory=dict)
    entries: tuple[TimelineEntry, ...] = ()


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
        self._own = Starlette(
            routes=[
                Route("/", self._page),
                Mount(
                    CONTROL,
                    routes=[
                        Route("/requests", self._get_requests),
                        Route("/commits", self._get_commits),
                        Route("/timelines", self._get_timelines),
                        Route("/faults", self._post_faults, methods=["POST"]),
                        Route("/latency", self._post_latency, methods=["POST"]),
                        Route("/admin", self._post_admin, methods=["POST"]),
                    ],
                ),
            ]
        )

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

    # ------------------------------------------------------------ the control face

    async def _page(self, request: Request) -> Response:
        return HTMLResponse(page(self.title, self._all_timelines()))

    async def _get_requests(self, request: Request) -> Response:
        since = int(request.query_params.get("since", "0"))
        return JSONResponse({"requests": self.requests[since:]})

    async def _get_commits(self, request: Request) -> Response:
        since = int(request.query_params.get("since", "0"))
        return JSONResponse({"commits": self.commits[since:]})

    async def _get_timelines(self, request: Request) -> Response:
        return JSONResponse({"accounts": self._all_timelines()})

    def _all_timelines(self) -> list[dict[str, Any]]:
        return [
            {
                "token": account.token,
                "name": account.name,
                "people": [attrs.asdict(person) for person in self.timelines(account)],
                "unattached": [attrs.asdict(entry) for entry in self.unattached(account)],
            }
            for account in self.accounts.values()
        ]

    async def _post_faults(self, request: Request) -> Response:
        try:
            body = json.loads(await request.body())
            faults = cattrs.structure(body["faults"], list[Fault])
        except (cattrs.BaseValidationError, ValueError, LookupError, TypeError) as error:
            known = {"kinds": get_args(FaultKind), "fields": sorted(attrs.fields_dict(Fault))}
            return JSONResponse({"error": f"these are no faults: {error}", **known}, 400)
        self.faults.arm(faults, seed=body.get("seed"))
        return JSONResponse({"armed": len(faults)})

    async def _post_latency(self, request: Request) -> Response:
        self.latency = float(json.loads(await request.body())["seconds"])
        return JSONResponse({"latency": self.latency})

    async def _post_admin(self, request: Request) -> Response:
        body = json.loads(await request.body())
        account = self.accounts[body.get("account") or next(iter(self.accounts))]
        try:
            return JSONResponse(await self.admin(account, body["action"], body))
        except LookupError as error:
            done = self._login_admin(account, body["action"])
            return JSONResponse({"error": str(error)}, 404) if done is None else JSONResponse(done)

    def _login_admin(self, account: Account, action: str) -> dict[str, Any] | None:
        """What an admin of any vendor can do with logins, where the plugin has no way of its own.

        `expire_tokens` ends the access tokens now, `end_logins` every login of the account,
        `restore_logins` undoes that. None for another action.
        """
        match action:
            case "expire_tokens":
                self.logins.expire(account.token)
            case "end_logins":
                return {"ended": self.logins.end(account.token)}
            case "restore_logins":
                self.logins.restore(account.token)
            case _:
                return None
        return {}


async def _no_body() -> Message:
    return {"type": "http.disconnect"}

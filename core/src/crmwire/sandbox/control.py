"""The control face of a sandbox: its logs and timelines, faults, and what an admin does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

import attrs
import cattrs
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from crmwire.sandbox.accounts import Account
from crmwire.sandbox.faults import Fault, FaultKind
from crmwire.sandbox.viewer import page

if TYPE_CHECKING:
    from crmwire.sandbox.base import Sandbox

CONTROL = "/__sandbox__"


class ControlFace:
    """What a sandbox answers itself, beside the vendor's API: the viewer, and all below CONTROL."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[BaseRoute]:
        return [
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

    async def _page(self, request: Request) -> Response:
        return HTMLResponse(page(self._sandbox.title, self._all_timelines()))

    async def _get_requests(self, request: Request) -> Response:
        since = int(request.query_params.get("since", "0"))
        return JSONResponse({"requests": self._sandbox.requests[since:]})

    async def _get_commits(self, request: Request) -> Response:
        since = int(request.query_params.get("since", "0"))
        return JSONResponse({"commits": self._sandbox.commits[since:]})

    async def _get_timelines(self, request: Request) -> Response:
        return JSONResponse({"accounts": self._all_timelines()})

    def _all_timelines(self) -> list[dict[str, Any]]:
        return [
            {
                "token": account.token,
                "name": account.name,
                "people": [attrs.asdict(person) for person in self._sandbox.timelines(account)],
                "unattached": [attrs.asdict(entry) for entry in self._sandbox.unattached(account)],
            }
            for account in self._sandbox.accounts.values()
        ]

    async def _post_faults(self, request: Request) -> Response:
        try:
            body = json.loads(await request.body())
            faults = cattrs.structure(body["faults"], list[Fault])
        except (cattrs.BaseValidationError, ValueError, LookupError, TypeError) as error:
            known = {"kinds": get_args(FaultKind), "fields": sorted(attrs.fields_dict(Fault))}
            return JSONResponse({"error": f"these are no faults: {error}", **known}, 400)
        self._sandbox.faults.arm(faults, seed=body.get("seed"))
        return JSONResponse({"armed": len(faults)})

    async def _post_latency(self, request: Request) -> Response:
        self._sandbox.latency = float(json.loads(await request.body())["seconds"])
        return JSONResponse({"latency": self._sandbox.latency})

    async def _post_admin(self, request: Request) -> Response:
        body = json.loads(await request.body())
        account = self._sandbox.accounts[body.get("account") or next(iter(self._sandbox.accounts))]
        try:
            return JSONResponse(await self._sandbox.admin(account, body["action"], body))
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
                self._sandbox.logins.expire(account.token)
            case "end_logins":
                return {"ended": self._sandbox.logins.end(account.token)}
            case "restore_logins":
                self._sandbox.logins.restore(account.token)
            case _:
                return None
        return {}

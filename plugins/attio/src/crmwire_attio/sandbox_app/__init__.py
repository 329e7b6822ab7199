"""A sandbox of Attio's REST API, version 2, as it stood in November 2026.

Options: `limits` (on, off), `link_delay` (seconds until a person's company is linked, 0.3),
`scopes` (of every token, separated by blanks), `custom_objects` (how many the plan includes, 12;
0 for a plan without any), and those of `crmwire_attio.sandbox_app.logins`. Where
the vendor's behaviour is not known, a comment says "Guess".
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from crmwire.sandbox import Account, Sandbox, SandboxSettings, TimelineEntry, TimelinePerson
from crmwire.sandbox.logins import LoginBook
from crmwire_attio.sandbox_app import (
    admin,
    answers,
    configuration,
    lists,
    members,
    notes,
    records,
    store,
    tasks,
    timeline,
)
from crmwire_attio.sandbox_app.call import Call, Endpoint
from crmwire_attio.sandbox_app.limits import Windows
from crmwire_attio.sandbox_app.linking import Linker
from crmwire_attio.sandbox_app.logins import LoginPages, new_logins, token_of
from crmwire_attio.sandbox_app.standard import add_standard_objects, fixed_id
from crmwire_attio.sandbox_app.workspace import Access, Member, Workspace

SCOPES = (
    "list_configuration:read-write list_entry:read-write note:read-write "
    "object_configuration:read-write record_permission:read-write task:read-write "
    "user_management:read"
)
_ENDPOINTS = (
    *members.ENDPOINTS,
    *configuration.ENDPOINTS,
    *records.ENDPOINTS,
    *lists.ENDPOINTS,
    *notes.ENDPOINTS,
    *tasks.ENDPOINTS,
)
_NAMESPACE = uuid.UUID("5d2d8a1c-6f0e-5c57-9d6e-0d6b6f1f7a10")
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


class AttioSandbox(Sandbox):
    """Workspaces in memory, one for each token."""

    title = "Attio sandbox"
    later_options = frozenset({"app_scopes"})

    def __init__(self, settings: SandboxSettings) -> None:
        self._limited = settings.option("limits", "on") != "off"
        self._windows: dict[str, Windows] = {}
        self._linker = Linker(float(settings.option("link_delay", "0.3")))
        self._pages = LoginPages(self)
        super().__init__(settings)

    def new_account(self, token: str, number: int) -> Workspace:
        id_ = uuid.uuid5(_NAMESPACE, token)
        workspace = Workspace(
            token=token,
            name=f"Example {number}",
            id=str(id_),
            slug=f"example-{number}",
            token_id=str(uuid.uuid5(id_, "token")),
            client_id=str(uuid.uuid5(id_, "client")),
            scopes=frozenset(self.settings.option("scopes", SCOPES).split()),
            custom_objects=int(self.settings.option("custom_objects", "12")),
        )
        admin_ = Member(
            id=fixed_id(workspace, "admin"),
            first_name="Sam",
            last_name="Host",
            email_address="host@example.com",
            access_level="admin",
            created_at=workspace.started_at,
        )
        workspace.members[admin_.id] = admin_
        add_standard_objects(workspace)
        return workspace

    def new_logins(self) -> LoginBook:
        return new_logins(self.settings)

    # ------------------------------------------------------------ requests

    def routes(self) -> Sequence[BaseRoute]:
        by_path: dict[str, dict[str, Endpoint]] = {}
        for endpoint in _ENDPOINTS:
            by_path.setdefault(endpoint.path, {})[endpoint.method] = endpoint
        return [
            *self._pages.routes(),
            Route("/v2/self", self._self),
            *(
                Route(path, self._handler(endpoints), methods=list(endpoints))
                for path, endpoints in by_path.items()
            ),
            # Also for a known path with a method that it does not have.
            Route("/{path:path}", self._nowhere, methods=_METHODS),
        ]

    def account_of(self, request: Request) -> Workspace | None:
        token = token_of(request)
        consent = self.logins.consent_of(token)
        account = self.accounts.get(token if consent is None else consent.account)
        if not isinstance(account, Workspace) or (consent is None and account.revoked):
            return None
        return account

    def access_of(self, request: Request) -> Access | None:
        """What the request's token may do: one made in the settings, or one of a login."""
        token = token_of(request)
        consent, workspace = self.logins.consent_of(token), self.account_of(request)
        if workspace is None or consent is None:
            return None if workspace is None else workspace.own_access
        return Access(
            kind="app",
            id=str(uuid.uuid5(_NAMESPACE, consent.app.client_id)),
            client_id=consent.app.client_id,
            scopes=frozenset(consent.scopes),
            issued_at=self._pages.issued_at(token),
        )

    async def _self(self, request: Request) -> Response:
        told = members.identity(self.account_of(request), self.access_of(request))
        return answers.response(200, told, {})

    async def _nowhere(self, request: Request) -> Response:
        refusal = answers.no_endpoint(request.method, request.url.path)
        return answers.response(refusal.status, refusal.body, refusal.headers)

    def _handler(self, endpoints: Mapping[str, Endpoint]) -> Any:
        async def handle(request: Request) -> JSONResponse:
            # HEAD is answered as GET, without its body.
            endpoint = endpoints["GET" if request.method == "HEAD" else request.method]
            raw = await request.body()
            try:
                answer = endpoint.handler(self._call(request, endpoint, raw))
            except answers.Refusal as refusal:
                return answers.response(refusal.status, refusal.body, refusal.headers)
            return answers.response(200, answer.body, answer.headers)

        return handle

    def _call(self, request: Request, endpoint: Endpoint, raw: bytes) -> Call:
        """What the handler needs, after login, limits and scopes (guess: in that order)."""
        workspace, now = self.account_of(request), datetime.now(UTC)
        access = self.access_of(request)
        if workspace is None or access is None:
            raise answers.unauthorized()
        if self._limited:
            self._windows.setdefault(workspace.id, Windows()).admit(endpoint.limits, now)
        lacking = [scope for scope in endpoint.scopes if not access.may(scope)]
        if lacking:
            raise answers.lacks_scope(lacking)
        try:
            body = json.loads(raw) if raw.strip() else None
        except ValueError:
            # Guess: the form of the refusal.
            raise answers.bad_body(answers.missing([], "object")) from None
        return Call(
            workspace=workspace,
            access=access,
            params=request.path_params,
            query=request.query_params,
            body=body,
            now=now,
            commit=self._committer(workspace),
            linker=self._linker,
        )

    def _committer(self, workspace: Workspace) -> store.Commit:
        def commit(action: str, type_: str, id_: str, fields: Mapping[str, Any]) -> None:
            self.commit(workspace, action, type_, id_, fields)

        return commit

    # ------------------------------------------------------------ for people

    async def admin(self, account: Account, action: str, body: Mapping[str, Any]) -> Any:
        assert isinstance(account, Workspace)
        if action == "uninstall_app":
            return {"ended": self.logins.end(account.token)}
        return admin.do(account, self._committer(account), self._linker, action, body)

    def timelines(self, account: Account) -> list[TimelinePerson]:
        assert isinstance(account, Workspace)
        return timeline.people(account)

    def unattached(self, account: Account) -> list[TimelineEntry]:
        assert isinstance(account, Workspace)
        return timeline.of_nobody(account)

"""The toy CRM's API: contacts and activities in memory, over HTTP.

`GET /me`, `POST /search` with `{"searches": [{"types": […], "where": {field: value}, "since":
time}]}`, `POST /{type}`, `PATCH` and `DELETE /{type}/{id}`. A contact is `{id, email, name,
phone}`, an activity `{id, contact, title, start, state}`, a user `{id, email}`; each has `type`
and `created_at`. Addresses are not unique: who creates twice has two contacts.

The login is by the book (RFC 6749, 7009, 7636): `GET /oauth/authorize` shows a form, which is sent
with POST; `POST /oauth/token` and `/oauth/revoke` take forms.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from attrs import Factory, define
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from crmwire.sandbox import Account, Sandbox, TimelineEntry, TimelinePerson
from crmwire.sandbox.loginpage import consent_page, problem_page, redirected
from crmwire.sandbox.logins import Consent, LoginRefused

FIELDS: Mapping[str, tuple[str, ...]] = {
    "contacts": ("email", "name", "phone"),
    "activities": ("contact", "title", "start", "state"),
    "user": ("email",),
}
WRITABLE = ("contacts", "activities")

StoredRecord = dict[str, Any]


@define(kw_only=True)
class ToyAccount(Account):
    """An account's records by id, `number` of them made so far."""

    id: str
    records: dict[str, StoredRecord] = Factory(dict)
    number: int = 0


class Refused(Exception):
    """The answer to a request that cannot be done."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        self.message = message


class ToySandbox(Sandbox):
    """The toy CRM, with one account for each token."""

    title = "Toy CRM (sandbox)"

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/oauth/authorize", self._consent, methods=["GET", "POST"]),
            Route("/oauth/token", self._token, methods=["POST"]),
            Route("/oauth/revoke", self._revoke, methods=["POST"]),
            Route("/me", partial(self._answer_to, self._me)),
            Route("/search", partial(self._answer_to, self._search), methods=["POST"]),
            Route("/{type}", partial(self._answer_to, self._create), methods=["POST"]),
            Route("/{type}/{id}", partial(self._answer_to, self._update), methods=["PATCH"]),
            Route("/{type}/{id}", partial(self._answer_to, self._delete), methods=["DELETE"]),
        ]

    def new_account(self, token: str, number: int) -> Account:
        account = ToyAccount(token=token, name=f"Example Ltd {number}", id=f"toy-{number}")
        account.records["u1"] = {"type": "user", "id": "u1", "email": "host@example.com"}
        return account

    def timelines(self, account: Account) -> list[TimelinePerson]:
        assert isinstance(account, ToyAccount)
        records = account.records.values()
        return [
            TimelinePerson(
                type="contacts",
                id=contact["id"],
                name=contact.get("name") or "",
                email=contact.get("email") or "",
                fields={name: contact.get(name) for name in FIELDS["contacts"]},
                entries=tuple(
                    TimelineEntry(
                        type="activities",
                        id=activity["id"],
                        title=activity.get("title") or "",
                        start=activity.get("start") or "",
                        status=activity.get("state") or "",
                    )
                    for activity in records
                    if activity.get("contact") == contact["id"]
                ),
            )
            for contact in records
            if contact["type"] == "contacts"
        ]

    # ------------------------------------------------------------ the login

    async def _consent(self, request: Request) -> Response:
        """The page where a person lets an app in; it comes back only to the app's address."""
        asked = request.query_params
        redirect, state = asked.get("redirect_uri", ""), asked.get("state")
        try:
            app = self.logins.asked(asked.get("client_id", ""), redirect)
        except LoginRefused as refused:
            return HTMLResponse(problem_page(self.title, refused.reason), 400)
        scopes = asked.get("scope", "").split()
        if request.method == "GET":
            names = {token: account.name for token, account in self.accounts.items()}
            page = consent_page(
                self.title, app=app.client_id, scopes=scopes, accounts=names, keep={}
            )
            return HTMLResponse(page)
        pressed = await _form(request)
        if pressed.get("decision") != "allow":
            told = {"error": "access_denied", "error_description": "the person said no"}
            return RedirectResponse(redirected(redirect, state=state, **told), 303)
        try:
            code = self.logins.consented(
                app,
                pressed["account"],
                redirect=redirect,
                challenge=asked.get("code_challenge"),
                scopes=scopes,
            )
        except LoginRefused as refused:
            told = {"error": "invalid_request", "error_description": refused.reason}
            return RedirectResponse(redirected(redirect, state=state, **told), 303)
        return RedirectResponse(redirected(redirect, code=code, state=state), 303)

    async def _token(self, request: Request) -> Response:
        form = await _form(request)
        try:
            app = self.logins.client(form.get("client_id", ""), form.get("client_secret"))
            match form.get("grant_type"):
                case "authorization_code":
                    issued = self.logins.exchange(
                        app,
                        form.get("code", ""),
                        redirect=form.get("redirect_uri", ""),
                        verifier=form.get("code_verifier"),
                    )
                case "refresh_token":
                    issued = self.logins.refresh(app, form.get("refresh_token", ""))
                case "client_credentials":
                    first = next(iter(self.accounts))
                    issued = self.logins.issue(Consent(account=first, app=app), refreshable=False)
                case _:
                    return JSONResponse({"error": "unsupported_grant_type"}, 400)
        except LoginRefused as refused:
            client = refused.reason in ("unknown_client", "wrong_secret")
            told = {"error": "invalid_client" if client else "invalid_grant"}
            told["error_description"] = refused.detail or refused.reason
            return JSONResponse(told, 401 if client else 400)
        answer: dict[str, Any] = {"access_token": issued.access, "token_type": "Bearer"}
        if issued.refresh is not None:
            answer["refresh_token"] = issued.refresh
        if issued.expires_in is not None:
            answer["expires_in"] = issued.expires_in
        answer["scope"] = " ".join(issued.consent.scopes)
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    async def _revoke(self, request: Request) -> Response:
        form = await _form(request)
        try:
            self.logins.client(form.get("client_id", ""), form.get("client_secret"))
        except LoginRefused:
            return JSONResponse({"error": "invalid_client"}, 401)
        self.logins.revoke(form.get("token", ""))  # RFC 7009: an unknown token is no error
        return Response(status_code=200)

    # ------------------------------------------------------------ the API

    async def _answer_to(
        self, handler: Callable[[ToyAccount, Request], Awaitable[object]], request: Request
    ) -> Response:
        account = self.account_of(request)
        if not isinstance(account, ToyAccount):
            return JSONResponse({"error": "unknown token"}, 401)
        try:
            return JSONResponse(await handler(account, request))
        except Refused as refused:
            return JSONResponse({"error": refused.message}, refused.status)

    async def _me(self, account: ToyAccount, request: Request) -> object:
        return {"account": account.id, "name": account.name, "user": "u1"}

    async def _search(self, account: ToyAccount, request: Request) -> object:
        searches = json.loads(await request.body())["searches"]
        return {"results": [_found(account, **search) for search in searches]}

    async def _create(self, account: ToyAccount, request: Request) -> object:
        fields = await _fields(account, request)
        account.number += 1
        id_, type_ = f"t{account.number}", request.path_params["type"]
        now = datetime.now(UTC).isoformat()
        account.records[id_] = {"type": type_, "id": id_, "created_at": now, **fields}
        self.commit(account, "create", type_, id_, fields)
        return account.records[id_]

    async def _update(self, account: ToyAccount, request: Request) -> object:
        record = _record(account, request)
        fields = await _fields(account, request)
        record.update(fields)
        self.commit(account, "update", record["type"], record["id"], fields)
        return record

    async def _delete(self, account: ToyAccount, request: Request) -> object:
        record = _record(account, request)
        del account.records[record["id"]]
        self.commit(account, "delete", record["type"], record["id"], {})
        return record


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace")))


def _found(
    account: ToyAccount, types: Sequence[str], where: StoredRecord, since: str | None = None
) -> StoredRecord:
    """One search's records, oldest first; a search that makes no sense fails alone."""
    unknown = {name for type_ in types for name in where if name not in ("id", *FIELDS[type_])}
    if unknown:
        return {"error": f"there is no field {' or '.join(sorted(unknown))}"}
    return {
        "records": [
            record
            for record in account.records.values()
            if record["type"] in types
            and all(_same(record.get(name), value) for name, value in where.items())
            and (since is None or record["created_at"] >= since)
        ]
    }


def _same(stored: object, wanted: object) -> bool:
    return str(stored or "").lower() == str(wanted or "").lower()


def _record(account: ToyAccount, request: Request) -> StoredRecord:
    """The record that the path names. Raises: Refused."""
    record = account.records.get(request.path_params["id"])
    if record is None or record["type"] != request.path_params["type"]:
        raise Refused(404, "no such record")
    return record


async def _fields(account: ToyAccount, request: Request) -> StoredRecord:
    """The fields that the body sets. Raises: Refused."""
    type_ = request.path_params["type"]
    if type_ not in WRITABLE:
        raise Refused(404, f"there are no {type_}")
    fields: StoredRecord = json.loads(await request.body())
    for name in fields:
        if name not in FIELDS[type_]:
            raise Refused(422, f"there is no field {name}")
    if "@" not in fields.get("email", "@"):
        raise Refused(422, "the email is not an address")
    contact = account.records.get(fields.get("contact", ""))
    if "contact" in fields and (contact is None or contact["type"] != "contacts"):
        raise Refused(422, "there is no such contact")
    return fields

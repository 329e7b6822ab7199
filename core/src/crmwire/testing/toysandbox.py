"""The toy CRM's API: contacts and activities in memory, over HTTP.

`GET /me`, `POST /search` with `{"searches": [{"types": […], "where": {field: value}, "since":
time}]}`, `POST /{type}`, `PATCH` and `DELETE /{type}/{id}`. A contact is `{id, email, name,
phone}`, an activity `{id, contact, title, start, state}`, a user `{id, email}`; each has `type`
and `created_at`. Addresses are not unique: who creates twice has two contacts.

The login is by the book, below `/oauth`: see `crmwire.sandbox.bookish`.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from attrs import Factory, define
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from crmwire.sandbox import Account, Sandbox, TimelineEntry, TimelinePerson
from crmwire.sandbox.bookish import login_routes

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
            *login_routes(self),
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

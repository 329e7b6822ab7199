"""The toy CRM's API: contacts and activities in memory, over HTTP.

`GET /me` · `POST /search/{type}` with `{"any": [{field: value}], "since": TIME}` ·
`POST /{type}` · `PATCH /{type}/{id}` · `DELETE /{type}/{id}`. A contact is
`{id, email, name, phone}`, an activity `{id, contact, title, start, state}`; every record also
has `created_at` and `created_by`. Addresses are not unique: who creates twice has two contacts.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from attrs import Factory, define
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from crmwire.sandbox import Account, Sandbox, TimelineEntry, TimelinePerson

FIELDS: Mapping[str, tuple[str, ...]] = {
    "contacts": ("email", "name", "phone"),
    "activities": ("contact", "title", "start", "state"),
}
MADE = ("id", "created_at", "created_by")
Made = Mapping[str, Any]


@define(kw_only=True)
class ToyAccount(Account):
    """An account's records by type and id."""

    number: int
    records: dict[str, dict[str, dict[str, Any]]] = Factory(
        lambda: {"contacts": {}, "activities": {}}
    )


class Refused(Exception):
    """An answer that is not what was asked for."""

    def __init__(self, status: int, message: str, field: str = "") -> None:
        self.answer = JSONResponse({"error": message, "field": field}, status)


Handler = Callable[["ToySandbox", ToyAccount, Request], Awaitable[object]]


def _answering(handler: Handler) -> Callable[[ToySandbox, Request], Awaitable[Response]]:
    """Only for a known token; what the handler gives or refuses, as JSON."""

    @wraps(handler)
    async def answer(self: ToySandbox, request: Request) -> Response:
        account = self.account_of(request)
        if not isinstance(account, ToyAccount):
            return Refused(401, "unknown token").answer
        try:
            return JSONResponse(await handler(self, account, request))
        except Refused as refused:
            return refused.answer

    return answer


class ToySandbox(Sandbox):
    """The toy CRM, with one account for each token."""

    title = "Toy CRM (sandbox)"

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/me", self._me),
            Route("/search/{type}", self._search, methods=["POST"]),
            Route("/{type}", self._create, methods=["POST"]),
            Route("/{type}/{id}", self._update, methods=["PATCH"]),
            Route("/{type}/{id}", self._delete, methods=["DELETE"]),
        ]

    def new_account(self, token: str, number: int) -> Account:
        return ToyAccount(token=token, name=f"Example Ltd {number}", number=number)

    def timelines(self, account: Account) -> list[TimelinePerson]:
        assert isinstance(account, ToyAccount)
        return [
            TimelinePerson(
                type="contacts",
                id=contact["id"],
                name=contact.get("name") or "",
                email=contact.get("email") or "",
                fields=contact,
                entries=tuple(
                    TimelineEntry(
                        type="activities",
                        id=activity["id"],
                        title=activity.get("title") or "",
                        start=activity.get("start") or "",
                        status=activity.get("state") or "",
                    )
                    for activity in account.records["activities"].values()
                    if activity.get("contact") == contact["id"]
                ),
            )
            for contact in account.records["contacts"].values()
        ]

    # ------------------------------------------------------------ the API

    @_answering
    async def _me(self, account: ToyAccount, request: Request) -> object:
        return {"account": f"toy-{account.number}", "name": account.name, "user": "u1"}

    @_answering
    async def _search(self, account: ToyAccount, request: Request) -> object:
        type_ = _type(request)
        asked = json.loads(await request.body())
        for wanted in asked["any"]:
            _checked_names(type_, wanted, MADE)
        records = [
            record
            for record in account.records[type_].values()
            if any(_fits(record, wanted) for wanted in asked["any"])
            and record["created_at"] >= asked.get("since", "")
        ]
        return {"records": records}

    @_answering
    async def _create(self, account: ToyAccount, request: Request) -> object:
        type_ = _type(request)
        fields = await _fields(account, type_, request)
        records = account.records[type_]
        id_ = f"{type_[0]}{len(records) + 1}"
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        records[id_] = {"id": id_, "created_at": now, "created_by": "u1", **fields}
        self.commit(account, "create", type_, id_, fields)
        return records[id_]

    @_answering
    async def _update(self, account: ToyAccount, request: Request) -> object:
        type_, record = _type(request), _known(account, request)
        fields = await _fields(account, type_, request)
        record.update(fields)
        self.commit(account, "update", type_, record["id"], fields)
        return record

    @_answering
    async def _delete(self, account: ToyAccount, request: Request) -> object:
        type_, record = _type(request), _known(account, request)
        del account.records[type_][record["id"]]
        self.commit(account, "delete", type_, record["id"], {})
        return {"id": record["id"]}


def _type(request: Request) -> str:
    type_ = str(request.path_params["type"])
    if type_ not in FIELDS:
        raise Refused(404, f"there are no {type_}")
    return type_


def _known(account: ToyAccount, request: Request) -> dict[str, Any]:
    try:
        return account.records[_type(request)][request.path_params["id"]]
    except KeyError:
        raise Refused(404, "no such record") from None


def _checked_names(type_: str, fields: Made, more: Sequence[str] = ()) -> None:
    for name in fields:
        if name not in (*FIELDS[type_], *more):
            raise Refused(422, f"{type_} have no field {name}", name)


async def _fields(account: ToyAccount, type_: str, request: Request) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(await request.body())
    _checked_names(type_, fields)
    if "@" not in fields.get("email", "@"):
        raise Refused(422, "email is not an address", "email")
    if fields.get("contact", "c") not in (*account.records["contacts"], "c"):
        raise Refused(422, "contact is not a contact's id", "contact")
    return fields


def _fits(record: Made, wanted: Made) -> bool:
    return all(
        str(record.get(name, "")).lower() == str(value).lower() for name, value in wanted.items()
    )

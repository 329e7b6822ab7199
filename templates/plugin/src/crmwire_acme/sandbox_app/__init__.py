"""Acme's API in memory, over HTTP.

`GET /v1/me`, `GET /v1/fields/{type}`, `POST /v1/{type}/search`, `POST /v1/batch`, and a login by
the book below `/oauth`. Addresses are not unique: who creates twice has two people.
Guess: what stands before a refused item of a batch is kept.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from attrs import Factory, define, frozen
from crmwire.sandbox import Account, Sandbox, TimelineEntry, TimelinePerson
from crmwire.sandbox.bookish import login_routes
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

FIELDS: Mapping[str, tuple[str, ...]] = {
    "people": ("email", "name", "phone"),
    "meetings": ("person", "title", "start", "end", "owner", "state"),
    "users": ("email", "name"),
}
MAX_LENGTH = 200
Stored = dict[str, Any]


@define(kw_only=True)
class Workspace(Account):
    """An account's records by id."""

    id: str
    records: dict[str, Stored] = Factory(dict)
    number: int = 0


@frozen
class Refused(Exception):
    """A refusal as Acme words it."""

    status: int
    code: str
    message: str
    field: str = ""

    def body(self) -> Stored:
        error = {"code": self.code, "message": self.message}
        return {"error": error | ({"field": self.field} if self.field else {})}


class AcmeSandbox(Sandbox):
    """Acme, with one account for each token."""

    title = "Acme (sandbox)"

    def routes(self) -> Sequence[BaseRoute]:
        return [
            *login_routes(self),
            Route("/v1/me", partial(self._answer_to, _me)),
            Route("/v1/fields/{type}", partial(self._answer_to, _fields)),
            Route("/v1/{type}/search", partial(self._answer_to, _search), methods=["POST"]),
            Route("/v1/batch", partial(self._answer_to, self._batch), methods=["POST"]),
        ]

    def new_account(self, token: str, number: int) -> Account:
        host = {"type": "users", "id": "u1", "email": "host@example.com", "name": "Harriet Host"}
        name, id_ = f"Example Ltd {number}", f"acme-{number}"
        return Workspace(token=token, name=name, id=id_, records={"u1": host})

    def timelines(self, account: Account) -> list[TimelinePerson]:
        assert isinstance(account, Workspace)
        return [
            TimelinePerson(
                type="people",
                id=person["id"],
                name=person.get("name") or "",
                email=person.get("email") or "",
                fields={name: person.get(name) for name in FIELDS["people"]},
                entries=tuple(_entry(one) for one in _of(account, "meetings", person["id"])),
            )
            for person in _of(account, "people")
        ]

    async def _answer_to(
        self, handler: Callable[[Workspace, Request], Awaitable[object]], request: Request
    ) -> Response:
        account = self.account_of(request)
        try:
            if not isinstance(account, Workspace):
                raise Refused(401, "bad_token", "the token is unknown or has ended")
            return JSONResponse(await handler(account, request))
        except Refused as refused:
            return JSONResponse(refused.body(), refused.status)

    async def _batch(self, account: Workspace, request: Request) -> object:
        items = json.loads(await request.body())["items"]
        return {"results": [self._done(account, item) for item in items]}

    def _done(self, account: Workspace, item: Stored) -> Stored:
        """One item of a batch; a refusal stands in its place."""
        fields, type_ = item.get("fields") or {}, item["type"]
        try:
            _check(account, type_, fields)
            if item["do"] == "create":
                account.number += 1
                id_, now = f"a{account.number}", datetime.now(UTC).isoformat()
                record = {"type": type_, "id": id_, "created_at": now, "created_by": "u1"}
                account.records[id_] = record
            else:
                record = account.records.get(item["id"]) or {}
                id_ = item["id"]
                if record.get("type") != type_:
                    raise Refused(404, "not_found", f"there is no {type_} {id_}")
        except Refused as refused:
            return refused.body()
        record.update(fields)
        if item["do"] == "delete":
            del account.records[id_]
        self.commit(account, item["do"], type_, id_, fields)
        return {"id": id_}


async def _me(account: Workspace, request: Request) -> object:
    user = {name: account.records["u1"][name] for name in ("id", "name")}
    return {"account": {"id": account.id, "name": account.name}, "user": user}


async def _fields(account: Workspace, request: Request) -> object:
    names = FIELDS.get(request.path_params["type"])
    if names is None:
        raise Refused(404, "no_such_type", "there is no such object type")
    listed = [{"name": name, "max_length": MAX_LENGTH} for name in names]
    listed += [{"name": name, "read_only": True} for name in ("created_at", "created_by")]
    return {"fields": [{"type": "text", "label": one["name"], **one} for one in listed]}


async def _search(account: Workspace, request: Request) -> object:
    asked, type_ = json.loads(await request.body()), request.path_params["type"]
    field, since = asked["field"], asked.get("since")
    if field not in (*FIELDS[type_], "id"):
        raise Refused(400, "no_such_field", f"there is no field {field}", field)
    values = {str(value).lower() for value in asked["values"]}
    return {
        "records": [
            {**dict.fromkeys(FIELDS[type_]), **record}
            for record in _of(account, type_)
            if str(record.get(field) or "").lower() in values
            and (since is None or record.get("created_at", since) >= since)
        ]
    }


def _of(account: Workspace, type_: str, person: str | None = None) -> list[Stored]:
    """The records of a type, oldest first; of one person, if one is given."""
    return [
        record
        for record in account.records.values()
        if record["type"] == type_ and person in (None, record.get("person"))
    ]


def _entry(meeting: Stored) -> TimelineEntry:
    return TimelineEntry(
        type="meetings",
        id=meeting["id"],
        title=meeting.get("title") or "",
        start=meeting.get("start") or "",
        end=meeting.get("end") or "",
        status=meeting.get("state") or "",
    )


def _check(account: Workspace, type_: str, fields: Stored) -> None:
    """Raises: Refused, as Acme does it for values that it does not take."""
    for name, value in fields.items():
        if name not in FIELDS[type_]:
            raise Refused(422, "no_such_field", f"there is no field {name}", name)
        if isinstance(value, str) and len(value) > MAX_LENGTH:
            raise Refused(422, "bad_value", f"{name} is too long", name)
    if "@" not in fields.get("email", "@"):
        raise Refused(422, "bad_value", "the email is not an address", "email")
    person = account.records.get(fields.get("person", ""), {})
    if "person" in fields and person.get("type") != "people":
        raise Refused(422, "bad_value", "there is no such person", "person")

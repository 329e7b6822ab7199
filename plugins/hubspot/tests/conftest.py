"""HubSpot's sandbox over real HTTP, and writes and queries made by hand."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from starlette.types import Receive, Scope, Send

import crmwire_hubspot
from crmwire.connections import Connection
from crmwire.sandbox import Fault, SandboxServer, SandboxSettings
from crmwire.testing import connect
from crmwire.types import About, Key, Query, Ref, Value, Write
from crmwire_hubspot.sandbox_app import HubSpotSandbox

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


class Switch:
    """One server for all tests: the sandbox behind it changes."""

    def __init__(self) -> None:
        self.app: HubSpotSandbox | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)


@attrs.define(kw_only=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def data(self) -> Any:
        return json.loads(self.text)


@attrs.define(kw_only=True)
class Vendor:
    """A fresh sandbox and what tests do with it."""

    app: HubSpotSandbox
    url: str
    connections: list[Connection] = attrs.field(factory=list)

    def connect(self, token: str = "sandbox", **settings: Any) -> Connection:
        conn = connect(crmwire_hubspot, self.url, token=token, name=token, **settings)
        self.connections.append(conn)
        return conn

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str | None = "sandbox",
        accept: str = "application/json",
    ) -> Answer:
        """A request as any client may send it."""
        headers = {"Accept": accept, "Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        data = None if body is None else data
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                return Answer(
                    status=answer.status,
                    headers={name.lower(): value for name, value in answer.headers.items()},
                    text=answer.read().decode(),
                )
        except urllib.error.HTTPError as error:
            with error:
                return Answer(
                    status=error.code,
                    headers={name.lower(): value for name, value in error.headers.items()},
                    text=error.read().decode(),
                )

    def admin(self, action: str, *, token: str = "sandbox", **body: Any) -> Any:
        answer = self.send(
            "POST", "/__sandbox__/admin", {"account": token, "action": action, **body}
        )
        assert answer.status == 200, answer.text
        return answer.data

    def arm(self, *faults: Fault) -> None:
        self.app.faults.arm(list(faults))

    def forget(self) -> None:
        """Forget the requests so far."""
        self.app.requests.clear()

    @property
    def calls(self) -> list[str]:
        """The vendor's calls so far: `POST contacts/batch/upsert`."""
        return [
            f"{one['method']} {_short(one['path'])}"
            for one in self.app.requests
            if not one["path"].startswith("/__sandbox__")
        ]

    def bodies(self, ending: str) -> list[Any]:
        """The bodies of the requests whose path ends so."""
        return [
            json.loads(one["body"])
            for one in self.app.requests
            if one["path"].endswith(ending) and one["body"]
        ]

    def people(self, token: str = "sandbox") -> dict[str, Any]:
        """Every person with their entries, by address."""
        account = self.app.accounts[token]
        return {person.email: person for person in self.app.timelines(account)}

    def meetings(self, token: str = "sandbox") -> list[Mapping[str, str]]:
        portal: Any = self.app.accounts[token]
        return [one.properties for one in portal.records["meetings"].values() if not one.archived]

    def loose_meetings(self, token: str = "sandbox") -> int:
        return len(self.app.unattached(self.app.accounts[token]))


def _short(path: str) -> str:
    for root in (
        "/crm/objects/2026-09/",
        "/crm/v3/objects/",
        "/crm/associations/2026-09/",
        "/crm/v4/associations/",
        "/crm/",
    ):
        if path.startswith(root):
            return path.removeprefix(root)
    return path.removeprefix("/")


@pytest.fixture(scope="session")
def _server() -> Iterator[tuple[SandboxServer, Switch]]:
    switch = Switch()
    with SandboxServer(switch) as server:
        yield server, switch


@pytest.fixture
def new_vendor(
    _server: tuple[SandboxServer, Switch], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Vendor]]:
    """Makes the sandbox that this test talks to, with these options."""
    monkeypatch.setenv("CRMWIRE_ALLOW_LOOPBACK", "1")
    made: list[Vendor] = []

    def make(*, tokens: tuple[str, ...] = ("sandbox",), **options: str) -> Vendor:
        server, switch = _server
        switch.app = HubSpotSandbox(SandboxSettings(tokens=tokens, seed=7, options=options))
        made.append(Vendor(app=switch.app, url=server.url))
        return made[-1]

    yield make
    for vendor in made:
        for conn in vendor.connections:
            conn.close()


@pytest.fixture
def vendor(new_vendor: Callable[..., Vendor]) -> Vendor:
    return new_vendor()


@pytest.fixture
def conn(vendor: Vendor) -> Connection:
    return vendor.connect()


class Make:
    """Writes and queries as core makes them."""

    start = START

    def upsert(self, id_: str, email: str, group: str | None = None, **fields: Value) -> Write:
        return Write(
            id=id_,
            key=f"key-{id_}",
            group=group,
            role="person",
            action="upsert",
            type="contacts",
            match=Key(types=("contacts",), name="email", value=email),
            fields={"email": email, **fields},
        )

    def contact(self, id_: str, email: str, **fields: Value) -> Write:
        return Write(
            id=id_,
            key=f"key-{id_}",
            group=id_,
            role="person",
            action="create",
            type="contacts",
            fields={"email": email, **fields},
        )

    def meeting(
        self,
        id_: str,
        person: str | Ref,
        *,
        start: datetime = START,
        title: str = "Intro: Ada Example",
        sent_at: datetime | None = None,
        **fields: Value,
    ) -> Write:
        return Write(
            id=id_,
            key=f"key-{id_}",
            group=id_,
            role="activity",
            action="create",
            type="meetings",
            fields={
                "hs_timestamp": start,
                "hs_meeting_title": title,
                "hs_meeting_start_time": start,
                "hs_meeting_end_time": start + timedelta(minutes=30),
                "hs_meeting_outcome": "SCHEDULED",
                **fields,
            },
            about=(About(role="person", type="contacts", record=person),),
            sent_at=sent_at,
        )

    def update(self, id_: str, type_: str, record: str, **fields: Value) -> Write:
        return Write(
            id=id_,
            key=f"key-{id_}",
            group=id_,
            role="activity" if type_ == "meetings" else "person",
            action="update",
            type=type_,
            record=record,
            fields=fields,
        )

    def delete(self, id_: str, type_: str, record: str) -> Write:
        return Write(
            id=id_,
            key=f"key-{id_}",
            group=id_,
            role="activity",
            action="delete",
            type=type_,
            record=record,
        )

    def query(
        self,
        value: str,
        *,
        key: str = "email",
        types: tuple[str, ...] = ("contacts",),
        role: str = "person",
        fields: Mapping[str, tuple[str, ...]] | None = None,
    ) -> Query:
        return Query(
            id=f"{key}={value}", role=role, types=types, key=key, value=value, fields=fields or {}
        )


@pytest.fixture
def make() -> Make:
    return Make()

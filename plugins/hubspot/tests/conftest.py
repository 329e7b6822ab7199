"""HubSpot's sandbox over real HTTP, and writes and queries made by hand."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import sys
import threading
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from starlette.types import Message, Receive, Scope, Send

import crmwire_hubspot
from crmwire.app import App
from crmwire.connections import Connection
from crmwire.demo.environment import surroundings
from crmwire.draining import Drainer
from crmwire.sandbox import Fault, SandboxServer, SandboxSettings
from crmwire.store import DeliveryFilter
from crmwire.testing import connect
from crmwire.types import About, Event, Key, Query, Ref, Value, Write
from crmwire.vocabulary import Booking, Details, Page, Person
from crmwire_hubspot.sandbox_app import HubSpotSandbox
from crmwire_hubspot.sandbox_app.kinds import KINDS

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def _beside(name: str) -> Any:
    """A module that stands beside this one; tests are imported without a package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules.setdefault(name, importlib.util.module_from_spec(spec))
    spec.loader.exec_module(module)
    return module


ROOT = Path(__file__).parents[3]
documents = _beside("hubspot_documents").documents


class Observed(HubSpotSandbox):
    """The sandbox, and what was asked and answered: to be held against HubSpot's documents."""

    def __init__(self, settings: SandboxSettings) -> None:
        super().__init__(settings)
        self.answers: list[tuple[bool, str, str, bytes, int, bytes]] = []

    async def _handled(self, scope: Scope, body: bytes) -> tuple[Message, bytes]:
        start, content = await super()._handled(scope, body)
        agent = dict(scope["headers"]).get(b"user-agent", b"")
        ours = agent.startswith(b"python-httpx")
        path = scope["path"]
        self.answers.append((ours, scope["method"], path, body, start["status"], content))
        return start, content

    def problems(self) -> list[str]:
        """What does not fit the documents, where they are beside the repository."""
        known = documents(ROOT)
        if known is None:
            return []
        found: dict[str, None] = {}
        for ours, method, path, body, status, content in self.answers:
            # What tests send by hand may be wrong on purpose; what the plugin sends may not.
            told = known.of_request(method, path, body) if ours else []
            told += known.of_answer(method, path, status, content)
            found |= dict.fromkeys(told)
        return list(found)


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

    app: Observed
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
        switch.app = Observed(SandboxSettings(tokens=tokens, seed=7, options=options))
        made.append(Vendor(app=switch.app, url=server.url))
        return made[-1]

    yield make
    for vendor in made:
        for conn in vendor.connections:
            conn.close()
        assert vendor.app.problems() == []


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


# ---------------------------------------------------------------- from events to records


@attrs.define
class Scene:
    """A whole crmwire before the sandbox; drains run when asked to."""

    app: App
    vendor: Vendor
    drainer: Drainer
    first: datetime
    feed: int
    number: int = 0

    def route(
        self,
        preset: str,
        *,
        connection: str = "hubspot",
        token: str = "sandbox",
        check: bool = True,
        settings: Mapping[str, Any] | None = None,
        crm: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> None:
        """Connect a portal and carry the feed to it. `crm` changes the preset's own table."""
        given = {"host": self.vendor.url, "tries": [0.01], "read_timeout": 2.0, "settle_after": 2.0}
        self.app.add_connection(
            connection, crm="hubspot", token=token, settings={**given, **(settings or {})}
        )
        if crm is not None:
            more["mapping"] = self.preset(preset, crm=crm)
        more.setdefault("since", self.first)  # a slow machine must not make the events too early
        self.app.add_route(feed="cal", connection=connection, preset=preset, **more)
        if check:
            checked = self.app.check(connection)
            assert checked.ok, checked.findings
        self.vendor.forget()

    def preset(self, name: str, **tables: Mapping[str, Any]) -> dict[str, Any]:
        """A preset with some of its tables' settings changed."""
        raw = tomllib.loads(crmwire_hubspot.presets(None)[name])
        return {
            **raw,
            **{table: {**raw.get(table, {}), **given} for table, given in tables.items()},
        }

    def event(
        self,
        verb: str = "created",
        uid: str = "",
        *,
        guest: Person | None = None,
        start: datetime = START,
        **details: Any,
    ) -> Event:
        self.number += 1
        booking = details.pop("booking", Booking())
        return Event(
            type=f"booking.{verb}",
            subject_id=uid or f"b{self.number}",
            occurred_at=self.first + timedelta(seconds=self.number),
            details=Details(
                booking=attrs.evolve(booking, start=start, end=start + timedelta(minutes=30)),
                guest=guest or Person(email="ada@example.com", full_name="Ada Example"),
                page=Page(id="7", title="Intro"),
                **details,
            ),
        )

    def happen(self, *events: Event) -> list[str]:
        """Accept events in one backlog and drain it; the states of all deliveries, oldest first."""
        if events:
            self.accept(*events)
        for _ in range(50):
            lanes = self.app.store.due_lanes(self.app.clock.now())
            if not lanes:
                break
            for lane in lanes:
                self.drainer.drain(lane, threading.Event())
        return [row.state for row in self.rows()]

    def take_in(self, *bodies: bytes) -> list[str]:
        """Take in webhooks one after the other, as their source sends them, and drain each."""
        states: list[str] = []
        for body in bodies:
            self.app.accept("cal", body, trusted=True)
            states = self.happen()
        return states

    def accept(self, *events: Event) -> None:
        self.app.store.accept(self.feed, list(events), self.app.clock.now())

    def drain_at_once(self) -> None:
        """Drain every lane that is due, each on a thread of its own, until none is."""
        while lanes := self.app.store.due_lanes(self.app.clock.now()):
            drains = [
                threading.Thread(target=self.drainer.drain, args=(lane, threading.Event()))
                for lane in lanes
            ]
            for drain in drains:
                drain.start()
            for drain in drains:
                drain.join()

    def rows(self) -> list[Any]:
        rows = self.app.deliveries(DeliveryFilter(limit=1000))
        return sorted(rows, key=lambda row: row.id)

    def records(self, kind: str, token: str = "sandbox") -> list[Any]:
        """The live records of a type, oldest first."""
        portal: Any = self.vendor.app.accounts[token]
        return [one for one in portal.records[kind].values() if not one.archived]

    def linked(self, record: Any, kind: str, token: str = "sandbox") -> dict[str, list[int]]:
        """The association type ids of a record, by the id of the other."""
        portal: Any = self.vendor.app.accounts[token]
        found: dict[str, list[int]] = portal.linked(record.kind, record.id, KINDS[kind])
        return found


@pytest.fixture
def new_scene(new_vendor: Callable[..., Vendor], tmp_path: Path) -> Iterator[Callable[..., Scene]]:
    """Opens a data folder before a fresh sandbox with these options."""
    with contextlib.ExitStack() as stack:

        def make(*, source: str = "calcom", **options: Any) -> Scene:
            stack.enter_context(surroundings(tmp_path))
            app = stack.enter_context(App(tmp_path / "home"))
            app.add_feed("cal", source=source, allow_unsigned=True)
            return Scene(
                app,
                new_vendor(**options),
                Drainer(app.openings),
                app.clock.now(),
                app.store.feed("cal").id,
            )

        yield make


@pytest.fixture
def scene(new_scene: Callable[..., Scene]) -> Scene:
    return new_scene()

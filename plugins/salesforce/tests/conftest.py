"""A sandbox over real HTTP, a connection to it, and writes built by hand."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

import crmwire_salesforce
from crmwire.app import App
from crmwire.clock import Clock
from crmwire.connections import Connection
from crmwire.demo.environment import surroundings
from crmwire.draining import Drainer
from crmwire.opening import Openings
from crmwire.sandbox import CLIENT_ID, CLIENT_SECRET, Fault, SandboxServer, SandboxSettings
from crmwire.sandbox.loginpage import press
from crmwire.store import DeliveryFilter, setup
from crmwire.testing import connect
from crmwire.types import Event, Query, Ref, Value, Write
from crmwire.vocabulary import Booking, Details, Page, Person
from crmwire_salesforce.info import SalesforceMapping
from crmwire_salesforce.sandbox_app import SalesforceSandbox, screens

START = datetime(2027, 1, 4, 15, 0, tzinfo=UTC)
SENT = datetime.now(UTC)


class Lab:
    """One sandbox that is running, and ways to look into it."""

    def __init__(self, app: SalesforceSandbox, url: str, client: httpx.Client) -> None:
        self.app = app
        self.client = client
        self.url = url
        self.conn = self.connect()
        self._seen = 0

    def connect(self, **settings: Any) -> Connection:
        return connect(crmwire_salesforce, self.url, **settings)

    def admin(self, action: str, **body: Any) -> dict[str, Any]:
        """What a person does on Salesforce's screens."""
        body = {"action": action, **body}
        answer = self.client.post(f"{self.url}/__sandbox__/admin", json=body)
        assert answer.status_code == 200, answer.text
        result: dict[str, Any] = answer.json()
        return result

    def add(self, type_: str, **fields: Any) -> str:
        return str(self.admin("create_record", type=type_, fields=fields)["id"])

    def get(self, id_: str) -> dict[str, Any]:
        return self.admin("get_record", id=id_)

    def rows(self, type_: str) -> list[dict[str, Any]]:
        """The live records of a type."""
        return list(self.app.orgs["sandbox"].rows(type_))

    def arm(self, *faults: Fault) -> None:
        self.app.faults.arm(list(faults))

    def calls(self) -> list[dict[str, Any]]:
        """The requests since the last time this was asked."""
        new = self.app.requests[self._seen :]
        self._seen = len(self.app.requests)
        return new

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        """A request as any client might send it, below the data path of v62."""
        headers = {"Authorization": "Bearer sandbox", **more.pop("headers", {})}
        content = json.dumps(body) if body is not None else None
        url = path if path.startswith("/services") else f"/services/data/v62.0{path}"
        return self.client.request(method, self.url + url, content=content, headers=headers, **more)

    def query(self, soql: str) -> httpx.Response:
        return self.call("GET", "/query", params={"q": soql})


NewLab = Callable[..., Lab]


class Switch:
    """A server that stays while the sandbox behind it is a new one for each test."""

    def __init__(self) -> None:
        self.app: SalesforceSandbox | None = None
        self.server = SandboxServer(self)
        self.server.__enter__()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)


@pytest.fixture(scope="session")
def switches() -> Iterator[list[Switch]]:
    made: list[Switch] = []
    yield made
    for switch in made:
        switch.server.__exit__()


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client


@pytest.fixture
def new_lab(monkeypatch: pytest.MonkeyPatch, switches: list[Switch], http: httpx.Client) -> NewLab:
    """Make a lab; options are those of the sandbox."""
    monkeypatch.setenv("CRMWIRE_ALLOW_LOOPBACK", "1")
    taken = 0

    def make(**options: str) -> Lab:
        nonlocal taken
        if taken == len(switches):
            switches.append(Switch())
        switch = switches[taken]
        taken += 1
        switch.app = SalesforceSandbox(SandboxSettings(options=options))
        return Lab(switch.app, switch.server.url, http)

    return make


@pytest.fixture
def lab(new_lab: NewLab) -> Lab:
    return new_lab()


class Build:
    """Values that core would send."""

    start = START

    def contact(self, name: str, email: str | None = None, **more: Any) -> Write:
        """Make a new contact; `name` is the id of the write and the family name."""
        fields = {"Email": email or f"{name}@example.com", "LastName": name, "FirstName": "Ann"}
        return self.write(f"{name}/person", "create", "Contact", fields, role="person", **more)

    def event(self, name: str, who: Value, **more: Any) -> Write:
        """Make a new event; `name` is the id of the write and part of the subject."""
        fields = {
            "WhoId": who,
            "Subject": f"Intro call: {name}",
            "StartDateTime": START,
            "EndDateTime": START + timedelta(minutes=30),
            **more.pop("fields", {}),
        }
        return self.write(f"{name}/activity", "create", "Event", fields, **more)

    def booking(self, name: str, **more: Any) -> list[Write]:
        """Book a new person: person and event of one delivery."""
        person = self.contact(name, group=name, **more)
        return [person, self.event(name, Ref(write=person.id), group=name, **more)]

    def write(
        self, id_: str, action: Any, type_: str, fields: dict[str, Any], **more: Any
    ) -> Write:
        more = {"role": "activity", "group": None, "sent_at": SENT, **more}
        more.setdefault("settings", SalesforceMapping())
        return Write(id=id_, key=f"key {id_}", action=action, type=type_, fields=fields, **more)

    def update(self, id_: str, type_: str, record: str, **fields: Any) -> Write:
        return self.write(id_, "update", type_, fields, record=record, group=id_)

    def query(self, value: str, *types: str, key: str = "Email", **more: Any) -> Query:
        more = {"id": f"q {value}", "role": "person", "types": types or ("Contact",), **more}
        return Query(key=key, value=value, **more)

    def user(self, email: str) -> Query:
        return Query(id=f"u {email}", role="user", types=(), key="email", value=email)


@pytest.fixture
def build() -> Build:
    return Build()


# ---------------------------------------------------------------- from events to records


class Scene:
    """A crmwire with one route to one sandbox; drains run when asked to."""

    def __init__(self, app: App, sandbox: SalesforceSandbox, url: str) -> None:
        self.app = app
        self.sandbox = sandbox
        self.url = url
        self.drainer = Drainer(app.openings)
        self.feed = app.store.write(
            lambda db: setup.insert_feed(
                db,
                name="feed",
                team="default",
                source="none",
                token_hash=b"t",
                settings={},
                allow_unsigned=True,
                since=None,
                now=0.0,
            )
        )
        self._seen = 0

    def connect(self, name: str = "sales", token: str = "sandbox", **settings: Any) -> None:
        quick = {"tries": [0.01], "read_timeout": 1.0, "settle_after": 0.02}
        self.app.add_connection(
            name,
            crm="salesforce",
            token=token,
            settings={"host": self.url, **quick, **settings},
        )
        assert self.app.check(name).ok

    def log_in(
        self,
        name: str = "sales",
        *,
        decision: str = "allow",
        account: str = "sandbox",
        secret: str = CLIENT_SECRET,
        **settings: Any,
    ) -> Any:
        """Log in as a person does: to the page, allow, and back."""
        quick = {"tries": [0.01], "read_timeout": 2.0, "settle_after": 0.02}
        chosen = {"login_host": self.url, "client_id": CLIENT_ID, **quick, **settings}
        self.app.prepare_login(name, crm="salesforce", settings=chosen)
        begun = self.app.begin_login(
            name,
            redirect_uri="http://localhost:8765/oauth/callback",
            settings=chosen,
            secrets={"client_secret": secret} if secret else {},
        )
        there = press(begun.address, decision=decision, account=account)
        return self.app.finish_login(urlsplit(there).query)

    def login_admin(self, action: str, token: str = "sandbox", **body: Any) -> Any:
        """What an admin of the org does about logins."""
        done = self.sandbox.desk.act(self.org(token), action, body)
        return self.admin(action, token=token, **body) if done is None else done

    def route(self, preset: str = "linktime", name: str = "sales", **more: Any) -> None:
        more.setdefault("since", datetime(2020, 1, 1, tzinfo=UTC))
        self.app.add_route(feed="feed", connection=name, preset=preset, **more)

    def accept(self, *events: Event) -> None:
        self.app.store.accept(self.feed, list(events), self.app.clock.now())

    def reopen(self) -> None:
        """Close what is open, as a restart does."""
        known = self.app.openings
        self.app.openings = Openings(known.store, known.vault, known.discovery, known.clock)
        self.drainer = Drainer(self.app.openings)

    def drain_once(self) -> None:
        """Work on what is due now."""
        for lane in self.app.store.due_lanes(self.app.clock.now()):
            self.drainer.drain(lane, threading.Event())

    def drain(self, seconds: float = 5.0) -> None:
        """Work until nothing is waiting, retries too, or the time is up."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.drain_once()
            if not self.rows("ready", "working"):
                return
            time.sleep(0.01)

    def tell(self, *events: Event) -> None:
        """Accept events one by one, each drained before the next comes in."""
        for event in events:
            self.accept(event)
            self.drain()

    def rows(self, *states: str) -> list[Any]:
        return self.app.deliveries(DeliveryFilter(states=states, limit=1000))

    def states(self) -> list[str]:
        """The states of all deliveries, oldest first."""
        return [row.state for row in sorted(self.rows(), key=lambda row: row.id)]

    def org(self, token: str = "sandbox") -> Any:
        return self.sandbox.orgs[token]

    def records(self, type_: str, token: str = "sandbox") -> list[dict[str, Any]]:
        return list(self.org(token).rows(type_))

    def admin(self, action: str, token: str = "sandbox", **body: Any) -> dict[str, Any]:
        org = self.org(token)
        done = screens.act(org, action, body)
        org.settle(lambda *_: None)
        return done

    def add(self, type_: str, **fields: Any) -> str:
        return str(self.admin("create_record", type=type_, fields=fields)["id"])

    def calls(self) -> list[dict[str, Any]]:
        """The requests since the last time this was asked."""
        new = self.sandbox.requests[self._seen :]
        self._seen = len(self.sandbox.requests)
        return new

    def page(self, id_: str) -> Page:
        return Page(id=id_, title="Intro call")

    def booking(
        self,
        verb: str,
        uid: str = "b1",
        *,
        minute: int = 0,
        email: str = "ann@example.com",
        name: str = "Ann Roe",
        hour: int = 15,
        previous: str = "",
        **more: Any,
    ) -> Event:
        """An event of a booking; `more` is laid over its details."""
        start = START.replace(hour=hour)
        details: dict[str, Any] = {
            "booking": Booking(start=start, end=start + timedelta(minutes=30)),
            "guest": Person(email=email, full_name=name),
            "hosts": (Person(email="host@example.com", timezone="Europe/London"),),
            "page": Page(id="p1", title="Intro call"),
        }
        return Event(
            type=f"booking.{verb}",
            subject_id=uid,
            previous_ids=(previous,) if previous else (),
            occurred_at=self.app.clock.now() + timedelta(minutes=minute),
            details=Details(**{**details, **more}),
        )


NewScene = Callable[..., Scene]


@pytest.fixture(scope="session")
def scene_class() -> type[Scene]:
    return Scene


@pytest.fixture
def new_scene(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, switches: list[Switch]
) -> Iterator[NewScene]:
    """Make a scene; options are those of the sandbox."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(surroundings(tmp_path))
        monkeypatch.setenv("CRMWIRE_ALLOW_LOOPBACK", "1")

        def make(
            tokens: tuple[str, ...] = ("sandbox",), clock: Clock | None = None, **options: str
        ) -> Scene:
            if not switches:
                switches.append(Switch())
            sandbox = SalesforceSandbox(SandboxSettings(tokens=tokens, options=options))
            switches[0].app = sandbox
            app = stack.enter_context(App(tmp_path / "home", clock=clock))
            return Scene(app, sandbox, switches[0].server.url)

        yield make


@pytest.fixture
def scene(new_scene: NewScene) -> Scene:
    """A scene with a checked connection and no route yet."""
    made = new_scene()
    made.connect()
    return made

"""A sandbox over real HTTP, connections to it, and writes built by hand."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest
from attrs import define, field
from starlette.types import ASGIApp, Receive, Scope, Send

import crmwire_attio
from crmwire.connections import Connection
from crmwire.sandbox import Fault, SandboxServer, SandboxSettings
from crmwire.testing import connect
from crmwire.types import About, Key, Limit, Query, Ref, Value, Write
from crmwire_attio.sandbox_app import AttioSandbox
from crmwire_attio.sandbox_app.admin import do
from crmwire_attio.sandbox_app.workspace import Record, Workspace


def _beside(name: str) -> Any:
    """A module that stands beside this one; tests are imported without a package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules.setdefault(name, importlib.util.module_from_spec(spec))
    spec.loader.exec_module(module)
    return module


scenes = _beside("attio_scenes")
_beside("attio_shapes")
FAST = tuple(Limit(name=name, calls=10_000, seconds=1) for name in ("read", "write", "notes"))


@define
class World:
    """A running sandbox and what tests do with it."""

    sandbox: AttioSandbox
    url: str
    opened: list[Connection] = field(factory=list)

    def connect(
        self, token: str = "sandbox", *, paced: bool = False, **settings: Any
    ) -> Connection:
        conn = connect(crmwire_attio, self.url, token=token, name=token, **settings)
        if not paced:
            conn.pacer.set_limits(FAST)
        self.opened.append(conn)
        return conn

    def workspace(self, token: str = "sandbox") -> Workspace:
        workspace = self.sandbox.accounts[token]
        assert isinstance(workspace, Workspace)
        return workspace

    def people(self, token: str = "sandbox") -> list[Record]:
        return list(self.workspace(token).objects["people"].records.values())

    def person(self, email: str, token: str = "sandbox") -> Record:
        [found] = [one for one in self.people(token) if email in self.texts(one, "email_addresses")]
        return found

    def texts(self, record: Record, slug: str) -> list[str]:
        """An attribute's values as text."""
        member = {
            "name": "full_name",
            "email_addresses": "email_address",
            "phone_numbers": "phone_number",
        }.get(slug, "value")
        return [element[member] for element in record.values[slug]]

    def titles(self, token: str = "sandbox") -> list[str]:
        return [note.title for note in self.workspace(token).notes.values()]

    def admin(self, action: str, token: str = "sandbox", **body: Any) -> dict[str, Any]:
        """What a person does at the vendor's screens; no company is linked for it."""
        workspace = self.workspace(token)

        class NoLinker:
            def person_written(self, *_: object) -> None:
                pass

        commit = self.sandbox._committer(workspace)
        return do(workspace, commit, NoLinker(), action, body)  # type: ignore[arg-type]

    def faults(self, *faults: Fault) -> None:
        self.sandbox.faults.arm(list(faults))

    def calls(self, since: int = 0) -> list[str]:
        """Method and path of every request so far."""
        return [f"{one['method']} {one['path']}" for one in self.sandbox.requests[since:]]

    @property
    def count(self) -> int:
        return len(self.sandbox.requests)

    def close(self) -> None:
        for conn in self.opened:
            conn.close()


Start = Callable[..., World]


class Stage:
    """One server for all tests; each puts its own sandbox behind it."""

    def __init__(self) -> None:
        self.app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)


@pytest.fixture(scope="session")
def served() -> Iterator[tuple[Stage, str]]:
    stage = Stage()
    with SandboxServer(stage) as server:
        yield stage, server.url


@pytest.fixture
def start(served: tuple[Stage, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start a sandbox with these options; limits are off and linking is slow unless asked for."""
    monkeypatch.setenv("CRMWIRE_ALLOW_LOOPBACK", "1")
    stage, url = served
    worlds: list[World] = []

    def go(tokens: Sequence[str] = ("sandbox",), **options: str) -> World:
        settings = SandboxSettings(
            tokens=tuple(tokens), options={"limits": "off", "link_delay": "60", **options}
        )
        sandbox = crmwire_attio.sandbox(settings)
        assert isinstance(sandbox, AttioSandbox)
        stage.app = sandbox
        worlds.append(World(sandbox, url))
        return worlds[-1]

    yield go
    for world in worlds:
        world.close()


@pytest.fixture
def world(start: Start) -> World:
    return start()


@pytest.fixture
def conn(world: World) -> Connection:
    return world.connect()


# ---------------------------------------------------------------- values by hand


class Make:
    """Queries and writes as core makes them."""

    @staticmethod
    def query(value: str, *, key: str = "email_addresses", **more: Any) -> Query:
        types = more.pop("types", ("people",))
        default = {"people": ("name", "email_addresses", "phone_numbers", "job_title")}
        return Query(
            id=more.pop("id", value),
            role=more.pop("role", "person"),
            types=types,
            key=key,
            value=value,
            fields=more.pop("fields", default),
            **more,
        )

    @staticmethod
    def person(
        email: str,
        *,
        action: Literal["create", "update", "upsert"] = "upsert",
        add: tuple[str, ...] = ("phone_numbers",),
        fields: Mapping[str, Value] | None = None,
        **more: Any,
    ) -> Write:
        match = Key(types=("people",), name="email_addresses", value=email)
        return Write(
            id=more.pop("id", f"person-{email}"),
            key=f"key-{email}",
            group=None,
            role="person",
            action=action,
            type="people",
            match=match if action == "upsert" else None,
            fields={"email_addresses": email, **(fields or {})},
            add=add,
            **more,
        )

    @staticmethod
    def note(
        person: str | Ref, title: str = "Intro: Ada Byron", content: str = "Hello", **more: Any
    ) -> Write:
        return Write(
            id=more.pop("id", f"note-{title}"),
            key=more.pop("key", f"key-{title}"),
            group=more.pop("group", "delivery"),
            role="activity",
            action=more.pop("action", "create"),
            type="notes",
            fields=more.pop("fields", {"title": title, "content": content}),
            about=(About(role="person", type="people", record=person),),
            **more,
        )

    @staticmethod
    def now() -> datetime:
        return datetime.now(UTC)


@pytest.fixture
def make() -> type[Make]:
    return Make


# ---------------------------------------------------------------- the whole of crmwire


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Any]:
    """With the preset that writes booking records, and its object made."""
    with scenes.opened(tmp_path) as booked:
        yield booked


@pytest.fixture
def notes(tmp_path: Path) -> Iterator[Any]:
    """With the preset that writes notes."""
    with scenes.opened(tmp_path, "linktime", ready=False) as booked:
        yield booked

"""What all checks of the contract stand on: a plugin, its samples, a crmwire that takes them."""

from __future__ import annotations

import http.client
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest
from attrs import frozen

from crmwire.app import App
from crmwire.demo.environment import surroundings
from crmwire.discovery import Plugin
from crmwire.feeds import OpenFeed
from crmwire.hooks import SourceHooks, manager
from crmwire.hookspecs import SourceSpecs
from crmwire.hosts import LOOPBACK_SWITCH
from crmwire.pacing import Pacer
from crmwire.receiver import receiver
from crmwire.sandbox import Sandbox, SandboxServer
from crmwire.signatures import sign
from crmwire.testing.clock import HurryingClock
from crmwire.types import Chunk, Event, Feed, Json, WebhookRequest

SECRET = "contract-secret-5b1f"  # noqa: S105  (signs what tests send, and nothing else)
OTHER_SECRET = "contract-secret-c07e"  # noqa: S105
TOKEN = "contract-token-77aa"  # noqa: S105


@frozen(kw_only=True)
class Answer:
    """What the receiver said."""

    status: int
    body: Mapping[str, Any]


class SourceBase:
    """What a plugin gives to be tested, and what the checks use.

    `samples()` are bodies as the source sends them, by name. `story` names those that tell one
    booking's life in its true order, `unknown` one of a kind that the plugin does not carry.
    `settings` are the feed's. A source that is asked by `poll` or `list_past` gives a sandbox of
    its API; `sandbox` is then made anew for each test and knows TOKEN.
    """

    plugin: ModuleType
    story: ClassVar[Sequence[str]] = ()
    unknown: str = ""
    settings: ClassVar[Mapping[str, Json]] = {}
    secrets: ClassVar[tuple[str, str]] = (SECRET, OTHER_SECRET)
    content_type: str = "application/json"
    since: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def samples(self) -> Mapping[str, bytes]:
        """Bodies as the source sends them."""
        return {}

    def headers(self, body: bytes, secret: str, at: datetime) -> Mapping[str, str]:
        """The headers that the source sends with a body; by default as its scheme says."""
        scheme = self.hooks.source_info().signature
        if scheme is None:
            return {}
        return sign(scheme, secret, body, timestamp=at, id="contract")

    def made_sandbox(self) -> Sandbox | None:
        """A sandbox of the source's API with something to list, for TOKEN."""
        return None

    # ------------------------------------------------------------ set up

    hooks: SourceHooks
    sandbox: Sandbox | None
    url: str

    @pytest.fixture(autouse=True)
    def _opened(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.setenv(LOOPBACK_SWITCH, "1")
        with self.opened():
            yield

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Load the plugin, and start the sandbox of its API if there is one."""
        with ExitStack() as stack:
            self.url = ""
            self.sandbox = self.made_sandbox()
            if self.sandbox is not None:
                self.url = stack.enter_context(SandboxServer(self.sandbox)).url
            self.hooks = self.feed_hooks()
            yield

    def feed_hooks(self, token: str = TOKEN, **settings: Json) -> SourceHooks:
        """The plugin's hooks for a feed whose API is the sandbox."""
        hooks = SourceHooks(manager(SourceSpecs, [("plugin", self.plugin)]), "feed contract")
        given = {**self.settings, **({"host": self.url} if self.url else {}), **settings}
        hooks.feed = Feed(
            name="contract",
            source="contract",
            settings=given,
            secrets=self.secrets[:1],
            since=self.since,
            token=token,
        )
        clock = HurryingClock()
        hooks.open_feed = OpenFeed(hooks, clock=clock, pacer=lambda _: Pacer(clock))
        return hooks

    def takes_webhooks(self) -> bool:
        return bool(self.hooks.chain("parse_webhook"))

    def is_asked(self, hook: str) -> bool:
        """Whether the plugin answers `poll` or `list_past` for such a feed."""
        return self.hooks.is_polled() if hook == "poll" else bool(self.hooks.chain(hook))

    # ------------------------------------------------------------ what is sent and taken in

    def request(self, body: bytes, at: datetime | None = None) -> WebhookRequest:
        """A body as it comes in, rightly signed."""
        moment = at or datetime.now(UTC)
        return WebhookRequest(
            body=body,
            headers={
                "content-type": self.content_type,
                **{
                    name.lower(): value
                    for name, value in self.headers(body, self.secrets[0], moment).items()
                },
            },
            received_at=moment,
        )

    def parsed(self, body: bytes, at: datetime | None = None) -> Sequence[Event]:
        """The events of a body. Raises: UnreadableWebhook."""
        return self.hooks.parse_webhook(self.request(body, at))

    def told(self) -> list[tuple[str, Sequence[Event]]]:
        """The events of every sample."""
        return [(name, self.parsed(body)) for name, body in self.samples().items()]

    def told_by_api(self) -> list[Event]:
        """All that `poll` and `list_past` tell of what is in the sandbox."""
        if self.sandbox is None:
            return []
        return [
            event
            for hook, ask in (
                ("poll", self.hooks.poll),
                ("list_past", lambda cursor: self.hooks.list_past(self.since, cursor)),
            )
            if self.is_asked(hook)
            for event in _all(ask)
        ]

    @contextmanager
    def taking(self, *, signed: bool = True, secrets: int = 1) -> Iterator[Taking]:
        """A crmwire with one feed of this source, listening."""
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            stack.enter_context(surroundings(folder))
            app = stack.enter_context(App(folder / "home", threaded=True))
            point = EntryPoint(name="contract", value=self.plugin.__name__, group="crmwire.source")
            plugin = Plugin(kind="source", name="contract", entry_point=point)
            app.discovery.__dict__["installed"] = (plugin,)
            path = app.add_feed(
                "contract",
                source="contract",
                signing_secret=self.secrets[0] if signed else None,
                allow_unsigned=not signed,
                settings=self.settings,
            )
            if secrets > 1:
                app.vault.put(app.store.feed("contract").owner, "signing-2", self.secrets[1])
            asgi = receiver(app.openings, lambda _: None, dict)
            url = stack.enter_context(SandboxServer(asgi)).url
            made = Taking(app=app, url=url, path=path, content_type=self.content_type)
            stack.callback(made.close)
            yield made


class Taking:
    """A running receiver, and how to send it something."""

    def __init__(self, *, app: App, url: str, path: str, content_type: str) -> None:
        self.app = app
        self.path = path
        self._content_type = content_type
        self._to = urlsplit(url).netloc
        self._connection = http.client.HTTPConnection(self._to, timeout=30)

    def send(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a webhook and read what is said to it."""
        self._connection.request(
            "POST", self.path, body, {"Content-Type": self._content_type, **headers}
        )
        answer = self._connection.getresponse()
        said = json.loads(answer.read() or b"{}")
        return Answer(status=answer.status, body=said)

    def close(self) -> None:
        self._connection.close()


def _all(ask: Callable[[Json], Chunk]) -> Iterator[Event]:
    chunk = Chunk(more=True)
    for _ in range(1000):
        if not chunk.more:
            return
        chunk = ask(chunk.cursor)
        yield from chunk.events


def each_sample(check: Callable[[str, bytes], object], samples: Mapping[str, bytes]) -> None:
    """Run a check for each sample, naming the one that fails."""
    for name, body in samples.items():
        try:
            check(name, body)
        except AssertionError as error:
            error.add_note(f"sample {name}")
            raise


def cpu_share() -> int:
    """How many examples a property is tried with: fewer where tests share few processors."""
    return int(os.environ.get("CRMWIRE_CONTRACT_EXAMPLES", "150"))

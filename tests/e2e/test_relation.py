"""Re:lation's inbox, polled by the daemon, to the events of a Salesforce org."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import define

from crmwire import ConfigurationError
from crmwire.app import App
from crmwire.demo.environment import surroundings
from crmwire.hooks import manager
from crmwire.hookspecs import CrmSpecs
from crmwire.runner import Daemon
from crmwire.sandbox import Sandbox, SandboxServer, SandboxSettings
from crmwire.store import DeliveryFilter
from crmwire_relation.sandbox_app import RelationSandbox

ADA = {"from": "Ada Example <ada@example.com>", "to": "support@example.com"}


@define
class Support:
    """An inbox, an org, and crmwire between them."""

    app: App
    daemon: Daemon
    inbox: RelationSandbox
    org: Sandbox
    url: str

    def route(self, **more: Any) -> None:
        self.app.add_route(feed="support", connection="sales", preset="relation", **more)

    def add(self, type_: str, **fields: Any) -> str:
        """Put a record into the org, as a person does in its own screens."""
        request = urllib.request.Request(
            f"{self.url}/__sandbox__/admin",
            json.dumps({"action": "create_record", "type": type_, "fields": fields}).encode(),
        )
        with urllib.request.urlopen(request) as answer:
            return str(json.load(answer)["id"])

    def asked(self) -> None:
        """Wait until the inbox was asked to the end, and all is delivered."""
        feed = self.app.store.feed("support")
        begun = self.app.clock.now().timestamp()

        def done() -> bool:
            poll = self.app.store.polls().get(feed.id)
            whole = poll is not None and isinstance(poll.cursor, dict) and not poll.cursor["run"]
            waiting = self.app.deliveries(DeliveryFilter(states=("ready", "working")))
            return bool(
                whole and poll and poll.answered_at and poll.answered_at > begun and not waiting
            )

        until(done)

    def rows(self, *states: str) -> list[Any]:
        return self.app.deliveries(DeliveryFilter(states=states))

    def titles(self) -> dict[str, list[str]]:
        account = next(iter(self.org.accounts.values()))
        return {
            f"{person.type} {person.email}": [entry.title for entry in person.entries]
            for person in self.org.timelines(account)
        }


def until(reached: Callable[[], bool], timeout: float = 20.0) -> None:
    deadline = time.monotonic() + timeout
    while not reached():
        assert time.monotonic() < deadline, "it did not come in time"
        time.sleep(0.05)


@pytest.fixture
def support(tmp_path: Path) -> Iterator[Support]:
    with ExitStack() as stack:
        stack.enter_context(surroundings(tmp_path))
        app = stack.enter_context(App(tmp_path / "home", threaded=True))
        inbox = RelationSandbox(SandboxSettings(tokens=("a-token",), options={"limit": "9999"}))
        inbox_url = stack.enter_context(SandboxServer(inbox)).url
        pm = manager(CrmSpecs, [("salesforce", app.discovery.find("crm", "salesforce").load())])
        org = pm.hook.sandbox(settings=SandboxSettings())
        url = stack.enter_context(SandboxServer(org)).url
        app.add_feed(
            "support",
            source="relation",
            settings={"subdomain": "example", "inbox": 7, "host": inbox_url, "poll_every": 1},
            api_token="a-token",
        )
        app.add_connection("sales", crm="salesforce", token="sandbox", settings={"host": url})
        daemon = Daemon(app, sweep=0.05)
        stack.callback(daemon.stop)
        daemon.start()
        yield Support(app, daemon, inbox, org, url)


def test_messages_become_events_of_the_person_they_are_of(support: Support) -> None:
    support.add("Contact", LastName="Example", Email="ada@example.com")
    # Re:lation's times are whole seconds, so the first second of a route would be before it.
    support.route(since=datetime.now(UTC) - timedelta(seconds=2))
    support.inbox.write(1, title="Prices", **ADA)
    support.inbox.write(1, title="Re: Prices", action_cd="sent", to="ada@example.com")
    support.inbox.write(1, title="Draft", action_cd="draft", to="ada@example.com")
    support.inbox.write(2, method_cd="tweet", **ADA)
    support.asked()
    support.asked()
    assert support.titles()["Contact ada@example.com"] == ["Prices (mail)", "Re: Prices (mail)"]
    assert len(support.rows("delivered")) == 2
    assert len(support.rows()) == 2


def test_only_what_happens_after_the_route_was_made_is_carried(support: Support) -> None:
    support.add("Contact", LastName="Example", Email="ada@example.com")
    support.inbox.write(1, title="Before", **ADA)
    support.asked()
    support.route()
    now = datetime.now(UTC)
    support.inbox.write(1, title="After", at=now + timedelta(seconds=1), **ADA)
    support.asked()
    assert support.titles()["Contact ada@example.com"] == ["After (mail)"]


def test_a_route_made_anew_starts_at_its_own_since(support: Support) -> None:
    support.add("Contact", LastName="Example", Email="ada@example.com")
    support.route(name="first")
    support.app.remove_route("first")
    support.inbox.write(1, title="Between", **ADA)
    time.sleep(1.1)
    support.route(name="second")
    support.inbox.write(1, title="After", at=datetime.now(UTC) + timedelta(seconds=1), **ADA)
    support.asked()
    assert support.titles()["Contact ada@example.com"] == ["After (mail)"]


def test_one_inbox_is_carried_to_a_connection_once(support: Support) -> None:
    support.route(name="first")
    row = support.app.store.feed("support")
    support.app.add_feed(
        "again", source="relation", settings=row.settings, api_token="another-token"
    )
    with pytest.raises(ConfigurationError, match="first carries this to sales already"):
        support.app.add_route(feed="again", connection="sales", preset="relation")
    with pytest.raises(ConfigurationError, match="first carries this to sales already"):
        support.route(name="second", page="7")


def test_a_document_cannot_carry_an_inbox_twice_either(support: Support) -> None:
    from crmwire.documents import compared, parsed

    settings = '{subdomain = "example", inbox = 7}'
    text = f"""
        team = "default"
        [feeds.support]
        source = "relation"
        token = "vault:feed/support"
        settings = {settings}
        [feeds.again]
        source = "relation"
        settings = {settings}
        [connections.sales]
        crm = "salesforce"
        token = "vault:connection/sales"
        settings = {{host = "{support.url}"}}
        [routes.one]
        feed = "support"
        connection = "sales"
        preset = "relation"
        [routes.two]
        feed = "again"
        connection = "sales"
        preset = "relation"
    """
    with pytest.raises(ConfigurationError) as caught:
        compared(support.app, parsed(text, "team.toml"), "team.toml")
    assert "the route 'one' carries this already" in str(caught.value)

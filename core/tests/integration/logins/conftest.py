"""A data folder and the toy CRM's login over real HTTP; `press` is the browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from attrs import define

from crmwire.app import App
from crmwire.connections import Connection
from crmwire.demo.environment import surroundings
from crmwire.sandbox import CLIENT_ID, CLIENT_SECRET, SandboxServer, SandboxSettings
from crmwire.sandbox.loginpage import press
from crmwire.setting_up.logins import Connected, Started
from crmwire.store import LoginRow
from crmwire.testing.toysandbox import ToySandbox

REDIRECT = "http://localhost:8765/oauth/callback"
ACCOUNTS = ("first-account", "second-account")


@define
class Bench:
    """A crmwire beside a toy CRM with two accounts."""

    app: App
    sandbox: ToySandbox
    url: str
    folder: Path
    public: str = ""
    """Where browsers reach the daemon, if there is one."""

    def settings(self, **more: Any) -> dict[str, Any]:
        return {"client_id": CLIENT_ID, "host": self.url, "login_host": self.url, **more}

    def begin(self, name: str = "crm", *, redirect_uri: str = REDIRECT, **settings: Any) -> Started:
        chosen = self.settings(**settings)
        self.app.prepare_login(name, crm="toy", settings=chosen)
        return self.app.begin_login(
            name,
            redirect_uri=redirect_uri,
            settings=chosen,
            secrets={"client_secret": CLIENT_SECRET},
        )

    def connect(
        self, name: str = "crm", *, account: str = ACCOUNTS[0], **settings: Any
    ) -> Connected:
        """Log in as a person does, up to the end."""
        return self.app.finish_login(self.back(self.begin(name, **settings), account=account))

    def back(self, started: Started, **chosen: str) -> str:
        """The query that a browser brings back after the form was pressed."""
        return urlsplit(press(started.address, **chosen)).query

    def open(self, name: str = "crm") -> Connection:
        return self.app.openings.connection(self.app.store.connection(name))

    def login(self, name: str = "crm") -> LoginRow:
        row = self.app.store.login(self.app.store.connection(name).id)
        assert row is not None
        return row

    def secrets(self, name: str = "crm") -> dict[str, str]:
        return self.app.vault.all(self.app.store.connection(name).owner)

    def state(self, name: str = "crm") -> str:
        return self.app.store.connection(name).state

    def token_calls(self) -> list[dict[str, list[str]]]:
        """The forms that the token endpoint got, oldest first."""
        return [
            parse_qs(call["body"])
            for call in self.sandbox.requests
            if call["path"] == "/oauth/token"
        ]


@pytest.fixture
def bench(toy_installed: None, tmp_path: Path) -> Iterator[Bench]:
    sandbox = ToySandbox(SandboxSettings(tokens=ACCOUNTS))
    with (
        surroundings(tmp_path),
        SandboxServer(sandbox) as server,
        App(tmp_path / "home") as app,
    ):
        yield Bench(app, sandbox, server.url, tmp_path)

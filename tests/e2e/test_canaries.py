"""Secrets that are searched for everywhere, and found nowhere but at the vendor.

Real commands and a real daemon, as verbose as it can be. Searched: every file of the data folder
(database, log, lock), a backup, what the daemon logs, what its HTTP answers, what every command
prints, and the process list the whole time.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import structlog
from click.testing import CliRunner

from crmwire.app import App
from crmwire.cli import cli
from crmwire.demo.bookings import FIRST_START, SampleBooking
from crmwire.demo.environment import surroundings
from crmwire.demo.processes import all_stopped, free_port, start
from crmwire.hooks import manager
from crmwire.hookspecs import CrmSpecs
from crmwire.sandbox import CLIENT_ID, Fault, SandboxServer, SandboxSettings
from crmwire.sandbox.loginpage import press
from crmwire.signatures import sign
from crmwire.store.states import STATES

TOKEN = "pat-canary-a3f81c90-token-of-the-account"
OTHER = "pat-canary-77d2e541-revoked-token"
SIGNING = "canary-5e0b2d-signing-secret"
CLIENT_SECRET = "canary-c49b11-secret-of-the-app"


class ProcessList:
    """Looks at the arguments of all processes of this machine, again and again."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._stop.wait(0.005):
            for entry in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.seen.add(entry.read_bytes().decode("utf-8", "replace"))
                except OSError:
                    continue

    def __enter__(self) -> ProcessList:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.fixture
def hubspot(monkeypatch: pytest.MonkeyPatch) -> Iterator[SandboxServer]:
    import crmwire_hubspot

    pm = manager(CrmSpecs, [("hubspot", crmwire_hubspot)])
    app = pm.hook.sandbox(
        settings=SandboxSettings(
            tokens=(TOKEN,), options={"client_secret": CLIENT_SECRET, "rotation": "yes"}
        )
    )
    with SandboxServer(app) as server:
        yield server


def answers(url: str, body: bytes | None, **headers: str) -> str:
    """Status, headers and body of an answer, as text."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return f"{answer.status} {answer.headers} {answer.read()!r}"
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.headers} {error.read()!r}"


def test_secrets_are_in_no_file_log_answer_output_or_process_list(
    tmp_path: Path, hubspot: SandboxServer
) -> None:
    told: list[str] = []  # all that anybody was told
    with surroundings(tmp_path) as environment, all_stopped(processes := []), ProcessList() as ps:

        def run(*arguments: str, given: str = "", env: dict[str, str] | None = None) -> str:
            done = subprocess.run(
                [sys.executable, "-m", "crmwire", "--verbose", *arguments],
                input=given,
                capture_output=True,
                text=True,
                env={**os.environ, **environment, **(env or {})},
                timeout=60,
            )
            told.append(f"{arguments} {done.stdout} {done.stderr}")
            return done.stdout

        def ask(*arguments: str) -> str:
            """The same, in this process: for the many commands that are given no secret."""
            done = CliRunner().invoke(cli, ["--verbose", *arguments])
            told.append(f"{arguments} {done.output}")
            return done.output

        run("connection", "add", "hubspot", "--host", hubspot.url, given=TOKEN)
        path = json.loads(run("feed", "add", "cal", "--source", "calcom", "--json", given=SIGNING))[
            "path"
        ]
        told.pop()  # this is the one command whose answer is the address
        ask("route", "add", "--feed", "cal", "--connection", "hubspot", "--preset", "linktime")
        address = path.removeprefix("/in/")
        keys = (tmp_path / "config" / "keys").read_text().strip()
        oauth = logged_in(hubspot.url)
        port = free_port()
        daemon = start(
            "daemon",
            ["--verbose", "serve", "--port", str(port)],
            port=port,
            probe="/healthz",
            environment=environment,
            folder=tmp_path,
        )
        processes.append(daemon)
        webhook = f"{daemon.url}{path}"

        def send(uid: str, secret: str = SIGNING) -> None:
            sample = SampleBooking(
                uid=uid, email=f"{uid}@example.com", name="Ada Byron", start=FIRST_START
            )
            body = sample.created(datetime.now(UTC))
            from crmwire_calcom import source_info

            signature = source_info().signature
            assert signature is not None
            headers = sign(signature, secret, body)
            told.append(answers(webhook, body, **headers))

        send("first")
        send("forged", "another-secret")
        told.append(answers(webhook, b"{"))
        told.append(answers(webhook, b"x" * 300_000))
        told.append(answers(f"{daemon.url}/in/wrong", b"{}"))
        told.append(answers(f"{daemon.url}/healthz", None))
        told.append(answers(f"{daemon.url}/oauth/hubspot/start", None))
        told.append(answers(f"{daemon.url}/oauth/callback?code=x&state=y", None))
        wait_for(tmp_path, 2)
        # A vendor that echoes the token in its refusals, and one that refuses the login.
        echo = {"status": "error", "category": "VALIDATION_ERROR", "message": f"bad {TOKEN}"}
        hubspot.app.faults.arm([Fault(kind="status", status=400, body=echo)])  # type: ignore[attr-defined]
        send("echoed")
        wait_for(tmp_path, 4)
        hubspot.app.faults.arm([])  # type: ignore[attr-defined]
        run("connection", "add", "hubspot", given=OTHER)
        send("refused")
        time.sleep(1.0)
        oauth |= refreshed()
        ask("check")
        ask("disconnect", "oauth")
        run("connection", "add", "hubspot", given=TOKEN)
        document = ask("export")
        (tmp_path / "team.toml").write_text(document)
        ask("apply", str(tmp_path / "team.toml"), "--yes")
        run("keys", "rotate", "--yes")
        send("rotated")  # the daemon reads its secrets with the key that it did not know
        wait_for(tmp_path, 2, 3)
        keys += "\n" + (tmp_path / "config" / "keys").read_text().strip()
        for arguments in (
            ["status", "--json"],
            ["deliveries", "--json"],
            ["delivery", "1"],
            ["delivery", "2", "--json"],
            ["connection", "list", "--json"],
            ["route", "list", "--json"],
            ["audit", "--json"],
            ["keys", "--json"],
            ["plugins", "--json"],
            ["explain", "hubspot", "auth_scheme"],
            ["connection", "add", "hubspot", "--host", f"https://{TOKEN}@evil.example.org"],
        ):
            ask(*arguments)
        with (
            contextlib.closing(sqlite3.connect(tmp_path / "home" / "crmwire.db")) as db,
            contextlib.closing(sqlite3.connect(tmp_path / "backup.db")) as copy,
        ):
            db.backup(copy)
        while_running = files(tmp_path / "home")
        daemon.process.send_signal(signal.SIGINT)
        assert daemon.process.wait(20) == 130
        log = daemon.log.read_text()
    assert "daemon_started" in log
    assert "daemon_stopped" in log
    assert '"delivery_changed"' in log
    assert any("serve" in line for line in ps.seen)  # the list was looked at
    raw_keys = [line.partition(":")[2] for line in keys.split()]
    canaries = [TOKEN, OTHER, SIGNING, address, *raw_keys, *oauth]
    assert len(oauth) == 5  # the app's secret, and two tokens twice
    places = {
        "the data folder, while it runs": while_running,
        "the data folder": files(tmp_path / "home"),
        "a backup": (tmp_path / "backup.db").read_bytes(),
        "the log": log.encode(),
        "answers and output": "\n".join(one for one in told if "--host" not in one).encode(),
        "the exported document": document.encode(),
        "the process list": "\n".join(
            one
            for one in ps.seen
            if "evil.example.org" not in one  # typed there by hand
        ).encode(),
    }
    for canary in canaries:
        for place, content in places.items():
            for form in (canary.encode(), base64.b64encode(canary.encode()).rstrip(b"=")):
                assert form not in content, f"{canary!r} is in {place}"
    for key in raw_keys:
        for place in ("the data folder", "a backup", "the log"):
            assert base64.b64decode(key) not in places[place]
    assert TOKEN not in [one for one in told if "--host" in one][-1].partition("') ")[2]


def logged_in(url: str) -> set[str]:
    """Log a second connection in through the vendor's pages; the secrets that makes."""
    with App() as app:
        settings = {"client_id": CLIENT_ID, "host": url, "login_host": url}
        app.prepare_login("oauth", crm="hubspot", settings=settings)
        begun = app.begin_login(
            "oauth",
            redirect_uri="http://localhost:8765/oauth/callback",
            settings=settings,
            secrets={"client_secret": CLIENT_SECRET},
        )
        app.finish_login(urlsplit(press(begun.address)).query)
        return set(app.vault.all(app.store.connection("oauth").owner).values())


def refreshed() -> set[str]:
    """Refresh that login, with rotation on; all its secrets now."""
    with App() as app:
        row = app.store.connection("oauth")
        app.openings.connection(row).login.refresh()
        return set(app.vault.all(row.owner).values())


def wait_for(folder: Path, state: int, number: int = 1) -> None:
    deadline = time.monotonic() + 20
    with contextlib.closing(sqlite3.connect(folder / "home" / "crmwire.db")) as db:
        while time.monotonic() < deadline:
            rows = db.execute("SELECT 1 FROM deliveries WHERE state = ?", (state,)).fetchall()
            if len(rows) >= number:
                return
            time.sleep(0.05)
    raise AssertionError(f"not {number} deliveries are {STATES[state]}")


def files(folder: Path) -> bytes:
    return b"\n".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())

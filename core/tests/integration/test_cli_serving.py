"""The daemon and the sandboxes as processes of their own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crmwire.demo.environment import surroundings
from crmwire.demo.processes import call, free_port

Start = Callable[..., "subprocess.Popen[str]"]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """Surroundings, with the toy CRM as an installed distribution of its own."""
    info = tmp_path / "site" / "crmwire_toy-0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: crmwire-toy\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[crmwire.crm]\ntoy = crmwire.testing.toycrm\n")
    with surroundings(tmp_path):
        yield tmp_path / "home"


@pytest.fixture
def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(home.parent / "site")}


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Start]:
    """Start `crmwire ARGUMENTS`; all are ended with the test."""
    with contextlib.ExitStack() as stack:

        def begin(*arguments: str) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-m", "crmwire", *arguments],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=environment,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield begin


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    return lambda *arguments: subprocess.run(
        [sys.executable, "-m", "crmwire", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        env=environment,
        check=False,
    )


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_the_daemon_says_where_it_listens_and_ends_well_on_sigterm(
    start: Start, home: Path
) -> None:
    port = free_port()
    daemon = start("serve", "--port", str(port))
    assert first_line(daemon) == (
        f"crmwire listens on http://127.0.0.1:{port} with the data in {home}.\n"
    )
    assert call(f"http://127.0.0.1:{port}/healthz").status == 200
    daemon.send_signal(signal.SIGTERM)
    _, logged = daemon.communicate(timeout=20)
    assert daemon.returncode == 0
    events = [json.loads(line)["event"] for line in logged.splitlines() if line.startswith("{")]
    assert events == ["daemon_started", "daemon_stopped"]
    assert "Traceback" not in logged


def test_ctrl_c_ends_the_daemon_quietly(start: Start) -> None:
    daemon = start("serve", "--port", "0")
    first_line(daemon)
    daemon.send_signal(signal.SIGINT)
    _, logged = daemon.communicate(timeout=20)
    assert daemon.returncode == 130
    assert "Traceback" not in logged


def test_a_second_daemon_on_a_folder_is_refused(start: Start, run: Run, home: Path) -> None:
    daemon = start("serve", "--port", "0")
    first_line(daemon)
    second = run("serve", "--port", "0")
    assert second.returncode == 1
    assert second.stderr == (
        f"Error: A daemon (process {daemon.pid}) already runs on {home}."
        " Stop it first, or set CRMWIRE_HOME to another folder.\n"
    )
    assert f"The daemon runs (process {daemon.pid})." in run("status").stdout


@pytest.mark.parametrize("command", [("serve",), ("sandbox", "toy")])
def test_a_port_in_use_is_one_line(run: Run, command: tuple[str, ...]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run(*command, "--port", str(port))
    assert done.returncode == 2
    told = done.stderr.splitlines()[-1]
    assert told == (
        f"Error: Port {port} of 127.0.0.1 is in use."
        " Choose another with --port, or stop what uses it."
    )
    assert "Traceback" not in done.stderr


def test_a_host_that_is_not_this_machine_is_one_line(run: Run) -> None:
    done = run("serve", "--host", "192.0.2.1")
    assert done.returncode == 2
    assert "Error: 192.0.2.1 cannot be listened on (" in done.stderr


def test_a_sandbox_opens_an_account_for_each_token_and_shows_a_page(start: Start) -> None:
    port = free_port()
    sandbox = start("sandbox", "toy", "--port", str(port), "--token", "one", "--token", "two")
    url = f"http://127.0.0.1:{port}"
    assert first_line(sandbox).startswith(f"The sandbox of toy is on {url}: ")
    assert "one or two as the token" in first_line(sandbox)
    accounts = call(f"{url}/__sandbox__/timelines").body["accounts"]
    assert [account["token"] for account in accounts] == ["one", "two"]
    sandbox.send_signal(signal.SIGINT)
    _, said = sandbox.communicate(timeout=20)
    assert (sandbox.returncode, said.strip()) == (130, "")


def test_a_crm_of_its_own_distribution_is_listed_and_connected(
    run: Run, environment: dict[str, str]
) -> None:
    plugins = json.loads(run("plugins", "--json").stdout)["plugins"]
    (toy,) = [one for one in plugins if one["name"] == "toy"]
    assert (toy["from"], toy["version"], toy["loads"]) == ("crmwire-toy", "0.1", True)
    added = subprocess.run(
        [sys.executable, "-m", "crmwire", "connection", "add", "toy", "--name", "t"],
        input="sandbox", capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    assert added.returncode == 0, added.stderr
    assert "crmwire check t" in added.stdout

"""`crmwire connect` and `crmwire disconnect`, as a person types them."""

from __future__ import annotations

import json
import re
import threading
import urllib.request
from typing import Any

import pytest
from click.testing import CliRunner

from crmwire.cli import cli
from crmwire.demo.processes import free_port
from crmwire.sandbox import CLIENT_ID, CLIENT_SECRET
from crmwire.sandbox.loginpage import press

pytestmark = pytest.mark.usefixtures("toy_installed")


def run(bench: Any, *arguments: str, secret: str | None = None) -> Any:
    home = str(bench.folder / "home")
    return CliRunner().invoke(cli, ["--home", home, *arguments], input=secret)


def connect(bench: Any, *more: str, account: str = "first-account", decision: str = "allow") -> Any:
    """Type the command; a browser opens the address that it prints."""
    port, done = free_port(), threading.Event()

    def browse() -> None:
        # The address goes to standard error, which the runner keeps to itself: look in the store.
        while not done.wait(0.02):
            if address := opened:
                back = press(address.pop(), account=account, decision=decision)
                try:
                    urllib.request.urlopen(back.replace("localhost", "127.0.0.1"), timeout=20)
                except urllib.error.HTTPError as error:
                    error.close()
                return

    opened: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "click.echo",
            _listening(opened, __import__("click").echo),
        )
        thread = threading.Thread(target=browse)
        thread.start()
        result = run(
            bench, "connect", "toy", "--name", "crm", "--client-id", CLIENT_ID,
            "--client-secret-stdin", "--host", bench.url, "--login-host", bench.url,
            "--port", str(port), "--timeout", "20", "--no-browser", *more, secret=CLIENT_SECRET,
        )  # fmt: skip
        done.set()
        thread.join()
    return result


def _listening(opened: list[str], real: Any) -> Any:
    def echo(message: Any = None, *more: Any, **options: Any) -> Any:
        found = re.search(r"http://\S+/oauth/authorize\?\S+", str(message))
        if found:
            opened.append(found[0])
        return real(message, *more, **options)

    return echo


def test_connect_logs_in_and_ends_with_a_check(bench: Any) -> None:
    result = connect(bench)
    assert result.exit_code == 0, result.output
    assert "The connection crm is logged in to Example Ltd 1." in result.output
    assert "connection crm is Example Ltd 1 (toy-1), as u1: fine" in result.output
    assert "scopes: records" in result.output
    assert CLIENT_SECRET not in result.output
    again = connect(bench, "--json")
    assert json.loads(again.stdout)["again"] is True


def test_connect_refuses_another_account_and_says_what_to_do(bench: Any) -> None:
    connect(bench)
    result = connect(bench, account="second-account")
    assert result.exit_code == 1
    assert "belongs to Example Ltd 1" in result.output
    assert "use another --name" in result.output


def test_connect_says_when_the_person_declined(bench: Any) -> None:
    result = connect(bench, decision="deny")
    assert result.exit_code == 1
    assert "declined" in result.output


def test_connect_gives_up_in_time(bench: Any) -> None:
    result = run(
        bench, "connect", "toy", "--client-id", CLIENT_ID, "--login-host", bench.url,
        "--timeout", "1", "--port", "0", "--no-browser",
    )  # fmt: skip
    assert result.exit_code == 1
    assert "Nobody came back" in result.output
    assert "redirect address" in result.output


def test_connect_prints_a_link_for_somebody_else(bench: Any) -> None:
    result = run(
        bench, "connect", "toy", "--client-id", CLIENT_ID, "--client-secret-stdin",
        "--login-host", bench.url, "--host", bench.url, "--hosted", "https://crm.example.com",
        secret=CLIENT_SECRET,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert re.search(r"https://crm\.example\.com/oauth/toy/start\?ticket=\S{43}", result.output)
    assert "https://crm.example.com/oauth/callback" in result.output


def test_connect_as_the_app_itself_needs_no_browser(bench: Any) -> None:
    result = run(
        bench, "connect", "toy", "--client-id", CLIENT_ID, "--client-secret-stdin",
        "--login-host", bench.url, "--host", bench.url, "--grant", "client_credentials",
        secret=CLIENT_SECRET,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "The connection toy is logged in to Example Ltd 1." in result.output


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "no app to log in with"),
        (["--client-id", "x", "--grant", "jwt_bearer"], "no login of the kind"),
        (["--client-id", "x", "--client-secret-stdin", "--private-key-stdin"], "one of them"),
        (["--client-id", "x", "--login-host", "https://evil.example.net"], "not a host of this"),
        (["--client-id", "x", "--hosted", "http://crm.example.com"], "not an address"),
        (["--client-id", "x", "--team", "no such name!"], ""),
    ],
)
def test_connect_says_what_is_wrong(bench: Any, arguments: list[str], problem: str) -> None:
    result = run(bench, "connect", "toy", *arguments, "--timeout", "1", "--port", "0")
    assert result.exit_code in (1, 2)
    assert problem in result.output
    assert "Traceback" not in result.output


def test_wrong_input_leaves_no_connection_and_a_failed_login_leaves_one_that_waits(
    bench: Any,
) -> None:
    run(bench, "connect", "toy", "--client-id", "x", "--hosted", "http://crm.example.com")
    run(bench, "connect", "toy", "--client-id", "x", "--grant", "client_credentials")
    run(bench, "connect", "toy", "--client-id", "x", "--client-secret-stdin", secret="")
    assert bench.app.store.connections() == []
    result = connect(bench, decision="deny")
    assert "`crmwire connection remove crm` takes it away" in result.stderr
    assert [row.name for row in bench.app.store.connections()] == ["crm"]
    assert "takes it away" not in connect(bench, decision="deny").stderr
    connect(bench)
    assert run(bench, "connect", "toy", "--name", "crm", "--grant", "jwt_bearer").exit_code == 2
    assert bench.state() == "ok"


def test_disconnect_says_what_became_of_the_login(bench: Any) -> None:
    connect(bench)
    result = run(bench, "disconnect", "crm")
    assert result.exit_code == 0, result.output
    assert "The CRM has ended the login as well." in result.output
    assert bench.state() == "disconnected"
    told = run(bench, "disconnect", "crm")
    assert "Nobody was logged in." in told.output
    assert run(bench, "audit").output.count("disconnected") == 1
    assert json.loads(run(bench, "disconnect", "crm", "--json").stdout)["revoked"] is None
    assert "crm: It was disconnected. Run `crmwire connect toy --name crm`." in (
        run(bench, "status").output
    )
    assert run(bench, "disconnect", "nobody").exit_code == 2

"""`crmwire alert`, and what `check`, `status` and `connection list` say of what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from click.testing import CliRunner, Result

from crmwire.app import App
from crmwire.cli import cli
from crmwire.demo.environment import surroundings
from crmwire.sandbox import SandboxServer, SandboxSettings
from crmwire.testing.toysandbox import ToySandbox

pytest.importorskip("crmwire_calcom")
Command = Callable[..., Result]
HOOK = "http://127.0.0.1:9/secret-path"
DOCUMENT = """
[alerts.ops]
address = "env:OPS"
webhook = true
digest = "weekly"
"""


@pytest.fixture
def crmwire(
    tmp_path: Path, toy_installed: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Command]:
    monkeypatch.setenv("OPS", HOOK)
    monkeypatch.chdir(tmp_path)
    Path("team.toml").write_text(DOCUMENT)
    runner = CliRunner()
    with surroundings(tmp_path):
        yield lambda *arguments, typed="": runner.invoke(
            cli, arguments, input=typed, prog_name="crmwire"
        )
    structlog.reset_defaults()


@pytest.fixture
def sandbox(crmwire: Command) -> Iterator[ToySandbox]:
    """A toy CRM that the connection `sales` writes to."""
    made = ToySandbox(SandboxSettings())
    with SandboxServer(made) as server:
        crmwire(
            "connection", "add", "toy", "--name", "sales", "--host", server.url, typed="sandbox"
        )
        yield made


def data(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_an_alert_is_added_listed_and_removed(crmwire: Command) -> None:
    assert "Nobody is told" in crmwire("alert", "list").stdout
    added = crmwire("alert", "add", "ops", "--webhook", typed=HOOK)
    assert "signed as Standard Webhooks says, with whsec_" in added.stdout
    assert crmwire("alert", "secret", "ops").stdout.strip() in added.stdout
    (row,) = data(crmwire("alert", "list", "--json"))
    assert (row["name"], row["team"], row["digest"]) == ("ops", "default", "daily")
    assert "secret-path" not in crmwire("alert", "list").stdout
    again = crmwire("alert", "add", "ops", "--webhook", "--digest", "weekly", typed=HOOK)
    assert "new address" in again.stdout
    assert data(crmwire("alert", "list", "--json"))[0]["digest"] == "weekly"
    assert crmwire("alert", "add", "ops", typed="mailto://x").exit_code == 2
    assert crmwire("alert", "remove", "ops").exit_code == 0
    assert data(crmwire("alert", "list", "--json")) == []
    assert crmwire("alert", "remove", "ops").exit_code == 2


def test_a_test_that_does_not_arrive_is_told_by_the_exit_status(crmwire: Command) -> None:
    crmwire("alert", "add", "ops", "--webhook", typed=HOOK)
    result = crmwire("alert", "test")
    assert result.exit_code == 1
    assert "ops: The receiver cannot be reached" in result.stdout
    assert "`crmwire alert add ops` replaces it" in result.stdout
    assert "does not arrive" in crmwire("alert", "list").stdout


@pytest.mark.parametrize(
    ("address", "options", "told"),
    [
        ("hello", (), "It looks like mailto://"),
        ("nosuch://x", (), "https://github.com/caronc/apprise"),
        ("http://example.com/x", ("--webhook",), "Use an https address."),
        ("https://169.254.169.254/x", ("--webhook",), "no public address"),
        ("https://[::ffff:10.0.0.1]/x", ("--webhook",), "no public address"),
        ("", (), "Pipe it into this command"),
    ],
)
def test_an_address_that_cannot_be_told_is_refused_with_what_to_do(
    crmwire: Command, address: str, options: tuple[str, ...], told: str
) -> None:
    result = crmwire("alert", "add", "ops", *options, typed=address)
    assert result.exit_code == 2
    assert told in result.stderr
    assert data(crmwire("alert", "list", "--json")) == []


def test_a_mail_has_no_signing_secret(crmwire: Command) -> None:
    crmwire("alert", "add", "ops", typed="mailto://user:password@example.com")
    assert crmwire("alert", "secret", "ops").exit_code == 2


def test_a_document_carries_alerts_and_their_address_stays_secret(crmwire: Command) -> None:
    shown = crmwire("apply", "team.toml").stdout
    assert "+ alert ops (webhook)" in shown
    assert "Nothing to change." in crmwire("apply", "team.toml").stdout
    exported = crmwire("export").stdout
    assert 'address = "vault:alert/ops"' in exported
    assert "secret-path" not in exported + shown
    Path("again.toml").write_text(exported)
    assert "Nothing to change." in crmwire("apply", "again.toml").stdout
    Path("again.toml").write_text(exported.replace("weekly", "off"))
    assert "digest: 'weekly' → 'off'" in crmwire("apply", "again.toml").stdout
    Path("none.toml").write_text("")
    assert "- alert ops" in crmwire("apply", "none.toml", "--prune").stdout


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("weekly", "hourly"), "There is no digest 'hourly'"),
        (("env:OPS", HOOK), "a secret never stands in a document"),
        (("env:OPS", "env:NONE"), "the environment variable NONE is not set"),
        (('address = "env:OPS"', ""), "an alert needs `address`"),
        (("webhook = true", ""), "apprise cannot use that address"),
        (("webhook = true", 'secret = "env:OPS"\nwebhook = true'), "whsec_"),
    ],
)
def test_a_documents_mistakes_are_told_with_their_places(
    crmwire: Command, change: tuple[str, str], told: str
) -> None:
    Path("team.toml").write_text(DOCUMENT.replace(*change))
    result = crmwire("apply", "team.toml")
    assert result.exit_code == 2
    assert told in result.stderr
    assert "alerts" in result.stderr
    assert "secret-path" not in result.output


def test_a_check_that_finds_a_bad_token_is_seen_everywhere(
    crmwire: Command, sandbox: ToySandbox
) -> None:
    assert crmwire("check").exit_code == 0
    assert data(crmwire("connection", "list", "--json"))[0]["check"] == "ok"
    account = sandbox.accounts.pop("sandbox")
    assert crmwire("check", "sales").exit_code == 1
    (row,) = data(crmwire("connection", "list", "--json"))
    assert (row["state"], row["check"]) == ("needs_login", "login")
    assert " ok" not in crmwire("connection", "list").stdout.splitlines()[1]
    (wrong,) = data(crmwire("status", "--json"))["wrong_now"]
    assert (wrong["kind"], wrong["name"]) == ("needs_login", "sales")
    said = crmwire("status").stdout
    assert "Wrong now (nobody is told: `crmwire alert add`):" in said
    assert "connection sales: the login was lost" in said
    assert "Command: crmwire connection add toy --name sales" in said
    sandbox.accounts["sandbox"] = account
    assert crmwire("check", "sales").exit_code == 0
    assert data(crmwire("connection", "list", "--json"))[0]["state"] == "ok"
    assert data(crmwire("status", "--json"))["wrong_now"] == []


def test_a_check_without_a_name_tells_of_all(crmwire: Command, sandbox: ToySandbox) -> None:
    crmwire("feed", "add", "cal", "--source", "calcom", typed="signing-secret")
    results = data(crmwire("check", "--json"))
    assert [(one["kind"], one["name"], one["state"]) for one in results] == [
        ("connection", "sales", "ok"),
        ("feed", "cal", "ok"),
    ]
    assert results[1]["facts"] == {"last event": "none yet"}
    assert "crmwire alert add" in crmwire("check").stdout


def test_a_route_whose_mapping_does_not_fit_stops_no_other_check(
    crmwire: Command, sandbox: ToySandbox
) -> None:
    crmwire("feed", "add", "cal", "--source", "calcom", typed="signing-secret")
    crmwire("route", "add", "--feed", "cal", "--connection", "sales", "--preset", "linktime")
    with App() as app:
        app.store.write(lambda db: db.execute("UPDATE routes SET mapping = '{\"x\": 1}'"))
    (found,) = [one for one in json.loads(crmwire("check", "--json").stdout) if not one["ok"]]
    assert found["name"] == "sales"
    assert found["account"]["id"]
    assert found["findings"][0]["subject"].startswith("route ")


def test_what_is_applied_is_checked(crmwire: Command, sandbox: ToySandbox) -> None:
    exported = crmwire("export").stdout
    Path("team.toml").write_text(exported + "zone = 'Europe/London'\n")
    (check,) = data(crmwire("apply", "team.toml", "--json"))["checks"]
    assert (check["name"], check["ok"]) == ("sales", True)

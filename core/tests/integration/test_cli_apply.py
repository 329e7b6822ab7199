"""`crmwire apply` and `crmwire export`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from click.testing import CliRunner, Result

from crmwire.cli import cli
from crmwire.cli import documents as commands
from crmwire.demo.environment import surroundings

pytest.importorskip("crmwire_calcom")

WHOLE = """
[feeds.cal]
source = "calcom"
secret = "env:CAL_SECRET"

[connections.sales]
crm = "toy"
token = "env:TOY_TOKEN"

[routes.all]
feed = "cal"
connection = "sales"
preset = "linktime"
"""
Command = Callable[..., Result]


@pytest.fixture
def crmwire(
    tmp_path: Path, toy_installed: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Command]:
    monkeypatch.setenv("CAL_SECRET", "hush")
    monkeypatch.setenv("TOY_TOKEN", "sandbox")
    monkeypatch.chdir(tmp_path)
    Path("team.toml").write_text(WHOLE)
    runner = CliRunner()
    with surroundings(tmp_path):
        yield lambda *arguments, typed="": runner.invoke(
            cli, arguments, input=typed, prog_name="crmwire"
        )
    structlog.reset_defaults()


def data(result: Result) -> Any:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_what_changes_is_printed_and_applied(crmwire: Command) -> None:
    result = crmwire("apply", "team.toml", "--no-check")
    path = data(crmwire("feed", "list", "--json"))[0]["path"]
    assert result.stdout.splitlines() == [
        "+ feed cal (source calcom, signed)",
        "+ connection sales (to toy)",
        "+ route all (cal, page * to sales by linktime)",
        "Applied.",
        f"The feed cal takes webhooks at {path}",
    ]


def test_applying_again_says_that_nothing_changes(crmwire: Command) -> None:
    crmwire("apply", "team.toml")
    result = crmwire("apply", "team.toml")
    assert (result.exit_code, result.stdout) == (0, "Nothing to change.\n")


def test_a_dry_run_only_shows(crmwire: Command) -> None:
    assert "+ feed cal" in crmwire("apply", "team.toml", "--dry-run").stdout
    assert data(crmwire("feed", "list", "--json")) == []


def test_in_a_terminal_one_is_asked(crmwire: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        def __getattr__(self, name: str) -> Any:
            return (lambda: True) if name == "isatty" else getattr(sys.stdin, name)

    class System:
        stdin = Terminal()

    monkeypatch.setattr(commands, "sys", System)
    refused = crmwire("apply", "team.toml", typed="n\n")
    assert "Apply this? [y/N]" in refused.stderr
    assert refused.exit_code == 130
    assert data(crmwire("feed", "list", "--json")) == []
    assert crmwire("apply", "team.toml", typed="y\n").exit_code == 0
    assert len(data(crmwire("feed", "list", "--json"))) == 1
    assert crmwire("apply", "team.toml", "--yes").exit_code == 0


def test_json_tells_each_change(crmwire: Command) -> None:
    told = data(crmwire("apply", "team.toml", "--json"))
    assert told["applied"] is True
    assert told["changes"][0] == {
        "action": "add",
        "kind": "feed",
        "name": "cal",
        "details": ["source calcom, signed"],
    }
    assert data(crmwire("apply", "team.toml", "--json")) == {
        "team": "default",
        "applied": False,
        "changes": [],
        "checks": [],
    }


def test_pruning_removes_what_is_left_out(crmwire: Command) -> None:
    crmwire("apply", "team.toml")
    Path("team.toml").write_text(WHOLE[: WHOLE.index("[routes.all]")])
    kept = crmwire("apply", "team.toml")
    assert "kept without --prune: route all." in kept.stdout
    assert "- route all" in crmwire("apply", "team.toml", "--prune").stdout
    assert data(crmwire("route", "list", "--json")) == []


def test_an_export_can_be_applied_from_standard_input(crmwire: Command) -> None:
    crmwire("apply", "team.toml")
    exported = crmwire("export").stdout
    assert 'secret = "vault:feed/cal"' in exported
    assert crmwire("apply", "-", "--prune", typed=exported).stdout == "Nothing to change.\n"


def test_an_export_needs_a_team_if_there_are_several(crmwire: Command) -> None:
    crmwire("apply", "team.toml")
    other = 'team = "west"\n[feeds.theirs]\nsource = "calcom"\nallow_unsigned = true\n'
    crmwire("apply", "-", typed=other)
    assert "Choose with --team: default, west." in crmwire("export").stderr
    assert "theirs" in crmwire("export", "--team", "west").stdout
    assert "The team 'east' has nothing." in crmwire("export", "--team", "east").stderr


def test_mistakes_are_told_all_at_once_without_a_traceback(crmwire: Command) -> None:
    Path("team.toml").write_text('[feeds.cal]\n[connections.sales]\ncrm = "toy"\ntokn = "x"\n')
    result = crmwire("apply", "team.toml")
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        "Error: team.toml has 2 mistakes:",
        "  required field missing: source @ team.toml.feeds['cal'].source",
        "  unknown field tokn (there are: crm, settings, token) @ team.toml.connections['sales']",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"feeds = [", "Error: team.toml is not valid TOML: "),
        (b'team = "\xff"', "Error: team.toml is not a text in UTF-8.\n"),
    ],
)
def test_what_is_no_document_is_told(crmwire: Command, content: bytes, said: str) -> None:
    Path("team.toml").write_bytes(content)
    result = crmwire("apply", "team.toml")
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_document_that_is_not_there_is_told(crmwire: Command) -> None:
    result = crmwire("apply", "nowhere.toml")
    assert result.exit_code == 2
    assert "'nowhere.toml': No such file or directory." in result.stderr

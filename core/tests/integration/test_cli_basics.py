"""The command itself: how quickly it answers, and how it fails."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner

from crmwire.cli import cli, output, reading
from crmwire.demo.environment import surroundings
from crmwire.errors import ConfigurationError, StoreUnavailable

HEAVY = ("httpx", "sqlite_utils", "starlette", "uvicorn", "cryptography", "jinja2", "rich")
UNEXPECTED = (
    "Error: ZeroDivisionError: by zero. Run again with --verbose to see where, and report it as a"
    " bug of crmwire.\n"
)
Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Command]:
    """Run `crmwire` as a process of its own, with plugins from `tmp_path / "site"`."""
    site = tmp_path / "site"
    site.mkdir()
    with surroundings(tmp_path / "data"):

        def run(*arguments: str, code: str = "") -> subprocess.CompletedProcess[str]:
            start = ["-c", code] if code else ["-m", "crmwire"]
            return subprocess.run(
                [sys.executable, *start, *arguments],
                capture_output=True,
                text=True,
                timeout=30,
                env={**os.environ, "PYTHONPATH": str(site)},
                stdin=subprocess.DEVNULL,
                check=False,
            )

        yield run


def install(site: Path, group: str, name: str, source: str) -> None:
    """A distribution of one module, as pip would lay it down."""
    (site / f"{name}_plugin.py").write_text(source)
    info = site / f"crmwire_{name}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: crmwire-{name}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {name}_plugin\n")


def test_help_imports_nothing_heavy(process: Command) -> None:
    done = process(
        code="import sys, json\n"
        "from crmwire.cli import cli\n"
        "cli(['--help'], standalone_mode=False)\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    loaded = set(json.loads(done.stderr))
    assert "deliveries" in done.stdout
    assert "crmwire.cli.commands" in loaded
    assert not loaded & set(HEAVY)
    assert not {name for name in loaded if name.startswith("crmwire.store")}


@pytest.mark.alone
def test_help_costs_little_more_than_python_itself(process: Command) -> None:
    def cpu(code: str) -> float:
        spent = []
        for _ in range(3):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            process(code=code)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return min(spent)

    process("--help")  # so that bytecode is compiled
    ours = cpu("from crmwire.cli import cli; cli(['--help'], standalone_mode=False)")
    assert ours - cpu("pass") < 0.15


def test_version_is_printed(process: Command) -> None:
    assert process("--version").stdout.startswith("crmwire 0.")


def test_a_command_that_does_not_exist_is_one_line_with_a_suggestion(process: Command) -> None:
    done = process("delivery-list")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("Error: No such command 'delivery-list'.")


def test_a_missing_argument_says_where_to_read_more(process: Command) -> None:
    done = process("preview", "cal")
    assert done.returncode == 2
    assert done.stderr == "Error: Missing argument 'FILE'. See `crmwire preview --help`.\n"


def test_a_reader_that_goes_away_is_no_error(process: Command) -> None:
    done = process(
        code="import subprocess, sys\n"
        "one = subprocess.Popen([sys.executable, '-m', 'crmwire', '--help'],\n"
        "    stdout=subprocess.PIPE, stderr=subprocess.PIPE)\n"
        "one.stdout.close()\n"
        "sys.stdout.write(one.stderr.read().decode())"
    )
    assert done.stdout == ""


def test_an_app_plugin_adds_a_command(process: Command, tmp_path: Path) -> None:
    source = """
import click
from crmwire import hookimpl

@hookimpl
def register_commands(cli):
    cli.add_command(click.Command("hello", callback=lambda: click.echo("hello there")))
"""
    install(tmp_path / "site", "crmwire.app", "hello", source)
    assert "hello" in process("--help").stdout
    assert process("hello").stdout == "hello there\n"


def test_an_app_plugin_that_fails_takes_no_other_command_with_it(
    process: Command, tmp_path: Path
) -> None:
    install(tmp_path / "site", "crmwire.app", "broken", "raise RuntimeError('no luck')")
    done = process("plugins", "--json")
    (mine,) = [one for one in json.loads(done.stdout)["plugins"] if one["name"] == "broken"]
    assert done.returncode == 0
    assert "the commands of plugin broken are missing" in done.stderr
    assert mine["loads"] is False
    assert "RuntimeError: no luck" in mine["problem"]


def test_plugins_tells_which_does_not_fit_the_hooks(process: Command, tmp_path: Path) -> None:
    source = (
        "from crmwire import hookimpl\n\n@hookimpl\ndef find_records(conn, question): return []\n"
    )
    install(tmp_path / "site", "crmwire.crm", "odd", source)
    table = process("plugins").stdout
    assert "crmwire-odd" in table
    assert "Plugin odd does not fit" in table


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("def find_record(conn, queries): return []", "Is `find_records` meant?"),
        ("def presets(conn): return {}", "It has no hook crm_info and no auth_scheme and no"),
        ("from crmwire.testing.toycrm import *", "called odd, but crm_info says toy"),
        (
            "from crmwire.testing.toycrm import *\n@hookimpl\ndef crm_info(): return None",
            "has the function `@hookimpl` before it",
        ),
        ("from crmwire.testing.toycrm import *\n@hookimpl\ndef crm_info(): 1 / 0", "in crm_info"),
    ],
)
def test_plugins_tells_an_author_what_is_missing(
    process: Command, tmp_path: Path, source: str, problem: str
) -> None:
    if source.startswith("def "):
        source = f"@hookimpl\n{source}"
    install(tmp_path / "site", "crmwire.crm", "odd", f"from crmwire import hookimpl\n{source}\n")
    listed = json.loads(process("plugins", "--json").stdout)["plugins"]
    (mine,) = [one for one in listed if one["name"] == "odd"]
    assert mine["loads"] is False
    assert problem in mine["problem"]


# ---------------------------------------------------------------- how errors end


@pytest.fixture
def failing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., object]]:
    """Run `crmwire status` with an app that cannot be opened for this reason."""
    runner = CliRunner()

    def run(error: BaseException, *options: str) -> object:
        def broken(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr("crmwire.app.App.__init__", broken)
        return runner.invoke(cli, [*options, "status"])

    with surroundings(tmp_path):
        yield run
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (
            ConfigurationError("This\nis wrong.", remedy="Do that.", problems=["a @ b", "c @ d"]),
            2,
            "Error: This is wrong. Do that.\n  a @ b\n  c @ d\n",
        ),
        (StoreUnavailable("No room."), 1, "Error: No room.\n"),
        (KeyboardInterrupt(), 130, "\n"),
        (
            ZeroDivisionError("by zero"),
            70,
            UNEXPECTED,
        ),
    ],
    ids=["configuration", "failure", "interrupted", "unexpected"],
)
def test_an_error_is_told_in_one_line(
    failing: Callable[..., object], error: BaseException, status: int, said: str
) -> None:
    result = failing(error)
    assert (result.exit_code, result.stderr, result.stdout) == (status, said, "")  # type: ignore[attr-defined]


def test_a_traceback_is_shown_only_when_asked_for(failing: Callable[..., object]) -> None:
    result = failing(ZeroDivisionError("by zero"), "--verbose")
    assert "Traceback" in result.stderr  # type: ignore[attr-defined]


# ---------------------------------------------------------------- what is typed and printed


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("30", 30),
        ("true", True),
        ('["a", "b"]', ["a", "b"]),
        ("Europe/London", "Europe/London"),
        ("2026-11-30", "2026-11-30"),
        ("1\nother = 2", "1\nother = 2"),
        ("", ""),
    ],
)
def test_a_setting_is_toml_where_it_is_toml_and_text_otherwise(text: str, read: object) -> None:
    assert reading.settings([f"key={text}"], "--set") == {"key": read}


def test_a_setting_without_a_value_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="key=value"):
        reading.settings(["zone"], "--set")


def test_what_a_guest_typed_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    output.say("Grace \x1b[2J\x07")
    output.print_table(("NAME",), [("[red]Grace[/red] \x1b[2J",)])
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "\x07" not in printed
    assert "[red]Grace[/red] \\x1b[2J" in printed


def test_people_see_their_own_zone_and_programs_see_utc(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        told = output.local(1764493200.0)
    time.tzset()
    assert told == "2025-11-30 10:00:00 CET"
    assert output.iso(1764493200.0) == "2025-11-30T09:00:00Z"


@pytest.mark.parametrize(
    ("seconds", "told"), [(3, "3 s"), (600, "10 min"), (7500, "2 h 5 min"), (400000, "4 days")]
)
def test_ages_are_told_in_their_largest_unit(seconds: float, told: str) -> None:
    assert output.age(seconds) == told

"""Feeds, connections and routes by command; what a new user gets wrong."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from click.testing import CliRunner, Result

from crmwire.cli import cli
from crmwire.demo.environment import surroundings
from crmwire.sandbox import SandboxServer, SandboxSettings
from crmwire.testing.toysandbox import ToySandbox

pytest.importorskip("crmwire_calcom")

Command = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path, toy_installed: None) -> Iterator[Path]:
    with surroundings(tmp_path):
        yield tmp_path / "home"
    structlog.reset_defaults()


@pytest.fixture
def crmwire(home: Path) -> Command:
    runner = CliRunner()
    return lambda *arguments, typed="": runner.invoke(
        cli, arguments, input=typed, prog_name="crmwire"
    )


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with SandboxServer(ToySandbox(SandboxSettings(tokens=("sandbox", "other")))) as server:
        yield server.url


@pytest.fixture
def ready(crmwire: Command, url: str) -> Command:
    """A feed, a connection and a route are there."""
    for result in (
        crmwire("feed", "add", "cal", "--source", "calcom", typed="hush\n"),
        crmwire("connection", "add", "toy", "--name", "sales", "--host", url, typed="sandbox"),
        crmwire("route", "add", "--feed", "cal", "--connection", "sales", "--preset", "linktime"),
    ):
        assert result.exit_code == 0, result.stderr
    return crmwire


def data(result: Result) -> Any:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


# ---------------------------------------------------------------- feeds


def test_a_feed_tells_the_path_that_its_webhooks_go_to(crmwire: Command) -> None:
    result = crmwire("feed", "add", "cal", "--source", "calcom", typed="hush\n")
    path = data(crmwire("feed", "list", "--json"))[0]["path"]
    assert f"takes webhooks at {path}" in result.stdout
    assert path.startswith("/in/")
    assert "Webhooks" in result.stdout  # how to set it up at the source


def test_a_signing_secret_lies_nowhere_in_the_clear(crmwire: Command, home: Path) -> None:
    result = crmwire("feed", "add", "cal", "--source", "calcom", typed="hush-hush-hush\n")
    assert "hush" not in result.output
    assert b"hush-hush-hush" not in everything(home)


def test_the_first_run_says_where_the_key_is(crmwire: Command) -> None:
    result = crmwire("feed", "list")
    assert "Made the key for secrets in" in result.stderr
    assert "Made the key" not in crmwire("feed", "list").stderr


def test_a_feed_of_that_name_gets_another_secret_and_keeps_its_address(crmwire: Command) -> None:
    crmwire("feed", "add", "cal", "--source", "calcom", typed="one")
    before = data(crmwire("feed", "list", "--json"))
    result = crmwire("feed", "add", "cal", "--source", "calcom", typed="two")
    assert "new signing secret" in result.stdout
    assert data(crmwire("feed", "list", "--json")) == before


@pytest.mark.parametrize(
    ("source", "setting", "has"),
    [
        ("calcom", "hosts.u1=host@example.com", "host, read_timeout, self_hosted"),
        ("calendly", "sope=user", "host, read_timeout, scope"),
        ("jicoo", "hots.u1=host@example.com", "host, hosts, hosts.NAME, read_timeout"),
        ("linktime", "nonsense=1", "host, read_timeout"),
        ("timerex", "poll_every=7", "host, read_timeout"),
    ],
)
def test_a_setting_that_the_source_does_not_know_is_refused(
    crmwire: Command, source: str, setting: str, has: str
) -> None:
    told = crmwire("feed", "add", "f", "--source", source, "--set", setting, typed="secret\n")
    assert told.exit_code == 2
    assert f"The source {source} has no setting {setting.split('=')[0]}" in told.stderr
    assert f"It has: {has}." in told.stderr


def test_a_setting_of_another_value_than_the_source_takes_is_refused(crmwire: Command) -> None:
    add = ("feed", "add", "f", "--source", "calendly", "--set")
    assert crmwire(*add, "scope=team", typed="s\n").exit_code == 2
    assert crmwire(*add, "scope=organization", typed="s\n").exit_code == 0


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("calcon", "Did you mean calcom?"),
        ("salesforce", "salesforce is a CRM."),
        ("wholly-else", "Install it with `pip install crmwire-wholly-else`."),
    ],
)
def test_a_source_that_is_not_there_says_what_to_do(
    crmwire: Command, source: str, told: str
) -> None:
    """Nobody is told to install what is a slip of the finger."""
    refused = crmwire("feed", "add", "f", "--source", source, typed="s\n")
    assert refused.exit_code == 2
    assert refused.stderr.strip().endswith(told)


def test_settings_that_are_missing_are_named_with_how_to_give_them(crmwire: Command) -> None:
    refused = crmwire("feed", "add", "f", "--source", "relation", typed="s\n")
    assert "required field missing: subdomain" in refused.stderr
    assert "--set NAME=VALUE" in refused.stderr


def test_a_feed_may_be_unsigned_only_when_asked_for_by_name(crmwire: Command) -> None:
    refused = crmwire("feed", "add", "cal", "--source", "calcom", typed="\n")
    allowed = crmwire("feed", "add", "cal", "--source", "calcom", "--allow-unsigned")
    assert refused.exit_code == 2
    assert "No signing secret of cal came on standard input." in refused.stderr
    assert "--allow-unsigned" in refused.stderr
    assert allowed.exit_code == 0
    assert data(crmwire("feed", "list", "--json"))[0]["signed"] is False
    assert "Unsigned webhooks are taken" in crmwire("check", "cal").stdout


def test_removing_a_feed_removes_its_routes(ready: Command) -> None:
    assert ready("feed", "remove", "cal").exit_code == 2  # nobody could be asked
    result = ready("feed", "remove", "cal", "--yes")
    assert "with 1 route (cal-sales)" in result.stdout
    assert data(ready("route", "list", "--json")) == []


# ---------------------------------------------------------------- connections


def test_a_connection_is_checked_by_a_command_of_its_own(ready: Command) -> None:
    result = ready("check", "sales")
    assert result.exit_code == 0
    assert "connection sales is " in result.stdout
    (listed,) = data(ready("connection", "list", "--json"))
    assert listed["account_id"]
    assert listed["state"] == "ok"


def test_a_token_lies_nowhere_in_the_clear(ready: Command, home: Path) -> None:
    result = ready("connection", "add", "toy", "--name", "sales", typed="not-a-real-token\n")
    assert "not-a-real-token" not in result.output
    assert b"not-a-real-token" not in everything(home)


def test_the_same_connection_again_replaces_its_token(ready: Command) -> None:
    wrong = ready("connection", "add", "toy", "--name", "sales", typed="nonsense")
    assert "has a new token" in wrong.stdout
    assert ready("check", "sales").exit_code == 1
    assert ready("connection", "add", "toy", "--name", "sales", typed="sandbox").exit_code == 0
    assert ready("check", "sales").exit_code == 0


def test_a_token_of_another_account_is_refused_by_check(ready: Command) -> None:
    assert ready("check").exit_code == 0
    ready("connection", "add", "toy", "--name", "sales", typed="other")
    result = ready("check", "sales", "--json")
    assert result.exit_code == 1
    assert "another account" in result.stdout


def test_settings_are_replaced_one_by_one(ready: Command, url: str) -> None:
    ready("connection", "add", "toy", "--name", "sales", "--set", "zone=UTC", typed="sandbox")
    result = ready(
        "connection", "add", "toy", "--name", "sales", "--set", "read_timeout=5", typed="sandbox"
    )
    assert result.exit_code == 0, result.stderr
    (listed,) = data(ready("connection", "list", "--json"))
    assert listed["settings"] == {"host": url, "zone": "UTC", "read_timeout": 5}


def test_a_version_that_looks_like_a_number_stays_a_text(ready: Command) -> None:
    again = ("connection", "add", "toy", "--name", "sales", "--set", "api_version=62.0")
    result = ready(*again, typed="sandbox")
    assert result.exit_code == 0, result.stderr
    (listed,) = data(ready("connection", "list", "--json"))
    assert listed["settings"]["api_version"] == "62.0"


def test_removing_a_connection_removes_its_token(ready: Command) -> None:
    refused = ready("connection", "remove", "sales")
    assert (refused.exit_code, "--yes" in refused.stderr) == (2, True)
    assert len(data(ready("connection", "list", "--json"))) == 1
    assert ready("connection", "remove", "sales", "--yes").exit_code == 0
    assert data(ready("connection", "list", "--json")) == []
    assert data(ready("route", "list", "--json")) == []


# ---------------------------------------------------------------- routes


def test_a_route_is_shown_with_its_mapping_as_toml(ready: Command) -> None:
    shown = tomllib.loads(ready("route", "show", "cal-sales").stdout)
    route = shown["routes"]["cal-sales"]
    assert route["preset"] == "linktime"
    assert route["mapping"]["person"]["match"] == ["link", "email"]
    assert data(ready("route", "show", "cal-sales", "--json"))["mapping"] == route["mapping"]


def test_a_removed_route_is_gone(ready: Command) -> None:
    assert "was removed" in ready("route", "remove", "cal-sales").stdout
    assert ready("route", "show", "cal-sales").exit_code == 2


# ---------------------------------------------------------------- plugins and hooks


def test_explain_tells_who_answers_in_order(ready: Command, home: Path) -> None:
    (home / "plugins").mkdir()
    (home / "plugins" / "louder.py").write_text(
        "from crmwire import hookimpl\n\n"
        "@hookimpl\ndef check_mapping(conn, mapping): return []\n\n"
        "@hookimpl(wrapper=True)\ndef match_keys(): return (yield)\n"
    )
    setting = 'plugins=["louder.py"]'
    ready("connection", "add", "toy", "--name", "sales", "--set", setting, typed="sandbox")
    assert ready("explain", "sales", "check_mapping").stdout.splitlines()[1:] == [
        "1. louder.py",
        "2. core",
    ]
    assert data(ready("explain", "sales", "match_keys", "--json"))[0]["answers"] == [
        {"plugin": "louder.py", "wraps": True},
        {"plugin": "core", "wraps": False},
    ]
    assert "find_records" in ready("explain", "sales").stdout


def test_a_local_file_that_does_not_load_is_named(crmwire: Command, home: Path) -> None:
    (home / "plugins").mkdir(parents=True)
    (home / "plugins" / "bad.py").write_text("import nothing_of_that_name\n")
    found = data(crmwire("plugins", "--json"))["plugins"]
    (mine,) = [one for one in found if one["kind"] == "local"]
    assert mine["name"] == "bad.py"
    assert "nothing_of_that_name" in mine["problem"]


def test_a_local_file_that_is_not_there_is_told_before_anything_is_stored(crmwire: Command) -> None:
    result = crmwire("connection", "add", "toy", "--set", 'plugins=["x.py"]', typed="t")
    assert result.exit_code == 1
    assert "There is no local plugin x.py. Put the file into" in result.stderr
    assert data(crmwire("connection", "list", "--json")) == []


def test_a_hook_that_does_not_exist_is_told_with_those_that_do(ready: Command) -> None:
    result = ready("explain", "sales", "find_everything")
    assert result.exit_code == 2
    assert "find_records" in result.stderr


# ---------------------------------------------------------------- what a new user gets wrong


@pytest.mark.parametrize(
    ("arguments", "typed", "said"),
    [
        (
            "feed add x --source zoom",
            "s",
            "There is no source plugin 'zoom'. Installed: ",
        ),
        ("feed add x", "s", "Missing option '--source'. See `crmwire feed add --help`."),
        ("feed add a/b --source calcom", "s", "'a/b' is not a name. Use letters"),
        ("feed add x --source calcom", "a\nb", "is not a signing secret of x. It is one line"),
        ("feed add cal --source calcom --allow-unsigned", "", "There is a feed 'cal' already."),
        ("feed remove call", "", "There is no feed 'call'. There are: cal."),
        ("connection add nope", "t", "There is no CRM plugin 'nope'. Installed: "),
        ("connection add toy --name new", "", "No token of new came on standard input. Pipe"),
        ("connection add toy --name new", "tök", "What came on standard input is not a token"),
        ("connection add toy --host http://x.example.com", "t", "is not https. Use an https"),
        ("connection add toy --host https://x.example.org", "t", "is not a host of this CRM. Use"),
        ("connection add toy --set zone", "t", "--set 'zone' is not of the form key=value. Write"),
        ("connection add toy --set zone=Mars", "t", "There is no time zone 'Mars'. Write it as"),
        (
            "connection add toy --set nope=1",
            "t",
            "connection toy has a mistake:\n  unknown field nope (there are: ",
        ),
        ("connection add toy --set read_timeout=-1", "t", "read_timeout must be more than 0"),
        ("connection remove sale", "", "There is no connection 'sale'. There are: sales."),
        ("check nope", "", "There is no connection or feed 'nope'. There is: sales, cal."),
        ("explain nope find_records", "", "There is no connection 'nope'. There are: sales."),
        ("route add --feed c --connection sales --preset x", "", "There is no feed 'c'. There"),
        (
            "route add --feed cal --connection sales --preset lynktime",
            "",
            "toy has no preset 'lynktime'. It has: linktime.",
        ),
        (
            "route add --feed cal --connection sales --preset linktime",
            "",
            "The route 'cal-sales' already carries page '*' to this connection. Change or",
        ),
        (
            "route add --feed cal --connection sales --preset linktime --page 7 --option x=1",
            "",
            "The options of route cal-7-sales do not fit:\n  there is no option 'x' (there are: ",
        ),
        (
            "route add --feed cal --connection sales --preset linktime --page 7 --zone Mars",
            "",
            "There is no time zone 'Mars'. Write it as Europe/London or UTC.",
        ),
        (
            "route add --feed cal --connection sales --preset linktime --since tomorrow",
            "",
            "'tomorrow' is not a date. Write it as 2026-11-30",
        ),
        ("route show nope", "", "There is no route 'nope'. There are: cal-sales."),
        ("sandbox nope", "", "There is no CRM plugin 'nope'. Installed: "),
        ("serve --port 99999", "", "Invalid value for '--port': 99999 is not in the range"),
    ],
)
def test_wrong_input_is_told_with_what_to_do(
    ready: Command, arguments: str, typed: str, said: str
) -> None:
    result = ready(*arguments.split(), typed=typed)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.startswith("Error: ")
    assert "Traceback" not in result.output
    first, *problems = result.stderr.splitlines()
    assert all(line.startswith("  ") for line in problems), first


def test_a_data_folder_that_is_a_file_is_told(crmwire: Command, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for folder in (file, file / "below"):
        result = crmwire("--home", str(folder), "status")
        assert result.exit_code == 2
        assert "is a file. Set CRMWIRE_HOME to a folder." in result.stderr


def test_a_database_that_is_none_is_told(crmwire: Command, home: Path) -> None:
    home.mkdir()
    (home / "crmwire.db").write_text("this is no database" * 100)
    result = crmwire("status")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: The ")
    assert result.stderr.count("\n") == 1


def test_a_lost_key_is_told(ready: Command, tmp_path: Path) -> None:
    (tmp_path / "config" / "keys").unlink()
    result = ready("feed", "list")
    assert result.exit_code == 2
    assert "Put the key back" in result.stderr


def test_nothing_set_up_yet_says_how_to_begin(crmwire: Command) -> None:
    for command in ("feed", "connection", "route"):
        assert f"`crmwire {command} add`" in crmwire(command, "list").stdout
    assert "`crmwire connection add`" in crmwire("check").stdout

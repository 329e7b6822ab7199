"""The examples of whole teams: each is applied as it stands, and twice changes nothing."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from crmwire.cli import cli
from crmwire.demo.environment import surroundings

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
NAMES = ("jicoo", "linktime", "relation", "timerex")


def test_there_is_an_example_for_each_product() -> None:
    assert sorted(path.stem for path in EXAMPLES.glob("*.toml")) == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_can_be_applied_and_exported(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = EXAMPLES / f"{name}.toml"
    text = path.read_text("utf-8")
    for variable in re.findall(r"env:([A-Z_]+)", text):
        monkeypatch.setenv(variable, "example")
    with surroundings(tmp_path):
        home = str(tmp_path / "home")
        run = CliRunner()
        first = run.invoke(cli, ["--home", home, "apply", "--yes", "--no-check", str(path)])
        assert first.exit_code == 0, first.output
        assert ("is asked by the daemon" in first.output) == (name == "relation")
        wanted = tomllib.loads(text)
        for kind in ("feeds", "connections", "routes"):
            for entry in wanted[kind]:
                assert entry in first.output
        again = run.invoke(cli, ["--home", home, "apply", "--yes", "--no-check", str(path)])
        assert again.exit_code == 0, again.output
        assert "nothing" in again.output.lower()
        exported = run.invoke(cli, ["--home", home, "export"])
        assert set(tomllib.loads(exported.output)["routes"]) == set(wanted["routes"])
        assert "example" not in re.findall(r'(?:secret|token) = "(.*)"', exported.output)

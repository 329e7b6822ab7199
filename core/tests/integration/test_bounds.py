"""What is kept is bounded, and what is mistyped is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from crmwire.app import App
from crmwire.cli import cli
from crmwire.demo.environment import surroundings


def test_only_so_many_connections_are_kept_open(
    tmp_path: Path, toy_installed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crmwire.opening.openings.MOST_OPEN", 3)
    with surroundings(tmp_path), App(tmp_path / "home") as app:
        rows = [
            app.add_connection(
                f"c{n}", crm="toy", token="t", settings={"host": "http://127.0.0.1:9"}
            )
            for n in range(5)
        ]
        kept = app.openings.connection(rows[4])
        assert [app.openings.opened(row.name) is not None for row in rows] == [
            False, False, True, True, True,
        ]  # fmt: skip
        app.openings.connection(rows[2])
        app.openings.connection(rows[0])
        assert app.openings.opened("c2") is not None, "the one used last stays"
        assert app.openings.opened("c3") is None
        assert app.openings.connection(rows[4]) is kept


def test_an_option_that_a_sandbox_does_not_have_is_refused_with_those_it_has(
    tmp_path: Path, toy_installed: None
) -> None:
    with surroundings(tmp_path):
        result = CliRunner().invoke(cli, ["sandbox", "toy", "--port", "0", "--option", "rotaton=1"])
    assert result.exit_code == 2
    assert "has no option 'rotaton'. It has: " in result.stderr
    assert "rotation" in result.stderr

"""The templates: what is made from them is a plugin, clean and proved, under any name."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "templates" / "new_plugin.py"
main = runpy.run_path(str(SCRIPT))["main"]
SLOW = "late_commit or cut or lost or token or login or that_fails"
"""Checks of the contract that take or wait for long; the template passes them too, by hand."""


def run(*words: object, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, **more},
        check=False,
    )


def texts(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        yield str(path.relative_to(folder))
        if path.is_file():
            yield path.read_text("utf-8")


def installed(folder: Path, target: Path) -> dict[str, str]:
    """Install a distribution with pip; returns the environment that has it."""
    pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    pip += ["--no-build-isolation", "--no-index", "--target", str(target)]
    done = run(*pip, folder)
    assert done.returncode == 0, done.stderr
    return {"PYTHONPATH": str(target)}


@pytest.mark.parametrize(
    ("kind", "key", "title", "word"), [("crm", "close_crm", "Close CRM", "acme")]
)
def test_a_plugin_that_is_made_is_clean_and_passes_its_own_tests(
    kind: str, key: str, title: str, word: str, tmp_path: Path
) -> None:
    folder = tmp_path / "made"
    made = run(SCRIPT, kind, key, folder, "--title", title)
    assert made.returncode == 0, made.stderr
    assert all(word not in text.lower() for text in texts(folder))
    assert title in (folder / "README.md").read_text()
    for command in ("check", "format --check"):
        ruff = run("-m", "ruff", *command.split(), "--no-cache", folder)
        assert ruff.returncode == 0, ruff.stdout
    environment = installed(folder, tmp_path / "site")
    assert key in run("-m", "crmwire", "plugins", **environment).stdout
    quick = ("-q", "-W", "error", "-p", "no:cacheprovider", "-k", f"not ({SLOW})")
    told = run("-m", "pytest", *quick, "--rootdir", folder, folder, **environment)
    assert told.returncode == 0, told.stdout
    assert " passed" in told.stdout


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (("crm", "Close", "new"), "lower-case letters"),
        (("crm", "close__crm", "new"), "lower-case letters"),
        (("crm", "hubspot", "new"), "already"),
        (("crm", "toy", "new"), "already"),
        (("crm", "close", "there"), "is there already"),
        (("crm", "close", "new", "--title", 'a"b'), "cannot be a title"),
        (("crm", "close", "file/new"), "cannot be written"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_what_cannot_be_made_is_refused_and_nothing_is_left(
    given: tuple[str, ...], problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "file").write_text("")
    kind, key, folder, *more = given
    assert main([kind, key, str(tmp_path / folder), *more]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert problem in told.err
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "there"]


def test_the_script_names_the_next_commands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["crm", "close", str(tmp_path / "with blank")]) == 0
    lines = capsys.readouterr().out.splitlines()
    commands = [line.strip() for line in lines if line.startswith("  ")]
    assert commands[0] == f"cd '{tmp_path / 'with blank'}'"
    assert "pip install" in commands[1]
    assert commands[2] == ".venv/bin/pytest"

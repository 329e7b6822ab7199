"""The tutorial for source plugins: its distribution is built, installed and proved."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "tutorial" / "source-plugin.md"
BLOCK = re.compile(r"^`([\w./]+)`\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILES = dict(BLOCK.findall(PAGE.read_text("utf-8")))
MODULE = "src/crmwire_roomie/__init__.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the page, in a folder."""
    root = tmp_path_factory.mktemp("crmwire-roomie")
    for name, content in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


@pytest.fixture(scope="module")
def site(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the distribution, without its dependencies."""
    target = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pip += ["--no-deps", "--no-build-isolation", "--no-index", "--target", str(target)]
    subprocess.run([*pip, str(folder)], check=True, capture_output=True, text=True)
    return target


def run(site: Path, home: Path, *words: str, stdin: str = "") -> str:
    """A command in a process of its own that has the plugin installed."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(site),
        "CRMWIRE_HOME": str(home),
        "CRMWIRE_KEY_FILE": str(home.parent / "keys"),
    }
    command = [sys.executable, "-m", *words]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_example_is_small() -> None:
    assert set(FILES) == {"pyproject.toml", MODULE, "tests/booked.json", "tests/test_roomie.py"}
    assert len(FILES[MODULE].splitlines()) < 80


def test_installed_it_works(folder: Path, site: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert "roomie" in run(site, home, "crmwire", "plugins")
    added = run(site, home, "crmwire", "feed", "add", "rooms", "--source", "roomie", stdin="s3cret")
    assert "/in/" in added
    run(site, home, "crmwire", "ingest", "rooms", str(folder / "tests" / "booked.json"))
    (question,) = json.loads(run(site, home, "crmwire", "fields", "rooms", "blue", "--json"))
    assert (question["key"], question["page"]) == ("topic", "blue")


def test_it_passes_the_contract(folder: Path, site: Path, tmp_path: Path) -> None:
    words = ("pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder))
    told = run(site, tmp_path / "home", *words)
    assert re.search(r"\d\d passed", told), told

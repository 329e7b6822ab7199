"""A stranger's plugin: its own distribution, installed with pip; and an operator's own file."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crmwire.demo.bookings import FIRST_START, SampleBooking
from crmwire.testing import toycrm
from crmwire.testing.stage import QUICK, Stage, stage

PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "crmwire-pocket"
version = "1.2.3"
dependencies = ["crmwire>=0.1,<0.2"]

[project.entry-points."crmwire.crm"]
toy = "crmwire_pocket"

[tool.hatch.build.targets.wheel]
packages = ["src/crmwire_pocket"]
"""
MODULE = """
from crmwire.testing.toycrm import (
    auth_scheme,
    check_connection,
    crm_info,
    find_records,
    find_written,
    presets,
    sandbox,
    write_records,
)
"""
LOUD = """
from collections.abc import Sequence

import attrs

from crmwire import hookimpl

@hookimpl(wrapper=True)
def merge_fields(draft, match):
    changes = yield
    return [
        attrs.evolve(change, new=change.new.upper()) if change.name == "name" else change
        for change in changes
    ]
"""
ADA = SampleBooking(uid="bk-1", email="ada@example.com", name="Ada Byron", phone="+442079460101")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the distribution, without its dependencies."""
    source = tmp_path_factory.mktemp("source")
    (source / "pyproject.toml").write_text(PYPROJECT)
    package = source / "src" / "crmwire_pocket"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(MODULE)
    target = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pip += ["--no-deps", "--no-build-isolation", "--no-index", "--target", str(target)]
    subprocess.run([*pip, str(source)], check=True, capture_output=True, text=True)
    return target


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The distribution, as if it were installed in this environment."""
    with monkeypatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path, str(site)])
        importlib.invalidate_caches()
        yield site
    sys.modules.pop("crmwire_pocket", None)
    importlib.invalidate_caches()


def test_the_toy_crm_is_small() -> None:
    source = Path(toycrm.__file__).read_text().splitlines()
    assert len(source) < 150


def test_a_plugin_of_its_own_distribution_carries_a_booking(
    installed: Path, tmp_path: Path
) -> None:
    with stage(tmp_path, {"pocket": "toy"}) as scene:
        now = datetime.now(UTC)
        plugin = scene.app.discovery.find("crm", "toy")
        assert (plugin.distribution, plugin.version) == ("crmwire-pocket", "1.2.3")

        scene.send(ADA.created(now + timedelta(seconds=1)))
        scene.settle()
        [person] = scene.people("pocket")
        assert (person.name, person.email) == ("Ada Byron", "ada@example.com")
        assert person.fields["phone"] == "+442079460101"
        [activity] = person.entries
        assert activity.title == "Intro call: Ada Byron"
        assert activity.status == "planned"
        assert datetime.fromisoformat(activity.start) == FIRST_START

        later = FIRST_START + timedelta(days=1)
        scene.send(ADA.rescheduled(now + timedelta(seconds=2), to=later, uid="bk-2"))
        scene.settle()
        [moved] = scene.people("pocket")[0].entries
        assert (moved.id, moved.status) == (activity.id, "moved")
        assert datetime.fromisoformat(moved.start) == later

        scene.send(ADA.cancelled(now + timedelta(seconds=3), start=later, uid="bk-2"))
        scene.settle()
        [cancelled] = scene.people("pocket")[0].entries
        assert (cancelled.id, cancelled.status) == (activity.id, "cancelled")
        assert len(scene.people("pocket")) == 1
        assert [row.state for row in scene.rows()] == ["delivered"] * 3


def test_a_booking_of_a_known_person_updates_what_the_preset_says(
    installed: Path, tmp_path: Path
) -> None:
    with stage(tmp_path, {"pocket": "toy"}) as scene:
        now = datetime.now(UTC)
        scene.send(ADA.created(now + timedelta(seconds=1)))
        scene.settle()
        again = SampleBooking(
            uid="bk-9", email="Ada@Example.com", name="A. King", phone="+442079460102"
        )
        scene.send(again.created(now + timedelta(seconds=2)))
        scene.settle()
        [person] = scene.people("pocket")
        assert (person.name, person.fields["phone"]) == ("Ada Byron", "+442079460102")
        assert len(person.entries) == 2


def test_without_the_distribution_the_crm_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="no CRM plugin 'toy'"), stage(tmp_path, {"x": "toy"}):
        pass


def add_loud_connection(scene: Stage) -> None:
    """A second connection, to the same sandbox's second account, with the operator's file."""
    settings = {"host": scene.urls["plain"], "plugins": ["loud.py"], **QUICK}
    scene.app.add_connection("loud", crm="toy", token="second", settings=settings)
    scene.app.add_route(feed="feed", connection="loud", preset="linktime")


def test_a_local_file_changes_one_field_of_one_connection(installed: Path, tmp_path: Path) -> None:
    plugins = tmp_path / "home" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "loud.py").write_text(LOUD)
    with stage(tmp_path, {"plain": "toy"}) as scene:
        sandbox = scene.sandboxes["plain"]
        sandbox.accounts["second"] = sandbox.new_account("second", 2)
        add_loud_connection(scene)
        loud = scene.app.openings.connection(scene.app.store.connection("loud"))
        plain = scene.app.openings.connection(scene.app.store.connection("plain"))
        assert loud.hooks.chain("merge_fields") == ["loud.py", "core"]
        assert plain.hooks.chain("merge_fields") == ["core"]

        scene.send(ADA.created(datetime.now(UTC) + timedelta(seconds=1)))
        scene.settle()
        [quiet_person] = sandbox.timelines(sandbox.accounts["sandbox"])
        [loud_person] = sandbox.timelines(sandbox.accounts["second"])
        assert quiet_person.name == "Ada Byron"
        assert loud_person.name == "ADA BYRON"
        same = {**loud_person.fields, "name": quiet_person.name}
        assert same == quiet_person.fields
        assert [one.title for one in loud_person.entries] == ["Intro call: Ada Byron"]

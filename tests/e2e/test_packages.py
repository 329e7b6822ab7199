"""Each distribution stands alone: its wheel brings what it needs and no other plugin."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ["core", *sorted(f"plugins/{path.name}" for path in (ROOT / "plugins").iterdir())]


@pytest.fixture(scope="module", params=PACKAGES)
def wheel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT / request.param, check=True, capture_output=True)
    (made,) = folder.glob("*.whl")
    return made


def _metadata(wheel: Path) -> str:
    with zipfile.ZipFile(wheel) as archive:
        name = next(one for one in archive.namelist() if one.endswith("/METADATA"))
        return archive.read(name).decode()


def test_a_wheel_needs_no_other_plugin(wheel: Path) -> None:
    needed = re.findall(r"^Requires-Dist: (crmwire[\w-]*)", _metadata(wheel), re.MULTILINE)
    assert set(needed) <= {"crmwire"}


def test_a_wheel_is_typed_and_holds_its_data(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        points = next((one for one in names if one.endswith("/entry_points.txt")), None)
        text = archive.read(points).decode() if points else ""
    assert any(name.endswith("/py.typed") for name in names)
    assert not any("/tests/" in name for name in names)
    if "[crmwire.crm]" in text:
        assert any(name.endswith("/presets/linktime.toml") for name in names)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_dependency_is_imported(package: str) -> None:
    """A dependency that nothing uses is not declared."""
    project = tomllib.loads((ROOT / package / "pyproject.toml").read_text())["project"]
    source = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / package / "src").rglob("*.py")
    )
    # zoneinfo reads tzdata where the system has no zones; uvicorn takes uvloop where it is
    modules = {
        "tzdata": "zoneinfo",
        "PyJWT": "jwt",
        "httptools": "uvicorn.protocols.http.httptools_impl",
        "uvloop": "uvicorn",
    }
    for line in project["dependencies"]:
        name = re.split(r"[<>=~ \[]", line)[0]
        module = modules.get(name, name.replace("-", "_"))
        assert re.search(rf"^\s*(from|import) {module}\b", source, re.MULTILINE), name

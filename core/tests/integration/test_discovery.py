"""Finding what is installed: in any folder of the path, and again when something was added."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from crmwire.discovery import Discovery


def install(folder: Path, name: str, version: str = "1.2") -> None:
    """What pip leaves of a distribution that offers a CRM of its own name."""
    made = folder / f"crmwire_{name}-{version}.dist-info"
    made.mkdir(parents=True)
    (made / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: crmwire-{name}\nVersion: {version}\n"
    )
    (made / "entry_points.txt").write_text(f"[crmwire.crm]\n{name} = crmwire_{name}\n")
    os.utime(folder, ns=(folder.stat().st_mtime_ns + 1,) * 2)


def test_what_is_installed_meanwhile_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "packages"
    install(folder, "one")
    monkeypatch.syspath_prepend(folder)
    found = Discovery().find("crm", "one")
    assert (found.distribution, found.version) == ("crmwire-one", "1.2")
    install(folder, "two", "3")
    assert Discovery().find("crm", "two").version == "3"


def test_two_that_provide_the_same_are_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "packages", "hubspot2")
    points = next((tmp_path / "packages").glob("*/entry_points.txt"))
    points.write_text("[crmwire.crm]\nhubspot = elsewhere\n")
    monkeypatch.syspath_prepend(tmp_path / "packages")
    problem = Discovery().find("crm", "hubspot").problem
    assert problem == "crmwire-hubspot and crmwire-hubspot2 both provide 'hubspot'"

"""The docs cannot drift from the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmwire import errors
from crmwire.hookspecs import CrmSpecs
from crmwire.testing import commanddocs
from crmwire.testing.hookdocs import reference

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"


def test_the_reference_of_hooks_is_made_from_their_docstrings() -> None:
    page = (DOCS / "reference" / "hooks.md").read_text()
    assert page == reference(), "run: python -m crmwire.testing.hookdocs > docs/reference/hooks.md"


def test_the_reference_of_commands_is_made_from_their_help() -> None:
    page = (DOCS / "reference" / "commands.md").read_text()
    told = "run: python -m crmwire.testing.commanddocs > docs/reference/commands.md"
    assert page == commanddocs.reference(), told


@pytest.mark.parametrize("name", [name for name in vars(CrmSpecs) if not name.startswith("_")])
def test_every_hook_says_when_it_was_added(name: str) -> None:
    assert "Added in 0." in (getattr(CrmSpecs, name).__doc__ or "")


def test_every_failure_is_explained() -> None:
    page = (DOCS / "explanation" / "lifecycle.md").read_text()
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, errors.Failure) and name != "Failure":
            assert f"`{name}" in page, name


def test_every_link_of_the_readme_leads_somewhere() -> None:
    import re

    for target in re.findall(r"\]\((?!http)([^)#]+)", (ROOT / "README.md").read_text()):
        assert (ROOT / target).exists(), target

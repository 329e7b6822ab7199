"""The page on data names every scope that the plugins ask for."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from crmwire.testing.connect import connect

PAGE = Path(__file__).parent.parent / "docs" / "explanation" / "data.md"


def scopes_of(crm: str) -> set[str]:
    plugin = importlib.import_module(f"crmwire_{crm}")
    conn = connect(plugin, "http://127.0.0.1:9", client_id="x", login_host="http://127.0.0.1:9")
    oauth = conn.scheme.oauth
    assert oauth is not None
    asked = {*oauth.scopes, *oauth.optional_scopes}
    if crm == "attio":  # its apps have their scopes set at the vendor
        module = importlib.import_module("crmwire_attio.scopes")
        for group in ("RECORDS", "NOTES", "TASKS", "LISTS", "USERS", "SETUP"):
            asked |= {one for one in getattr(module, group) if one != "record_permission:read"}
    return asked


@pytest.mark.parametrize("crm", ["salesforce", "hubspot", "attio"])
def test_every_scope_that_is_asked_stands_there_with_its_reason(
    crm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRMWIRE_ALLOW_LOOPBACK", "1")
    page = PAGE.read_text(encoding="utf-8")
    asked = scopes_of(crm)
    assert asked
    assert [scope for scope in sorted(asked) if f"`{scope}`" not in page] == []

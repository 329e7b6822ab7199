"""The toy CRM, as if it were installed."""

from __future__ import annotations

import importlib.metadata

import pytest

from crmwire import discovery

TOY = importlib.metadata.EntryPoint(name="toy", value="crmwire.testing.toycrm", group="crmwire.crm")


@pytest.fixture
def toy_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    real = discovery.entry_points

    def with_toy(*, group: str) -> list[importlib.metadata.EntryPoint]:
        return [*real(group=group), *([TOY] if group == "crmwire.crm" else [])]

    monkeypatch.setattr(discovery, "entry_points", with_toy)

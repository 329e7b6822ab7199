"""A feed's signing secret can be replaced while the source still signs with the old one."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crmwire import WebhookRefused, discovery
from crmwire.app import App
from crmwire.cli.commands import cli
from crmwire.demo.environment import surroundings
from crmwire.signatures import sign
from crmwire.testing.toysource import source_info

POINT = importlib.metadata.EntryPoint(
    name="toycal", value="crmwire.testing.toysource", group="crmwire.source"
)
BODY = json.dumps({"what": "paid", "at": "2027-01-01T00:00:00Z", "booking": {}}).encode()


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[App]:
    real: Any = discovery.entry_points
    monkeypatch.setattr(
        discovery,
        "entry_points",
        lambda *, group: [*real(group=group), *([POINT] if group == "crmwire.source" else [])],
    )
    with surroundings(tmp_path), App(tmp_path / "home") as opened:
        opened.add_feed("cal", source="toycal", signing_secret="first")
        yield opened


def taken(app: App, secret: str) -> bool:
    info = source_info()
    assert info is not None
    assert info.signature is not None
    try:
        app.accept("cal", BODY, sign(info.signature, secret, BODY))
    except WebhookRefused:
        return False
    return True


def test_a_replaced_secret_counts_no_more(app: App) -> None:
    app.set_signing_secret("cal", "second")
    assert taken(app, "second")
    assert not taken(app, "first")


def test_kept_it_counts_until_the_next_one(app: App) -> None:
    app.set_signing_secret("cal", "second", keep_old=True)
    assert taken(app, "second")
    assert taken(app, "first")
    app.set_signing_secret("cal", "third", keep_old=True)
    assert [taken(app, secret) for secret in ("first", "second", "third")] == [False, True, True]
    app.set_signing_secret("cal", "third")
    assert [taken(app, secret) for secret in ("second", "third")] == [False, True]


def test_the_command_has_the_switch() -> None:
    options = cli.commands["feed"].commands["add"].params  # type: ignore[attr-defined]
    assert "keep_old" in [option.name for option in options]

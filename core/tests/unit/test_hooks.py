"""The façade: who failed, and what a plugin may answer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from crmwire import hookimpl
from crmwire.clock import SystemClock
from crmwire.connections import Connection, ConnectionSettings
from crmwire.errors import PluginBroken
from crmwire.testing import toycrm
from crmwire.types import Limit, Query, Write

QUERY = Query(id="q", role="person", types=("contacts",), key="email", value="a@example.com")
WRITE = Write(id="w", key="k", group=None, role="person", action="create", type="contacts")


def conn(**hooks: Any) -> Connection:
    plugin = SimpleNamespace(**{name: hookimpl(function) for name, function in hooks.items()})
    return Connection(
        name="toy",
        crm="toy",
        settings=ConnectionSettings(),
        plugins=[("toy", toycrm), ("mine.py", plugin)],
        clock=SystemClock(),
        token=lambda: "t",
    )


@pytest.mark.parametrize("answer", [[None], [{"id": 1}], None, "x", []])
def test_a_write_that_is_answered_with_anything_else_is_not_taken_for_done(answer: Any) -> None:
    def write_records(writes: Any) -> Any:
        return answer if answer is not None else 3

    with pytest.raises(PluginBroken) as caught:
        conn(write_records=write_records).hooks.write_records([WRITE])
    assert caught.value.sent == "unknown"


@pytest.mark.parametrize("answer", [[None], [[]]])
def test_a_look_up_that_is_answered_with_anything_else_is_no_empty_one(answer: Any) -> None:
    with pytest.raises(PluginBroken, match="find_records of connection toy gave"):
        conn(find_records=lambda queries: answer).hooks.find_records([QUERY])


def test_a_preset_is_text() -> None:
    with pytest.raises(PluginBroken, match="presets of connection toy gave dict"):
        conn(presets=lambda: {"x": {}}).hooks.presets()


def test_whoever_raises_is_named() -> None:
    def match_keys(draft: Any) -> Any:
        raise SystemExit(3)

    with pytest.raises(PluginBroken, match="match_keys"):
        conn(match_keys=match_keys).hooks.match_keys(None)  # type: ignore[arg-type]


@pytest.mark.parametrize(("calls", "seconds"), [(0, 1.0), (1, 0.0)])
def test_a_limit_lets_something_through(calls: int, seconds: float) -> None:
    with pytest.raises(ValueError):
        Limit(name="calls", calls=calls, seconds=seconds)

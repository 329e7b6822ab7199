"""Budgets of calls: what a person changes counts at once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from crmwire.types import LimitState

Opens = Callable[..., AbstractContextManager[Any]]


def test_a_budget_that_was_raised_lets_a_lane_go_on_before_the_limit_is_renewed(
    toy: Opens, tmp_path: Path
) -> None:
    with toy(tmp_path, budget_share=0.5) as scene:
        scene.app.check("crm")
        row = scene.app.store.connection("crm")
        used = LimitState(name="daily", remaining=400, total=1000, resets_in=40_000.0)
        scene.app.openings.pacer(row.lane).learn([used], share=0.5)
        scene.accept(scene.event("created", "a", 1))
        scene.drain()
        assert scene.states() == ["ready"]
        scene.app.change_connection("crm", settings={**row.settings, "read_timeout": 3.0})
        scene.drain()
        assert scene.states() == ["ready"]
        scene.app.change_connection("crm", settings={**row.settings, "budget_share": 0.8})
        scene.drain()
        assert scene.states() == ["delivered"]

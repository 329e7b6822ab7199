"""The measurements measure what they say; figures themselves are taken on a quiet machine."""

from __future__ import annotations

import pytest

from bench import backlogs, calls, comparing
from bench.figures import figure, rows
from bench.scene import UNLIMITED, scene


def test_a_figure_tells_of_each_aim_whether_it_is_reached() -> None:
    made = figure(0.4, "s", ratio=29.0, to="of it", aims=["value <= 0.5", "ratio >= 30"])
    assert made["aims"] == {"value <= 0.5": True, "ratio >= 30": False}
    assert list(rows({"x": {"y": made, "n": 3}})) == [
        ("x, y", "0.4 s", "29 of it", "value <= 0.5, ratio >= 30", "yes, NO"),
        ("x, n", "3", "", "", ""),
    ]


def test_the_least_that_limits_allow_is_that_of_their_rate() -> None:
    assert backlogs.LIMITS["hubspot"].least(10_000) == 20.0
    assert backlogs.LIMITS["attio"].least(2_000) == 160.0


def test_without_pacing_a_plugin_believes_in_no_limits() -> None:
    with scene("attio", options=UNLIMITED["attio"], paced=False) as stage:
        row = stage.app.store.connection("crm")
        assert stage.app.openings.connection(row).info.limits == ()


def test_calls_are_counted_by_case() -> None:
    counted = calls.by_crmwire("hubspot", 3)
    expected = {"new person": 2, "known person": 2, "moved": 1, "cancelled": 1, "waiting": 2}
    assert counted == expected


def test_scripts_and_crmwire_carry_the_same_bookings() -> None:
    script = comparing.by_script("attio", 3, 2, latency=0.0)
    mine = comparing.by_crmwire("attio", 3, latency=0.0)
    assert (script.calls, mine.calls) == (9, 6)


def test_a_script_that_leaves_a_booking_out_is_no_comparison(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bench.scene.Vendor.entries", lambda _: 1)
    with pytest.raises(RuntimeError, match="1 of 2 activities"):
        comparing.by_script("attio", 2, 1, latency=0.0)


def test_a_backlog_is_held_against_its_least() -> None:
    made = backlogs.in_time("attio", 3, rested=0.0)
    assert made["least possible"]["value"] == 0.24
    assert made["crmwire"]["calls"] == 6
    assert set(made["crmwire"]["aims"]) == {"ratio <= 1.15"}

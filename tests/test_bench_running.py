"""What `make bench` measures of a running crmwire, with tiny numbers: that it works, and its form.

Nothing is held against its aim here: the figures are for a machine that does nothing else.
"""

from __future__ import annotations

import os

from bench import accepting, memory, sizes, waking
from bench.memory import Sight


def test_a_past_is_made_as_the_product_leaves_it_and_costs_are_compared() -> None:
    made = sizes.measured((0, 150), rounds=1)  # it holds the copies against the product's own rows
    settled = made["settle 100 and claim 100"]["150 past deliveries"]
    assert settled["value"] > 0
    assert settled["to"] == "times as with 0"
    assert list(settled["aims"]) == ["ratio <= 1.2"]
    assert made["now and then, milliseconds"]["for status and metrics: counts"]["150"] >= 0


def test_the_way_from_a_webhook_to_the_first_call_is_timed() -> None:
    made = waking.measured((0,), samples=2)["0 past deliveries"]
    assert made["sent to its answer, p50"]["value"] > 0
    assert 0 < made["sent to first call, p50"]["value"] < 20_000
    assert made["webhooks"] == 2


def test_accepting_is_measured_beside_the_disk() -> None:
    made = accepting.in_process(4, 20, "webhook")
    assert made["accepted"]["value"] > 0
    assert made["accepted"]["ratio"] > 0
    assert made["p99"]["value"] >= made["p50"]["value"] > 0


def test_growth_is_the_slope_after_the_first_fifth() -> None:
    assert memory.seen(os.getpid(), 0).peak >= memory.seen(os.getpid(), 0).resident > 10_000_000
    warming = [Sight(n * 100, 50_000_000 + n * 1_000_000, 0, 9) for n in range(10)]
    steady = [Sight(1000 + n * 100, 60_000_000 + n * 4000, 0, 9) for n in range(41)]
    assert memory.growth([*warming, *steady]) == 40.0
    assert memory.growth(warming[:2]) is None
    assert len(list(memory.webhooks(0, 20))) == 20

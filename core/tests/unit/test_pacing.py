"""Pacing by limits and budgets, with the clock held."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from crmwire.errors import RetryLater
from crmwire.pacing import BUDGET_PAUSE, MARGIN, Pacer
from crmwire.testing.clock import HeldClock
from crmwire.types import Limit, LimitState

NOW = datetime(2026, 11, 30, tzinfo=UTC)


def test_a_budget_that_is_spent_holds_every_call_back() -> None:
    clock = HeldClock(NOW)
    pacer = Pacer(clock)
    spent = LimitState(name="daily", remaining=600, total=1000)
    pacer.learn([spent], share=0.5)
    pacer.take("calls")
    pacer.learn([LimitState(name="daily", remaining=500, total=1000)], share=0.5)
    with pytest.raises(RetryLater) as caught:
        pacer.take("calls")
    assert caught.value.pause
    assert caught.value.after == pytest.approx(BUDGET_PAUSE)
    assert caught.value.message.startswith("500 of 1000 calls of the daily limit are used")
    assert "stops at 50%" in caught.value.message
    assert "budget_share" in caught.value.remedy


def test_a_window_that_is_used_up_says_which() -> None:
    pacer = Pacer(HeldClock(NOW), [Limit(name="calls", calls=1, seconds=60.0)])
    pacer.take("calls")
    with pytest.raises(RetryLater, match="The calls limit of the account is used up"):
        pacer.take("calls")


def test_without_a_budget_a_daily_limit_is_used_to_the_end() -> None:
    pacer = Pacer(HeldClock(NOW))
    pacer.learn([LimitState(name="daily", remaining=1, total=1000)])
    pacer.take("calls")


def test_a_window_is_waited_out_in_place_when_it_is_short() -> None:
    clock = HeldClock(NOW)
    pacer = Pacer(clock, [Limit(name="calls", calls=2, seconds=1.0)])
    started = clock.monotonic()
    for _ in range(3):
        pacer.take("calls")
    assert clock.monotonic() - started == pytest.approx(1.0 + MARGIN)


def test_a_rolling_window_that_is_used_up_has_room_when_our_oldest_call_leaves_it() -> None:
    clock = HeldClock(NOW)
    pacer = Pacer(clock, [Limit(name="calls", calls=3, seconds=10.0)])
    for _ in range(3):
        pacer.take("calls")
        clock.sleep(2.0)
    pacer.learn([LimitState(name="calls", remaining=0, resets_in=10.0, rolling=True)])
    with pytest.raises(RetryLater) as caught:
        pacer.take("calls")
    assert caught.value.after == pytest.approx(10.0 - 6.0 + MARGIN)


@pytest.mark.parametrize("rolling", [True, False])
def test_a_window_that_others_used_up_is_waited_out(rolling: bool) -> None:
    clock = HeldClock(NOW)
    pacer = Pacer(clock, [Limit(name="calls", calls=3, seconds=10.0)])
    pacer.take("calls")
    clock.sleep(11.0)
    pacer.learn([LimitState(name="calls", remaining=0, resets_in=10.0, rolling=rolling)])
    with pytest.raises(RetryLater) as caught:
        pacer.take("calls")
    assert caught.value.after == pytest.approx(10.0)


def test_no_answer_closes_a_limit_for_longer_than_about_a_day() -> None:
    clock = HeldClock(NOW)
    pacer = Pacer(clock)
    pacer.learn([LimitState(name="calls", remaining=0, resets_in=1e12)])
    with pytest.raises(RetryLater) as caught:
        pacer.take("calls")
    assert caught.value.after == pytest.approx(26 * 3600)


def test_a_budget_that_is_forgotten_holds_nothing_back_but_the_limit_itself_does() -> None:
    pacer = Pacer(HeldClock(NOW))
    pacer.learn([LimitState(name="daily", remaining=1, total=10)], share=0.5)
    pacer.learn([LimitState(name="search", remaining=0, resets_in=60.0)])
    pacer.forget_budget()
    pacer.take("calls")
    pacer.take("daily")
    with pytest.raises(RetryLater):
        pacer.take("search")

"""The fuzzer of webhooks and signatures, in its short form; `python -m fuzz` is the long one."""

from __future__ import annotations

import pytest

from fuzz import repeats, signatures, webhooks
from fuzz.samples import sources
from fuzz.tally import Tally


def sound(tally: Tally) -> None:
    assert not tally.troubles, tally.told()


def test_every_installed_source_that_takes_webhooks_is_fed() -> None:
    names = {one.name for one in sources()}
    assert names >= {"calcom", "calendly", "ics", "jicoo", "linktime", "timerex", "webhook"}
    for one in sources():
        assert one.samples, one.name


def test_whatever_comes_in_is_told_ignored_or_unreadable() -> None:
    tally = webhooks.parsers(seed=1, count=800)
    sound(tally)
    assert {"told", "ignored", "unreadable"} <= set(tally.outcomes)


def test_the_receiver_answers_whatever_is_sent_and_never_with_a_5xx() -> None:
    tally = webhooks.through_receiver(seed=1, count=640)
    sound(tally)
    assert {"202 accepted", "200 duplicate", "202 unreadable", "400 unreadable"} <= set(
        tally.outcomes
    )


def test_nothing_is_taken_that_was_not_signed() -> None:
    tally = signatures.mutated(seed=1, count=20_000)
    sound(tally)
    assert tally.outcomes["taken, equal to what was signed"]


def test_a_verifier_that_takes_prefixes_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(expected: object, given: list[bytes]) -> bool:
        return any(one[:4] == other[:4] for one in expected for other in given)  # type: ignore[attr-defined]

    monkeypatch.setattr("crmwire.signatures._any_equal", careless)
    assert signatures.mutated(seed=1, count=2000).troubles


def test_one_webhook_sent_again_and_again_has_one_effect() -> None:
    tally = repeats.one_id(seed=1, count=100)
    sound(tally)
    assert tally.outcomes["200 duplicate"] > 500

"""The fuzzer of look-ups and vendors' answers, in short; `python -m fuzz` is the long form."""

from __future__ import annotations

import pytest

from fuzz import answers, queries


def test_hostile_values_find_their_own_record_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CRMWIRE_ALLOW_LOOPBACK", "1")
    tally = queries.hostile(seed=1, count=150)
    assert not tally.troubles, tally.told()
    for crm in ("salesforce", "hubspot", "attio"):
        assert tally.outcomes[f"{crm}: stored, the one record found"] > 40


def test_a_query_without_quoting_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRMWIRE_ALLOW_LOOPBACK", "1")
    monkeypatch.setattr("crmwire_salesforce.soql.quoted", lambda text: f"'{text}'")
    assert any("salesforce" in kind for kind in queries.hostile(seed=1, count=100).troubles)


@pytest.mark.parametrize("crm", answers.CRMS)
def test_whatever_the_vendor_answers_is_an_answer_or_a_failure(crm: str) -> None:
    tally = answers.mutated(seed=1, count=250, crms=(crm,))
    assert not tally.troubles, tally.told()
    assert {f"{crm}: answered", f"{crm}: failed"} <= set(tally.outcomes)


def test_a_plugin_that_trusts_its_vendor_is_found_out() -> None:
    assert answers.mutated(seed=1, count=100, crms=("toy",)).troubles

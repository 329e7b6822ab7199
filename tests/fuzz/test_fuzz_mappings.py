"""The fuzzer of expressions and mappings, in its short form; `python -m fuzz` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmwire.filters import FILTERS
from fuzz import expressions, mappings


def test_no_expression_escapes_or_takes_long() -> None:
    tally = expressions.texts(seed=1, count=400)
    assert not tally.troubles, tally.told()
    assert {"refused", "failed", "gave a value"} <= set(tally.outcomes)


def test_an_expression_that_opens_a_file_is_found_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def leak(value: object) -> str:
        (tmp_path / "leak").write_text("x")
        return expressions.CANARY

    real = expressions.compile_expression
    leaking = dict.fromkeys(FILTERS, leak)
    monkeypatch.setattr(expressions, "compile_expression", lambda text: real(text, filters=leaking))
    tally = expressions.texts(seed=1, count=300)
    assert any("escaped" in kind for kind in tally.troubles)
    assert any("betrayed" in kind for kind in tally.troubles)


def test_a_mapping_is_refused_or_gives_drafts() -> None:
    tally = mappings.mutated(seed=1, count=60)
    assert not tally.troubles, tally.told()
    assert {"refused", "drafted"} <= set(tally.outcomes)

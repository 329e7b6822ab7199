"""The fuzzer of the database's files, in its short form; `python -m fuzz` is the long one."""

from __future__ import annotations

from fuzz import stores


def test_a_log_cut_anywhere_opens_with_a_prefix_and_all_that_was_synced() -> None:
    tally = stores.images(seed=1, count=20)
    assert not tally.troubles, tally.told()
    assert tally.cases == 20


def test_a_damaged_database_is_refused_and_restore_is_named() -> None:
    tally = stores.damaged(seed=1, count=20)
    assert not tally.troubles, tally.told()
    assert any("refused" in outcome for outcome in tally.outcomes)

"""The fuzzer of sources' answers, logins and files, in short; `python -m fuzz` is the long form."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crmwire_linktime import past
from fuzz import files, logins, polls, runs
from fuzz.tally import Tally


def test_whatever_a_source_answers_is_told_or_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRMWIRE_ALLOW_LOOPBACK", "1")
    tally = polls.mutated(seed=1, count=350)
    assert not tally.troubles, tally.told()
    sources = {outcome.partition(":")[0] for outcome in tally.outcomes}
    assert sources == {"calcom", "calendly", "ics", "jicoo", "linktime", "relation", "timerex"}


def test_a_source_that_trusts_what_it_is_told_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def trusting(value: Any) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value).astimezone(UTC)

    monkeypatch.setenv("CRMWIRE_ALLOW_LOOPBACK", "1")
    monkeypatch.setattr(past, "a_time", trusting)
    assert any("linktime" in kind for kind in polls.mutated(seed=1, count=350).troubles)


def test_a_login_ends_with_tokens_or_a_failure() -> None:
    tally = logins.mutated(seed=1, count=400)
    assert not tally.troubles, tally.told()
    assert {"hubspot: refreshes, let in", "hubspot: refreshes, refused", "page: 400"} <= set(
        tally.outcomes
    )


def test_a_file_is_refused_or_gives_events() -> None:
    tally = files.mutated(seed=1, count=90)
    assert not tally.troubles, tally.told()
    assert {"rows: told events", "rows: refused", "document: would change something"} <= set(
        tally.outcomes
    )


def test_a_run_in_parts_goes_on_where_it_was(tmp_path: Path) -> None:
    file = tmp_path / "runs.jsonl"
    tally = Tally(area="x", seed=7, start=10)
    tally.outcomes["fine"] = 10
    runs.keep(tally, "parsers", file)
    assert list(runs.parts(25, 10, 5)) == [(5, 10), (15, 10), (25, 5)]
    assert runs.done(file, "parsers", 7) == {(10, 10)}
    assert runs.done(file, "receiver", 7) == set()
    assert "parsers: 10 cases of seeds [7]" in runs.summed(runs.kept(file))

"""The contract is worth something only if it catches plugins that break it."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from crmwire import Failure, hookimpl
from crmwire.connections import Connection
from crmwire.sandbox import Fault
from crmwire.testing import toycrm
from crmwire.testing.annotations import implementations
from crmwire.testing.contract import CrmContract
from crmwire.testing.contract_failures import TROUBLES
from crmwire.types import Candidates, LimitState, Query, Record, Ref, Value, Write, Written

Found = Sequence[Candidates | Failure]
Wrote = Sequence[Written | Failure]
FoundWritten = Sequence[Sequence[Record] | Failure]

TIME_OUT = next(trouble for trouble in TROUBLES if trouble.name == "time-out")


class BrokenToy(CrmContract):
    """The toy CRM with one hook changed or taken away."""

    person_type = "contacts"
    person_key = "email"
    activity_type = "activities"
    missing_record = "t999"

    def __init__(self, **changed: object) -> None:
        hooks = {**implementations(toycrm), **changed}
        self.plugin = SimpleNamespace(**{name: one for name, one in hooks.items() if one})  # type: ignore[assignment]

    def person_fields(self, email: str) -> Mapping[str, Value]:
        return {"email": email, "name": "Ada Example"}

    def refused_fields(self) -> Mapping[str, Value]:
        return {"email": "not an address"}

    def activity_fields(self, person: str | Ref, title: str) -> Mapping[str, Value]:
        return {"contact": person, "title": title, "start": "2026-11-30T09:00:00Z"}


@pytest.fixture(autouse=True)
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRMWIRE_ALLOW_LOOPBACK", "1")


def caught(check: Callable[..., object], *arguments: Any) -> str:
    """What this check of an open contract says; it must say something."""
    contract: CrmContract = check.__self__  # type: ignore[attr-defined]
    with contract.opened(), pytest.raises(AssertionError) as error:
        check(*arguments)
    return str(error.value)


def found(change: Callable[[Connection, Sequence[Query]], Found]) -> BrokenToy:
    @hookimpl
    def find_records(conn: Connection, queries: Sequence[Query]) -> Found | None:
        return change(conn, queries)

    return BrokenToy(find_records=find_records)


def wrote(change: Callable[[Connection, Sequence[Write]], Wrote]) -> BrokenToy:
    @hookimpl
    def write_records(conn: Connection, writes: Sequence[Write]) -> Wrote | None:
        return change(conn, writes)

    return BrokenToy(write_records=write_records)


def found_written(change: Callable[[Connection, Sequence[Write]], FoundWritten]) -> BrokenToy:
    @hookimpl
    def find_written(conn: Connection, writes: Sequence[Write]) -> FoundWritten | None:
        return change(conn, writes)

    return BrokenToy(find_written=find_written)


def limited(use: Callable[[], object]) -> BrokenToy:
    @hookimpl
    def read_limits(
        conn: Connection, status: int, headers: Mapping[str, str]
    ) -> Sequence[LimitState] | None:
        use()
        return None

    return BrokenToy(read_limits=read_limits)


def real_find(conn: Connection, queries: Sequence[Query]) -> Found:
    return toycrm.find_records(conn, queries) or ()


def real_write(conn: Connection, writes: Sequence[Write]) -> Wrote:
    return toycrm.write_records(conn, writes) or ()


# ---------------------------------------------------------------- hooks


def test_a_missing_hook_is_caught() -> None:
    contract = BrokenToy(find_records=None)
    assert "find_records" in caught(contract.test_every_needed_hook_is_there)


def test_a_missing_sandbox_is_caught() -> None:
    contract = BrokenToy(sandbox=None)
    with pytest.raises(AssertionError, match="no sandbox"), contract.opened():
        pass


def test_another_annotation_is_caught() -> None:
    @hookimpl
    def presets(conn: Connection) -> list[str] | None:
        return None

    contract = BrokenToy(presets=presets)
    assert "it returns" in caught(contract.test_annotations_are_those_of_the_specification)


@pytest.mark.parametrize(
    ("kind", "use"),
    [
        ("clock", time.time),
        ("network", lambda: socket.getaddrinfo("127.0.0.1", 80)),
        ("disk", lambda: Path(__file__).open().close()),
    ],
)
def test_an_impure_hook_is_caught(kind: str, use: Callable[[], object]) -> None:
    contract = limited(use)
    assert f"{kind}: " in caught(contract.test_pure_hooks_use_no_network_clock_or_disk)


# ---------------------------------------------------------------- batches


def test_answers_out_of_order_are_caught() -> None:
    contract = found(lambda conn, queries: real_find(conn, queries)[::-1])
    caught(contract.test_look_ups_are_answered_in_order)


def test_one_failure_for_all_is_caught() -> None:
    def all_or_none(conn: Connection, writes: Sequence[Write]) -> Wrote:
        answers = real_write(conn, writes)
        bad = [answer for answer in answers if isinstance(answer, Failure)]
        return bad[:1] * len(writes) if bad else answers

    caught(wrote(all_or_none).test_one_bad_write_fails_alone)


def test_a_request_for_nothing_is_caught() -> None:
    def greedy(conn: Connection, writes: Sequence[Write]) -> Wrote:
        conn.http.get("me")
        return real_write(conn, writes)

    caught(wrote(greedy).test_empty_batches_ask_nothing)


def test_one_connection_for_all_is_caught() -> None:
    first: list[Connection] = []

    def mixed_up(conn: Connection, writes: Sequence[Write]) -> Wrote:
        first.append(conn)
        return real_write(first[0], writes)

    caught(wrote(mixed_up).test_two_connections_do_not_mix, False)


# ---------------------------------------------------------------- failures and doubts


def test_a_failed_look_up_as_not_found_is_caught() -> None:
    def optimist(conn: Connection, queries: Sequence[Query]) -> Found:
        try:
            return real_find(conn, queries)
        except Failure:
            return [Candidates(query=query) for query in queries]

    caught(found(optimist).test_a_look_up_that_fails, TIME_OUT)


def test_a_doubt_taken_for_a_refusal_is_caught() -> None:
    def sure(conn: Connection, writes: Sequence[Write]) -> Wrote:
        answers = real_write(conn, writes)
        return [one.marked(sent="no") if isinstance(one, Failure) else one for one in answers]

    caught(wrote(sure).test_a_create_that_fails, TIME_OUT)


def test_a_lost_record_that_is_not_found_is_caught() -> None:
    contract = found_written(lambda conn, writes: [[] for _ in writes])
    fault = Fault(kind="lost_answer", times=1)
    caught(contract.test_a_person_and_an_activity_are_made_once, fault, 0)
    caught(contract.test_a_lost_create_is_found, fault)


def test_a_failed_search_as_not_made_is_caught() -> None:
    def optimist(conn: Connection, writes: Sequence[Write]) -> FoundWritten:
        try:
            return toycrm.find_written(conn, writes) or ()
        except Failure:
            return [[] for _ in writes]

    caught(found_written(optimist).test_a_search_for_what_was_written_that_fails, TIME_OUT)


# ---------------------------------------------------------------- secrets


def test_a_token_in_the_log_is_caught(caplog: pytest.LogCaptureFixture) -> None:
    def talkative(conn: Connection, queries: Sequence[Query]) -> Found:
        conn.log.info("asked", headers=conn._auth_headers())
        return real_find(conn, queries)

    caught(found(talkative).test_no_token_is_told, None, caplog)


def test_a_person_in_the_log_is_caught(caplog: pytest.LogCaptureFixture) -> None:
    def talkative(conn: Connection, queries: Sequence[Query]) -> Found:
        conn.log.info("asked", emails=[query.value for query in queries])
        return real_find(conn, queries)

    caught(found(talkative).test_no_person_is_logged, None, caplog)

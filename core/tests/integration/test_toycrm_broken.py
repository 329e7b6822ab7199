"""The contract is worth something only if it catches plugins that break it."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

TEST = """
import socket, time
from collections.abc import Mapping, Sequence
from types import SimpleNamespace

from crmwire import Failure, RetryLater, hookimpl
from crmwire.connections import Connection
from crmwire.testing import toycrm
from crmwire.testing.annotations import implementations
from crmwire.testing.contract import CrmContract
from crmwire.types import Candidates, LimitState, Query, Record, Write, Written

hooks = dict(implementations(toycrm))

{change}

class TestBroken(CrmContract):
    plugin = SimpleNamespace(**hooks)
    person_type = "contacts"
    person_key = "email"
    activity_type = "activities"
    missing_record = "t999"

    def person_fields(self, email):
        return {{"email": email, "name": "Ada Example"}}

    def refused_fields(self):
        return {{"email": "not an address"}}

    def activity_fields(self, person, title):
        return {{"contact": person, "title": title, "start": "2026-11-30T09:00:00Z"}}
"""

FIND = """
@hookimpl
def find_records(conn: Connection, queries: Sequence[Query]) -> Sequence[Candidates | Failure] | None:
    {}
hooks["find_records"] = find_records
"""
WRITE = """
@hookimpl
def write_records(conn: Connection, writes: Sequence[Write]) -> Sequence[Written | Failure] | None:
    {}
hooks["write_records"] = write_records
"""
FIND_WRITTEN = """
@hookimpl
def find_written(
    conn: Connection, writes: Sequence[Write]
) -> Sequence[Sequence[Record] | Failure] | None:
    {}
hooks["find_written"] = find_written
"""
LIMITS = """
@hookimpl
def read_limits(
    conn: Connection, status: int, headers: Mapping[str, str]
) -> Sequence[LimitState] | None:
    {}
hooks["read_limits"] = read_limits
"""
BROKEN = {
    "no sandbox": ("del hooks['sandbox']", "test_every_needed_hook_is_there"),
    "another type": (
        """
@hookimpl
def presets(conn: Connection) -> list[str] | None:
    return toycrm.presets(conn)
hooks["presets"] = presets
""",
        "test_annotations_are_those_of_the_specification",
    ),
    "clock in a pure hook": (LIMITS.format("time.time()"), "test_pure_hooks"),
    "network in a pure hook": (LIMITS.format("socket.getaddrinfo('127.0.0.1', 80)"), "test_pure"),
    "disk in a pure hook": (LIMITS.format("open('/dev/null').close()"), "test_pure_hooks"),
    "answers out of order": (
        FIND.format("return toycrm.find_records(conn, queries)[::-1]"),
        "test_look_ups_are_answered_in_order",
    ),
    "failed look-ups as not found": (
        FIND.format(
            "try:\n        return toycrm.find_records(conn, queries)\n"
            "    except Failure:\n        return [Candidates(query=query) for query in queries]"
        ),
        "test_a_look_up_that_fails",
    ),
    "one failure for all": (
        WRITE.format(
            "answers = toycrm.write_records(conn, writes)\n"
            "    bad = [answer for answer in answers if isinstance(answer, Failure)]\n"
            "    return bad[:1] * len(writes) if bad else answers"
        ),
        "test_one_bad_write_fails_alone",
    ),
    "doubt taken for refusal": (
        WRITE.format(
            "return [\n"
            "        one.marked(sent='no') if isinstance(one, Failure) else one\n"
            "        for one in toycrm.write_records(conn, writes)\n    ]"
        ),
        "test_a_create_that_fails",
    ),
    "a request for nothing": (
        WRITE.format("conn.http.get('me')\n    return toycrm.write_records(conn, writes)"),
        "test_empty_batches_ask_nothing",
    ),
    "lost records never found": (
        FIND_WRITTEN.format("return [[] for _ in writes]"),
        "test_a_person_and_an_activity_are_made_once",
    ),
    "unknown taken for not made": (
        FIND_WRITTEN.format(
            "try:\n        return toycrm.find_written(conn, writes)\n"
            "    except Failure:\n        return [[] for _ in writes]"
        ),
        "test_a_search_for_what_was_written_that_fails",
    ),
    "one connection for all": (
        "first = []\n"
        + WRITE.format("first.append(conn)\n    return toycrm.write_records(first[0], writes)"),
        "test_two_connections_do_not_mix",
    ),
    "a token in the log": (
        FIND.format(
            "conn.log.info('asked', headers=conn._auth_headers())\n"
            "    return toycrm.find_records(conn, queries)"
        ),
        "test_no_token_is_told",
    ),
    "a person in the log": (
        FIND.format(
            "conn.log.info('asked', emails=[query.value for query in queries])\n"
            "    return toycrm.find_records(conn, queries)"
        ),
        "test_no_person_is_logged",
    ),
}


@pytest.mark.parametrize(("change", "name"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_plugin_is_caught(pytester: pytest.Pytester, change: str, name: str) -> None:
    file = pytester.makepyfile(TEST.format(change=change))
    run = pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider", "-k", name, str(file))
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    run.stdout.fnmatch_lines([f"FAILED *::{name}*"])

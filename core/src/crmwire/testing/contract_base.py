"""What all checks of the contract stand on: a plugin, its sandbox over HTTP, its connections."""

from __future__ import annotations

import atexit
import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from types import ModuleType
from typing import Any, ClassVar, TypeVar

import attrs
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from crmwire.connections import Connection
from crmwire.errors import Failure
from crmwire.hooks import manager
from crmwire.hookspecs import CrmSpecs
from crmwire.hosts import LOOPBACK_SWITCH
from crmwire.http import Client
from crmwire.sandbox import Fault, Sandbox, SandboxServer, SandboxSettings, TimelinePerson
from crmwire.testing.clock import HurryingClock
from crmwire.testing.connect import connect
from crmwire.types import About, Query, Record, Ref, Value, Write, Written

TOKENS = ("contract-one-5b1f", "contract-two-c07e")
READ_TIMEOUT = 0.4
"""Seconds that an impatient connection waits for an answer: only where one is to come too late,
so that a busy machine spoils no other check."""

T = TypeVar("T")


class _Front:
    """One server and one client for all tests of a process.

    The server hands requests to the sandbox of the moment.
    """

    def __init__(self) -> None:
        self.app: ASGIApp | None = None
        self.server = SandboxServer(self).__enter__()
        self.client = Client()
        atexit.register(self.server.__exit__)
        atexit.register(self.client.close)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)


@cache
def _front() -> _Front:
    return _Front()


class ContractBase:
    """What a plugin gives to be tested, and what the checks use.

    `missing_record` is a well-formed id of a person that is not there, `missing_key` a field
    that no person has, `user_email` the address of a user whom the sandbox knows. With
    `activity_about`, an activity names its person by association and not (only) in a field.
    `create_method` is the method of the requests that create. Where the CRM has no way to find
    what was written, `unfindable` says why: `find_written` is then not needed.
    """

    plugin: ModuleType
    person_type: str
    person_key: str
    activity_type: str
    activity_about: bool = False
    missing_record: str
    missing_key: str = "no_such_field"
    user_email: str | None = None
    create_method: str = "POST"
    unfindable: str = ""
    sandbox_options: ClassVar[Mapping[str, str]] = {}

    def person_fields(self, email: str) -> Mapping[str, Value]:
        """The fields of a person with that address: the key, a name."""
        raise TypeError(f"{type(self).__name__} has no person_fields")

    def refused_fields(self) -> Mapping[str, Value]:
        """Fields that, laid over a person's, make the CRM refuse that person."""
        raise TypeError(f"{type(self).__name__} has no refused_fields")

    def activity_fields(self, person: str | Ref, title: str) -> Mapping[str, Value]:
        """The fields of an activity with that title about a person; it has a start."""
        raise TypeError(f"{type(self).__name__} has no activity_fields")

    # ------------------------------------------------------------ set up

    sandbox: Sandbox
    conn: Connection
    url: str

    @pytest.fixture(autouse=True)
    def _opened(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.setenv(LOOPBACK_SWITCH, "1")
        with self.opened():
            yield

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """Start the plugin's sandbox with two accounts, and open a connection to the first."""
        pm = manager(CrmSpecs, [("plugin", self.plugin)])
        settings = SandboxSettings(tokens=TOKENS, options=self.sandbox_options)
        sandbox = pm.hook.sandbox(settings=settings)
        assert isinstance(sandbox, Sandbox), "the plugin has no sandbox"
        self.sandbox, front = sandbox, _front()
        front.app, self.url = sandbox, front.server.url
        self._open: list[Connection] = []
        self.conn = self.connection(TOKENS[0])
        yield
        for conn in self._open:
            conn.close()

    def connection(self, token: str, *, checked: bool = True, **settings: Any) -> Connection:
        """A connection to the sandbox, asked once who it is, as before a first delivery."""
        own: dict[str, Any] = {"clock": HurryingClock(), "client": _front().client}
        conn = connect(self.plugin, self.url, token=token, **own, **settings)
        self._open.append(conn)
        if checked:
            conn.report = conn.hooks.check_connection()
            conn.pacer.set_limits(conn.report.limits)
        return conn

    def connection_for(self, fault: Fault) -> Connection:
        """The connection that meets a fault: impatient where the fault is to be late."""
        if fault.kind in ("latency", "late_commit"):
            return self.connection(TOKENS[0], read_timeout=READ_TIMEOUT)
        return self.conn

    def trouble(self, *faults: Fault) -> None:
        """Let the sandbox misbehave so from now on; nothing given: no more."""
        self.sandbox.faults.arm(list(faults))

    # ------------------------------------------------------------ what is asked and written

    def query(self, id_: str, email: str, key: str | None = None) -> Query:
        """Look for a person by address."""
        return Query(
            id=id_,
            role="person",
            types=(self.person_type,),
            key=key or self.person_key,
            value=email,
            fields={self.person_type: tuple(self.person_fields(email))},
        )

    def person(self, id_: str, email: str, **more: Any) -> Write:
        """Create a person with that address."""
        given: dict[str, Any] = {"key": f"person:{email}", "group": None, "role": "person"}
        given |= {"action": "create", "type": self.person_type}
        given |= {"fields": self.person_fields(email), **more}
        return Write(id=id_, **given)

    def refused(self, id_: str, email: str) -> Write:
        """Create a person whom the CRM refuses."""
        fields = {**self.person_fields(email), **self.refused_fields()}
        return self.person(id_, email, fields=fields)

    def activity(self, id_: str, person: str | Ref, title: str, **more: Any) -> Write:
        """Create an activity about a person, given by id or by the write that makes it."""
        given: dict[str, Any] = {"key": f"activity:{id_}", "group": "1", "role": "activity"}
        given |= {"action": "create", "type": self.activity_type}
        given |= {"fields": self.activity_fields(person, title)}
        if self.activity_about:
            given["about"] = (About(role="person", type=self.person_type, record=person),)
        return Write(id=id_, **(given | more))

    def write(self, *writes: Write, conn: Connection | None = None) -> list[Written]:
        """Write what must succeed."""
        answers = (conn or self.conn).hooks.write_records(writes)
        failed = [answer for answer in answers if isinstance(answer, Failure)]
        assert not failed, f"refused: {failed[0]!r}"
        return [answer for answer in answers if isinstance(answer, Written)]

    def find_written(
        self, writes: Sequence[Write], conn: Connection | None = None
    ) -> Sequence[Sequence[Record] | Failure]:
        """What the plugin finds of these; skips the test where the CRM cannot tell."""
        answers = (conn or self.conn).hooks.find_written(writes)
        if answers is None and self.unfindable:
            pytest.skip(self.unfindable)
        assert answers is not None, "there is no find_written: say in `unfindable` why"
        return answers

    def known_person(self, email: str) -> str:
        """Write a person; returns the record's id."""
        return self.write(self.person("known", email))[0].record

    # ------------------------------------------------------------ what stands there

    def people(self, email: str, token: str = TOKENS[0]) -> list[TimelinePerson]:
        """The people with that address in an account, read from the sandbox itself."""
        account = self.sandbox.accounts[token]
        people = self.sandbox.timelines(account)
        return [person for person in people if person.email.lower() == email.lower()]

    def titles(self, email: str) -> list[str]:
        """The titles of the activities on the timelines of everyone with that address."""
        return [entry.title for person in self.people(email) for entry in person.entries]

    def until(self, reached: Callable[[], bool], timeout: float = 5.0) -> None:
        """Wait until something shows in the sandbox. Raises: AssertionError."""
        deadline = time.monotonic() + timeout
        while not reached():
            assert time.monotonic() < deadline, "it did not come in time"
            time.sleep(0.01)


def each(call: Callable[[], Sequence[T | Failure]], count: int) -> list[T | Failure]:
    """The answers of a batch; a failure that was raised counts for each item."""
    try:
        return list(call())
    except Failure as failure:
        return [failure] * count


def sent(write: Write, at: datetime) -> Write:
    """A write as `find_written` gets it: with the time it was sent at."""
    return attrs.evolve(write, sent_at=at)

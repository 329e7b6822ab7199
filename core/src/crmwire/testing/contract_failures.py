"""One table of failures for all CRMs: what core may rely on when something goes wrong."""

from __future__ import annotations

import email.utils
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import attrs
import pytest
from attrs import frozen

from crmwire.errors import (
    Failure,
    NeedsLogin,
    NeedsReview,
    NotAllowed,
    PluginBroken,
    Rejected,
    RetryLater,
    Sent,
)
from crmwire.sandbox import Fault
from crmwire.testing.contract_base import READ_TIMEOUT, ContractBase, each

RETRY_AFTER = 7
OTHER_SHAPE = Fault(kind="status", status=200, body={"unexpected": [{"id": 7}, None]})
"""An answer that is no answer to anything; nothing is done."""


@frozen(kw_only=True)
class Trouble:
    """A fault, the failures that it may become, and whether a create may stand all the same.

    `after` is what `Retry-After` said, in seconds. With `pause`, the lane must rest.
    """

    name: str
    fault: Fault
    kinds: tuple[type[Failure], ...]
    sent: Sent = "no"
    after: float | None = None
    pause: bool = False


def _status(status: int, *kinds: type[Failure], headers: Any = None, **more: Any) -> Trouble:
    fault = Fault(kind="status", status=status, headers=headers or {})
    return Trouble(**{"name": str(status), "fault": fault, "kinds": kinds, **more})


TROUBLES = (
    _status(401, NeedsLogin),
    _status(403, NotAllowed),
    _status(404, Rejected, NotAllowed),
    _status(409, Rejected, RetryLater, NeedsReview),
    _status(422, Rejected),
    _status(
        429,
        RetryLater,
        name="429 for seconds",
        headers={"Retry-After": str(RETRY_AFTER)},
        after=RETRY_AFTER,
        pause=True,
    ),
    _status(
        429,
        RetryLater,
        name="429 until a date",
        headers={"Retry-After": "DATE"},
        after=RETRY_AFTER,
        pause=True,
    ),
    _status(429, RetryLater, name="429 without a time", pause=True),
    _status(500, RetryLater, sent="unknown"),
    _status(503, RetryLater, sent="unknown", pause=True),
    Trouble(
        name="time-out",
        fault=Fault(kind="latency", seconds=2 * READ_TIMEOUT),
        kinds=(RetryLater,),
        sent="unknown",
    ),
    Trouble(name="cut", fault=Fault(kind="cut_before"), kinds=(RetryLater,), sent="unknown"),
    Trouble(name="cut short", fault=Fault(kind="cut_short"), kinds=(RetryLater,), sent="unknown"),
    Trouble(name="HTML", fault=Fault(kind="html", status=200), kinds=(RetryLater,), sent="unknown"),
    # A plugin that stumbles over it is told apart, held and looked at: no harm is done.
    Trouble(
        name="another shape",
        fault=OTHER_SHAPE,
        kinds=(RetryLater, PluginBroken),
        sent="unknown",
    ),
    Trouble(
        name="HTML with 502",
        fault=Fault(kind="html", status=502),
        kinds=(RetryLater,),
        sent="unknown",
    ),
)
EACH_TROUBLE = pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.name)


class FailureChecks(ContractBase):
    """Whatever the CRM answers, core learns what happens next."""

    @EACH_TROUBLE
    def test_a_look_up_that_fails(self, trouble: Trouble) -> None:
        """It is a failure of the right kind, and never "not found"."""
        queries = [self.query(f"q{n}", f"trouble{n}@example.com") for n in (1, 2)]
        conn = self.connection_for(trouble.fault)
        conn.hooks.find_records(queries)
        self.trouble(_dated(trouble.fault))
        answers = each(lambda: conn.hooks.find_records(queries), 2)
        for answer in answers:
            _check(answer, trouble)

    @EACH_TROUBLE
    def test_a_create_that_fails(self, trouble: Trouble) -> None:
        """It is a failure of the right kind, and says whether the record may stand there."""
        conn = self.connection_for(trouble.fault)
        self.write(self.person("warm", "warm@example.com"), conn=conn)
        self.trouble(attrs.evolve(_dated(trouble.fault), method=self.create_method))
        write = self.person("p", "trouble@example.com")
        [answer] = each(lambda: conn.hooks.write_records([write]), 1)
        failure = _check(answer, trouble)
        assert failure.sent == trouble.sent

    @EACH_TROUBLE
    def test_a_search_for_what_was_written_that_fails(self, trouble: Trouble) -> None:
        """Where it cannot be found out, it is a failure, and never "not made"."""
        write = attrs.evolve(self.person("p", "trouble@example.com"), sent_at=self.conn.now())
        conn = self.connection_for(trouble.fault)
        self.find_written([write], conn)
        self.trouble(_dated(trouble.fault))
        [answer] = each(lambda: self.find_written([write], conn), 1)
        _check(answer, trouble)

    @pytest.mark.parametrize("action", ["update", "delete"])
    @pytest.mark.parametrize(
        "fault", [OTHER_SHAPE, Fault(kind="html", status=200)], ids=["another shape", "HTML"]
    )
    def test_a_change_that_was_answered_oddly_is_not_taken_for_done(
        self, fault: Fault, action: Literal["update", "delete"]
    ) -> None:
        """Whatever its status says; tried again it is done."""
        record = self.known_person("oddly@example.com")
        [made] = self.write(self.activity("a", record, "Before"))
        change = self.activity("c", record, "After")
        fields = change.fields if action == "update" else {}
        change = attrs.evolve(change, action=action, record=made.record, fields=fields)
        conn = self.connection_for(fault)
        self.trouble(fault)
        [answer] = each(lambda: conn.hooks.write_records([change]), 1)
        assert isinstance(answer, RetryLater | PluginBroken), f"taken for done: {answer!r}"
        self.trouble()
        self.write(change)
        assert self.titles("oddly@example.com") == (["After"] if action == "update" else [])


def _dated(fault: Fault) -> Fault:
    if fault.headers.get("Retry-After") != "DATE":
        return fault
    until = datetime.now(UTC) + timedelta(seconds=RETRY_AFTER)
    headers = {"Retry-After": email.utils.format_datetime(until, usegmt=True)}
    return attrs.evolve(fault, headers=headers)


def _check(answer: object, trouble: Trouble) -> Failure:
    assert isinstance(answer, trouble.kinds), f"{trouble.name}: {answer!r}"
    assert answer.message
    if isinstance(answer, RetryLater) and trouble.pause:
        assert answer.pause, "the whole lane must wait, and no try is used up"
    if isinstance(answer, RetryLater) and trouble.after is not None:
        # A date has whole seconds and is held against the answer's own, which servers renew about
        # once a second; and some time went by since it was named, on a slow machine more.
        assert answer.after is not None
        assert trouble.after - 5 <= answer.after <= trouble.after + 3
    return answer

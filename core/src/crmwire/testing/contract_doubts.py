"""Checks of writes whose answer never came: they are found, so that nothing is made twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import attrs
import pytest

from crmwire.errors import Failure
from crmwire.sandbox import Fault
from crmwire.testing.contract_base import READ_TIMEOUT, ContractBase, each, sent
from crmwire.types import Key, Record, Ref, Write, Written

LATE = 2 * READ_TIMEOUT
"""Seconds after which a late commit lands: past the time-out, within twice of it."""

EACH_LOSS = pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="lost_answer", times=1),
        Fault(kind="late_commit", times=1, seconds=LATE),
        Fault(kind="cut_short", times=1),
        Fault(kind="cut_before", times=1),
    ],
    ids=lambda fault: fault.kind,
)


class DoubtChecks(ContractBase):
    """`write_records` and `find_written` together make one record, whatever gets lost."""

    def _attempt(self, fault: Fault, writes: Sequence[Write]) -> None:
        """Send, as core does, and settle what is in doubt until everything is written."""
        conn, at = self.connection_for(fault), self.conn.now()
        self.trouble(attrs.evolve(fault, method=self.create_method))
        answers = each(lambda: conn.hooks.write_records(writes), len(writes))
        self.trouble()
        self.until(self._landed)
        doubtful = [sent(write, at) for write in writes]
        if not any(isinstance(one, Failure) and one.sent == "unknown" for one in answers):
            assert all(isinstance(one, Written) for one in answers), answers
            return
        found = self._found(doubtful)
        ids = {
            write.id: records[0].id for write, records in zip(writes, found, strict=True) if records
        }
        rest = [_known(write, ids) for write in writes if write.id not in ids]
        self.write(*rest)

    def _found(self, writes: Sequence[Write]) -> list[Sequence[Record]]:
        answers = self.find_written(writes)
        failed = [answer for answer in answers if isinstance(answer, Failure)]
        assert not failed, f"not found out: {failed[0]!r}"
        return [answer for answer in answers if not isinstance(answer, Failure)]

    def _landed(self) -> bool:
        return all(one["status"] or one["fault"] == "cut_before" for one in self.sandbox.requests)

    @pytest.mark.parametrize("skip", range(4), ids=lambda skip: f"request {skip + 1}")
    @EACH_LOSS
    def test_a_person_and_an_activity_are_made_once(self, fault: Fault, skip: int) -> None:
        """Whichever request meets the trouble, one person with one activity stands there."""
        self._attempt(
            attrs.evolve(fault, skip=skip),
            [self.person("p", "once@example.com"), self.activity("a", Ref(write="p"), "Once")],
        )
        assert len(self.people("once@example.com")) == 1
        assert len(self.titles("once@example.com")) == 1

    @EACH_LOSS
    def test_a_batch_is_made_once(self, fault: Fault) -> None:
        """Three bookings in one call, two of them of one person: each stands there once."""
        self._attempt(
            fault,
            [
                self.person("p1", "first@example.com"),
                self.person("p2", "second@example.com"),
                self.activity("a1", Ref(write="p1"), "One", group="1"),
                self.activity("a2", Ref(write="p2"), "Two", group="2"),
                self.activity("a3", Ref(write="p1"), "Three", group="3"),
            ],
        )
        assert [len(self.people(f"{who}@example.com")) for who in ("first", "second")] == [1, 1]
        assert len(self.titles("first@example.com")) == 2
        assert len(self.titles("second@example.com")) == 1

    @EACH_LOSS
    def test_an_upsert_is_simply_repeated(self, fault: Fault) -> None:
        """Nobody looks for what an unanswered upsert made: sent again it makes nothing new."""
        if self.person_key not in self.conn.info.object_types[self.person_type].upsert:
            return
        key = Key(types=(self.person_type,), name=self.person_key, value="upsert@example.com")
        upsert = self.person("u", "upsert@example.com", action="upsert", match=key)
        conn = self.connection_for(fault)
        self.trouble(fault)
        each(lambda: conn.hooks.write_records([upsert]), 1)
        self.trouble()
        self.until(self._landed)
        self.write(upsert)
        assert len(self.people("upsert@example.com")) == 1

    @pytest.mark.parametrize(
        "fault",
        [Fault(kind="lost_answer"), Fault(kind="late_commit", seconds=LATE)],
        ids=lambda fault: fault.kind,
    )
    def test_a_lost_create_is_found(self, fault: Fault) -> None:
        """Person and activity, each by itself, with the id that it has in the CRM."""
        conn = self.connection_for(fault)
        for write in (
            self.person("p", "lost@example.com"),
            self.activity("a", self.known_person("host@example.org"), "Lost"),
        ):
            at = self.conn.now()
            self.trouble(attrs.evolve(fault, method=self.create_method))
            [answer] = each(lambda write=write: conn.hooks.write_records([write]), 1)  # type: ignore[misc]
            assert isinstance(answer, Failure), answer
            assert answer.sent == "unknown"
            self.trouble()
            self.until(self._landed)
            [found] = self._found([sent(write, at)])
            made = [
                one["id"]
                for one in self.sandbox.commits
                if (one["action"], one["type"]) == ("create", write.type)
            ]
            assert [(record.type, record.id) for record in found] == [(write.type, made[-1])]

    def test_an_activity_is_found_beside_the_upsert_of_its_person(self) -> None:
        """An upsert is not in doubt itself; it says whom the activity is about."""
        if self.person_key not in self.conn.info.object_types[self.person_type].upsert:
            return
        key = Key(types=(self.person_type,), name=self.person_key, value="beside@example.com")
        writes = [
            self.person("u", "beside@example.com", action="upsert", match=key),
            self.activity("a", Ref(write="u"), "Beside"),
        ]
        at = self.conn.now()
        doubtful = [sent(write, at) for write in writes]
        assert list(self._found(doubtful)[1]) == []
        made = self.write(*writes)[1]
        assert [record.id for record in self._found(doubtful)[1]] == [made.record]

    def test_what_never_arrived_is_not_found(self) -> None:
        """An empty answer means that it was certainly not made."""
        record = self.known_person("there@example.com")
        writes = [
            self.person("p", "never@example.com"),
            self.activity("a", Ref(write="p"), "Never"),
            self.activity("b", record, "Never"),
        ]
        at = self.conn.now()
        self.trouble(Fault(kind="cut_before", method=self.create_method))
        answers = each(lambda: self.conn.hooks.write_records(writes), 3)
        assert all(isinstance(answer, Failure) for answer in answers)
        self.trouble()
        assert [list(found) for found in self._found([sent(w, at) for w in writes])] == [[], [], []]

    def test_activities_of_others_are_not_found(self) -> None:
        """Neither another person's, nor one with another title."""
        mine, other = self.known_person("mine@example.com"), self.known_person("other@example.com")
        at = self.conn.now()
        self.write(self.activity("a", other, "Call"), self.activity("b", mine, "Another"))
        [found] = self._found([sent(self.activity("c", mine, "Call"), at)])
        assert list(found) == []

    def test_what_stood_there_long_before_is_not_found(self) -> None:
        """Only what was made after the write was sent can be its record."""
        record = self.known_person("old@example.com")
        write = self.activity("a", record, "Old")
        self.write(write)
        [found] = self._found([sent(write, self.conn.now() + timedelta(minutes=10))])
        assert list(found) == []

    def test_all_that_fit_are_found_oldest_first(self) -> None:
        """Core chooses among them; two writes never get the same record."""
        record = self.known_person("twice@example.com")
        at = self.conn.now()
        write = self.activity("a", record, "Twice")
        first, second = self.write(write)[0].record, ""
        self.until(lambda: self.conn.now() - at > timedelta(seconds=0.02))
        second = self.write(attrs.evolve(write, id="b"))[0].record
        [found] = self._found([sent(write, at)])
        assert [one.id for one in found] == [first, second]


def _known(write: Write, ids: Mapping[str, str]) -> Write:
    """A write with record ids where they are known by now, as core plans it anew."""

    def known(value: Any) -> Any:
        return ids.get(value.write, value) if isinstance(value, Ref) else value

    return attrs.evolve(
        write,
        fields={name: known(value) for name, value in write.fields.items()},
        about=tuple(attrs.evolve(one, record=known(one.record)) for one in write.about),
    )

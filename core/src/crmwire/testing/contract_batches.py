"""Checks of look-ups and writes: order, one bad item alone, empty batches, two connections."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from crmwire.errors import Failure, NotAllowed, RecordGone, Rejected
from crmwire.testing.contract_base import TOKENS, ContractBase, each, sent
from crmwire.types import Candidates, Key, Query, Ref, Written


class BatchChecks(ContractBase):
    """A batch is answered item by item, in its order, in the account it belongs to."""

    def test_look_ups_are_answered_in_order(self) -> None:
        """Who is there and who is not, each in the place of its question."""
        emails = [f"order{number}@example.com" for number in range(6)]
        made = self.write(*(self.person(email, email) for email in emails[::2]))
        ids = dict(zip(emails[::2], [one.record for one in made], strict=True))
        queries = [self.query(f"q{number}", email) for number, email in enumerate(emails)]
        answers = self.conn.hooks.find_records(queries[::-1])
        for query, answer in zip(queries[::-1], answers, strict=True):
            assert isinstance(answer, Candidates), answer
            assert answer.query == query
            known = [ids[query.value]] if query.value in ids else []
            assert [record.id for record in answer.records] == known
            assert all(record.type == self.person_type for record in answer.records)

    def test_addresses_are_found_whatever_their_case(self) -> None:
        """Who booked as Ada@Example.com is the ada@example.com that stands there."""
        record = self.known_person("Case@Example.com")
        [answer] = self.conn.hooks.find_records([self.query("q", "case@example.com")])
        assert isinstance(answer, Candidates)
        assert [one.id for one in answer.records] == [record]

    def test_odd_texts_are_written_and_found_as_they_are(self) -> None:
        """Quotes, percent signs, brackets and scripts of all kinds mean nothing to the API."""
        email, title = "o'brien+50%_x@example.com", "It's \"50 %\" \\ <b>Zoë</b> & 東京 \\' OR 1=1"
        at = self.conn.now()
        writes = [self.person("p", email), self.activity("a", Ref(write="p"), title)]
        person, activity = self.write(*writes)
        [found] = self.conn.hooks.find_records([self.query("q", email)])
        assert isinstance(found, Candidates), found
        assert [one.id for one in found.records] == [person.record]
        assert self.titles(email) == [title]
        again = sent(self.activity("a", person.record, title), at)
        [records] = self.find_written([again])
        assert not isinstance(records, Failure), records
        assert [one.id for one in records] == [activity.record]

    @pytest.mark.parametrize("text", ["%@example.com", "' OR Email LIKE '%", "*", "x@example.com)"])
    def test_a_look_up_is_no_pattern(self, text: str) -> None:
        """Only the very text is looked for, whatever it would mean in a query."""
        self.known_person("pattern@example.com")
        [answer] = each(lambda: self.conn.hooks.find_records([self.query("q", text)]), 1)
        assert isinstance(answer, Candidates | Rejected), answer
        assert not isinstance(answer, Candidates) or answer.records == ()

    def test_a_record_is_found_by_its_id(self) -> None:
        """The key `id` is the CRM's own id; one that is not there is simply not found."""
        record = self.known_person("by-id@example.com")
        known = self.query("q1", record, key="id")
        missing = self.query("q2", self.missing_record, key="id")
        found, none = self.conn.hooks.find_records([known, missing])
        assert isinstance(found, Candidates), found
        assert isinstance(none, Candidates), none
        assert [one.id for one in found.records] == [record]
        assert none.records == ()

    def test_a_person_is_found_with_the_fields_that_are_asked_for(self) -> None:
        """The decision sees the values that stand there, and blanks as blanks."""
        self.known_person("fields@example.com")
        query = self.query("q", "fields@example.com")
        [answer] = self.conn.hooks.find_records([query])
        assert isinstance(answer, Candidates), answer
        assert len(answer.records) == 1
        assert set(query.fields[self.person_type]) <= answer.records[0].fields.keys()

    def test_users_are_found_by_address(self) -> None:
        """A query of the role `user` asks for the CRM's users; a stranger is none."""
        emails = [email for email in (self.user_email, "stranger@example.org") if email]
        queries = [
            Query(id=f"u{number}", role="user", types=("user",), key="email", value=email)
            for number, email in enumerate(emails)
        ]
        answers = self.conn.hooks.find_records(queries)
        counts = [len(answer.records) for answer in answers if isinstance(answer, Candidates)]
        assert counts == [int(email == self.user_email) for email in emails]

    def test_one_bad_look_up_fails_alone(self) -> None:
        """A key that the CRM does not have spoils its own answer only."""
        record = self.known_person("well@example.com")
        well, none = self.query("q1", "well@example.com"), self.query("q3", "nobody@example.com")
        bad = self.query("q2", "well@example.com", key=self.missing_key)
        answers = self.conn.hooks.find_records([well, bad, none])
        assert isinstance(answers[0], Candidates), answers[0]
        assert [one.id for one in answers[0].records] == [record]
        assert isinstance(answers[1], Failure)
        assert isinstance(answers[2], Candidates), answers[2]

    def test_one_bad_write_fails_alone(self) -> None:
        """A record that the CRM refuses stands as a failure in its place; the others are made."""
        good = [self.person(f"w{n}", f"alone{n}@example.com") for n in (1, 3)]
        bad = self.refused("w2", "alone2@example.com")
        first, refused, last = self.conn.hooks.write_records([good[0], bad, good[1]])
        assert isinstance(refused, Rejected | NotAllowed), refused
        assert refused.sent == "no"
        for answer, write in ((first, good[0]), (last, good[1])):
            assert isinstance(answer, Written), answer
            assert (answer.id, answer.type) == (write.id, self.person_type)
        assert [len(self.people(f"alone{n}@example.com")) for n in (1, 2, 3)] == [1, 0, 1]

    def test_what_refers_to_a_refused_record_is_not_sent(self) -> None:
        """The activity of a person who was refused shares the failure; others are made."""
        writes = [
            self.refused("p1", "refused@example.com"),
            self.activity("a1", Ref(write="p1"), "Never", group="1"),
            self.person("p2", "accepted@example.com"),
            self.activity("a2", Ref(write="p2"), "Made", group="2"),
        ]
        answers = self.conn.hooks.write_records(writes)
        assert isinstance(answers[0], Rejected | NotAllowed), answers[0]
        assert isinstance(answers[1], Failure), answers[1]
        assert answers[1].sent == "no"
        assert isinstance(answers[3], Written), answers[3]
        assert len(self.titles("accepted@example.com")) == 1
        assert self.people("refused@example.com") == []

    def test_references_may_come_before_what_they_refer_to(self) -> None:
        """The order of a batch is that of its answers, not that of the requests."""
        activity = self.activity("a", Ref(write="p"), "Backwards")
        answers = self.write(activity, self.person("p", "backwards@example.com"))
        assert [answer.id for answer in answers] == ["a", "p"]
        assert len(self.titles("backwards@example.com")) == 1

    def test_empty_batches_ask_nothing(self) -> None:
        """No question, no request."""
        before = len(self.sandbox.requests)
        assert list(self.conn.hooks.find_records([])) == []
        assert list(self.conn.hooks.write_records([])) == []
        assert list(self.conn.hooks.find_written([]) or []) == []
        assert len(self.sandbox.requests) == before

    def test_an_update_changes_what_it_names_only(self) -> None:
        """Sent twice it changes nothing more."""
        record = self.known_person("before@example.com")
        key = self.person_key
        fields = {key: self.person_fields("after@example.com")[key]}
        update = self.person("u", "x@example.com", action="update", record=record, fields=fields)
        for _ in range(2):
            [answer] = self.write(update)
            assert (answer.type, answer.record) == (self.person_type, record)
        people = self.people("after@example.com")
        assert [person.id for person in people] == [record]
        assert people[0].name, "the name was not named, so it stays"

    def test_a_record_that_is_gone_is_said_to_be_gone(self) -> None:
        """Core then forgets the link and plans anew."""
        fields = self.person_fields("gone@example.com")
        update = self.person(
            "u", "gone@example.com", action="update", record=self.missing_record, fields=fields
        )
        [answer] = each(lambda: self.conn.hooks.write_records([update]), 1)
        assert isinstance(answer, RecordGone), answer

    def test_an_activity_about_nobody_is_refused(self) -> None:
        """Its person was deleted meanwhile: nothing is made that stands on no timeline."""
        write = self.activity("a", self.missing_record, "About nobody")
        [answer] = each(lambda: self.conn.hooks.write_records([write]), 1)
        assert isinstance(answer, Rejected | NotAllowed), answer
        assert answer.sent == "no"

    def test_a_deleted_activity_stands_nowhere(self) -> None:
        """A delete that is repeated does no harm."""
        record = self.known_person("deleted@example.com")
        [made] = self.write(self.activity("a", record, "Deleted"))
        gone = {"action": "delete", "record": made.record, "fields": {}, "about": ()}
        delete = self.activity("d", record, "Deleted", **gone)
        self.write(delete)
        assert self.titles("deleted@example.com") == []
        [again] = each(lambda: self.conn.hooks.write_records([delete]), 1)
        assert isinstance(again, Written | RecordGone), again

    def test_an_upsert_makes_one_record(self) -> None:
        """Whether it is there or not, one call writes it."""
        kind = self.conn.info.object_types[self.person_type]
        if self.person_key not in kind.upsert:
            assert not kind.upsert
            return
        key = Key(types=(self.person_type,), name=self.person_key, value="upsert@example.com")
        upsert = self.person("u", "upsert@example.com", action="upsert", match=key)
        [first], [second] = self.write(upsert), self.write(upsert)
        assert first.record == second.record
        assert len(self.people("upsert@example.com")) == 1

    @pytest.mark.parametrize("at_once", [False, True], ids=["in turn", "at once"])
    def test_two_connections_do_not_mix(self, at_once: bool) -> None:
        """Modules are shared, accounts are not: each token writes and finds its own."""
        conns = [self.conn, self.connection(TOKENS[1])]
        since = len(self.sandbox.requests)

        def work(number: int) -> list[str]:
            conn, email = conns[number], f"mine{number}@example.com"
            writes = [self.person("p", email), self.activity("a", Ref(write="p"), "Mine")]
            made = self.write(*writes, conn=conn)
            both = [self.query(f"q{n}", f"mine{n}@example.com") for n in (0, 1)]
            found = conn.hooks.find_records(both)
            records = [len(one.records) for one in found if isinstance(one, Candidates)]
            assert records == [int(n == number) for n in (0, 1)]
            return [one.record for one in made]

        if at_once:
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(work, (0, 1)))
        else:
            work(0)
            work(1)
        for number, token in enumerate(TOKENS):
            assert len(self.people(f"mine{number}@example.com", token)) == 1
            assert self.people(f"mine{1 - number}@example.com", token) == []
        asked = {one["account"] for one in self.sandbox.requests[since:]}
        assert asked == set(TOKENS)

    def test_requests_count_under_limits_that_are_declared(self) -> None:
        """A request under a limit that nobody declared would not be paced at all."""
        declared = {limit.name for limit in self.conn.info.limits}
        report = self.conn.report
        declared |= {limit.name for limit in report.limits} if report else set()
        taken: set[str] = set()
        take = self.conn.pacer.take

        def noted(name: str) -> None:
            taken.add(name)
            take(name)

        self.conn.pacer.take = noted  # type: ignore[method-assign]
        self.write(
            self.person("p", "paced@example.com"), self.activity("a", Ref(write="p"), "Paced")
        )
        self.conn.hooks.find_records([self.query("q", "paced@example.com")])
        assert taken
        assert taken <= declared or not declared

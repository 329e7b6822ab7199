"""Re:lation's inbox: what is carried, what is left out and why, and how it is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import crmwire_relation
from crmwire import ConfigurationError, NeedsLogin, Rejected, RetryLater
from crmwire.feeds import OpenFeed
from crmwire.hooks import SourceHooks, manager
from crmwire.hookspecs import SourceSpecs
from crmwire.pacing import Pacer
from crmwire.sandbox import Fault, SandboxServer, SandboxSettings
from crmwire.testing.clock import HurryingClock
from crmwire.types import Event, Feed, Json
from crmwire.vocabulary import Message, Person
from crmwire_relation.errors import until_reset
from crmwire_relation.sandbox_app import RelationSandbox

SINCE = datetime.now(UTC) - timedelta(hours=1)
ADA = {"from": "Ada Example <ada@example.com>", "to": "support@example.com"}


class Inbox:
    """A feed of the sandbox's inbox, asked to the end of a run each time."""

    def __init__(self, sandbox: RelationSandbox, url: str) -> None:
        self.sandbox = sandbox
        self.url = url
        self.cursor: Json = None

    def hooks(
        self, token: str = "a-token", since: datetime = SINCE, **settings: Any
    ) -> SourceHooks:
        hooks = SourceHooks(manager(SourceSpecs, [("relation", crmwire_relation)]), "feed support")
        given = {"subdomain": "example", "inbox": 7, "host": self.url, **settings}
        hooks.feed = Feed(
            name="support", source="relation", settings=given, since=since, token=token
        )
        clock = HurryingClock()
        hooks.open_feed = OpenFeed(hooks, clock=clock, pacer=lambda api: Pacer(clock))
        return hooks

    def told(self, **settings: Any) -> list[Event]:
        """The events of one run; those told before come again."""
        hooks, events = self.hooks(**settings), []
        while True:
            chunk = hooks.poll(self.cursor)
            events += chunk.events
            self.cursor = json.loads(json.dumps(chunk.cursor))
            if not chunk.more:
                return events

    def requests(self) -> list[str]:
        return [one["path"].removeprefix("/api/v2/") for one in self.sandbox.requests]


@pytest.fixture
def inbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbox]:
    monkeypatch.setenv("CRMWIRE_ALLOW_LOOPBACK", "1")
    sandbox = RelationSandbox(SandboxSettings(tokens=("a-token",)))
    with SandboxServer(sandbox) as server:
        yield Inbox(sandbox, server.url)


def message(event: Event) -> Message:
    assert event.details.message is not None
    return event.details.message


def customer(event: Event) -> Person:
    assert event.details.customer is not None
    return event.details.customer


class TestWhatIsCarried:
    """Only what a customer sent or got, on the channels of the help page."""

    def test_a_received_mail_is_of_its_writer(self, inbox: Inbox) -> None:
        inbox.sandbox.write(12, title="Question", body="<p>Hi</p>", **ADA)
        (event,) = inbox.told(title="Support", ticket_url="https://example.com/t/{ticket}")
        assert event.type == "ticket.message_received"
        assert (event.subject_id, event.item, event.webhook_id) == ("12", "1", "7/1")
        assert customer(event) == Person(email="ada@example.com", full_name="Ada Example")
        assert message(event).direction == "in"
        assert message(event).channel == "mail"
        assert message(event).html == "<p>Hi</p>"
        assert event.details.page is not None
        assert (event.details.page.id, event.details.page.title) == ("7", "Support")
        assert event.details.ticket is not None
        assert event.details.ticket.url == "https://example.com/t/12"

    def test_a_sent_mail_is_to_its_first_reader(self, inbox: Inbox) -> None:
        inbox.sandbox.write(
            12, action_cd="sent", **{"from": "s@example.com"}, to="ada@example.com, b@example.com"
        )
        (event,) = inbox.told()
        assert event.type == "ticket.message_sent"
        assert customer(event).email == "ada@example.com"
        assert message(event).direction == "out"

    @pytest.mark.parametrize("method", ["record", "call"])
    def test_a_memo_is_about_the_contact_that_it_names(self, inbox: Inbox, method: str) -> None:
        about = {
            "customer_id": 34,
            "customer_name": "大阪 太郎",
            "customer_emails": ["osaka@example.com"],
            "customer_tels": ["+81 3-0000-0000"],
        }
        inbox.sandbox.write(1, method_cd=method, action_cd="sent", record=about)
        (event,) = inbox.told()
        assert event.type == "ticket.note_added"
        assert customer(event) == Person(
            id="34", full_name="大阪 太郎", email="osaka@example.com", phone="+81 3-0000-0000"
        )

    @pytest.mark.parametrize(
        ("method", "channel"),
        [
            ("mail", "mail"),
            ("sms", "sms"),
            ("record", "record"),
            ("call", "call"),
            ("line", "line"),
            ("r_messe", "r_messe"),
            ("yahoo", "yahoo"),
            ("chatplus", "chatplus"),
            ("chatwork", "chatwork"),
            ("instagram", "instagram"),
            ("messenger", "messenger"),
            ("chat", "chat"),
        ],
    )
    def test_the_twelve_channels_are_carried(self, inbox: Inbox, method: str, channel: str) -> None:
        inbox.sandbox.write(1, method_cd=method, customer_emails=["ada@example.com"])
        (event,) = inbox.told()
        assert event.ignored is None
        assert message(event).channel == channel

    @pytest.mark.parametrize("method", ["tweet", "twitter_dm"])
    def test_tweets_are_left_out_with_the_reason(self, inbox: Inbox, method: str) -> None:
        inbox.sandbox.write(1, method_cd=method, customer_emails=["ada@example.com"])
        (event,) = inbox.told(other_channels=True)
        assert event.ignored == "tweets are not carried"
        assert event.type == f"{method}.received"

    def test_an_undocumented_channel_is_left_out_or_other(self, inbox: Inbox) -> None:
        inbox.sandbox.write(1, method_cd="pigeon", customer_emails=["ada@example.com"])
        (event,) = inbox.told()
        assert event.ignored is not None
        assert "pigeon is not documented" in event.ignored
        inbox.cursor = None
        (event,) = inbox.told(other_channels=True)
        assert event.ignored is None
        assert message(event).channel == "other"

    @pytest.mark.parametrize(
        "action",
        ["draft", "requested", "approved", "rejected", "sending", "scheduled", "send_error",
         "end_conversation"],
    )  # fmt: skip
    def test_what_no_customer_sees_is_left_out(self, inbox: Inbox, action: str) -> None:
        inbox.sandbox.write(1, action_cd=action, **ADA)
        (event,) = inbox.told()
        assert event.ignored is not None
        assert "internal" in event.ignored

    def test_a_draft_without_a_time_tells_nothing(self, inbox: Inbox) -> None:
        inbox.sandbox.write(1, **ADA)
        inbox.sandbox.write(1, action_cd="draft", sent_at=None, **ADA)
        assert len(inbox.told()) == 1

    def test_comments_are_never_read(self, inbox: Inbox) -> None:
        inbox.sandbox.write(1, comments=[{"comment": "between us"}], **ADA)
        (event,) = inbox.told()
        assert "between us" not in repr(event)

    def test_without_an_address_it_is_left_out_with_the_reason(self, inbox: Inbox) -> None:
        inbox.sandbox.write(1, method_cd="line")
        inbox.sandbox.write(2, method_cd="record", action_cd="sent")
        reasons = [event.ignored for event in inbox.told()]
        assert reasons == ["Re:lation does not tell the customer's address"] * 2

    def test_the_address_book_gives_names(self, inbox: Inbox) -> None:
        inbox.sandbox.write(1, **ADA)
        inbox.sandbox.know(
            "ada@example.com",
            last_name="大阪",
            first_name="太郎",
            last_name_kana="おおさか",
            first_name_kana="たろう",
            company_name="Example KK",
            title="Director",
            tels=[{"tel": "+81 3-0000-0000"}],
        )
        (event,) = inbox.told(customer_group=3)
        assert customer(event).family_name == "大阪"
        assert customer(event).given_kana == "たろう"
        assert customer(event).company == "Example KK"
        assert customer(event).phone == "+81 3-0000-0000"

    def test_the_address_book_gives_the_address_by_the_customers_code(self, inbox: Inbox) -> None:
        """Where a message tells no address, but the code of a contact in the address book."""
        inbox.sandbox.know("ada@example.com", system_id1="EMP/1", last_name="Example")
        memo = {"method_cd": "record", "action_cd": "sent"}
        inbox.sandbox.write(1, record={"system_id1": "EMP/1"}, **memo)
        inbox.sandbox.write(1, method_cd="line", system_id1="EMP/1")
        inbox.sandbox.write(1, method_cd="line", system_id1="nobody")
        inbox.sandbox.write(1, method_cd="tweet", system_id1="EMP/1")
        note, line, unknown, tweet = inbox.told(customer_group=3)
        assert (note.type, note.ignored) == ("ticket.note_added", None)
        assert (line.type, line.ignored) == ("ticket.message_received", None)
        assert customer(note) == customer(line)
        assert customer(note).email == "ada@example.com"
        assert unknown.ignored == "Re:lation does not tell the customer's address"
        assert tweet.ignored == "tweets are not carried"
        assert inbox.requests().count("customer_groups/3/customers/system_id1/EMP%2F1") <= 1

    def test_who_is_not_in_the_address_book_is_carried_all_the_same(self, inbox: Inbox) -> None:
        inbox.sandbox.write(1, **ADA)
        (event,) = inbox.told(customer_group=3)
        assert customer(event).email == "ada@example.com"


class TestHowItIsAsked:
    """Everything once, with as few requests as that takes."""

    def test_a_run_goes_through_all_pages(self, inbox: Inbox) -> None:
        inbox.sandbox.limit = 1000
        for number in range(1, 104):
            inbox.sandbox.write(number, **ADA)
        events: list[Event] = []
        hooks = inbox.hooks()
        while True:
            try:
                chunk = hooks.poll(inbox.cursor)
            except RetryLater:  # the pacer lets no more through this minute
                hooks = inbox.hooks()
                continue
            events += chunk.events
            inbox.cursor = chunk.cursor
            if not chunk.more:
                break
        assert {event.subject_id for event in events} == {str(n) for n in range(1, 104)}
        assert inbox.requests().count("7/tickets/search") == 3

    def test_a_message_that_is_told_again_has_the_same_key(self, inbox: Inbox) -> None:
        from crmwire.store.accepting import dedupe_key

        inbox.sandbox.write(1, **ADA)
        first = inbox.told()
        again = inbox.told()
        assert [dedupe_key(event) for event in again] == [dedupe_key(event) for event in first]

    def test_an_old_ticket_that_has_not_changed_is_not_read_again(self, inbox: Inbox) -> None:
        inbox.sandbox.write(1, **ADA)
        ticket = inbox.sandbox.accounts["a-token"].inboxes["7"]["1"]  # type: ignore[attr-defined]
        ticket["last_updated_at"] = (datetime.now(UTC) - timedelta(minutes=30)).isoformat()
        assert len(inbox.told()) == 1
        assert inbox.told() == []
        inbox.sandbox.write(1, **ADA)
        assert {event.item for event in inbox.told()} == {"1", "2"}

    def test_a_mail_that_comes_in_late_is_seen(self, inbox: Inbox) -> None:
        inbox.told()
        inbox.sandbox.write(1, at=datetime.now(UTC) - timedelta(minutes=40), **ADA)
        assert len(inbox.told()) == 1

    def test_what_was_there_before_the_feed_is_not_told(self, inbox: Inbox) -> None:
        inbox.sandbox.write(1, at=SINCE - timedelta(days=3), **ADA)
        inbox.sandbox.write(1, **ADA)
        assert [event.item for event in inbox.told()] == ["2"]

    def test_a_ticket_that_is_deleted_meanwhile_is_passed_over(self, inbox: Inbox) -> None:
        inbox.sandbox.write(1, **ADA)
        inbox.sandbox.write(2, **ADA)
        inbox.cursor = inbox.hooks().poll(None).cursor
        del inbox.sandbox.accounts["a-token"].inboxes["7"]["1"]  # type: ignore[attr-defined]
        assert [event.subject_id for event in inbox.told()] == ["2"]

    def test_after_a_failure_it_goes_on_where_it_was(self, inbox: Inbox) -> None:
        for number in (1, 2, 3):
            inbox.sandbox.write(number, **ADA)
        hooks = inbox.hooks()
        inbox.cursor = hooks.poll(None).cursor
        inbox.cursor = hooks.poll(inbox.cursor).cursor
        inbox.sandbox.faults.arm([Fault(kind="status", status=500)])
        with pytest.raises(RetryLater):
            inbox.hooks().poll(inbox.cursor)
        inbox.sandbox.faults.arm([])
        assert len(inbox.told()) == 2
        assert inbox.requests().count("7/tickets/search") == 1

    def test_sixty_requests_a_minute_are_kept_to(self, inbox: Inbox) -> None:
        for number in range(1, 70):
            inbox.sandbox.write(number, **ADA)
        hooks, cursor = inbox.hooks(), None
        for _ in range(60):
            cursor = hooks.poll(cursor).cursor  # type: ignore[assignment]
        with pytest.raises(RetryLater) as caught:
            hooks.poll(cursor)
        assert caught.value.after is not None
        assert {one["status"] for one in inbox.sandbox.requests} == {200}
        assert len(inbox.sandbox.requests) == 60


class TestFailures:
    """What the API's refusals mean."""

    def test_a_wrong_token_is_a_lost_login(self, inbox: Inbox) -> None:
        with pytest.raises(NeedsLogin, match="crmwire feed token support"):
            inbox.hooks(token="wrong").poll(None)

    def test_403_is_the_limit(self, inbox: Inbox) -> None:
        inbox.sandbox.limit = 0
        with pytest.raises(RetryLater) as caught:
            inbox.hooks().poll(None)
        assert caught.value.after is not None
        assert 1 <= caught.value.after <= 61

    def test_an_inbox_that_is_not_there_is_named(self, inbox: Inbox) -> None:
        with pytest.raises(Rejected, match="no such inbox"):
            inbox.hooks(inbox=99).poll(None)
        (finding,) = inbox.hooks(inbox=99).check_feed()
        assert "It sees: 7." in finding.remedy
        assert not inbox.hooks().check_feed()

    def test_maintenance_is_waited_for(self, inbox: Inbox) -> None:
        inbox.sandbox.faults.arm([Fault(kind="status", status=503)])
        with pytest.raises(RetryLater, match="maintained"):
            inbox.hooks().poll(None)

    def test_the_reset_is_measured_by_the_answers_own_clock(self) -> None:
        headers = {"x-ratelimit-reset": "1000000020", "date": "Sun, 09 Sep 2001 01:46:40 GMT"}
        assert until_reset(headers) == 20
        assert until_reset({}) == 60
        beyond = "Fri, 01 Jan 2027 00:00:00 +99999999999999999999"
        assert until_reset({"x-ratelimit-reset": "1000000020", "date": beyond}) == 60

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({}, "subdomain"),
            ({"subdomain": "a.b/c", "inbox": 1}, "no subdomain"),
            ({"subdomain": "a", "inbox": "x"}, "whole number"),
            ({"subdomain": "a", "inbox": 1, "colour": 1}, "colour"),
            ({"subdomain": "a", "inbox": 1, "overlap": 0}, "overlap"),
        ],
    )
    def test_settings_are_checked(self, settings: dict[str, Any], said: str) -> None:
        from crmwire_relation.settings import settings_of

        with pytest.raises(ConfigurationError) as caught:
            settings_of(Feed(name="support", source="relation", settings=settings))
        assert said in str(caught.value)

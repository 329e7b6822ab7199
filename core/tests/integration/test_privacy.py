"""People who are forgotten, and payloads that are kept for so many days."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner

from crmwire.app import App
from crmwire.cli import cli
from crmwire.errors import ConfigurationError
from crmwire.purging import Purger, purge
from crmwire.store import DeliveryFilter
from crmwire.types import Event
from crmwire.vocabulary import Answer, Booking, Details, Message, Person

Opens = Callable[..., AbstractContextManager[Any]]
EMAIL = "canary.person@example.com"
NAME = "Canary Personsson"


def booking(crm: Any, verb: str, uid: str, minute: int, **more: Any) -> Event:
    """An event of the person who will be forgotten, with their name in every text."""
    event: Event = crm.event(verb, uid, minute, email=EMAIL, **more)
    details = attrs.evolve(
        event.details,
        guest=Person(email=EMAIL.upper(), full_name=NAME, phone="+1 555 0177"),
        answers=(Answer(key="why", values=(f"call {NAME} back",)),),
    )
    return attrs.evolve(event, details=details)


def among(crm: Any, verb: str, uid: str, minute: int, **more: Any) -> Event:
    """An event of somebody else, with the person as a further guest and in a text."""
    event: Event = crm.event(verb, uid, minute, **more)
    booked = attrs.evolve(
        event.details.booking or Booking(), title="Ada and canary personsson", notes=f"cc {EMAIL}"
    )
    guests = (Person(email=EMAIL, full_name=NAME), Person(email="eve@example.com"))
    return attrs.evolve(event, details=attrs.evolve(event.details, booking=booked, guests=guests))


def traces(folder: Path, *words: str) -> list[str]:
    """Where one of these words stands in a file of the data folder, in whatever case."""
    found = []
    for file in (folder / "home").rglob("*"):
        if file.is_file():
            content = file.read_bytes().lower()
            found += [f"{file.name}: {word}" for word in words if word.lower().encode() in content]
    return found


def all_traces(folder: Path) -> list[str]:
    return traces(folder, EMAIL, NAME, "+1 555 0177", "Personsson")


# ---------------------------------------------------------------- forgetting


def test_nothing_of_a_forgotten_person_stays_in_any_file(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as crm:
        crm.accept(booking(crm, "created", "b1", 0), booking(crm, "rescheduled", "b1", 1, hour=11))
        crm.accept(crm.event("created", "b2", 2))
        crm.drain_until_done()
        crm.accept(booking(crm, "created", "b3", 3))  # it waits
        app: App = crm.app
        app.store.keep_unreadable(crm.feed, f'{{"x": "a\\n{EMAIL}"'.encode(), "no JSON", crm.first)
        app.store.cache_of(1)["people"] = (crm.first + timedelta(days=999), {"a": EMAIL})
        app.store.write(
            lambda db: db.execute(
                "UPDATE connections SET problem = ?, remedy = 'x'", (f"{EMAIL} is refused",)
            )
        )
        assert all_traces(tmp_path) != []
        done = app.forget(f" {EMAIL.title()} ")
        assert (done.subjects, done.events, done.deliveries, done.waiting) == (2, 3, 3, 1)
        assert (done.webhooks, done.among, done.busy, done.left, done.clean) == (1, 0, 0, (), True)
        assert [record[:2] for record in done.records] == [("crm", "contacts")]
        assert all_traces(tmp_path) == []
        assert crm.states() == ["delivered", "delivered", "delivered", "dismissed"]
        assert app.store.connection("crm").problem == "(forgotten) is refused"
        assert app.counts()[0].by_state == {
            "ready": 0, "working": 0, "held": 0, "delivered": 3, "skipped": 0, "dismissed": 1,
        }  # fmt: skip
        crm.accept(crm.event("rescheduled", "b2", 4, hour=12))  # the other one goes on
        crm.drain_until_done()
        assert crm.states()[-1] == "delivered"
        assert app.forget(EMAIL).nothing
    assert all_traces(tmp_path) == []


def test_what_comes_in_later_of_a_forgotten_booking_revives_nothing(
    toy: Opens, tmp_path: Path
) -> None:
    with toy(tmp_path) as crm:
        first = booking(crm, "rescheduled", "b1", 5, previous="b0")
        crm.accept(first)
        crm.drain_until_done()
        crm.app.forget(EMAIL)
        writes, people = len(crm.sandbox.commits), crm.people()
        for event in (
            first,  # the very same webhook again
            booking(crm, "created", "b0", 0),  # the late create
            booking(crm, "created", "b0", 0),  # and once more
            booking(crm, "created", "b1", 1),
            booking(crm, "cancelled", "b1", 9),
            booking(crm, "rescheduled", "b2", 10, previous="b1"),  # a chain goes on forgotten
            booking(crm, "created", "b2", 11),
        ):
            made = crm.app.store.accept(crm.feed, [event], crm.app.clock.now())
            assert made[0].deliveries == 0
            assert made[0].duplicate or made[0].ignored == "its person was forgotten"
        crm.drain()
        assert all_traces(tmp_path) == []
        assert (len(crm.sandbox.commits), crm.people()) == (writes, people)
        crm.accept(booking(crm, "created", "new", 20))  # they came back: a new booking counts
        crm.drain_until_done()
        assert crm.states()[-1] == "delivered"


def test_a_person_among_others_is_taken_out_and_the_booking_goes_on(
    toy: Opens, tmp_path: Path
) -> None:
    with toy(tmp_path) as crm:
        crm.accept(among(crm, "created", "b1", 0))
        crm.drain_until_done()
        assert all_traces(tmp_path) != []
        done = crm.app.forget(EMAIL)
        assert (done.subjects, done.among, done.deliveries) == (0, 1, 0)
        assert traces(tmp_path, EMAIL, NAME) == []
        event = crm.app.delivery(1).event
        assert event["details"]["booking"]["title"] == "Ada and (forgotten)"
        assert [one["email"] for one in event["details"]["guests"]] == ["eve@example.com"]
        assert event["details"]["guest"]["email"] == "ada@example.com"
        # The source tells all guests again; they are left out again.
        crm.accept(among(crm, "rescheduled", "b1", 1, hour=15))
        crm.drain_until_done()
        assert crm.states() == ["delivered", "delivered"]
        assert crm.live() != []
        assert traces(tmp_path, EMAIL, NAME) == []


def test_a_tickets_customer_is_forgotten_with_messages_that_do_not_name_them(
    toy: Opens, tmp_path: Path
) -> None:
    with toy(tmp_path) as crm:
        person = Person(email=EMAIL, full_name=NAME)
        for minute, details in enumerate(
            (Details(customer=person), Details(message=Message(id="m", text="secret words")))
        ):
            crm.accept(
                Event(
                    type="ticket.message_received",
                    subject_id="t1",
                    item=str(minute),
                    occurred_at=crm.first + timedelta(minutes=minute),
                    details=details,
                )
            )
        crm.app.forget(EMAIL)
        assert traces(tmp_path, EMAIL, NAME, "secret words", "Personsson") == []


def test_joined_bookings_are_forgotten_with_all_their_states(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as crm:
        crm.accept(booking(crm, "created", "a", 0), booking(crm, "created", "b", 1))
        crm.accept(booking(crm, "rescheduled", "b", 2, previous="a"))
        crm.accept(booking(crm, "rescheduled", "c", 3))
        crm.accept(crm.event("cancelled", "c", 4, previous="b", partial=True))
        crm.drain_until_done()
        done = crm.app.forget(EMAIL)
        assert done.left == ()
        assert all_traces(tmp_path) == []


def test_an_address_that_is_part_of_another_is_not_touched(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as crm:
        other = f"not-{EMAIL}"
        crm.accept(crm.event("created", "b1", 0, email=other))
        crm.accept(crm.event("created", "b2", 1, email=f"{EMAIL}.au"))
        crm.app.store.keep_unreadable(crm.feed, f'{{"x": "{other}"'.encode(), "no JSON", crm.first)
        done = crm.app.forget(EMAIL)
        assert (done.nothing, done.left) == (True, ())
        assert len(crm.app.store.unreadable()) == 1
        assert crm.app.delivery(1).event["details"]["guest"]["email"] == other
        crm.drain_until_done()
        assert crm.states() == ["delivered", "delivered"]


def test_a_delivery_that_is_worked_on_is_waited_for_and_told(
    toy: Opens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crmwire.forgetting.PATIENCE", 0.3)
    with toy(tmp_path) as crm:
        crm.accept(booking(crm, "created", "b1", 0))
        crm.app.store.write(lambda db: db.execute("UPDATE deliveries SET state = 1"))
        done = crm.app.forget(EMAIL)
        assert (done.busy, done.subjects) == (1, 0)
        assert CliRunner().invoke(cli, ["forget", EMAIL, "--json", "--yes"]).exit_code == 1
        crm.app.store.write(lambda db: db.execute("UPDATE deliveries SET state = 0"))
        assert crm.app.forget(EMAIL).subjects == 1


def test_what_was_set_up_with_the_address_is_told(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as crm:
        crm.app.store.write(
            lambda db: db.execute("UPDATE routes SET options = ?", (f'{{"owner": "{EMAIL}"}}',))
        )
        assert crm.app.forget(EMAIL).left == ("route cal-crm: options",)


def test_the_commands_tell_what_would_be_and_what_was_removed(toy: Opens, tmp_path: Path) -> None:
    def run(*arguments: str, **more: str) -> Any:
        return CliRunner().invoke(cli, ["forget", "--yes", *arguments], **more)  # type: ignore[arg-type]

    with toy(tmp_path) as crm:
        crm.accept(booking(crm, "created", "b1", 0))
        crm.drain_until_done()
        assert "1 booking or ticket of" in run(EMAIL, "--dry-run").output
        assert all_traces(tmp_path) != []
        done = run("-", input=EMAIL + "\n")
        assert done.exit_code == 0
        assert "The CRMs' own records stay" in done.output
        assert "crm: contacts" in done.output
        assert "Nothing of" in run(EMAIL).output
        assert json.loads(run(EMAIL, "--json").output)["subjects"] == 0
        assert run("nobody").exit_code == 2
        entries = crm.app.store.audit()
        assert [one.action for one in entries if one.kind == "person"] == ["forgot"] * 3
        assert "canary" not in str(entries).lower()
        shown = CliRunner().invoke(cli, ["delivery", "1"]).output
        assert "its person was forgotten" in shown
        assert CliRunner().invoke(cli, ["retry", "1", "--again"]).exit_code == 2


# ---------------------------------------------------------------- retention


class LaterClock:
    """The machine's time, and so many days."""

    def __init__(self, days: float) -> None:
        self.days = days

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(days=self.days)

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        pass


def payloads(folder: Path) -> tuple[int, int, int, int]:
    """Events, subjects, attempts and histories that are whole."""
    db = sqlite3.connect(folder / "home" / "crmwire.db")
    try:
        return tuple(
            db.execute(query).fetchone()[0]
            for query in (
                "SELECT count(*) FROM events WHERE instr(event, 'details')",
                "SELECT count(*) FROM subjects WHERE details != '{}'",
                "SELECT count(*) FROM deliveries WHERE attempt IS NOT NULL",
                "SELECT count(DISTINCT delivery) FROM history",
            )
        )  # type: ignore[return-value]
    finally:
        db.close()


def long_ago(crm: Any, uid: str, minute: int, email: str = EMAIL) -> Event:
    event: Event = crm.event("created", uid, minute, email=email)
    start = crm.first - timedelta(days=1)
    booked = Booking(start=start, end=start + timedelta(minutes=30))
    return attrs.evolve(event, details=attrs.evolve(event.details, booking=booked))


def test_payloads_are_kept_until_the_retention_is_set_and_then_for_so_long(
    toy: Opens, tmp_path: Path
) -> None:
    with toy(tmp_path) as crm:
        crm.accept(*(long_ago(crm, f"b{n}", n, f"{n}.{EMAIL}") for n in range(120)))
        crm.drain_until_done()
        before = crm.app.counts()
        assert purge(crm.app.store, LaterClock(5000)).events == 0
        crm.app.set_retention(30)
        assert purge(crm.app.store, LaterClock(29)).events == 0
        assert payloads(tmp_path) == (120, 120, 120, 120)
        done = purge(crm.app.store, LaterClock(31))
        assert (done.events, done.subjects) == (120, 120)
        assert payloads(tmp_path) == (0, 0, 0, 0)
        assert traces(tmp_path, EMAIL) == []
        assert crm.app.counts() == before
        assert {row.state for row in crm.app.deliveries(DeliveryFilter(limit=500))} == {"delivered"}
        assert crm.app.delivery(1).event["removed"] == "kept no longer"
        with pytest.raises(ConfigurationError, match="no longer kept"):
            crm.app.retry([1], again=True)
        assert purge(crm.app.store, LaterClock(31)).events == 0


def test_the_daemon_purges_by_itself(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as crm:
        crm.app.set_retention(30)
        crm.accept(long_ago(crm, "b1", 0))
        crm.drain_until_done()
        purger = Purger(crm.app.store, LaterClock(31), every=0.01)
        purger.start()
        deadline = time.monotonic() + 5
        while payloads(tmp_path)[1] and time.monotonic() < deadline:
            time.sleep(0.01)
        purger.stop()
        assert payloads(tmp_path) == (0, 0, 0, 0)


def test_what_waits_is_held_or_is_still_to_come_is_kept_whole(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as crm:
        crm.app.set_retention(1)
        crm.accept(*(long_ago(crm, f"b{n}", n) for n in range(3)))
        crm.accept(crm.event("created", "to-come", 5, email="eve@example.com"))  # in 2027
        crm.drain_until_done()
        crm.app.store.write(lambda db: db.execute("UPDATE deliveries SET state = 4 WHERE id = 1"))
        crm.app.store.write(lambda db: db.execute("UPDATE deliveries SET state = 0 WHERE id = 2"))
        done = purge(crm.app.store, LaterClock(2))
        assert (done.events, done.subjects) == (2, 1)
        assert payloads(tmp_path) == (2, 3, 2, 2)


def test_a_cancel_that_comes_after_the_purge_still_marks_the_activity(
    toy: Opens, tmp_path: Path
) -> None:
    with toy(tmp_path) as crm:
        crm.app.set_retention(1)
        crm.accept(long_ago(crm, "b1", 0))
        crm.drain_until_done()
        assert len(crm.live()) == 1
        assert purge(crm.app.store, LaterClock(2)).subjects == 1
        again = crm.app.store.accept(crm.feed, [long_ago(crm, "b1", 0)], crm.app.clock.now())
        assert again[0].duplicate  # the old webhook again brings nothing back
        crm.accept(crm.event("cancelled", "b1", 9, partial=True))
        crm.drain_until_done()
        assert crm.states() == ["delivered", "delivered"]
        assert crm.live() == []


def test_old_webhooks_that_nobody_could_read_and_idle_memory_go_too(
    toy: Opens, tmp_path: Path
) -> None:
    with toy(tmp_path) as crm:
        store = crm.app.store
        crm.accept(booking(crm, "created", "b1", 0))
        crm.drain_until_done()
        store.keep_unreadable(crm.feed, b"{", "no JSON", crm.first)
        store.cache_of(1)["x"] = (crm.first + timedelta(hours=1), "y")
        purge(store, LaterClock(2))  # without a retention: only what is not asked any more
        with store.read() as db:
            counts = [
                db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("created", "cache", "unreadable")
            ]
        assert counts == [0, 0, 1]
        crm.app.set_retention(1)
        assert purge(store, LaterClock(2)).webhooks == 1


def test_the_retention_is_shown_set_and_audited(toy: Opens, tmp_path: Path) -> None:
    def run(*arguments: str) -> Any:
        return CliRunner().invoke(cli, ["retention", *arguments])

    with toy(tmp_path) as crm:
        assert "as long as" in run().output
        assert "90 days" in run("90").output
        assert json.loads(run("--json").output) == {"days": 90}
        assert "as long as" in run("off").output
        assert [run(text).exit_code for text in ("0", "-1", "x", "99999")] == [2, 2, 2, 2]
        entries = [one for one in crm.app.store.audit() if one.kind == "setting"]
        assert [one.detail for one in entries] == [
            {"before": "off", "days": 90},
            {"before": 90, "days": "off"},
        ]

"""The four presets: from events as the products tell them to the records in Salesforce.

The sources are their own plugins; here each product's payload is read by a few lines, which know
as much of it as these tests need.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from crmwire.types import Event
from crmwire.vocabulary import Answer, Booking, Details, Message, Page, Person, Ticket

# ---------------------------------------------------------------- what the products send


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def linktime(kind: str = "created", *, at: int = 0, **more: Any) -> Event:
    """LinkTime: `data` with one `invitee.name`; a reschedule keeps the id."""
    data: dict[str, Any] = {
        "id": "clx0000000001",
        "eventType": {"id": "clx0000000002", "name": "30 Minute Meeting"},
        "startTime": "2026-02-08T10:00:00.000Z",
        "endTime": "2026-02-08T10:30:00.000Z",
        "invitee": {"name": "John Smith", "email": "john@example.com", "timezone": "Europe/Paris"},
        "host": {"id": "user_1", "name": "Jane Doe", "email": "jane@example.com"},
        "notes": "Looking forward to our call!",
        **more,
    }
    invitee, host, page = data["invitee"], data["host"], data["eventType"]
    previous = data.get("previousStartTime")
    return Event(
        type=f"booking.{kind}",
        subject_id=data["id"],
        occurred_at=moment(f"2026-02-07T14:{at:02}:00.000Z"),
        details=Details(
            booking=Booking(
                start=moment(data["startTime"]),
                end=moment(data["endTime"]),
                previous_start=moment(previous) if previous else None,
                notes=data["notes"],
            ),
            guest=Person(
                email=invitee["email"], full_name=invitee["name"], timezone=invitee["timezone"]
            ),
            hosts=(Person(email=host["email"], full_name=host["name"]),),
            page=Page(id=page["id"], title=page["name"]),
        ),
    )


def timerex(kind: str = "event_confirmed", *, at: int = 0, uid: str = "0000aaaa") -> Event:
    """TimeRex: a form with typed fields; a cancel and a confirm where others reschedule."""
    form = {
        "company_name": "株式会社サンプル",
        "guest_name": "山田 太郎",
        "guest_email": "taro@example.com",
        "guest_comment": "",
    }
    return Event(
        type={"event_confirmed": "booking.created", "event_cancelled": "booking.cancelled"}[kind],
        subject_id=uid,
        occurred_at=moment(f"2026-08-20T02:{at:02}:40+00:00"),
        details=Details(
            booking=Booking(
                start=moment("2026-08-26T09:00:00+00:00"),
                end=moment("2026-08-26T10:00:00+00:00"),
                timezone="Asia/Tokyo",
                notes=form["guest_comment"] or None,
                join_url="https://zoom.example.com/j/1",
            ),
            guest=Person(
                email=form["guest_email"],
                full_name=form["guest_name"],
                company=form["company_name"],
                locale="ja",
            ),
            hosts=(Person(email="host@example.com", full_name="Demo Host"),),
            page=Page(id="215aa110", title="sample"),
        ),
    )


def jicoo(kind: str = "guest_booked", *, at: int = 0, **more: Any) -> Event:
    """Jicoo: `contact` with one name, answers with several contents, no host's address."""
    verbs = {"booked": "created", "rescheduled": "rescheduled", "cancelled": "cancelled"}
    contact = {"email": "john@example.com", "name": "John Doe", **more.pop("contact", {})}
    data = {
        "uid": "UID0001",
        "startedAt": "2026-09-01T17:00:00.000Z",
        "endedAt": "2026-09-01T18:00:00.000Z",
        **more,
    }
    return Event(
        type=f"booking.{verbs[kind.rpartition('_')[2]]}",
        subject_id=data["uid"],
        occurred_at=moment(f"2026-08-23T17:{at:02}:19.000Z"),
        details=Details(
            booking=Booking(
                start=moment(data["startedAt"]),
                end=moment(data["endedAt"]),
                timezone="America/New_York",
            ),
            guest=Person(email=contact["email"], full_name=contact["name"]),
            page=Page(id="PAGE01"),
            answers=(Answer(key="source", label="How did you find out?", values=("SNS", "DM")),),
            tracking={"utm_source": "twitter"},
        ),
    )


VERBS = {"received": "message_received", "sent": "message_sent", "record": "note_added"}


def relation(number: int, channel: str = "mail", verb: str = "received", **more: Any) -> Event:
    """Re:lation: a ticket's messages, polled; HTML bodies, codes of channel and action."""
    return Event(
        type=f"ticket.{VERBS[verb]}",
        subject_id="12",
        item=str(number),
        occurred_at=moment(f"2026-11-13T01:{number:02}:22Z"),
        details=Details(
            ticket=Ticket(title="お問い合わせ", status="open", inbox="1"),
            message=Message(
                id=str(number),
                channel=channel,
                subject=more.get("subject", "Re: prices"),
                html="<div>こんにちは<br>Prices?</div>",
                sent_at=moment(f"2026-11-13T01:{number:02}:22Z"),
            ),
            customer=Person(email=more.get("email", "taro@example.com"), full_name="山田 太郎"),
        ),
    )


def picked(row: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in names)


# ---------------------------------------------------------------- LinkTime


def test_linktime_from_booked_over_moved_to_cancelled(scene: Any) -> None:
    scene.route("linktime")
    moved = {
        "startTime": "2026-02-09T10:00:00.000Z",
        "endTime": "2026-02-09T10:30:00.000Z",
        "previousStartTime": "2026-02-08T10:00:00.000Z",
    }
    scene.tell(linktime())
    (contact,) = scene.records("Contact")
    assert picked(contact, "FirstName", "LastName", "Email") == (
        "John",
        "Smith",
        "john@example.com",
    )
    scene.tell(linktime("rescheduled", at=1, **moved))
    (event,) = scene.records("Event")
    assert picked(event, "Subject", "WhoId") == ("30 Minute Meeting: John Smith", contact["Id"])
    assert event["StartDateTime"] == moment("2026-02-09T10:00:00Z")
    assert event["Description"].startswith("Looking forward to our call!\nPreviously 2026-02-08")
    scene.tell(linktime("cancelled", at=2, **moved))
    (event,) = scene.records("Event")
    assert event["Subject"] == "[Cancelled] 30 Minute Meeting: John Smith"
    assert scene.states() == ["delivered"] * 3
    assert scene.records("Lead") == []


# ---------------------------------------------------------------- TimeRex


def test_timerex_makes_a_lead_and_nothing_else_unless_told_so(scene: Any) -> None:
    scene.route("timerex")
    scene.tell(timerex())
    (lead,) = scene.records("Lead")
    assert picked(lead, "LastName", "FirstName", "Company", "Email") == (
        "山田",
        "太郎",
        "株式会社サンプル",
        "taro@example.com",
    )
    assert scene.records("Event") == scene.records("Contact") == []


def test_timerex_leaves_a_known_lead_alone_unless_told_so(scene: Any) -> None:
    scene.add("Lead", LastName="Old", Company="Old Ltd", Email="Taro@example.com")
    scene.route("timerex")
    scene.tell(timerex(), timerex("event_cancelled", at=1))
    (lead,) = scene.records("Lead")
    assert picked(lead, "LastName", "Company") == ("Old", "Old Ltd")
    assert set(scene.states()) <= {"delivered", "skipped"}


def test_timerex_overwrites_and_registers_if_told_so(scene: Any) -> None:
    host = scene.add("User", LastName="Host", Username="h@example.com", Email="host@example.com")
    scene.add("Lead", LastName="Old", Company="Old Ltd", Email="taro@example.com")
    scene.route("timerex", options={"update_existing": True, "register_activity": True})
    scene.tell(timerex())
    (lead,), (event,) = scene.records("Lead"), scene.records("Event")
    assert picked(lead, "LastName", "Company") == ("山田", "株式会社サンプル")
    assert lead["OwnerId"] != host
    assert picked(event, "WhoId", "OwnerId") == (lead["Id"], host)
    assert event["Location"] == "https://zoom.example.com/j/1"
    scene.tell(timerex("event_cancelled", at=1))
    (event,) = scene.records("Event")
    assert event["Subject"] == "[Cancelled] sample: 山田 太郎"
    scene.tell(timerex(uid="0000bbbb", at=2))
    assert len(scene.records("Event")) == 2
    assert len(scene.records("Lead")) == 1


def test_timerex_writes_contacts_if_told_so(scene: Any) -> None:
    host = scene.add("User", LastName="Host", Username="h@example.com", Email="host@example.com")
    scene.route("timerex", options={"object": "Contact"})
    scene.tell(timerex())
    (contact,) = scene.records("Contact")
    assert picked(contact, "LastName", "OwnerId") == ("山田", host)
    assert scene.records("Lead") == []


# ---------------------------------------------------------------- Jicoo


def test_jicoo_makes_a_lead_moves_the_activity_and_deletes_it(scene: Any) -> None:
    scene.route("jicoo")
    scene.tell(jicoo())
    (lead,), (event,) = scene.records("Lead"), scene.records("Event")
    assert picked(lead, "FirstName", "LastName", "Company") == ("John", "Doe", "No Integration")
    assert event["WhoId"] == lead["Id"]
    later = {"startedAt": "2026-09-02T17:00:00.000Z", "endedAt": "2026-09-02T18:00:00.000Z"}
    scene.tell(jicoo("host_rescheduled", at=1, **later))
    (event,) = scene.records("Event")
    assert event["StartDateTime"] == moment("2026-09-02T17:00:00Z")
    scene.tell(jicoo("guest_cancelled", at=2, **later))
    assert scene.records("Event") == []
    assert len(scene.records("Lead")) == 1
    assert scene.states() == ["delivered"] * 3


def test_jicoo_uses_a_contact_where_there_is_no_lead(scene: Any) -> None:
    contact = scene.add("Contact", LastName="Doe", Email="john@example.com")
    scene.route("jicoo")
    scene.tell(jicoo())
    assert scene.records("Lead") == []
    (event,) = scene.records("Event")
    assert event["WhoId"] == contact


def test_jicoo_prefers_the_lead_to_the_contact(scene: Any) -> None:
    scene.add("Contact", LastName="Doe", Email="john@example.com")
    lead = scene.add("Lead", LastName="Old", Company="Old", Email="john@example.com")
    scene.route("jicoo", options={"update_existing": True})
    scene.tell(jicoo())
    (event,) = scene.records("Event")
    assert event["WhoId"] == lead
    assert scene.org().row("Lead", lead)["LastName"] == "Doe"
    assert scene.org().row("Lead", lead)["Company"] == "Old"


def test_jicoo_leaves_the_contact_of_a_converted_lead_as_it_is(scene: Any) -> None:
    lead = scene.add("Lead", LastName="Old", Company="Old", Email="john@example.com")
    contact = scene.admin("convert_lead", id=lead)["contact"]
    scene.route("jicoo", options={"update_existing": True})
    scene.tell(jicoo())
    (event,) = scene.records("Event")
    assert event["WhoId"] == contact
    assert scene.org().row("Contact", contact)["LastName"] == "Old"
    assert len(scene.records("Lead")) == 1


def test_jicoo_registers_nobody_if_told_so(scene: Any) -> None:
    scene.route("jicoo", options={"register_as": "nobody"})
    scene.tell(jicoo())
    assert scene.records("Lead") == scene.records("Contact") == scene.records("Event") == []
    assert scene.states() == ["skipped"]


# ---------------------------------------------------------------- Re:lation


def test_relation_makes_an_activity_for_each_message_on_the_contact(scene: Any) -> None:
    contact = scene.add("Contact", LastName="山田", Email="taro@example.com")
    scene.add("Lead", LastName="山田", Company="x", Email="taro@example.com")
    scene.route("relation")
    scene.tell(relation(1), relation(2, verb="sent"), relation(3, "record", "record"))
    events = scene.records("Event")
    assert [row["WhoId"] for row in events] == [contact] * 3
    assert [row["Subject"] for row in events] == [
        "Re: prices (mail)",
        "Re: prices (mail)",
        "Re: prices (record)",
    ]
    assert events[0]["StartDateTime"] == events[0]["EndDateTime"] == moment("2026-11-13T01:01:22Z")
    assert events[0]["Description"] == "こんにちは\nPrices?"
    assert scene.states() == ["delivered"] * 3


@pytest.mark.parametrize(
    "channel",
    [
        "mail",
        "sms",
        "record",
        "call",
        "line",
        "r_messe",
        "yahoo",
        "chatplus",
        "chatwork",
        "instagram",
        "messenger",
        "chat",
    ],
)
def test_relation_takes_each_of_its_channels(scene: Any, channel: str) -> None:
    lead = scene.add("Lead", LastName="山田", Company="x", Email="taro@example.com")
    scene.route("relation")
    scene.tell(relation(1, channel))
    (event,) = scene.records("Event")
    assert picked(event, "WhoId", "Subject") == (lead, f"Re: prices ({channel})")


def test_relation_creates_nobody(scene: Any) -> None:
    scene.route("relation")
    scene.tell(relation(1))
    assert scene.records("Contact") == scene.records("Lead") == scene.records("Event") == []
    assert scene.states() == ["skipped"]


def test_relation_leaves_out_channels_that_are_switched_off(scene: Any) -> None:
    scene.add("Contact", LastName="山田", Email="taro@example.com")
    scene.route("relation", options={"channels": ["line"]})
    scene.tell(relation(1, "mail"), relation(2, "line"))
    assert len(scene.records("Event")) == 1
    assert scene.states() == ["skipped", "delivered"]

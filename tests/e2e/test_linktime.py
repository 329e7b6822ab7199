"""LinkTime's documented behaviour, from Cal.com's webhook to each CRM's records.

What LinkTime does stands on its public help page "Salesforce CRM Integration" and in its
developers' documentation (read 2026-11); each test names the behaviour it proves.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crmwire.demo.bookings import FIRST_START, SampleBooking
from crmwire.testing.stage import Stage, stage

GUEST = SampleBooking(
    uid="bk-1", email="Grace@Example.com", name="Grace Brewster Hopper", phone="+442079460123",
    notes="About the compiler",
)  # fmt: skip
PLAIN = SampleBooking(uid="bk-2", email="plain@example.com", name="Plain")
LATER = FIRST_START + timedelta(days=1)


def soon(seconds: float = 1) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


@pytest.fixture(params=["salesforce", "hubspot", "attio"])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Stage]]:
    with stage(tmp_path, {request.param: request.param}) as made:
        yield request.param, made


@pytest.fixture
def salesforce(tmp_path: Path) -> Iterator[Stage]:
    with stage(tmp_path, {"salesforce": "salesforce"}) as made:
        yield made


def admin(made: Stage, crm: str, action: str, **body: Any) -> Any:
    sandbox = made.sandboxes[crm]
    account = next(iter(sandbox.accounts.values()))
    return asyncio.run(sandbox.admin(account, action, body))


def send(made: Stage, *bodies: bytes) -> None:
    for body in bodies:
        made.send(body)
        made.settle()


def bodies(booking: SampleBooking = GUEST) -> tuple[bytes, bytes, bytes]:
    return (
        booking.created(soon(1)),
        booking.rescheduled(soon(2), to=LATER, uid="moved"),
        booking.cancelled(soon(3), start=LATER, uid="moved"),
    )


# ---------------------------------------------------------------- Salesforce


def contact(made: Stage) -> dict[str, Any]:
    (person,) = made.people("salesforce")
    return dict(admin(made, "salesforce", "get_record", id=person.id))


def event(made: Stage) -> dict[str, Any]:
    (person,) = made.people("salesforce")
    (entry,) = person.entries
    return dict(admin(made, "salesforce", "get_record", id=entry.id))


def test_a_new_person_becomes_a_contact_with_the_name_split(salesforce: Stage) -> None:
    send(salesforce, bodies()[0])
    made = contact(salesforce)
    assert made["Email"].lower() == "grace@example.com"
    assert (made["FirstName"], made["LastName"]) == ("Grace Brewster", "Hopper")
    assert made["Phone"] == "+442079460123"


def test_a_known_contact_keeps_its_last_name_and_gets_first_name_and_phone(
    salesforce: Stage,
) -> None:
    fields = {"Email": "grace@example.com", "FirstName": "G.", "LastName": "Murray-Hopper"}
    known = admin(salesforce, "salesforce", "create_record", type="Contact", fields=fields)
    send(salesforce, bodies()[0])
    made = contact(salesforce)
    assert made["Id"] == known["id"]
    assert made["LastName"] == "Murray-Hopper"
    assert (made["FirstName"], made["Phone"]) == ("Grace Brewster", "+442079460123")


def test_the_event_has_subject_times_description_and_the_contact(salesforce: Stage) -> None:
    send(salesforce, bodies()[0])
    made = event(salesforce)
    assert made["Subject"] == "Intro call: Grace Brewster Hopper"
    assert made["StartDateTime"].startswith("2027-03-02T09:00:00")
    assert made["EndDateTime"].startswith("2027-03-02T09:30:00")
    assert made["Description"] == "About the compiler"
    assert made["WhoId"] == contact(salesforce)["Id"]


def test_without_notes_the_description_says_where_it_was_booked(salesforce: Stage) -> None:
    send(salesforce, PLAIN.created(soon()))
    assert event(salesforce)["Description"] == "Booked via Cal.com"
    assert contact(salesforce)["LastName"] == "Plain"


def test_a_reschedule_updates_the_same_event_and_notes_the_previous_time(
    salesforce: Stage,
) -> None:
    created, rescheduled, _ = bodies()
    send(salesforce, created)
    before = event(salesforce)["Id"]
    send(salesforce, rescheduled)
    made = event(salesforce)
    assert made["Id"] == before
    assert made["StartDateTime"].startswith("2027-03-03T09:00:00")
    assert made["Description"] == "About the compiler\nPreviously 2027-03-02 09:00 GMT"


def test_a_cancel_prefixes_the_subject_and_keeps_the_event(salesforce: Stage) -> None:
    send(salesforce, *bodies())
    assert event(salesforce)["Subject"] == "[Cancelled] Intro call: Grace Brewster Hopper"


def test_only_contact_event_user_and_organization_are_asked_for(salesforce: Stage) -> None:
    send(salesforce, *bodies())
    allowed = {"contact", "event", "user", "organization"}
    asked = set()
    for request in salesforce.calls("salesforce"):
        asked |= _objects(request["path"], request["query"], request["body"])
    assert asked
    assert asked <= allowed


def _objects(path: str, query: str, body: str) -> set[str]:
    import re
    from urllib.parse import unquote_plus

    text = unquote_plus(f"{path} {query} {body}")
    found = {name.lower() for name in re.findall(r"/sobjects/(\w+)", text)}
    found |= {name.lower() for name in re.findall(r"(?i)\bFROM (\w+)", text)}
    found |= {name.lower() for name in re.findall(r'"attributes": ?\{"type": ?"(\w+)"', text)}
    return found


# ---------------------------------------------------------------- HubSpot


def test_hubspot_overwrites_name_and_phone_of_a_known_contact(tmp_path: Path) -> None:
    with stage(tmp_path, {"hubspot": "hubspot"}) as made:
        known = {"email": "grace@example.com", "firstname": "G.", "lastname": "Murray"}
        admin(made, "hubspot", "create_record", type="contacts", properties=known)
        send(made, bodies()[0])
        (person,) = made.people("hubspot")
        assert person.name == "Grace Brewster Hopper"
        assert person.fields["phone"] == "+442079460123"


def test_hubspot_shows_moved_and_cancelled_as_the_meetings_outcome(tmp_path: Path) -> None:
    with stage(tmp_path, {"hubspot": "hubspot"}) as made:
        outcomes = []
        for body in bodies():
            send(made, body)
            (person,) = made.people("hubspot")
            (entry,) = person.entries
            outcomes.append((entry.status, entry.start[:16]))
        assert outcomes == [
            ("SCHEDULED", "2027-03-02T09:00"),
            ("RESCHEDULED", "2027-03-03T09:00"),
            ("CANCELED", "2027-03-03T09:00"),
        ]


# ---------------------------------------------------------------- Attio


def test_attio_gets_a_note_for_each_event_with_a_status_prefix(tmp_path: Path) -> None:
    with stage(tmp_path, {"attio": "attio"}) as made:
        send(made, *bodies())
        (person,) = made.people("attio")
        assert person.name == "Grace Brewster Hopper"
        assert [entry.title for entry in person.entries] == [
            "Intro call: Grace Brewster Hopper",
            "[Rescheduled] Intro call: Grace Brewster Hopper",
            "[Cancelled] Intro call: Grace Brewster Hopper",
        ]
        texts = [entry.text for entry in person.entries]
        assert "Start: 2027-03-02 09:00 GMT" in texts[0]
        assert "Previously: 2027-03-02 09:00 GMT" in texts[1]
        assert "Reason: Something came up" in texts[2]


# ---------------------------------------------------------------- all three


def test_people_stay_one_whatever_the_case_of_their_address(scene: tuple[str, Stage]) -> None:
    crm, made = scene
    again = SampleBooking(uid="bk-9", email="GRACE@example.com", name=GUEST.name)
    send(made, GUEST.created(soon()), again.created(soon()))
    (person,) = made.people(crm)
    assert len(person.entries) == 2


def test_nobody_is_created_if_the_route_says_so(scene: tuple[str, Stage]) -> None:
    crm, made = scene
    route = made.app.store.route(f"feed-{crm}")
    made.app.change_route(
        route.name, preset=route.preset, mapping=route.mapping, rows={}, zone=None,
        options={"create_people": False},
    )  # fmt: skip
    send(made, bodies()[0])
    assert made.people(crm) == []
    (row,) = made.rows("skipped")
    assert "none may be created" in (row.reason or "")


def test_what_the_crm_refuses_is_held_with_its_reason_and_delivered_after_a_retry(
    salesforce: Stage,
) -> None:
    admin(
        salesforce, "salesforce", "set_validation_rule", type="Event", field="Location",
        message="An event needs a place.",
    )  # fmt: skip
    send(salesforce, bodies()[0])
    (row,) = salesforce.rows("held")
    assert "An event needs a place." in (row.reason or "")
    assert row.remedy
    assert salesforce.people("salesforce") == []  # the graph stands or falls as one
    admin(salesforce, "salesforce", "clear_validation_rules")
    assert salesforce.app.retry([row.id]) == [row.id]
    salesforce.daemon.engine.wake(salesforce.app.store.due_lanes(datetime.now(UTC)))
    salesforce.settle()
    assert json.loads(json.dumps(event(salesforce)["Subject"])).startswith("Intro call")

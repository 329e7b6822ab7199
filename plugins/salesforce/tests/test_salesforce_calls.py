"""What a booking costs, in calls counted by the sandbox's log."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
import pytest

from crmwire.types import Ref, Written


@pytest.fixture
def warm(lab: Any) -> Any:
    """A connection that was checked, as it is before the first delivery."""
    lab.conn.report = lab.conn.hooks.check_connection()
    lab.calls()
    return lab


def counted(lab: Any) -> int:
    return len(lab.calls())


def test_a_booking_of_a_new_person_moved_and_cancelled(warm: Any, build: Any) -> None:
    hooks = warm.conn.hooks
    (nobody,) = hooks.find_records([build.query("roe@example.com")])
    assert nobody.records == ()
    _, event = hooks.write_records(build.booking("Roe"))
    assert counted(warm) == 2
    start = build.start + timedelta(days=1)
    hooks.write_records([build.update("e", "Event", event.record, StartDateTime=start)])
    assert counted(warm) == 1
    hooks.write_records([build.update("e", "Event", event.record, Subject="[Cancelled] x")])
    assert counted(warm) == 1
    assert len(warm.rows("Contact")) == len(warm.rows("Event")) == 1


def test_a_booking_of_a_known_person_is_two_calls(warm: Any, build: Any) -> None:
    warm.add("Contact", LastName="Roe", Email="roe@example.com")
    hooks = warm.conn.hooks
    (found,) = hooks.find_records([build.query("roe@example.com")])
    who = found.records[0].id
    person = build.update("p", "Contact", who, Phone="+1 555 0100")
    answers = hooks.write_records([person, build.event("Roe", who, group="p")])
    assert all(isinstance(answer, Written) for answer in answers)
    assert counted(warm) == 2


def test_a_hundred_bookings_of_a_hundred_people_are_three_calls(warm: Any, build: Any) -> None:
    hooks = warm.conn.hooks
    hooks.find_records([build.query(f"p{n}@example.com") for n in range(100)])
    hooks.write_records([write for n in range(100) for write in build.booking(f"p{n}")])
    assert counted(warm) == 3
    assert len(warm.rows("Event")) == 100


def test_a_hundred_bookings_of_a_few_people_and_their_hosts_are_at_most_five_calls(
    warm: Any, build: Any
) -> None:
    hooks = warm.conn.hooks
    known = [warm.add("Contact", LastName=f"k{n}", Email=f"k{n}@example.com") for n in range(5)]
    queries = [build.query(f"{kind}{n}@example.com") for kind in "kn" for n in range(5)]
    hooks.find_records([*queries, build.user("host@example.com")])
    people = [build.contact(f"n{n}") for n in range(5)]
    people += [
        attrs.evolve(build.update(f"k{n}", "Contact", id_, Phone="1"), group=None)
        for n, id_ in enumerate(known)
    ]
    events = [build.event(f"{n}", Ref(write=people[n % 10].id), group=f"{n}") for n in range(100)]
    answers = hooks.write_records([*people, *events])
    assert all(isinstance(answer, Written) for answer in answers)
    assert counted(warm) == 5
    assert len({row["WhoId"] for row in warm.rows("Event")}) == 10


def test_calls_of_two_connections_to_one_org_share_its_quota(warm: Any, build: Any) -> None:
    used = warm.app.orgs["sandbox"].used
    other = warm.connect(name="other")
    other.hooks.find_records([build.query("roe@example.com")])
    warm.conn.hooks.find_records([build.query("roe@example.com")])
    assert warm.app.orgs["sandbox"].used == used + 2


# ---------------------------------------------------------------- through the whole pipeline


def test_what_a_booking_costs_through_the_pipeline(scene: Any) -> None:
    """Design, section 7: new person 2, known person 2, reschedule 1, cancel 1."""
    scene.route("linktime")
    costs = []
    for event in (
        scene.booking("created"),
        scene.booking("created", "b2", minute=1, hour=16),
        scene.booking("rescheduled", minute=2, hour=17),
        scene.booking("cancelled", minute=3, hour=17),
    ):
        scene.calls()
        scene.tell(event)
        costs.append(len(scene.calls()))
    assert costs == [2, 2, 1, 1]
    assert scene.states() == ["delivered"] * 4


def test_a_hundred_bookings_of_a_hundred_people_are_three_calls_through_the_pipeline(
    scene: Any,
) -> None:
    scene.route("linktime")
    for n in range(100):
        scene.accept(scene.booking("created", f"b{n}", email=f"p{n}@example.com"))
    scene.calls()
    scene.drain()
    assert len(scene.calls()) == 3
    assert scene.states() == ["delivered"] * 100
    assert len(scene.records("Event")) == 100


def mixed(scene: Any) -> None:
    """A hundred bookings: of new people, known contacts, leads, and converted leads."""
    for n in range(100):
        name = {"FirstName": "Ann", "LastName": f"P {n}", "Email": f"p{n}@example.com"}
        if n % 4 == 1:
            scene.add("Contact", **name)
        if n % 4 >= 2:
            lead = scene.add("Lead", **name, Company="x")
            if n % 4 == 3:
                scene.admin("convert_lead", id=lead)
        scene.accept(scene.booking("created", f"b{n}", email=f"p{n}@example.com", name=f"Ann {n}"))


@pytest.mark.parametrize("preset", ["jicoo", "timerex"])
@pytest.mark.parametrize("update", [False, True], ids=["left alone", "overwritten"])
def test_a_hundred_mixed_bookings_are_at_most_eight_calls(
    scene: Any, preset: str, update: bool
) -> None:
    host = scene.add("User", LastName="Host", Username="h@example.com", Email="host@example.com")
    options = {"update_existing": update}
    if preset == "timerex":
        options["register_activity"] = True
    scene.route(preset, options=options)
    mixed(scene)
    scene.calls()
    scene.drain()
    assert len(scene.calls()) <= 8
    assert scene.states() == ["delivered"] * 100
    events = scene.records("Event")
    assert len(events) == 100
    if preset == "jicoo":
        assert len(scene.records("Lead")) == 75
        assert len(scene.records("Contact")) == 50
        assert sum(row["WhoId"].startswith("00Q") for row in events) == 50
    else:
        assert {row["OwnerId"] for row in events} == {host}

"""With `company = "on_create"` an upserted person belongs to the company if they were made.

Whatever comes between the writing of the person and of the association: once made, it is made.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from itertools import chain
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from crmwire.errors import Failure
from crmwire.sandbox import Fault
from crmwire.types import About, Written
from crmwire.vocabulary import Person
from crmwire_hubspot import newcomers
from crmwire_hubspot.sandbox_app.kinds import KINDS

if TYPE_CHECKING:
    from crmwire.connections import Connection

GUESTS = [Person(email=f"p{n}@c{n}.example", full_name=f"P {n}") for n in range(3)]
QUICK = {"read_timeout": 0.5, "settle_after": 0.6}
BOTH = "contacts/batch/(create|upsert)"


KILLED = """
import os, signal, sys, threading
from pathlib import Path
from crmwire.app import App
from crmwire.draining import Drainer
from crmwire_hubspot import writing

real = writing.associate

def ends(conn, writes, outcomes):
    if any(write.type == "contacts" for write in writes):
        os.kill(os.getpid(), signal.SIGKILL)
    return real(conn, writes, outcomes)

writing.associate = ends
with App(Path(sys.argv[1])) as app:
    Drainer(app.openings).drain(sys.argv[2], threading.Event())
"""
"""Drains a lane, and is killed between a person's write and what would associate them."""


def until_delivered(scene: Any, seconds: float = 6.0) -> list[str]:
    states: list[str] = []
    for _ in range(int(seconds * 20)):
        time.sleep(0.05)
        if set(states := scene.happen()) == {"delivered"}:
            break
    return states


def on_create(scene: Any, **more: Any) -> None:
    mapping = scene.preset("linktime", person={"company": "on_create"})
    scene.route("linktime", mapping=mapping, options={"companies": True}, settings=QUICK, **more)


def companies(scene: Any) -> dict[str, list[int]]:
    """The types of each contact's association with its company, by address."""
    return {
        one.properties["email"]: sorted(chain(*scene.linked(one, "companies").values()))
        for one in scene.records("contacts")
    }


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="lost_answer", path=BOTH, times=1),
        Fault(kind="cut_short", path=BOTH, times=1),
        Fault(kind="late_commit", path=BOTH, seconds=0.55, times=1),
        Fault(kind="status", status=500, path=BOTH, times=1),
        Fault(kind="status", status=500, path="contacts/companies/batch/create", times=6),
        Fault(kind="lost_answer", path="contacts/companies/batch/create", times=6),
        Fault(kind="status", status=500, path="contacts/batch/read", times=2),
    ],
    ids=lambda fault: f"{fault.kind} {fault.path}",
)
def test_a_person_who_was_made_belongs_to_the_company_whatever_came_between(
    scene: Any, fault: Fault
) -> None:
    scene.vendor.admin("create_record", type="contacts", properties={"email": GUESTS[0].email})
    on_create(scene)
    scene.vendor.arm(fault)
    scene.happen(*(scene.event(guest=guest) for guest in GUESTS))
    assert until_delivered(scene) == ["delivered"] * 3
    assert companies(scene) == {
        "p0@c0.example": [],
        "p1@c1.example": [1, 279],
        "p2@c2.example": [1, 279],
    }
    assert len(scene.records("companies")) == 3
    assert len(scene.records("meetings")) == 3


def test_a_person_who_was_made_belongs_to_the_company_though_the_process_was_killed_there(
    scene: Any,
) -> None:
    on_create(scene)
    scene.accept(*(scene.event(guest=guest) for guest in GUESTS))
    (lane,) = scene.app.store.due_lanes(scene.app.clock.now())
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(scene.app.home), lane], capture_output=True, timeout=60
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert len(scene.records("contacts")) == 3
    assert until_delivered(scene) == ["delivered"] * 3
    assert list(companies(scene).values()) == [[1, 279]] * 3
    assert len(scene.records("meetings")) == 3


def test_somebody_whom_another_made_meanwhile_is_changed_and_not_associated(
    conn: Connection, vendor: Any, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = vendor.admin("create_record", type="companies", properties={"name": "Acme"})["id"]
    about = (About(role="company", type="companies", record=company, only_new=True),)
    writes = [
        attrs.evolve(make.upsert(name, f"{name}@example.com", firstname="New"), about=about)
        for name in ("a", "b")
    ]
    real = newcomers.read_records

    def read(*args: Any, **more: Any) -> Any:
        found = real(*args, **more)
        properties = {"email": "A@example.com", "firstname": "Old"}
        vendor.admin("create_record", type="contacts", properties=properties)
        return found

    monkeypatch.setattr(newcomers, "read_records", read)
    vendor.forget()
    first, second = conn.hooks.write_records(writes)
    assert isinstance(first, Written)
    assert isinstance(second, Written)
    assert (first.created, second.created) == (False, True)
    assert vendor.people()["a@example.com"].name == "New"
    portal, kinds = vendor.app.accounts["sandbox"], (KINDS["contacts"], KINDS["companies"])
    linked = [portal.linked(kinds[0], one.record, kinds[1]) for one in (first, second)]
    assert [list(one) for one in linked] == [[], [company]]


def test_who_is_new_costs_one_call_and_spares_one(conn: Connection, vendor: Any, make: Any) -> None:
    company = vendor.admin("create_record", type="companies", properties={"name": "Acme"})["id"]
    about = (About(role="company", type="companies", record=company, only_new=True),)
    writes = [
        attrs.evolve(make.upsert(f"p{number}", f"P{number}@example.com"), about=about)
        for number in range(100)
    ]
    vendor.forget()
    assert all(isinstance(one, Written) for one in conn.hooks.write_records(writes))
    assert vendor.calls == ["POST contacts/batch/read", "POST contacts/batch/create"]
    vendor.forget()
    answers = conn.hooks.write_records(writes)
    assert all(isinstance(one, Written) and one.created is False for one in answers)
    assert vendor.calls == ["POST contacts/batch/read", "POST contacts/batch/upsert"]


def test_nothing_is_sent_of_a_person_of_whom_it_is_not_known_whether_they_are_new(
    conn: Connection, vendor: Any, make: Any
) -> None:
    about = (About(role="company", type="companies", record="1", only_new=True),)
    vendor.arm(Fault(kind="timeout", path="contacts/batch/read", seconds=0.1))
    (answer,) = conn.hooks.write_records(
        [attrs.evolve(make.upsert("p", "a@b.example"), about=about)]
    )
    assert isinstance(answer, Failure)
    assert answer.sent == "no"
    assert not vendor.people()

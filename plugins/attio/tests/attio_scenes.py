"""A whole crmwire with Attio's sandbox, and the bookings that products tell it of."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from crmwire.draining import Drainer
from crmwire.store import DeliveryFilter
from crmwire.testing.stage import Stage, stage
from crmwire.types import Event
from crmwire.vocabulary import Booking, Details, Page, Person
from crmwire_attio.sandbox_app import AttioSandbox
from crmwire_attio.sandbox_app.workspace import Record, Workspace

START = datetime(2027, 3, 1, 9, 0, tzinfo=UTC)


def linktime(kind: str = "created", *, at: int = 0, **more: Any) -> Event:
    """A webhook body of LinkTime, read as much as these tests need.

    Its form is that of its documentation (linktime.io/docs/developers/webhooks, read 2026-11):
    one `invitee` with one name and no telephone number; a booking that moves keeps its id, and a
    cancelled one gives a reason. The names of the fields with the previous times are not known,
    so they are left out: crmwire knows the previous time from the event before.
    """
    data: dict[str, Any] = {
        "id": "clx7000000001",
        "eventType": {"id": "clx7000000009", "name": "Intro Call", "slug": "intro", "duration": 30},
        "startTime": "2027-03-01T09:00:00.000Z",
        "endTime": "2027-03-01T09:30:00.000Z",
        "status": "CANCELLED" if kind == "cancelled" else "CONFIRMED",
        "invitee": {
            "name": "Ada Byron",
            "email": "ada@example.com",
            "timezone": "America/New_York",
        },
        "host": {"id": "user_1", "name": "Sam Host", "email": "host@example.com"},
        "meetingLink": "https://meet.example.com/abc",
        "location": "Video call",
        "notes": "About the engine",
        "isRecurring": False,
        "recurringGroupId": None,
        **more,
    }
    invitee, host, page = data["invitee"], data["host"], data["eventType"]
    return Event(
        type=f"booking.{kind}",
        subject_id=data["id"],
        occurred_at=datetime(2027, 2, 7, 14, at, tzinfo=UTC),
        details=Details(
            booking=Booking(
                start=datetime.fromisoformat(data["startTime"]),
                end=datetime.fromisoformat(data["endTime"]),
                timezone=invitee["timezone"],
                notes=data["notes"],
                location=data["location"],
                join_url=data["meetingLink"],
                reason=data.get("cancelReason"),
            ),
            guest=Person(
                email=invitee["email"],
                full_name=invitee["name"],
                timezone=invitee["timezone"],
            ),
            hosts=(Person(id=host["id"], email=host["email"], full_name=host["name"]),),
            page=Page(id=page["id"], title=page["name"]),
        ),
    )


class Booked:
    """A stage with Attio, and the bookings of one guest after another."""

    def __init__(self, made: Stage) -> None:
        self.stage = made

    def book(
        self,
        email: str = "ada@example.com",
        *,
        verb: str = "CREATED",
        uid: str = "b1",
        minute: int = 0,
        name: str = "Ada Byron",
        phone: str = "",
        **more: Any,
    ) -> None:
        """What Cal.com sends (webhooks page of its documentation, read 2026-11)."""
        start = START + timedelta(hours=more.pop("hour", 0))
        responses: dict[str, Any] = {
            "name": {"value": name},
            "email": {"value": email},
            **({"attendeePhoneNumber": {"value": phone}} if phone else {}),
        }
        payload = {
            "type": "intro",
            "title": f"Intro between Sam Host and {name}",
            "eventTitle": "Intro",
            "eventTypeId": 7,
            "startTime": start.isoformat().replace("+00:00", "Z"),
            "endTime": (start + timedelta(minutes=30)).isoformat().replace("+00:00", "Z"),
            "organizer": {
                "name": "Sam Host",
                "email": "host@example.com",
                "timeZone": "Europe/London",
            },
            "attendees": [{"email": email, "name": name, "timeZone": "Europe/London"}],
            "responses": responses,
            "uid": uid,
            "status": "ACCEPTED",
            **more,
        }
        created = datetime.now(UTC) + timedelta(minutes=minute)
        body = {
            "triggerEvent": f"BOOKING_{verb}",
            "createdAt": created.isoformat().replace("+00:00", "Z"),
            "payload": payload,
        }
        self.stage.send(json.dumps(body).encode())

    def linktime(self, kind: str = "created", *, at: int = 0, **more: Any) -> None:
        """Take in what LinkTime tells, and do what it asks for."""
        self.stage.daemon.engine.wake(self.tell(kind, at=at, **more))
        self.settle()

    def tell(self, kind: str, *, at: int, **more: Any) -> list[str]:
        """Take in what LinkTime tells; the lanes that have something to do."""
        app = self.stage.app
        [feed] = app.store.feeds()
        accepted = app.store.accept(feed.id, [linktime(kind, at=at, **more)], app.clock.now())
        return [lane for one in accepted for lane in one.lanes]

    def settle(self) -> None:
        self.stage.settle()

    def booked(self, *args: Any, **more: Any) -> None:
        self.book(*args, **more)
        self.settle()

    def drain(self) -> None:
        """Do all that is due, in batches as large as they can be; the daemon has stopped."""
        app = self.stage.app
        drainer = Drainer(app.openings)
        while lanes := app.store.due_lanes(app.clock.now()):
            for lane in lanes:
                drainer.drain(lane, threading.Event())

    @property
    def sandbox(self) -> AttioSandbox:
        sandbox = self.stage.sandboxes["attio"]
        assert isinstance(sandbox, AttioSandbox)
        return sandbox

    @property
    def workspace(self) -> Workspace:
        workspace = self.sandbox.accounts["sandbox"]
        assert isinstance(workspace, Workspace)
        return workspace

    def records(self, object_: str) -> list[Record]:
        return list(self.workspace.objects[object_].records.values())

    def told(self, record: Record, object_: str = "bookings") -> dict[str, Any]:
        from crmwire_attio.sandbox_app.store import plain

        whole = self.workspace.objects[object_]
        found = plain(whole, record, dict.fromkeys(whole.attributes))
        return {slug: value for slug, value in found.items() if value not in (None, [])}

    def calls(self, since: int = 0) -> list[str]:
        return [f"{one['method']} {one['path']}" for one in self.stage.calls("attio")[since:]]

    @property
    def count(self) -> int:
        return len(self.stage.calls("attio"))

    def admin(self, action: str, **body: Any) -> dict[str, Any]:
        from crmwire_attio.sandbox_app.admin import do

        class NoLinker:
            def person_written(self, *_: object) -> None:
                pass

        commit = self.sandbox._committer(self.workspace)
        return do(self.workspace, commit, NoLinker(), action, body)  # type: ignore[arg-type]

    def set_up(self) -> dict[str, str]:
        """What `crmwire setup --yes` does; the state of each step afterwards."""
        app = self.stage.app
        conn = app.openings.connection(app.store.connection("attio"))
        [route] = app.store.routes()
        mapping = app.openings.mapping(route)
        todo = [step.id for step in conn.hooks.set_up(mapping) if step.state == "todo"]
        return {step.id: step.state for step in conn.hooks.set_up(mapping, todo)}

    def states(self) -> list[str]:
        return [row.state for row in self.stage.app.deliveries(DeliveryFilter(limit=1000))]


@contextmanager
def opened(
    folder: Path, preset: str = "booking-record", *, ready: bool = True, **options: str
) -> Iterator[Booked]:
    options = {"limits": "off", "link_delay": "60", **options}
    # An answer is lost after its commit here, never before: there is nothing to wait for.
    settings = {"settle_after": 0.6}
    with stage(
        folder, {"attio": "attio"}, preset=preset, options=options, settings=settings
    ) as made:
        booked = Booked(made)
        if ready:
            assert set(booked.set_up().values()) <= {"done"}
        yield booked

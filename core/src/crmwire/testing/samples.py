"""One sample booking, and what a preset makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from crmwire.mapping import Mapping, load_mapping, load_preset
from crmwire.types import Draft, Event, Link, Subject
from crmwire.vocabulary import Booking, Details, Page, Person

if TYPE_CHECKING:
    from crmwire.connections import Connection

BOOKED_AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
START = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
GUEST = "ada@example.com"
VERSIONS = {"created": 1, "rescheduled": 2, "cancelled": 3}


def details(verb: str = "created", guest: str = GUEST) -> Details:
    """A booking of half an hour, as it stands after this happened to it."""
    start = START if verb == "created" else START + timedelta(days=1)
    return Details(
        booking=Booking(
            title="Introduction",
            start=start,
            end=start + timedelta(minutes=30),
            previous_start=None if verb == "created" else START,
            previous_end=None if verb == "created" else START + timedelta(minutes=30),
            timezone="Europe/London",
            notes="Please call about the <b>new</b> office",
            location="Meeting room 1",
        ),
        guest=Person(email=guest, full_name="Ada Example", phone="+44 20 7946 0101"),
        hosts=(Person(email="host@example.com", full_name="Harriet Host"),),
        page=Page(id="intro", title="Introduction"),
    )


def event(verb: str = "created", guest: str = GUEST, at: datetime | None = None) -> Event:
    """What happened to the sample booking: `created`, `rescheduled` or `cancelled`."""
    return Event(
        type=f"booking.{verb}",
        subject_id="bk-1",
        occurred_at=at or BOOKED_AT + timedelta(minutes=VERSIONS[verb]),
        version=VERSIONS[verb],
        details=details(verb, guest),
    )


def mapping_of(conn: Connection, preset: str) -> Mapping:
    """A preset of the connection's plugins, compiled. Raises: ConfigurationError."""
    info = conn.info
    return load_mapping(
        load_preset(conn.hooks.presets()[preset], preset),
        where=f"preset {preset}",
        mapping_class=info.mapping_class,
        html_fields={one.name: frozenset(one.html_fields) for one in info.object_types.values()},
        source="Example Bookings",
    )


def drafts(
    conn: Connection,
    mapping: Mapping,
    verb: str = "created",
    *,
    guest: str = GUEST,
    links: Sequence[Link] = (),
) -> list[Draft]:
    """What a mapping wants when the sample booking was created, rescheduled or cancelled."""
    happened = event(verb, guest)
    subject = Subject(
        id=1,
        feed="feed",
        status="cancelled" if verb == "cancelled" else "active",
        version=happened.order,
        details=happened.details,
        links=tuple(links),
    )
    return list(conn.hooks.map_event(happened, subject, mapping))

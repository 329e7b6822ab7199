"""What every installed source sends, and a feed's settings for it."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import frozen

from crmwire.discovery import Discovery
from crmwire.hooks import SourceHooks, manager
from crmwire.hookspecs import SourceSpecs
from crmwire.types import Feed, Json, WebhookRequest

ROOT = Path(__file__).parent.parent
SECRET = "whsec_" + "ZnV6ei1zZWNyZXQtNWIxZi1ub3QtYS1yZWFsLW9uZQ=="
"""Signs what the fuzzer sends, and nothing else; it fits every scheme."""
CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example Corp//Booking//EN
METHOD:{method}
BEGIN:VEVENT
UID:b1@example.com
DTSTAMP:20261120T090000Z
SEQUENCE:{sequence}
DTSTART;TZID=Europe/London:20270301T080000
{end}
SUMMARY:Introduction
ORGANIZER;CN=Harriet Host:mailto:harriet@example.com
ATTENDEE;CN="Ada Example";PARTSTAT=NEEDS-ACTION:mailto:ada@example.com
RRULE:FREQ=WEEKLY;COUNT=3
END:VEVENT
END:VCALENDAR
"""
ROOM: dict[str, Any] = {
    "event": "room.booked",
    "timestamp": "2026-11-20T09:00:00Z",
    "data": {
        "id": "b1",
        "from": "2027-03-01T09:00:00+01:00",
        "to": "2027-03-01T10:00:00+01:00",
        "who": {"mail": "ada@example.com", "name": "Ada Example"},
        "rooms": [{"video link": "https://example.com/v"}],
        "room": "blue",
        "hosts": [{"mail": "host@example.com", "name": "Harriet Host"}],
        "questions": [{"id": "q1", "text": "Why?", "answer": ["a", "b"]}],
        "utm": {"utm_source": "letter"},
        "price": 12.5,
    },
}
ROOMS: dict[str, Json] = {
    "kind": "event",
    "id": "data.id",
    "at": "timestamp",
    "previous_ids": ["data.old_id"],
    "zone": "Europe/Paris",
    "events": {
        "room.booked": "booking.created",
        "room.moved": "booking.rescheduled",
        "room.freed": "booking.cancelled",
    },
    "fields": {
        "booking.start": "data.from",
        "booking.end": "data.to",
        "booking.join_url": "data.rooms[0]['video link']",
        "guest.email": "data.who.mail",
        "guest.full_name": "data.who.name",
        "page.id": "data.room",
        "payment.amount": "data.price",
        "hosts": {"path": "data.hosts", "email": "mail", "full_name": "name"},
        "answers": {"path": "data.questions", "key": "id", "label": "text", "value": "answer"},
        "tracking": "data.utm",
    },
}
TOY: dict[str, Any] = {
    "id": "h1",
    "what": "booked",
    "at": "2027-02-01T12:00:00Z",
    "booking": {
        "id": "b1",
        "page": "intro",
        "start": "2027-03-01T09:00:00Z",
        "end": "2027-03-01T09:30:00Z",
        "name": "Ada Example",
        "email": "ada@example.com",
        "answers": {"topic": "Engines"},
    },
}


@frozen(kw_only=True)
class Source:
    """An installed source that takes webhooks, and what it is fed with.

    `ids` stand in the samples: another id makes another booking or another webhook of them.
    """

    name: str
    hooks: SourceHooks
    settings: dict[str, Json]
    samples: list[bytes]
    ids: list[bytes]
    content_type: str

    def sample(self, chance: random.Random) -> bytes:
        """One of the samples, half of the time with other ids."""
        made = chance.choice(self.samples)
        if chance.random() < 0.5:
            other = b"%d" % chance.randrange(chance.choice((20, 10**6)))
            for id_ in self.ids:
                made = made.replace(id_, id_ + other)
        return made


def _calendars() -> list[bytes]:
    made = [
        CALENDAR.format(method="REQUEST", sequence=0, end="DTEND:20270301T083000Z"),
        CALENDAR.format(method="REQUEST", sequence=1, end="DURATION:PT30M"),
        CALENDAR.format(method="CANCEL", sequence=2, end="DTEND:20270301T083000Z"),
    ]
    return [text.replace("\n", "\r\n").encode() for text in made]


def _samples(name: str) -> list[bytes]:
    if name == "ics":
        return _calendars()
    if name == "webhook":
        return [
            json.dumps({**ROOM, "event": event}).encode()
            for event in ("room.booked", "room.moved", "room.freed")
        ]
    folder = ROOT / "plugins" / name / "tests" / "payloads"
    found = [file.read_bytes() for file in sorted(folder.glob("*.json"))]
    return found or [json.dumps(TOY).encode()]


def _ids(hooks: SourceHooks, samples: list[bytes], kind: str) -> list[bytes]:
    """The ids that the plugin reads out of the samples, as far as they stand there as they are."""
    found: set[bytes] = set()
    for sample in samples:
        request = WebhookRequest(
            body=sample, headers={"content-type": kind}, received_at=datetime.now(UTC)
        )
        for event in hooks.parse_webhook(request):
            for text in filter(None, (event.subject_id, event.webhook_id, *event.previous_ids)):
                found |= {b'"%s' % text.encode(), b"UID:" + text.encode()}
    return sorted(one for one in found if any(one in sample for sample in samples))


def sources() -> list[Source]:
    """Every installed source that takes webhooks."""
    made = []
    for plugin in Discovery().installed:
        if plugin.kind != "source":
            continue
        pm = manager(SourceSpecs, [(plugin.name, plugin.load())])
        hooks = SourceHooks(pm, f"feed {plugin.name}")
        if not hooks.chain("parse_webhook"):
            continue
        settings = ROOMS if plugin.name == "webhook" else {}
        hooks.feed = Feed(
            name=plugin.name, source=plugin.name, settings=settings, secrets=(SECRET,)
        )
        samples = _samples(plugin.name)
        kind = "text/calendar" if plugin.name == "ics" else "application/json"
        made.append(
            Source(
                name=plugin.name,
                hooks=hooks,
                settings=settings,
                samples=samples,
                ids=_ids(hooks, samples, kind),
                content_type=kind,
            )
        )
    return made

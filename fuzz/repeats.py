"""One webhook, sent again and again: one effect."""

from __future__ import annotations

import asyncio
import json
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from starlette.types import ASGIApp

from crmwire.demo.bookings import FIRST_START, SampleBooking
from crmwire.receiver import receiver
from crmwire.signatures import sign
from crmwire.testing.stage import stage
from crmwire.types import WebhookRequest
from fuzz.calling import post
from fuzz.samples import SECRET, sources
from fuzz.tally import Tally
from fuzz.webhooks import ABREAST, Door, serving

CRM = "hubspot"


def one_id(seed: int, count: int) -> Tally:
    """One body of each source, sent so often, signed anew each time: one event.

    Of one source it is carried to a CRM's sandbox too: one person, one activity.
    """
    tally = Tally(area="repeats", seed=seed)
    with serving() as (app, asgi, doors):
        for door in doors:
            if any(one.signed and one.source is door.source for one in doors) > door.signed:
                continue  # its other feed is the one that checks more
            row = app.store.feed(f"{door.source.name}-{'signed' if door.signed else 'open'}")
            body = next(one for one in door.source.samples if _is_carried(door, one))
            asyncio.run(_send(tally, asgi, door, body, count))
            with app.store.read() as db:
                events = db.execute(
                    "SELECT count(*) FROM events WHERE feed = ?", (row.id,)
                ).fetchone()[0]
            if events != 1:
                tally.trouble(f"{door.source.name}: {events} events of one", f"seed {seed}")
    _carried(tally, count)
    return tally


async def _send(tally: Tally, asgi: ASGIApp, door: Door, body: bytes, count: int) -> None:
    scheme = door.source.hooks.source_info().signature
    for _ in range(0, count, ABREAST):
        at = datetime.now(UTC)
        headers = [(b"content-type", door.source.content_type.encode())]
        if door.signed and scheme is not None:
            made = sign(scheme, SECRET, body, timestamp=at, id="msg_1")
            headers += [(name.encode(), value.encode()) for name, value in made.items()]
        said = await asyncio.gather(
            *(post(asgi, door.path, body, headers) for _ in range(min(ABREAST, count)))
        )
        for one in said:
            tally.outcomes[f"{one.status} {json.loads(one.body).get('status')}"] += 1


def _is_carried(door: Door, body: bytes) -> bool:
    request = WebhookRequest(body=body, headers={}, received_at=datetime.now(UTC))
    events = door.source.hooks.parse_webhook(request)
    return [event.type for event in events] == ["booking.created"]


def _carried(tally: Tally, count: int) -> None:
    [source] = [one for one in sources() if one.name == "calcom"]
    booking = SampleBooking(
        uid="again", email="ada@example.com", name="Ada Example", start=FIRST_START
    )
    body = booking.created(datetime.now(UTC) + timedelta(seconds=5))
    with tempfile.TemporaryDirectory() as folder, stage(Path(folder), {CRM: CRM}) as scene:
        path = scene.app.add_feed("again", source="calcom", allow_unsigned=True)
        scene.app.add_route(feed="again", connection=CRM, preset="linktime")
        asgi = receiver(scene.app.openings, scene.daemon.engine.wake, dict)
        asyncio.run(_send(tally, asgi, Door(source, path, False), body, count))
        scene.settle()
        people = scene.people(CRM)
        entries = [entry for person in people for entry in person.entries]
        tally.measures["people and activities in the CRM"] = f"{len(people)} and {len(entries)}"
        if (len(people), len(entries)) != (1, 1):
            tally.trouble(f"{len(people)} people and {len(entries)} activities of one booking")

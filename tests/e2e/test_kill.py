"""The daemon is killed at random moments while vendors lose answers: nothing lost or doubled.

Real processes, real HTTP, real signals. What should stand in the CRMs is worked out from the
acknowledged webhooks alone, and compared with the sandboxes' own records. The long form is
`make soak`.
"""

from __future__ import annotations

import collections
import random
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from attrs import define, field

from crmwire.app import App
from crmwire.demo.bookings import FIRST_START, SampleBooking
from crmwire.demo.environment import surroundings
from crmwire.demo.processes import Process, all_stopped, call, daemon, free_port, sandbox
from crmwire.signatures import sign
from crmwire.store import DeliveryFilter

CRMS = ("salesforce", "hubspot", "attio")
SECRET = "kill-test-secret"
SETTINGS = {
    "read_timeout": 1.0,
    "settle_after": 2.5,
    "tries": [0.2, 0.5, 1.0, 2.0],
}
FAULTS = [
    {"kind": "lost_answer", "method": "POST", "share": 0.04},
    {"kind": "late_commit", "method": "POST", "seconds": 1.6, "share": 0.03},
    {"kind": "late_commit", "method": "PATCH", "seconds": 1.6, "share": 0.03},
    {"kind": "cut_before", "share": 0.02},
    {"kind": "status", "status": 500, "share": 0.02},
]


@define
class Told:
    """A booking, and what the source was acknowledged for it."""

    booking: SampleBooking
    start: datetime
    events: list[str] = field(factory=list)


def test_kills_and_lost_answers_lose_and_double_nothing(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    count = request.config.getoption("--bookings")
    deadline = time.monotonic() + 120 + count * 0.5
    dice = random.Random(request.config.getoption("--kill-seed"))
    processes: list[Process] = []
    with surroundings(tmp_path) as environment, all_stopped(processes):
        sandboxes = {}
        with App(tmp_path / "home") as app:
            path = app.add_feed("feed", source="calcom", signing_secret=SECRET)
            for crm in CRMS:
                sandboxes[crm] = sandbox(crm, tmp_path, token="token", environment=environment)
                processes.append(sandboxes[crm])
                settings = {"host": sandboxes[crm].url, **SETTINGS}
                app.add_connection(crm, crm=crm, token="token", settings=settings)
                app.add_route(feed="feed", connection=crm, preset="linktime")
                assert app.check(crm).ok
            scheme = app.openings.source(app.store.feed("feed")).source_info().signature
            assert scheme is not None
            for number, crm in enumerate(CRMS):
                body = {"faults": FAULTS, "seed": number}
                call(f"{sandboxes[crm].url}/__sandbox__/faults", body)
            port = free_port()
            running = [daemon(tmp_path, environment, port)]
            processes.append(running[0])
            address = f"http://127.0.0.1:{port}{path}"

            told: list[Told] = []

            def post(body: bytes) -> None:
                while True:
                    try:
                        answer = call(address, raw=body, headers=sign(scheme, SECRET, body))
                    except OSError:
                        time.sleep(0.05)
                        continue
                    assert answer.status in (200, 202), answer
                    return

            def source() -> None:
                now = datetime.now(UTC)
                for number in range(count):
                    one = _booking(number, dice)
                    record = Told(one, one.start)
                    post(one.created(now))
                    record.events.append("created")
                    uid = one.uid
                    if dice.random() < 0.2:
                        uid, record.start = f"{one.uid}-moved", one.start + timedelta(days=400)
                        post(one.rescheduled(now + timedelta(seconds=1), to=record.start, uid=uid))
                        record.events.append("rescheduled")
                    if dice.random() < 0.2:
                        later = now + timedelta(seconds=2)
                        post(one.cancelled(later, start=record.start, uid=uid))
                        record.events.append("cancelled")
                    told.append(record)

            sender = threading.Thread(target=source)
            sender.start()
            kills = 0
            while sender.is_alive() or _open(app):
                time.sleep(dice.uniform(0.3, 2.0))
                if kills < max(6, count // 50) and _open(app):
                    running[0].kill()
                    kills += 1
                    running[0] = daemon(tmp_path, environment, port)
                    processes.append(running[0])
                assert time.monotonic() < deadline, app.deliveries()[:3]
            sender.join()
            for crm in CRMS:
                call(f"{sandboxes[crm].url}/__sandbox__/faults", {"faults": []})
            bad = app.deliveries(DeliveryFilter(states=("held", "skipped", "dismissed")))
            assert not bad, bad[:3]
            for crm in CRMS:
                timelines = call(f"{sandboxes[crm].url}/__sandbox__/timelines").body
                _compare(crm, told, timelines["accounts"][0])
            assert kills >= 3


def _open(app: App) -> bool:
    return bool(app.deliveries(DeliveryFilter(states=("ready", "working"), limit=1)))


def _booking(number: int, dice: random.Random) -> SampleBooking:
    person = dice.randrange(max(1, number)) if dice.random() < 0.3 else number
    return SampleBooking(
        uid=f"bk-{number}",
        email=f"guest{person}@example.com",
        name=f"Guest Number{person}",
        start=FIRST_START + timedelta(minutes=30 * number),
    )


def _compare(crm: str, told: list[Told], account: dict) -> None:  # type: ignore[type-arg]
    """Hold the sandbox's records against what was acknowledged."""
    by_person: dict[str, list[Told]] = collections.defaultdict(list)
    for one in told:
        by_person[one.booking.email].append(one)
    people = [person["email"] for person in account["people"]]
    assert sorted(people) == sorted(by_person), f"{crm}: people lost or doubled"
    assert account["unattached"] == [], crm
    for person in account["people"]:
        expected = by_person[person["email"]]
        if crm == "attio":
            kinds = collections.Counter(_kind(entry["title"]) for entry in person["entries"])
            wanted = collections.Counter(event for one in expected for event in one.events)
            assert kinds == wanted, f"{crm}: {person['email']}"
            continue
        stand = sorted((_time(entry["start"]), _cancelled(entry)) for entry in person["entries"])
        should = sorted((one.start, "cancelled" in one.events) for one in expected)
        assert stand == should, f"{crm}: {person['email']}"


def _kind(title: str) -> str:
    for prefix, kind in (("[Rescheduled]", "rescheduled"), ("[Cancelled]", "cancelled")):
        if title.startswith(prefix):
            return kind
    return "created"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("+0000", "+00:00"))


def _cancelled(entry: dict) -> bool:  # type: ignore[type-arg]
    return entry["title"].startswith("[Cancelled]") or entry["status"] == "CANCELED"

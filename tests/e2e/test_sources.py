"""Each source's own bodies, signed as it signs them, over HTTP and into a CRM, in any order."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from attrs import frozen

from crmwire.demo.processes import call
from crmwire.receiver import receiver
from crmwire.sandbox import SandboxServer, TimelineEntry
from crmwire.signatures import sign
from crmwire.testing.stage import Stage, stage

PLUGINS = Path(__file__).parents[2] / "plugins"
SECRET = "a-secret-for-tests"


@frozen(kw_only=True)
class Story:
    """The webhooks of one booking, in their true order, and where it ends.

    `ids` and `email` are what tells one booking from another; `start` is the newest.
    """

    source: str
    names: tuple[str, ...]
    ids: tuple[str, ...]
    email: str
    start: str

    def bodies(self, number: int, names: tuple[str, ...]) -> list[bytes]:
        """The bodies of a booking of that number, a year later: a route takes what is to come."""
        made = []
        for name in names:
            path = PLUGINS / self.source / "tests" / "payloads" / f"{name}.json"
            text = path.read_text("utf-8").replace("2026-11-", "2027-11-")
            for id_ in self.ids:
                text = text.replace(id_, f"{id_}n{number}")
            made.append(text.replace(self.email, f"n{number}-{self.email}").encode())
        return made


STORIES = (
    Story(
        source="calcom",
        names=("booking_created", "booking_rescheduled", "booking_cancelled"),
        ids=("orchard-1", "orchard-2"),
        email="harriet@example.com",
        start="2027-11-26T13:30",
    ),
    Story(
        source="calendly",
        names=("invitee_created", "moved_canceled", "moved_created", "invitee_canceled"),
        ids=("INV1", "INV2"),
        email="iris@example.com",
        start="2027-11-18T15:00",
    ),
    Story(
        source="timerex",
        names=("event_confirmed", "moved_cancelled", "moved_confirmed", "cancelled_again"),
        ids=('"aa01', '"aa02'),
        email="sakura@example.com",
        start="2027-11-24T02:00",
    ),
    Story(
        source="jicoo",
        names=("guest_booked", "host_rescheduled", "guest_cancelled"),
        ids=("BKNG0007",),
        email="ren@example.com",
        start="2027-11-19T04:00",
    ),
    Story(
        source="linktime",
        names=("booking_created", "booking_rescheduled", "booking_cancelled"),
        ids=("clx00bk1",),
        email="gil@example.com",
        start="2027-11-20T17:00",
    ),
)


@frozen(kw_only=True)
class Scene:
    """A crmwire that listens, with HubSpot's sandbox behind it."""

    made: Stage
    story: Story
    url: str

    def send(self, bodies: list[bytes]) -> None:
        """Send webhooks one by one, each carried before the next comes."""
        hooks = self.made.app.openings.source(self.made.app.store.feed("signed"))
        scheme = hooks.source_info().signature
        assert scheme is not None
        for body in bodies:
            headers = sign(scheme, SECRET, body, timestamp=datetime.now(UTC))
            answer = call(self.url, raw=body, headers=headers)
            assert answer.status in (200, 202), answer
            self.made.settle()

    def entries(self, number: int) -> list[TimelineEntry]:
        """What stands on the timeline of that booking's guest."""
        found = [one for one in self.made.people("crm") if one.email.startswith(f"n{number}-")]
        assert len(found) <= 1, "the guest is there twice"
        return [entry for one in found for entry in one.entries]


@pytest.fixture(params=STORIES, ids=lambda story: story.source)
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    story: Story = request.param
    with stage(tmp_path, {"crm": "hubspot"}, source=story.source) as made:
        path = made.app.add_feed("signed", source=story.source, signing_secret=SECRET)
        made.app.add_route(feed="signed", connection="crm", preset="linktime")
        asgi = receiver(made.app.openings, made.daemon.engine.wake, lambda: {"status": "ok"})
        with SandboxServer(asgi) as server:
            yield Scene(made=made, story=story, url=server.url + path)


def test_a_booking_that_was_cancelled_ends_so_in_every_order(scene: Scene) -> None:
    orders = list(itertools.permutations(scene.story.names))
    for number, names in enumerate(orders[:: max(1, len(orders) // 6)]):
        scene.send(scene.story.bodies(number, names))
        live = [one for one in scene.entries(number) if one.status != "CANCELED"]
        assert live == [], names


def test_a_booking_that_was_moved_is_there_once_at_its_newest_time(scene: Scene) -> None:
    names = scene.story.names[:-1]
    for number, order in enumerate(itertools.permutations(names)):
        scene.send(scene.story.bodies(number, order))
        (entry,) = scene.entries(number)
        assert entry.status != "CANCELED", order
        start = datetime.fromisoformat(entry.start)
        assert start.astimezone(UTC).isoformat().startswith(scene.story.start), order


def test_webhooks_that_come_again_change_nothing(scene: Scene) -> None:
    bodies = scene.story.bodies(1, scene.story.names[:1])
    scene.send(bodies)
    before = len(scene.made.calls("crm"))
    scene.send([*bodies, *bodies])
    assert len(scene.made.calls("crm")) == before
    assert len(scene.entries(1)) == 1

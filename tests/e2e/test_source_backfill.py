"""Past bookings out of each source's own API, into a CRM: once, also after their webhooks."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from crmwire.backfilling import Backfill, SourcePast, Standing
from crmwire.sandbox import SandboxServer
from crmwire.testing.source_contract_base import TOKEN
from crmwire.testing.stage import Stage, stage

PLUGINS = Path(__file__).parents[2] / "plugins"
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
LIVE = {"calcom": 3, "calendly": 2, "timerex": 2, "jicoo": 1, "linktime": 1}
"""How many of the bookings in a source's sandbox stand at the end."""


def contract(source: str) -> Any:
    """The class of the source's contract, which knows a sandbox of its API."""
    path = PLUGINS / source / "tests" / f"test_{source}_contract.py"
    spec = importlib.util.spec_from_file_location(f"contract_of_{source}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, f"Test{source.capitalize()}")()


@frozen(kw_only=True)
class Scene:
    """A crmwire whose feed may ask a source's sandbox, with HubSpot's behind it."""

    source: str
    made: Stage
    kit: Any

    def backfill(self) -> Standing:
        app = self.made.app
        app.add_route(feed="asked", connection="crm", preset="linktime", name="past", since=SINCE)
        return self.once_more()

    def once_more(self) -> Standing:
        app = self.made.app
        (route,) = [one for one in app.store.routes() if one.name == "past"]
        past = SourcePast(app.openings.source(app.store.feed("asked")))
        run = Backfill(app, route, past, SINCE, wake=self.made.daemon.engine.wake)
        *_, last = run.steps(pause=0.01)
        assert last.waiting == 0
        return last

    def live(self) -> list[tuple[str, str]]:
        """Who has which meeting that stands."""
        return sorted(
            (person.email, entry.start)
            for person in self.made.people("crm")
            for entry in person.entries
            if entry.status != "CANCELED"
        )


@pytest.fixture(params=LIVE)
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    source: str = request.param
    kit = contract(source)
    with (
        SandboxServer(kit.made_sandbox()) as server,
        stage(tmp_path, {"crm": "hubspot"}, source=source) as made,
    ):
        made.app.add_feed(
            "asked",
            source=source,
            allow_unsigned=True,
            api_token=TOKEN,
            settings={"host": server.url},
        )
        yield Scene(source=source, made=made, kit=kit)


def test_what_was_booked_before_is_carried_once(scene: Scene) -> None:
    first = scene.backfill()
    assert first.states.get("held", 0) == 0, scene.made.rows("held")
    live = scene.live()
    assert len(live) == LIVE[scene.source]
    assert len(set(live)) == len(live)
    again = scene.once_more()
    assert again.counts.get("carried", 0) == 0
    assert scene.live() == live


@pytest.mark.parametrize("scene", ["calendly", "timerex"], indirect=True)
def test_what_webhooks_told_is_not_carried_again(scene: Scene) -> None:
    """The sandboxes of these two list the very bookings that the sample webhooks tell of."""
    app = scene.made.app
    app.add_route(feed="asked", connection="crm", preset="linktime", name="past", since=SINCE)
    samples = scene.kit.samples()
    for name in scene.kit.story[:3]:  # made, and moved in two halves
        scene.made.send(samples[name], feed="asked")
        scene.made.settle()
    (moved,) = app.store.subjects(app.store.feed("asked").id)
    assert len(scene.live()) == 1
    done = scene.once_more()
    assert done.counts["known"] >= 3
    subjects = app.store.subjects(app.store.feed("asked").id)
    assert moved.id in [one.id for one in subjects]
    commits = scene.made.sandboxes["crm"].commits
    meetings = [one for one in commits if (one["action"], one["type"]) == ("create", "meetings")]
    assert len(meetings) == len(subjects)

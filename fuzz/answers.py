"""What a vendor never answers: cassettes changed at random, played to each CRM's plugin.

Whatever comes back, the plugin gives an answer or a Failure that is not PluginBroken: an
exception out of its own code would be called the plugin's fault, and shown with no remedy.
"""

from __future__ import annotations

import copy
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import yaml
from attrs import frozen

from crmwire.connections import Connection
from crmwire.errors import CrmwireError, Failure, PluginBroken
from crmwire.http import recording
from crmwire.testing.cassettes import HIDDEN, kept_as, plugin_of
from crmwire.testing.clock import HeldClock
from crmwire.testing.connect import connect
from crmwire.testing.samples import BOOKED_AT
from crmwire.testing.stories import Story
from crmwire.types import Candidates, ConnectionReport, Link, Record, Write, Written
from fuzz import mutating
from fuzz.faults import where
from fuzz.playing import Answer, Player
from fuzz.samples import ROOT
from fuzz.tally import Tally

CASSETTES = ROOT / "tests" / "cassettes"
CRMS = ("salesforce", "hubspot", "attio")


def _recorded(file: Path) -> list[Answer]:
    data = yaml.load(file.read_text("utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    made = []
    for one in data.get("interactions") or ():
        told = one["response"]
        text = told["body"].get("string") or ""
        made.append(
            Answer(
                one["request"]["method"],
                urlsplit(one["request"]["uri"]).path,
                told["status"]["code"],
                {name.lower(): values[0] for name, values in told["headers"].items()},
                text if isinstance(text, bytes) else text.encode(),
            )
        )
    return made


@frozen
class State:
    """What a step of the story stands on: all that the steps before it left."""

    links: dict[str, Link]
    made: list[Write]
    report: ConnectionReport | None
    cache: dict[str, Any]


class Stand:
    """One CRM's story, each step of which can be played again from where it began."""

    def __init__(self, crm: str) -> None:
        self.crm = crm
        self.plugin: ModuleType = plugin_of(crm)
        self._guest = yaml.safe_load((CASSETTES / crm / "check.yaml").read_text())["provenance"][
            "guest"
        ]
        files = sorted((CASSETTES / crm).glob("**/*.yaml"))
        self._by_step = {file.stem: _recorded(file) for file in files}
        self._answers = [one for answers in self._by_step.values() for one in answers]
        self.states: dict[str, State] = {}
        self._template = Story(*self._conns(Player([], [])), self._guest)
        state = State({}, [], None, {})
        for name in self.steps(self.story(state, "check")[0]):
            self.states[name] = state
            story, _ = self.story(state, name)
            try:
                for _ in self.steps(story)[name]():
                    pass
            except Failure:
                continue
            state = State(
                dict(story.links), list(story.made), story.conn.report, dict(story.conn._cache)
            )

    @staticmethod
    def steps(story: Story) -> dict[str, Any]:
        """The story's steps, and what else reads answers."""
        more = {
            "adopt": lambda: story.conn.hooks.find_adoptable(story.made),
            "fields": lambda: [
                story.conn.hooks.list_fields(type_) or () for type_ in story.conn.info.object_types
            ],
            "made": lambda: story.conn.hooks.find_made(story.made),
            "mapping": lambda: story.conn.hooks.check_mapping(story.mapping),
            "setup": lambda: story.conn.hooks.set_up(story.mapping),
        }
        return {**story.steps(), **more}

    def story(self, state: State, step: str) -> tuple[Story, Player]:
        player = Player(self._answers, self._by_step.get(step, []))
        story = copy.copy(self._template)  # its mapping takes long to compile
        story.conn, story.stranger = self._conns(player)
        story.links, story.made = dict(state.links), list(state.made)
        story.conn.report = state.report
        story.conn._cache.update(state.cache)
        return story, player

    def _conns(self, player: Player) -> tuple[Connection, Connection]:
        def opened() -> Connection:
            return connect(
                self.plugin,
                kept_as(self.crm, self.plugin),
                token=HIDDEN,
                clock=HeldClock(BOOKED_AT),
                client=player,  # type: ignore[arg-type]
            )

        return opened(), opened()


def mutated(seed: int, count: int, start: int = 0, crms: tuple[str, ...] = CRMS) -> Tally:
    """Steps of the stories with their answers changed."""
    tally = Tally(area="answers", seed=seed, start=start)
    stands = [Stand(crm) for crm in crms]
    for number, chance in enumerate(islice(mutating.endless(seed, start), count), start):
        stand = stands[number % len(stands)]
        name = chance.choice(list(stand.states))
        state = stand.states[name]
        if chance.random() < 0.3:  # what was read before is read again
            state = State(state.links, state.made, state.report, {})
        story, player = stand.story(state, name)
        player.chance, player.goes_on = chance, chance.random() < 0.03
        tally.outcomes[
            f"{stand.crm}: {_outcome(tally, stand.crm, name, number, story, player)}"
        ] += 1
        story.conn.close()
        story.stranger.close()
    return tally


def _outcome(tally: Tally, crm: str, name: str, number: int, story: Story, player: Player) -> str:
    case = f"{tally.seed}/{number} {name}"
    try:
        with recording():
            answers = list(Stand.steps(story)[name]())
    except PluginBroken as error:
        _blame(tally, crm, case, error, player)
        return "broken"
    except CrmwireError:
        return "failed"
    except Exception as error:  # noqa: BLE001  (that is what is looked for)
        _blame(tally, crm, case, error, player)
        return "broken"
    broken = [one for one in answers if isinstance(one, PluginBroken)]
    for one in broken:
        _blame(tally, crm, case, one, player)
    for one in answers:
        for wrong in _nonsense(one):
            tally.trouble(f"{crm}: {wrong}", f"{case}: {one!r} {player.told}")
    if broken:
        return "broken"
    return "failed" if any(isinstance(one, Failure) for one in answers) else "answered"


def _blame(tally: Tally, crm: str, case: str, error: Exception, player: Player) -> None:
    tally.trouble(f"{crm}: {where(error)}", f"{case}: {error.__cause__ or error} {player.told}")


def _nonsense(answer: object) -> list[str]:
    """What is wrong with an answer that core would believe."""
    records: list[Record] = []
    if isinstance(answer, Written):
        wrong = not isinstance(answer.record, str) or not answer.record.strip()
        return ["Written without an id"] if wrong else []
    if isinstance(answer, Candidates):
        records = list(answer.records)
    elif isinstance(answer, list | tuple):
        records = [one for one in answer if isinstance(one, Record)]
    found = []
    for one in records:
        if not isinstance(one.id, str) or not one.id.strip():
            found.append("a Record without an id")
        alias: object = one.alias_of
        if not isinstance(alias, str | None):
            found.append("a Record whose alias is no text")
    return found

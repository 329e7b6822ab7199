"""What a vendor never answers: cassettes changed at random, played to each CRM's plugin.

Whatever comes back, the plugin gives an answer or a Failure that is not PluginBroken: an
exception out of its own code would be called the plugin's fault, and shown with no remedy.
"""

from __future__ import annotations

import copy
import json
import random
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import yaml
from attrs import frozen

from crmwire.connections import Connection
from crmwire.errors import CrmwireError, Failure, PluginBroken
from crmwire.http import Request
from crmwire.testing.cassettes import HIDDEN, kept_as, plugin_of
from crmwire.testing.clock import HeldClock
from crmwire.testing.connect import connect
from crmwire.testing.samples import BOOKED_AT
from crmwire.testing.stories import Story
from crmwire.types import Candidates, ConnectionReport, Link, Record, Write, Written
from fuzz import mutating
from fuzz.samples import ROOT
from fuzz.tally import Tally

CASSETTES = ROOT / "tests" / "cassettes"
CRMS = ("salesforce", "hubspot", "attio")
STATUSES = (
    200,
    200,
    200,
    201,
    202,
    204,
    207,
    301,
    400,
    401,
    403,
    404,
    409,
    422,
    423,
    429,
    500,
    503,
)
HEADERS = ("", "-1", "9" * 400, "nan", "x", "api-usage=1/0", "api-usage=99999999/5", "\xe9", "1e9")


@frozen
class Answer:
    """One recorded answer, and what it answered."""

    method: str
    path: str
    status: int
    headers: Mapping[str, str]
    body: bytes


class Player:
    """Answers as the cassettes do, and changes the answer whose turn it is; a client of `Http`."""

    def __init__(self, answers: list[Answer], first: list[Answer]) -> None:
        self._answers = answers
        self.first = first
        self.chance: random.Random | None = None
        self.told: list[str] = []

    def send(
        self, request: Request, url: str, headers: Mapping[str, str], **more: Any
    ) -> tuple[int, dict[str, str], bytes]:
        parts = urlsplit(url)
        found = self._found(request.method, parts.path)
        if found is None:
            return 404, {"content-type": "application/json"}, b'{"message": "not recorded"}'
        status, given, body = found.status, dict(found.headers), found.body
        if self.chance is not None and self.chance.random() < 0.7:
            status, given, body = _changed(self.chance, status, given, body)
            self.told.append(f"{request.method} {parts.path} -> {status} {body[:1500]!r}")
        return status, given, body

    def _found(self, method: str, path: str) -> Answer | None:
        for answers in (self.first, self._answers):
            for one in answers:
                if (one.method, one.path) == (method, path):
                    return one
        return None

    def close(self) -> None:
        """Nothing is open."""


def _changed(
    chance: random.Random, status: int, headers: dict[str, str], body: bytes
) -> tuple[int, dict[str, str], bytes]:
    pick = chance.random()
    if pick < 0.75 and (data := mutating.read(body)) is not None:
        body = json.dumps(mutating.changed(chance, data)).encode("utf-8", "replace")
    elif pick < 0.83:
        body = mutating.mangled(chance, body)
    elif pick < 0.87:
        body = chance.choice(
            (b"", b"null", b"[]", b"{}", b"0", b'"x"', b"[null]", b"[[]]", b"<html></html>",
             b"[" * 100_000, b'{"a":' * 50_000, b"\xff\xfe", b"9" * 5000, b"NaN", b'[{"x": NaN}]')
        )  # fmt: skip
    elif pick < 0.92:
        headers = {name: chance.choice((value, *HEADERS)) for name, value in headers.items()}
        headers["retry-after"] = chance.choice(HEADERS)
    if chance.random() < 0.2:
        status = chance.choice(STATUSES)
    return status, headers, body


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


def mutated(seed: int, count: int, crms: tuple[str, ...] = CRMS) -> Tally:
    """Steps of the stories with their answers changed."""
    tally = Tally(area="answers", seed=seed)
    stands = [Stand(crm) for crm in crms]
    for number, chance in zip(range(count), mutating.endless(seed), strict=False):
        stand = stands[number % len(stands)]
        name = chance.choice(list(stand.states))
        state = stand.states[name]
        if chance.random() < 0.3:  # what was read before is read again
            state = State(state.links, state.made, state.report, {})
        story, player = stand.story(state, name)
        player.chance = chance
        tally.outcomes[
            f"{stand.crm}: {_outcome(tally, stand.crm, name, number, story, player)}"
        ] += 1
        story.conn.close()
        story.stranger.close()
    return tally


def _outcome(tally: Tally, crm: str, name: str, number: int, story: Story, player: Player) -> str:
    case = f"{tally.seed}/{number} {name}"
    try:
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
    for error in broken:
        _blame(tally, crm, case, error, player)
    for one in answers:
        for wrong in _nonsense(one):
            tally.trouble(f"{crm}: {wrong}", f"{case}: {one!r} {player.told}")
    if broken:
        return "broken"
    return "failed" if any(isinstance(one, Failure) for one in answers) else "answered"


def _blame(tally: Tally, crm: str, case: str, error: Exception, player: Player) -> None:
    cause = error.__cause__ or error
    frames = traceback.extract_tb(cause.__traceback__)
    own = [one for one in frames if "crmwire" in one.filename] or frames
    where = "core"
    if own:
        where = f"{Path(own[-1].filename).name}:{own[-1].lineno} {own[-1].name}"
    tally.trouble(f"{crm}: {type(cause).__name__} in {where}", f"{case}: {cause} {player.told}")


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
        if one.alias_of is not None and not isinstance(one.alias_of, str):
            found.append("a Record whose alias is no text")
    return found

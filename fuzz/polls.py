"""What a source's API never answers: to every plugin that is asked, for what is new or past.

What the sandboxes of the plugins' own contract tests answer is recorded once, then played again
with changes. Whatever comes back, the plugin tells events that core can keep and goes on, or
fails with a Failure that is not PluginBroken.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import time
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from attrs import frozen

from crmwire.errors import CrmwireError, PluginBroken
from crmwire.feeds import OpenFeed
from crmwire.hooks import SourceHooks
from crmwire.hosts import LOOPBACK_SWITCH
from crmwire.http import Request, shared_client
from crmwire.pacing import Pacer
from crmwire.testing.clock import HurryingClock
from crmwire.testing.event_shapes import misfits
from crmwire.testing.source_contract import SourceContract
from crmwire.types import Chunk, Json
from fuzz import mutating
from fuzz.faults import where
from fuzz.playing import Answer, Player
from fuzz.samples import ROOT
from fuzz.steady import Steady
from fuzz.tally import Tally

CONTRACTS = ("plugins/*/tests/test_*_contract.py", "core/tests/integration/test_ics_source.py")
HOOKS = ("poll", "list_past", "check_feed")
AT_ONCE = 5
"""Chunks that are asked for in one case, as long as there are more."""
SLOW = 5.0
"""Seconds of a processor that one case may take."""


class Recorder:
    """Sends as the usual client does, and keeps what came."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []

    def send(
        self, request: Request, url: str, headers: Mapping[str, str], **more: Any
    ) -> tuple[int, dict[str, str], bytes]:
        status, given, body = shared_client().send(request, url, headers, **more)
        parts = urlsplit(url)
        query = parts.query or urlencode(request.params)
        self.answers.append(Answer(request.method, parts.path, status, given, body, query))
        return status, given, body

    def close(self) -> None:
        """The client is shared."""


@frozen(kw_only=True)
class Source:
    """A source that is asked: what it answered, and each question with the cursor before it."""

    name: str
    contract: SourceContract
    url: str
    answers: list[Answer]
    questions: list[tuple[str, Json]]

    def hooks(self, client: Any) -> SourceHooks:
        """The plugin's hooks, whose requests go to this client."""
        self.contract.url = self.url
        hooks = self.contract.feed_hooks()
        clock = HurryingClock()
        hooks.open_feed = OpenFeed(hooks, clock=clock, pacer=lambda _: Pacer(clock), client=client)
        return hooks

    def ask(self, hooks: SourceHooks, hook: str, cursor: Json) -> Chunk:
        """What a hook tells. Raises: what it raises."""
        if hook == "poll":
            return hooks.poll(cursor)
        if hook == "list_past":
            return hooks.list_past(self.contract.since, cursor)
        hooks.check_feed()
        return Chunk()


def recorded() -> list[Source]:
    """Every source with an API and a sandbox of it, asked for all it has."""
    os.environ[LOOPBACK_SWITCH] = "1"
    return [_recorded(contract) for contract in _contracts() if contract.made_sandbox()]


def _contracts() -> Iterator[SourceContract]:
    for file in sorted(one for pattern in CONTRACTS for one in ROOT.glob(pattern)):
        spec = importlib.util.spec_from_file_location(f"fuzz_{file.stem}", file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for _, kind in inspect.getmembers(module, inspect.isclass):
            if kind.__module__ == module.__name__ and issubclass(kind, SourceContract):
                yield kind()


def _recorded(contract: SourceContract) -> Source:
    recorder = Recorder()
    with contract.opened():
        name = Path(inspect.getfile(contract.plugin)).parent.name.removeprefix("crmwire_")
        made = Source(
            name=name, contract=contract, url=contract.url, answers=recorder.answers, questions=[]
        )
        hooks = made.hooks(recorder)
        for hook in HOOKS:
            if not contract.is_asked(hook):
                continue
            chunk = Chunk(more=True)
            while chunk.more:
                made.questions.append((hook, chunk.cursor))
                chunk = made.ask(hooks, hook, chunk.cursor)
            if hook == "poll":
                made.questions.append((hook, chunk.cursor))
    return made


def mutated(seed: int, count: int, start: int = 0) -> Tally:
    """Questions to sources, whose answers are changed."""
    tally = Tally(area="polls", seed=seed, start=start)
    sources = recorded()
    steady, slowest = Steady(count), 0.0
    for number, chance in enumerate(islice(mutating.endless(seed, start), count), start):
        steady.after(number - start)
        source = sources[number % len(sources)]
        hook, cursor = chance.choice(source.questions)
        player = Player(source.answers, [])
        player.chance, player.goes_on = chance, chance.random() < 0.05
        before = time.thread_time()
        outcome = _outcome(tally, source, hook, cursor, number, player)
        tally.outcomes[f"{source.name}: {outcome}"] += 1
        took = time.thread_time() - before
        slowest = max(slowest, took)
        if took > SLOW:
            tally.trouble(f"{source.name}: slow", f"{seed}/{number}: {took:.1f} s")
    steady.after(count)
    steady.tell(tally)
    tally.measures["slowest, seconds of a processor"] = round(slowest, 3)
    return tally


def _outcome(
    tally: Tally, source: Source, hook: str, cursor: Json, number: int, player: Player
) -> str:
    case, told = f"{tally.seed}/{number} {hook}", False
    hooks = source.hooks(player)
    try:
        for _ in range(AT_ONCE):
            before = cursor
            chunk = source.ask(hooks, hook, before)
            told = told or bool(chunk.events)
            for wrong in _wrong(chunk, before):
                tally.trouble(f"{source.name}: {wrong[:80]}", f"{case}: {wrong} {player.told}")
            cursor = json.loads(json.dumps(chunk.cursor))
            if not chunk.more:
                break
    except PluginBroken as error:
        tally.trouble(f"{source.name}: {where(error)}", f"{case}: {error} {player.told}")
        return "broken"
    except CrmwireError:
        return "failed"
    except Exception as error:  # noqa: BLE001  (that is what is looked for)
        tally.trouble(f"{source.name}: {where(error)}", f"{case}: {error!r} {player.told}")
        return "broken"
    finally:
        hooks.open_feed.close()
    return "told events" if told else "told none"


def _wrong(chunk: Chunk, before: Json) -> Iterator[str]:
    """What of a chunk core could not keep, or would never come to an end with."""
    for event in chunk.events:
        yield from misfits(event)
    if json.loads(json.dumps(chunk.cursor)) != chunk.cursor:
        yield "a cursor that is no plain data"
    if chunk.more and chunk.cursor == before:
        yield "there is more, and it does not go on"
    if chunk.total is not None and not 0 <= chunk.total < 2**63:
        yield "a total that cannot be kept"

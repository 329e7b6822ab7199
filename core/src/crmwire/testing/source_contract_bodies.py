"""Checks of what a source plugin makes of bodies: its own, strange ones, broken ones."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmwire.errors import UnreadableWebhook
from crmwire.store.accepting import dedupe_key
from crmwire.testing.event_shapes import misfits
from crmwire.testing.source_contract_base import SourceBase, cpu_share, each_sample
from crmwire.types import Event

STRANGE = (
    b"",
    b"\x00",
    b"\xff\xfe",
    b"{",
    b"[]",
    b"{}",
    b"null",
    b"7",
    b'"text"',
    b"[[[[[[[[[[[[[[[[",
    b"[" * 100_000,
    b'{"a":' * 20_000,
    b"<html></html>",
    b"a=1&b=2",
)
"""Bodies that no source sends."""

VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**70,
    1e308,
    "",
    " ",
    "x" * 2000,
    "\ud800",
    "2026-13-45",
    "0001-01-01T00:00:00+14:00",
    [],
    [None],
    [[]],
    {},
    {"": None},
)
"""What may stand in the place of any part of a body."""


class BodyChecks(SourceBase):
    """Every body is read, recorded as ignored, or refused as unreadable; nothing else happens."""

    def test_every_sample_tells_something(self) -> None:
        """Each sample gives events that core can keep, of kinds that the plugin names."""
        known = self.hooks.source_info().events
        if not self.takes_webhooks():
            pytest.skip("the source sends no webhooks")
        assert self.samples(), "give samples of what the source sends"
        for name, events in self.told():
            assert events, f"{name} tells nothing"
            for event in events:
                assert misfits(event) == [], name
                assert event.ignored is not None or event.type in known, (name, event.type)

    def test_the_samples_show_every_kind(self) -> None:
        """For each event that the plugin names there is a sample, or the API tells of one."""
        if not self.takes_webhooks():
            pytest.skip("the source sends no webhooks")
        shown = {event.type for _, events in self.told() for event in events}
        shown |= {event.type for event in self.told_by_api()}
        missing = set(self.hooks.source_info().events) - shown
        assert not missing, f"no sample of {', '.join(sorted(missing))}"

    def test_an_unknown_kind_is_ignored_with_a_reason(self) -> None:
        """It is recorded under the source's own name, never an error."""
        if not self.takes_webhooks():
            pytest.skip("the source sends no webhooks")
        assert self.unknown, "name a sample of a kind that is not carried"
        events = self.parsed(self.samples()[self.unknown])
        assert events
        for event in events:
            assert event.ignored, f"{event.type} is carried"

    def test_a_repeat_is_the_same_event(self) -> None:
        """The same body, sent again later and signed anew, gives events of the same keys."""
        if not self.takes_webhooks():
            pytest.skip("the source sends no webhooks")

        def check(name: str, body: bytes) -> None:
            first = self.parsed(body)
            if any(event.ignored for event in first):
                return
            again = self.parsed(body)
            assert list(map(dedupe_key, first)) == list(map(dedupe_key, again))

        each_sample(check, self.samples())

    def test_two_happenings_are_two_events(self) -> None:
        """The events of the story all have keys of their own."""
        if not self.takes_webhooks():
            pytest.skip("the source sends no webhooks")
        samples = self.samples()
        keys = [dedupe_key(event) for name in self.story for event in self.parsed(samples[name])]
        assert len(set(keys)) == len(keys), "an event would be taken for a repeat of another"

    @pytest.mark.parametrize("body", STRANGE, ids=lambda body: repr(body[:12]))
    def test_what_no_source_sends_is_unreadable(self, body: bytes) -> None:
        """Bodies that are nothing of the source's are refused as such."""
        if not self.takes_webhooks():
            pytest.skip("the source sends no webhooks")
        assert self._outcome(body) in ("unreadable", "ignored", "nothing")

    def test_fields_that_are_new_change_nothing(self) -> None:
        """A source may add fields at any time."""
        if not self.takes_webhooks():
            pytest.skip("the source sends no webhooks")

        def check(name: str, body: bytes) -> None:
            data = _json(body)
            if not isinstance(data, dict):
                return
            more = json.dumps(_with_more(data)).encode()
            at = self.request(body).received_at
            assert [event.type for event in self.parsed(more, at)] == [
                event.type for event in self.parsed(body, at)
            ]
            assert [event.subject_id for event in self.parsed(more, at)] == [
                event.subject_id for event in self.parsed(body, at)
            ]

        each_sample(check, self.samples())

    def test_any_part_may_be_missing_or_of_another_type(self) -> None:
        """Each part of each sample in turn: taken out, and replaced by something else."""
        if not self.takes_webhooks():
            pytest.skip("the source sends no webhooks")
        chance = random.Random(7)
        for name, body in self.samples().items():
            data = _json(body)
            if data is None:
                continue
            for path in _paths(data):
                for value in (_OUT, *chance.sample(VALUES, 4)):
                    changed = json.dumps(_changed(data, path, value)).encode()
                    self._outcome(changed, f"{name} with {path} = {value!r:.40}")

    def test_any_body_has_an_outcome(self) -> None:
        """Bodies changed at random: in several parts at once, or in their bytes."""
        samples = list(self.samples().values())
        if not self.takes_webhooks() or not samples:
            pytest.skip("the source sends no webhooks")

        @settings(
            max_examples=cpu_share(),
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(st.randoms(use_true_random=False), st.sampled_from(samples))
        def check(chance: random.Random, body: bytes) -> None:
            self._outcome(_mangled(body, chance))

        check()

    def _outcome(self, body: bytes, what: str = "") -> str:
        """What becomes of a body: told, ignored, nothing or unreadable; all else is a fault."""
        said = ""
        try:
            events = self.parsed(body)
        except UnreadableWebhook as error:
            said = error.message
        if said:
            assert len(said) < 1000, "a message must not repeat the body"
            return "unreadable"
        for event in events:
            assert isinstance(event, Event)
            assert misfits(event) == [], f"{what}: {body[:2000]!r}"
        if not events:
            return "nothing"
        return "ignored" if all(event.ignored for event in events) else "told"


_OUT = object()
Path = tuple[str | int, ...]


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _paths(data: Any, here: Path = ()) -> Iterator[Path]:
    """Where each part of a JSON value stands; of a list the first three."""
    if isinstance(data, dict):
        for name, part in data.items():
            yield (*here, name)
            yield from _paths(part, (*here, name))
    elif isinstance(data, list):
        for number, part in enumerate(data[:3]):
            yield (*here, number)
            yield from _paths(part, (*here, number))


def _changed(data: Any, path: Path, value: object) -> Any:
    made = copy.deepcopy(data)
    place = made
    for step in path[:-1]:
        place = place[step]
    if value is _OUT:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return made


def _with_more(data: Any) -> Any:
    """The same with a field more in each object."""
    if isinstance(data, dict) and data:
        return {"aNewField": {"x": [1, None]}, **{k: _with_more(v) for k, v in data.items()}}
    return [_with_more(part) for part in data] if isinstance(data, list) else data


def _mangled(body: bytes, chance: random.Random) -> bytes:
    data = _json(body)
    if data is not None and chance.random() < 0.8:
        for _ in range(chance.randint(1, 5)):
            paths = list(_paths(data))
            if not paths:
                break
            path = chance.choice(paths)
            value = chance.choice((_OUT, *VALUES))
            data = _changed(data, path, value)
        return json.dumps(data).encode()
    raw = bytearray(body)
    for _ in range(chance.randint(1, 6)):
        if not raw:
            break
        place = chance.randrange(len(raw))
        match chance.randrange(3):
            case 0:
                raw[place] = chance.randrange(256)
            case 1:
                del raw[place : place + chance.randint(1, 40)]
            case _:
                raw[place:place] = bytes(chance.randrange(256) for _ in range(3))
    return bytes(raw)

"""Checks that a booking's life ends alike, in whatever order it is told."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from crmwire.store import Store, setup
from crmwire.store.subjects import ENDINGS
from crmwire.testing.source_contract_base import SourceBase
from crmwire.types import Event, Subject

MOST = 24
"""Orders that are tried of a story; of long ones, some at random."""


class OrderChecks(SourceBase):
    """Webhooks come late, twice and in any order; what is known in the end is the same."""

    def test_the_story_ends_alike_in_every_order(self) -> None:
        """One subject; ended in each order if anything ended it, else at the newest times."""
        events = self._story()
        with _Memory() as memory:
            wanted = memory.after(events)
            assert len(wanted) == 1, f"the story is of {len(wanted)} bookings: check the ids"
            for order in _orders(events):
                told = [event.type for event in order]
                assert memory.after(order) == wanted, told

    def test_repeats_change_nothing(self) -> None:
        """Each webhook twice, at once or at the end."""
        events = self._story()
        with _Memory() as memory:
            wanted = memory.after(events)
            assert memory.after([one for event in events for one in (event, event)]) == wanted
            assert memory.after([*events, *events]) == wanted
            assert memory.after([*events, *reversed(events)]) == wanted

    def test_each_beginning_of_the_story_ends_alike_too(self) -> None:
        """What is known halfway does not depend on the order either."""
        events = self._story()
        with _Memory() as memory:
            for length in range(2, len(events)):
                wanted = memory.after(events[:length])
                for order in _orders(events[:length]):
                    assert memory.after(order) == wanted, [event.type for event in order]

    def _story(self) -> list[Event]:
        if not self.takes_webhooks():
            pytest.skip("the source sends no webhooks")
        assert len(self.story) > 1, "name the samples that tell one booking's life, in order"
        samples = self.samples()
        return [event for name in self.story for event in self.parsed(samples[name])]


def _orders(events: Sequence[Event]) -> list[tuple[Event, ...]]:
    if len(events) <= 4:
        return list(itertools.permutations(events))
    chance = random.Random(3)
    return [tuple(chance.sample(list(events), len(events))) for _ in range(MOST)]


class _Memory:
    """A store, with a new feed for each order."""

    def __enter__(self) -> _Memory:
        self._folder = TemporaryDirectory()
        self._store = Store(Path(self._folder.name) / "store.db")
        self._feeds = 0
        return self

    def __exit__(self, *_: object) -> None:
        self._store.close()
        self._folder.cleanup()

    def after(self, events: Sequence[Event]) -> list[object]:
        """How each subject ends once these came in, one after the other."""
        self._feeds += 1
        number = self._feeds
        feed = self._store.write(
            lambda db: setup.insert_feed(
                db,
                name=f"feed-{number}",
                team="default",
                source="contract",
                token_hash=str(number).encode(),
                settings={},
                allow_unsigned=True,
                since=None,
                now=0.0,
            )
        )
        now = datetime.now(UTC)
        for event in events:
            self._store.accept(feed, [event], now)
        return [_end(subject) for subject in self._store.subjects(feed)]


def _end(subject: Subject) -> object:
    """How a subject ends: not live, or live at these times with this guest."""
    if subject.status in ENDINGS:
        return "ended"
    booking, guest = subject.details.booking, subject.details.guest
    return (
        subject.status,
        booking and booking.start,
        booking and booking.end,
        guest and guest.email,
    )

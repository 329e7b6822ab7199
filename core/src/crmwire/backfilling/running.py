"""Running a backfill: a chunk, then room in the queue, then the next; it can stop anywhere."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import frozen

from crmwire.errors import ConfigurationError, RetryLater

if TYPE_CHECKING:
    from crmwire.app import App
    from crmwire.backfilling.past import Past
    from crmwire.store import BackfillRow, RouteRow
    from crmwire.types import Json

ROOM = 300
"""So many of its deliveries may wait at once: what is booked now is carried before them."""
OPEN = ("ready", "working")


@frozen(kw_only=True)
class Standing:
    """How far a backfill has come. `states` counts its deliveries, `note` says what it waits for.

    `counts` says what became of the events listed (see `store.backfills.Fate`).
    """

    counts: Mapping[str, int]
    states: Mapping[str, int]
    total: int | None
    listed_all: bool
    note: str = ""

    @property
    def listed(self) -> int:
        return sum(self.counts.values())

    @property
    def waiting(self) -> int:
        """How many deliveries are still to be carried."""
        return sum(self.states.get(state, 0) for state in OPEN)


class Backfill:
    """One backfill of a route. It is kept in the store and goes on where it was stopped."""

    def __init__(
        self,
        app: App,
        route: RouteRow,
        past: Past,
        since: datetime,
        *,
        adopt: bool = False,
        again: bool = False,
        wake: Callable[[frozenset[str]], object] = lambda lanes: None,
    ) -> None:
        """`wake` is told which lanes have something to do, if this process drains them itself."""
        self._app = app
        self._route = route
        self._past = past
        self._since = since
        self._wake = wake
        self._feed = app.store.feed(route.feed).id
        self.row: BackfillRow = app.store.begin_backfill(
            route.id, past.name, since, adopt=adopt, again=again, now=app.clock.now()
        )

    def steps(self, *, pause: float = 0.1, room: int = ROOM) -> Iterator[Standing]:
        """Take in and wait, until all is listed and carried; each step tells how it stands.

        Raises: ConfigurationError if the connection cannot be used; what was done is kept.
        """
        while not self.row.finished:
            standing = self.standing()
            if standing.waiting > room:
                yield standing
                time.sleep(pause)
                continue
            try:
                chunk = self._past.chunk(self._since, self.row.cursor)
            except RetryLater as failure:
                yield self.standing(f"{failure.message} It is asked again.")
                self._app.clock.sleep(failure.after or 10.0)
                continue
            self.row = self._app.store.take_past(
                self.row, self._feed, chunk, finished=not chunk.more, now=self._app.clock.now()
            )
            self._wake(frozenset({self._connection_usable()}))
            yield self.standing()
        while (standing := self.standing()).waiting:
            self._connection_usable()
            yield standing
            time.sleep(pause)
        yield standing

    def standing(self, note: str = "") -> Standing:
        return Standing(
            counts=self.row.counts,
            states=self._app.store.backfill_states(self.row.id),
            total=self.row.total,
            listed_all=self.row.finished,
            note=note,
        )

    def _connection_usable(self) -> str:
        """The connection's lane. Raises: ConfigurationError if nothing can be carried."""
        row = self._app.store.connection(self._route.connection)
        if row.state != "ok":
            raise ConfigurationError(
                f"The connection {row.name} cannot be used: {row.problem or row.state}",
                remedy=f"{row.remedy or ''} Then run the same command again: it goes on.".strip(),
            )
        return row.lane


def rehearsed(app: App, route: RouteRow, past: Past, since: datetime) -> Iterator[Counter[str]]:
    """What a backfill would do with the events of each chunk, as counts; nothing is stored."""
    feed = app.store.feed(route.feed).id
    cursor: Json = None
    while True:
        chunk = past.chunk(since, cursor)
        yield Counter(app.store.rehearse_past(route.id, feed, chunk.events, since, app.clock.now()))
        if not chunk.more:
            return
        cursor = chunk.cursor

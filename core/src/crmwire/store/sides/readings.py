"""What is asked of the store: what was set up, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from crmwire import stored
from crmwire.store import audit, logins, questions, setup, subjects, views
from crmwire.store.audit import AuditEntry
from crmwire.store.logins import LoginRow
from crmwire.store.questions import Question
from crmwire.store.setup import ConnectionRow, FeedRow, RouteRow
from crmwire.store.sides.file import StoreFile
from crmwire.store.views import Counts, DeliveryFilter, DeliveryRow, DeliveryView

if TYPE_CHECKING:
    from crmwire.store.audit import Action, Detail, Kind
    from crmwire.types import Subject


class Readings(StoreFile):
    """Methods that tell; none changes more than the audit."""

    def feeds(self) -> list[FeedRow]:
        with self._read() as db:
            return setup.feeds(db)

    def feed(self, name: str) -> FeedRow:
        with self._read() as db:
            return setup.feed(db, name)

    def feed_by_token(self, token_hash: bytes) -> FeedRow | None:
        with self._read() as db:
            return setup.feed_by_token(db, token_hash)

    def connections(self) -> list[ConnectionRow]:
        with self._read() as db:
            return setup.connections(db)

    def connection(self, name: str) -> ConnectionRow:
        with self._read() as db:
            return setup.connection(db, name)

    def connection_by_id(self, id_: int) -> ConnectionRow:
        with self._read() as db:
            return setup.connection_by_id(db, id_)

    def login(self, connection: int) -> LoginRow | None:
        """What is known of a connection's login; None if it never had a token."""
        with self._read() as db:
            return logins.login(db, connection)

    def routes(self) -> list[RouteRow]:
        with self._read() as db:
            return setup.routes(db)

    def route(self, name: str) -> RouteRow:
        with self._read() as db:
            return setup.route(db, name)

    def route_by_id(self, id_: int) -> tuple[RouteRow, bool]:
        with self._read() as db:
            return setup.route_by_id(db, id_)

    def deliveries(self, wanted: DeliveryFilter) -> list[DeliveryRow]:
        with self._read.snapshot() as db:
            return views.deliveries(db, wanted)

    def delivery(self, id_: int) -> DeliveryView:
        with self._read.snapshot() as db:
            return views.delivery(db, id_)

    def matching_ids(self, wanted: DeliveryFilter) -> list[int]:
        with self._read.snapshot() as db:
            return views.matching_ids(db, wanted)

    def counts(self) -> list[Counts]:
        with self._read.snapshot() as db:
            return views.counts(db)

    def lanes(self) -> dict[str, tuple[float | None, str | None]]:
        with self._read() as db:
            return views.lanes(db)

    def unreadable(self) -> list[tuple[int, str, float, str]]:
        with self._read() as db:
            return views.unreadable(db)

    def audit(self, since: datetime | None = None, limit: int = 200) -> list[AuditEntry]:
        """Who did what: the newest entries since then, oldest first."""
        with self._read() as db:
            return audit.entries(db, since=stored.timestamp(since), limit=limit)

    def note(self, now: datetime, action: Action, kind: Kind, name: str, **detail: Detail) -> None:
        """Add to the audit what changed nothing in the store (see `audit.record`)."""
        moment = now.timestamp()
        self._writer.run(lambda db: audit.record(db, moment, action, kind, name, **detail))

    def questions(self, feed: int, page: str | None = None) -> list[Question]:
        """The questions that were answered on a page, or on all pages of a feed."""
        with self._read() as db:
            return questions.of_page(db, feed, page)

    def subjects(self, feed: int) -> list[Subject]:
        """What is known of each subject of a feed, without links."""
        with self._read.snapshot() as db:
            return subjects.of_feed(db, feed)

"""The store: SQLite, one writer, group commits. No SQL and no SQLite type leaves this package."""

from __future__ import annotations

from crmwire.store.accepting import Accepted
from crmwire.store.audit import AuditEntry
from crmwire.store.backfills import BackfillRow
from crmwire.store.lanes import Fenced
from crmwire.store.loading import Claimed
from crmwire.store.logins import LoginRow
from crmwire.store.polls import PollRow
from crmwire.store.questions import Question
from crmwire.store.records import Created
from crmwire.store.settling import ROUTE_REMOVED, Outcome
from crmwire.store.setup import ConnectionRow, FeedRow, RouteRow
from crmwire.store.sides.drains import Drains
from crmwire.store.sides.intake import Intake
from crmwire.store.sides.readings import Readings
from crmwire.store.views import Counts, DeliveryFilter, DeliveryRow, DeliveryView
from crmwire.store.work import Batch

__all__ = [
    "ROUTE_REMOVED",
    "Accepted",
    "AuditEntry",
    "BackfillRow",
    "Batch",
    "Claimed",
    "ConnectionRow",
    "Counts",
    "Created",
    "DeliveryFilter",
    "DeliveryRow",
    "DeliveryView",
    "FeedRow",
    "Fenced",
    "LoginRow",
    "Outcome",
    "PollRow",
    "Question",
    "RouteRow",
    "Store",
]


class Store(Intake, Drains, Readings):
    """All that is remembered. Methods are synchronous and may be called from any thread.

    `threaded` is for the daemon: writes of many threads share commits. What a method returned is
    on disk. Raises throughout: StoreUnavailable if the file cannot be read or committed to.
    """

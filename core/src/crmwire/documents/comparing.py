"""From a document to the store: what differs, and how it is made to go away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmwire.documents.alerts import compare_alerts
from crmwire.documents.changes import Comparison
from crmwire.documents.connections import compare_connections
from crmwire.documents.feeds import compare_feeds
from crmwire.documents.routes import compare_routes
from crmwire.documents.work import Work
from crmwire.errors import ConfigurationError

if TYPE_CHECKING:
    from crmwire.app import App
    from crmwire.documents.form import TeamDocument


def compared(app: App, document: TeamDocument, where: str, *, prune: bool = False) -> Comparison:
    """What applying a document would change; with `prune`, what it leaves out is removed.

    Nothing is changed. Raises: ConfigurationError with every problem and its path.
    """
    work = Work(app=app, document=document, where=where, prune=prune)
    try:
        compare_feeds(work)
        compare_connections(work)
        compare_routes(work)
        compare_alerts(work)
    finally:
        for conn in work.opened.values():
            conn.close()
    if work.problems:
        number = len(work.problems)
        raise ConfigurationError(
            f"{where} has {'a mistake' if number == 1 else f'{number} mistakes'}:",
            problems=work.problems,
        )
    order = {"remove": 0, "add": 1, "change": 1}
    changes = sorted(work.changes, key=lambda change: order[change.action])
    return Comparison(team=document.team, changes=tuple(changes), kept=tuple(work.kept))

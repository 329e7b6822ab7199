"""The library: what commands, the receiver and other programs use.

with crmwire.open(home) as app:
    app.add_connection("sales", crm="hubspot", token=token)
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crmwire.app.alerts import Alerts
from crmwire.app.connections import Connections
from crmwire.app.deliveries import Deliveries
from crmwire.app.feeds import Feeds
from crmwire.app.logins import Logins
from crmwire.app.routes import Routes
from crmwire.app.upkeep import Upkeep
from crmwire.checking import Checked
from crmwire.errors import ConfigurationError

__all__ = ["App", "Checked", "open_app", "parse_since"]


class App(Feeds, Connections, Logins, Routes, Alerts, Deliveries, Upkeep):
    """One data folder, open. Use it as a context manager; methods may be called from any thread."""


def open_app(home: Path | str | None = None, **more: Any) -> App:
    """Open a data folder; by default `CRMWIRE_HOME`.

    Raises: ConfigurationError, StoreUnavailable.
    """
    return App(Path(home) if home is not None else None, **more)


def parse_since(text: str) -> datetime:
    """A date or time; without a zone it is UTC. Raises: ConfigurationError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(
            f"{text!r} is not a date.", remedy="Write it as 2026-11-30 or 2026-11-30T09:00+01:00."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

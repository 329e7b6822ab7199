"""crmwire: carries bookings and support tickets into CRMs.

with crmwire.open() as app:
    app.accept("bookings", body, headers)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crmwire.errors import (
    ConfigurationError,
    CrmwireError,
    Failure,
    HomeInUse,
    LoginFailed,
    NeedsLogin,
    NeedsReview,
    NotAllowed,
    PluginBroken,
    RecordGone,
    Rejected,
    RetryLater,
    StoreUnavailable,
    UnknownName,
    UnreadableWebhook,
    WebhookRefused,
)
from crmwire.hookspecs import hookimpl

if TYPE_CHECKING:
    from pathlib import Path

    from crmwire.app import App

__all__ = [
    "ConfigurationError",
    "CrmwireError",
    "Failure",
    "HomeInUse",
    "LoginFailed",
    "NeedsLogin",
    "NeedsReview",
    "NotAllowed",
    "PluginBroken",
    "RecordGone",
    "Rejected",
    "RetryLater",
    "StoreUnavailable",
    "UnknownName",
    "UnreadableWebhook",
    "WebhookRefused",
    "hookimpl",
    "open",
]


def open(home: Path | str | None = None, **more: Any) -> App:  # noqa: A001  (crmwire.open)
    """Open a data folder; by default the one that `CRMWIRE_HOME` names.

    Raises: ConfigurationError, StoreUnavailable.
    """
    from crmwire.app import open_app  # not before it is needed: `--help` stays quick

    return open_app(home, **more)

"""crmwire: carries bookings and support tickets into CRMs."""

from crmwire.errors import (
    ConfigurationError,
    CrmwireError,
    Failure,
    HomeInUse,
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

__all__ = [
    "ConfigurationError",
    "CrmwireError",
    "Failure",
    "HomeInUse",
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
]

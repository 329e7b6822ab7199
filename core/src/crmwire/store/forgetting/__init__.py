"""Removing a person from all that is stored: looked for in chunks, removed bit by bit."""

from __future__ import annotations

from crmwire.store.forgetting.elsewhere import forget_elsewhere
from crmwire.store.forgetting.finding import find, naming_deliveries, still_naming
from crmwire.store.forgetting.others import scrub_delivery, take_out_of_subject
from crmwire.store.forgetting.theirs import forget_subject
from crmwire.store.forgetting.values import Found, Removed

__all__ = [
    "Found",
    "Removed",
    "find",
    "forget_elsewhere",
    "forget_subject",
    "naming_deliveries",
    "scrub_delivery",
    "still_naming",
    "take_out_of_subject",
]

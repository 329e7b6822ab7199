"""The one typed face of `pm.hook`: a method for each hook, and who failed when one fails."""

from __future__ import annotations

from crmwire.hooks.connection import Hooks
from crmwire.hooks.managers import Named, chain, culprit, culprit_of_thread, manager
from crmwire.hooks.pure import PURE
from crmwire.hooks.source import SourceHooks

__all__ = [
    "PURE",
    "Hooks",
    "Named",
    "SourceHooks",
    "chain",
    "culprit",
    "culprit_of_thread",
    "manager",
]

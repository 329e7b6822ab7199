"""Every hook, by phase. Plain values in, plain values out; nothing here does anything.

CRM and source hooks live in one `pluggy.PluginManager` for each connection or feed, so that no
implementation needs to ask whose call it is. Pure hooks use no network, clock or disk.
"""

from __future__ import annotations

from crmwire.hookspecs.app import AppSpecs
from crmwire.hookspecs.crm import NEEDED, CrmSpecs
from crmwire.hookspecs.marks import NAME, hookimpl, hookspec
from crmwire.hookspecs.source import SourceSpecs

__all__ = [
    "NAME",
    "NEEDED",
    "AppSpecs",
    "CrmSpecs",
    "SourceSpecs",
    "hookimpl",
    "hookspec",
]

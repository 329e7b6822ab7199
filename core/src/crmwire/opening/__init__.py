"""Opening connections and feeds: from what is stored to what can be used."""

from __future__ import annotations

from crmwire.opening.accounts import lane_of, require_same_account
from crmwire.opening.openings import TOKEN, Openings
from crmwire.opening.settings import settings_of

__all__ = ["TOKEN", "Openings", "lane_of", "require_same_account", "settings_of"]

"""The properties of a fresh portal, and what a property definition is."""

from __future__ import annotations

from crmwire_hubspot.sandbox_app.definitions.property import Property
from crmwire_hubspot.sandbox_app.definitions.tables import GROUPS, definitions

__all__ = ["GROUPS", "Property", "definitions"]

"""A small sandbox of Re:lation's API v2: inboxes, tickets, one address book."""

from __future__ import annotations

from crmwire_relation.sandbox_app.app import RelationSandbox

__all__ = ["RelationSandbox"]

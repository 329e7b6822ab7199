"""The roles that records have for a subject."""

from __future__ import annotations

SHARED = ("person", "company")
"""Roles whose records several subjects may have."""

"""Which hooks are pure."""

from __future__ import annotations

PURE = frozenset(
    {
        "crm_info",
        "auth_scheme",
        "classify_login_error",
        "revocation",
        "presets",
        "filter_event",
        "map_event",
        "match_keys",
        "choose_match",
        "merge_fields",
        "classify_error",
        "read_limits",
        "source_info",
        "verify_webhook",
        "parse_webhook",
        "list_pages",
        "feed_api",
        "classify_feed_error",
    }
)
"""Hooks that use no network, clock or disk."""

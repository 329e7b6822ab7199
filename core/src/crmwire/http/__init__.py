"""Talking to a CRM or a source: one client for all, with deadlines, repeats, pacing, redaction.

Only `client` imports httpx. Plugins get a `Http` as `conn.http` or `feed.http`.
"""

from __future__ import annotations

from crmwire.http.calls import REPEATS, SHORT_WAIT, Classify, Http, ReadLimits
from crmwire.http.client import Client, shared_client, tls_context
from crmwire.http.exchanges import Exchange, recording, redacted_path
from crmwire.http.messages import Method, Request, Response
from crmwire.http.refusals import (
    LONGEST_RETRY_AFTER,
    failure_by_status,
    retry_after,
    without_secrets,
)

__all__ = [
    "LONGEST_RETRY_AFTER",
    "REPEATS",
    "SHORT_WAIT",
    "Classify",
    "Client",
    "Exchange",
    "Http",
    "Method",
    "ReadLimits",
    "Request",
    "Response",
    "failure_by_status",
    "recording",
    "redacted_path",
    "retry_after",
    "shared_client",
    "tls_context",
    "without_secrets",
]

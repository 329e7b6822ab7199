"""Requests and answers."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Mapping
from typing import Any, Literal

import attrs
from attrs import frozen

from crmwire.errors import RetryLater

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


@frozen(kw_only=True)
class Request:
    """One call. `path` is below the base URL, or a whole URL of the same host.

    `form` is sent as a form instead of `json`, `content` as it is.
    A POST is repeated only if `safe` (a query, a batch read, an upsert). `accept` lists refusing
    statuses that come back as a Response instead of being raised. `limit` names the vendor's
    limit that the call counts under.
    """

    method: Method
    path: str
    json: object = attrs.field(default=None, repr=False)
    form: Mapping[str, str] | None = attrs.field(default=None, repr=False)
    content: bytes | None = attrs.field(default=None, repr=False)
    params: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    safe: bool = False
    accept: frozenset[int] = frozenset()
    limit: str = "calls"

    @property
    def repeatable(self) -> bool:
        return self.safe or self.method != "POST"


@frozen(kw_only=True)
class Response:
    """An answer; header names are lower-cased."""

    status: int
    headers: Mapping[str, str]
    content: bytes = attrs.field(repr=False)
    request_id: str = ""

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON, None if empty. Raises: RetryLater (outcome unknown) if it is not."""
        if not self.content.strip():
            return None
        try:
            return jsonlib.loads(self.content)
        except (ValueError, RecursionError):
            raise RetryLater(
                "The answer is not JSON.",
                code=f"HTTP {self.status}",
                request_id=self.request_id,
                sent="unknown",
            ) from None

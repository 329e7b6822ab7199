"""Webhooks and files in: verified, parsed and accepted before anyone is answered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from attrs import frozen

from crmwire.drills import step
from crmwire.errors import (
    ConfigurationError,
    PluginBroken,
    UnreadableWebhook,
    WebhookRefused,
)
from crmwire.signatures import verify
from crmwire.types import Event, WebhookRequest

if TYPE_CHECKING:
    from crmwire.hooks import SourceHooks
    from crmwire.opening import Openings
    from crmwire.store import Accepted, FeedRow

LARGEST_BODY = 256 * 1024
"""Bytes of a webhook's body that are taken."""


@frozen(kw_only=True)
class Intake:
    """What became of one webhook."""

    status: Literal["accepted", "duplicate", "ignored", "unreadable"]
    accepted: tuple[Accepted, ...] = ()
    reason: str | None = None

    @property
    def lanes(self) -> frozenset[str]:
        return frozenset().union(*(one.lanes for one in self.accepted))


def token_hash(token: str) -> bytes:
    """What is stored of a feed's address token."""
    return hashlib.sha256(token.encode()).digest()


def verified(hooks: SourceHooks, request: WebhookRequest) -> bool:
    """Whether the webhook is signed; False only where the feed allows unsigned ones.

    Raises: WebhookRefused if the signature is missing, wrong or too old, or if the feed has no
    secret and does not allow that.
    """
    feed = hooks.feed
    if not feed.secrets:
        if feed.allow_unsigned:
            return False
        raise WebhookRefused(
            f"The feed {feed.name} has no signing secret, so nothing can be trusted.",
            remedy="Give it one, or allow unsigned webhooks by name.",
        )
    answer = hooks.verify_webhook(request)
    if answer is not None:
        if not answer:
            raise WebhookRefused
        return True
    scheme = hooks.source_info().signature
    if scheme is None:
        raise WebhookRefused("This source does not sign its webhooks.")
    verify(scheme, feed, request)
    return True


def take_in(openings: Openings, row: FeedRow, request: WebhookRequest) -> Intake:
    """Verify, parse and accept one webhook; on disk when this returns.

    A signed body that the source's plugin cannot read is kept, so that nothing is lost, as long
    as the feed has not too many of them. Raises: WebhookRefused, StoreUnavailable, PluginBroken
    if the plugin does not load; UnreadableWebhook or PluginBroken if the body is not kept.
    """
    hooks = openings.source(row)
    signed = verified(hooks, request)
    now = openings.clock.now()
    try:
        events = hooks.parse_webhook(request)
    except (UnreadableWebhook, PluginBroken) as error:
        if not signed and isinstance(error, UnreadableWebhook):
            raise
        if openings.store.keep_unreadable(row.id, request.body, error.message, now) is None:
            raise
        return Intake(status="unreadable", reason=error.message)
    return accepted(openings, row, events, now)


def accepted(openings: Openings, row: FeedRow, events: Sequence[Event], now: datetime) -> Intake:
    """Accept parsed events. Raises: StoreUnavailable."""
    step("before_accept")
    answers = tuple(openings.store.accept(row.id, events, now))
    step("after_accept")
    if answers and all(one.duplicate for one in answers):
        return Intake(status="duplicate", accepted=answers)
    ignored = [one.ignored for one in answers if one.ignored]
    if not answers or len(ignored) == len(answers):
        reason = ignored[0] if ignored else "it tells of nothing that crmwire carries"
        return Intake(status="ignored", accepted=answers, reason=reason)
    return Intake(status="accepted", accepted=answers)


def bodies_in(path: Path) -> Iterator[tuple[str, bytes]]:
    """The webhook bodies of a file, each with where it stands: JSON (one or a list) or NDJSON.

    Raises: ConfigurationError if the file cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror}).") from error
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        lines = [(n, line) for n, line in enumerate(content.splitlines(), 1) if line.strip()]
        if not any(_is_object(line) for _, line in lines):
            yield str(path), content  # one body that is no JSON, not one in each line
            return
        for number, line in lines:
            yield f"{path}:{number}", line
        return
    for number, one in enumerate(data if isinstance(data, list) else [data], start=1):
        yield f"{path}[{number}]", json.dumps(one).encode()


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False

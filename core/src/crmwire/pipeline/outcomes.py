"""What becomes of a delivery, by what its writes came to."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from attrs import define

from crmwire import stored
from crmwire.connections import ConnectionSettings
from crmwire.errors import Failure, NeedsLogin, NeedsReview, PluginBroken, RecordGone, RetryLater
from crmwire.pipeline.desk import Desk
from crmwire.pipeline.planned import Planned
from crmwire.store import Outcome
from crmwire.types import Link

JITTER = 0.2
SHORTEST_WAIT, LONGEST_WAIT = 1.0, 24 * 3600.0
"""Seconds between which a wait that was asked for is kept."""


@define(kw_only=True)
class Pause:
    """How long a lane or a connection rests after a batch, and why."""

    seconds: float
    reason: str
    code: str = ""


def next_wait(settings: ConnectionSettings, tries: int) -> float:
    """Seconds until the next try, after so many that counted; ±20 % jitter."""
    ladder = settings.tries
    base = ladder[min(tries, len(ladder) - 1)] if ladder else 0.0
    return base * random.uniform(1 - JITTER, 1 + JITTER)


def _bounded(after: float) -> float:
    """The wait that a CRM or a plugin asks for: not so short that it is asked over and over."""
    return min(max(after, SHORTEST_WAIT), LONGEST_WAIT)


def of_failure(
    desk: Desk,
    one: Planned,
    failure: Failure,
    *,
    attempt_open: bool | None,
    links: Sequence[Link] = (),
    unlinked: Sequence[tuple[str, str]] = (),
    detail: dict[str, Any] | None = None,
) -> Outcome:
    """The outcome of a delivery that failed: tried again, or held for a person."""
    claimed, now, settings = one.claimed, desk.conn.now(), desk.conn.settings
    delivery = claimed.delivery
    problem = {"failure": told(failure), **(detail or {})}
    common: dict[str, Any] = {
        "delivery": one.id,
        "reason": failure.message,
        "remedy": failure.remedy or None,
        "failure": failure.kind,
        "code": failure.code or None,
        "attempt_open": attempt_open,
        "links": tuple(links),
        "unlinked": tuple(unlinked),
        "detail": problem,
    }
    started = delivery.first_try_at or now
    if isinstance(failure, RecordGone) and delivery.tries < 3:
        # The link is forgotten, so the next plan makes the record anew or leaves it be.
        return Outcome(state="ready", due_at=now.timestamp(), chargeable=True, **common)
    if isinstance(failure, NeedsLogin):
        return Outcome(state="ready", due_at=now.timestamp(), **common)
    if not isinstance(failure, RetryLater | PluginBroken):
        return Outcome(state="held", chargeable=True, **common)
    free = isinstance(failure, RetryLater) and failure.pause
    asked = failure.after if isinstance(failure, RetryLater) else None
    wait = next_wait(settings, delivery.tries) if asked is None else _bounded(asked)
    due, end = now + timedelta(seconds=wait), started + timedelta(seconds=settings.give_up_after)
    if asked is None and not free:
        due = min(due, end)  # the last try is the one at the end
    if attempt_open:
        # The clock may have been put back since it was claimed: nothing was sent later than now.
        sent = min(stored.moment(claimed.sent_at) or now, now)
        if one.sent_steady is not None:  # the time of day may have been set since
            sent = now - timedelta(seconds=desk.conn.clock.monotonic() - one.sent_steady)
        due = max(due, sent + timedelta(seconds=desk.conn.settle_after))
    if not free and now >= end:
        common["remedy"] = failure.remedy or "Mend the cause, then run `crmwire retry`."
        common["reason"] = f"given up after {delivery.tries + 1} tries: {failure.message}"
        return Outcome(state="held", chargeable=True, **common)
    return Outcome(state="ready", due_at=due.timestamp(), chargeable=not free, **common)


def told(failure: Failure) -> dict[str, Any]:
    """A failure as the history keeps it."""
    made: dict[str, Any] = {
        "kind": failure.kind,
        "message": failure.message,
        "remedy": failure.remedy,
        "code": failure.code,
        "fields": list(failure.fields),
        "request_id": failure.request_id,
        "sent": failure.sent,
    }
    if isinstance(failure, NeedsReview):
        made["candidates"] = [
            {"type": record.type, "id": record.id, "url": record.url}
            for record in failure.candidates
        ]
    return {name: value for name, value in made.items() if value not in ("", [], None)}


def lane_pause(failures: Sequence[Failure]) -> Pause | None:
    """How long the whole lane must rest, by the failures of a batch."""
    longest: Pause | None = None
    for failure in failures:
        if isinstance(failure, RetryLater) and failure.pause:
            seconds = 5.0 if failure.after is None else _bounded(failure.after)
            if longest is None or seconds > longest.seconds:
                longest = Pause(seconds=seconds, reason=failure.message, code=failure.code)
    return longest

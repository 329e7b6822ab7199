"""Steps 7 and 8: what is sent is stored before, and answered or in doubt after."""

from __future__ import annotations

import json
from collections.abc import Sequence

import attrs

from crmwire import stored
from crmwire.drills import step
from crmwire.errors import Failure
from crmwire.http import Exchange
from crmwire.pipeline.desk import Desk
from crmwire.pipeline.planned import Planned
from crmwire.pipeline.writes import Outbox
from crmwire.types import Written
from crmwire.waves import because_of


def send(
    desk: Desk,
    epoch: int,
    planned: Sequence[Planned],
    box: Outbox,
    exchanges: list[Exchange],
) -> dict[str, Written | Failure]:
    """Store the attempts, send the writes; one answer for each, by its id. Raises: Fenced."""
    if not box.writes:
        return {}
    now, report = desk.conn.now(), desk.conn.report
    user = report.user_id if report is not None else ""
    attempts = {}
    for one in planned:
        entries = [
            {"item": item, "write": stored.write_to_json(write)}
            for line in one.lines
            if (write := box.of_line(line)) is not None
            for item in line.items_of(one)
        ]
        if entries and one.failure is None and one.skip is None:
            attempts[one.id] = json.dumps({"user": user, "writes": entries}, ensure_ascii=False)
            one.claimed = attrs.evolve(one.claimed, sent_at=now.timestamp())
            one.sent_steady = desk.conn.clock.monotonic()
    step("before_attempt")
    found = {one.id: one.found for one in planned}
    desk.store.save_attempts(desk.lane, epoch, attempts, now, found)
    step("after_attempt")
    before = len(exchanges)
    try:
        answers = list(desk.conn.hooks.write_records(box.writes))
    except Failure as failure:
        if any(_may_have_changed(exchange) for exchange in exchanges[before:]):
            failure.sent = "unknown"
        answers = [_for_this(failure) for _ in box.writes]
    for one in planned:
        if one.sent_steady is not None:
            # The last of many requests may have gone out long after the first.
            one.sent_steady = max(one.sent_steady, desk.conn.last_sign)
    step("before_settle")
    return {write.id: answer for write, answer in zip(box.writes, answers, strict=True)}


def _may_have_changed(exchange: Exchange) -> bool:
    """Whether a request, though the call as a whole failed, may have written something."""
    return exchange.method != "GET" and (exchange.status is None or exchange.status < 400)


def _for_this(failure: Failure) -> Failure:
    copy = because_of(failure)
    copy.sent = failure.sent
    return copy

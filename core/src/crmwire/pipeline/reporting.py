"""What is told of a delivery: in its history, to people, to observers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crmwire.errors import Failure, NeedsReview
from crmwire.pipeline.deciding import key_of
from crmwire.pipeline.desk import Desk
from crmwire.pipeline.planned import Planned
from crmwire.pipeline.telling import Told
from crmwire.pipeline.writes import Outbox
from crmwire.store import Outcome
from crmwire.types import DeliveryChange, Written


def detail_of(
    one: Planned,
    answers: Mapping[str, Written | Failure],
    box: Outbox,
    told: Told,
) -> dict[str, Any]:
    """What a delivery's history keeps of a try: its lines and requests."""
    lines = []
    for line in one.lines:
        write = box.of_line(line)
        answer = answers.get(write.id) if write is not None else None
        match = line.match
        lines.append(
            {
                "role": line.draft.role,
                "do": match.action if match else None,
                "why": match.why if match else None,
                "type": match.type if match else None,
                "record": answer.record
                if isinstance(answer, Written)
                else (match.record.id if match and match.record else None),
                "before": {
                    change.name: change.old
                    for change in line.changes
                    if change.written and change.old is not None
                },
                "dropped": list(answer.dropped) if isinstance(answer, Written) else [],
            }
        )
    return {
        "lines": lines,
        "requests": told.of(one.id),
    }


def question_of(
    one: Planned,
    answers: Mapping[str, Written | Failure],
    box: Outbox,
    failures: Sequence[Failure],
) -> dict[str, Any]:
    """Whom a person is asked about: the role, and by what the person is known."""
    for line in one.lines:
        write = box.of_line(line)
        failure = line.failure or (answers.get(write.id) if write is not None else None)
        if isinstance(failure, NeedsReview) and failure in failures:
            return {
                "role": line.draft.role,
                **({"person": key_of(line)} if line.keys else {}),
            }
    return {}


def change_of(desk: Desk, one: Planned, outcome: Outcome) -> DeliveryChange:
    """What observers are told of it."""
    return DeliveryChange(
        delivery=one.id,
        connection=desk.conn.name,
        crm=desk.conn.crm,
        event_type=one.claimed.delivery.event.type,
        before="working",
        after=outcome.state,
        failure=outcome.failure or "",
        message=outcome.reason or "",
        remedy=outcome.remedy or "",
    )

"""One batch from claim to settlement: doubts, plan, attempt, writes, outcomes."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, field

from crmwire.drills import step
from crmwire.errors import Failure, NeedsLogin, PluginBroken, RetryLater
from crmwire.http import recording
from crmwire.pipeline.adopting import adopt
from crmwire.pipeline.concluding import outcome_of
from crmwire.pipeline.desk import Desk
from crmwire.pipeline.doubts import mind_upserted, settle_doubts, waits
from crmwire.pipeline.making import created, found
from crmwire.pipeline.outcomes import Pause, lane_pause
from crmwire.pipeline.planned import Planned
from crmwire.pipeline.planning import plan
from crmwire.pipeline.reporting import change_of
from crmwire.pipeline.sending import send
from crmwire.pipeline.telling import Told, owners
from crmwire.pipeline.writes import outbox
from crmwire.store import Batch, Created, Outcome
from crmwire.types import DeliveryChange


@define(kw_only=True)
class Result:
    """What a batch came to: to be settled, and whether lane or connection must rest."""

    outcomes: list[Outcome] = field(factory=list)
    created: list[Created] = field(factory=list)
    pause: Pause | None = None
    needs_login: NeedsLogin | None = None
    broken: PluginBroken | None = None
    changes: list[DeliveryChange] = field(factory=list)
    moved_to: str | None = None
    """The lane that the connection turned out to belong to."""
    odd: int = 0
    """How many deliveries were given back to be tried one by one, since one of them is at fault."""


def carry_out(desk: Desk, batch: Batch, epoch: int) -> Result:
    """Carry out a batch. Nothing is settled here: the caller does it with the next claim.

    Raises: Fenced if another drain of the lane has begun; then nothing was sent.
    """
    step("after_claim")
    planned = [Planned(claimed=item) for item in batch.items]
    result = Result()
    with recording() as exchanges:
        waiting = settle_doubts(desk, planned)
        still_open = {one.id for one in planned if one.failure is not None}
        left = {one.id for one in waiting}
        working = [one for one in planned if one.id not in left]
        _stand_back(working)
        plan(desk, working, made=found(working))
        still_open |= mind_upserted(working)
        box = outbox(desk, working)
        if adopt(desk, working, box):
            box = outbox(desk, working)
        answers = send(desk, epoch, working, box, exchanges)
    result.outcomes += [waits(desk, one) for one in waiting]
    failures: list[Failure] = []
    told = Told(exchanges, owners(working, box, answers))
    for one in working:
        outcome, failure = outcome_of(desk, one, box, answers, told, one.id in still_open)
        result.outcomes.append(outcome)
        if failure is not None:
            failures.append(failure)
        result.changes.append(change_of(desk, one, outcome))
    result.created = created(working, box, answers)
    result.pause = lane_pause(failures)
    for failure in failures:
        if isinstance(failure, NeedsLogin):
            result.needs_login = failure
        if isinstance(failure, PluginBroken):
            result.broken = failure
    return result


def _stand_back(planned: Sequence[Planned]) -> None:
    """Let a delivery wait for an earlier one that is held and may have made its records."""
    for one in planned:
        earlier = one.claimed.shadowed_by
        if earlier is not None and one.failure is None:
            one.failure = RetryLater(
                f"What delivery {earlier} of the same subject wrote is not known.",
                remedy=f"Retry or dismiss delivery {earlier} first.",
            )

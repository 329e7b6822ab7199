"""What is to become of one delivery, while its batch is worked on."""

from __future__ import annotations

from attrs import define, field

from crmwire.errors import Failure
from crmwire.pipeline.folding import Line
from crmwire.store import Claimed
from crmwire.types import Link


@define(kw_only=True)
class Planned:
    """What is to become of one delivery: skipped, failed, or lines to write."""

    claimed: Claimed
    skip: str | None = None
    ended: bool = False
    """The booking is over and nothing stands for it, so what is older writes nothing any more."""
    failure: Failure | None = None
    lines: list[Line] = field(factory=list)
    sent_steady: float | None = None
    """When the last of what was sent for it went out at the latest, by a clock nobody sets."""
    ready_steady: float | None = None
    """When what an unanswered attempt made can be looked up, by the same clock; None: now."""
    found: tuple[Link, ...] = ()
    """Links to records that an earlier, unanswered attempt turned out to have made."""
    upserted: tuple[Link, ...] = ()
    """Links to activities that it may have upserted; of use if they are not upserted again."""
    not_known: Failure | None = None
    """Why it is not known what it upserted."""

    @property
    def id(self) -> int:
        return self.claimed.delivery.id

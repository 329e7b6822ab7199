"""Who is told what now: pure, from what is wrong and what was told before."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import define, evolve, field

from crmwire.alerting import messages
from crmwire.alerting.kinds import KINDS, Pace
from crmwire.alerting.messages import Current
from crmwire.alerting.watching import Sight
from crmwire.store.alerts import Decision, NewNotice, Opening, Standing, TargetRow, TroubleRow

Waiting = Callable[[TroubleRow], int | None]
"""How many deliveries go on, now that a trouble is over."""


def decided(
    sight: Sight,
    standing: Standing,
    now: float,
    pace: Pace,
    waiting: Waiting = lambda row: None,
) -> Decision:
    """What changes with this look: troubles that begin and end, and messages to send.

    The first of a kind is told at once (after `gather`), together with what began at the same
    time; after a `burst` more of that kind waits and is told together. The rest is the digest's.
    """
    seen = {one.about: one for one in sight.seen}
    # What is seen again before its end was told has not ended.
    open_rows = {
        row.about: row
        for row in standing.troubles
        if row.closed_at is None or (row.about in seen and row.ended == "well")
    }
    current = [
        Current(seen=one, opened_at=open_rows[about].opened_at if about in open_rows else now)
        for about, one in seen.items()
    ]
    work = _Work(sight=sight, standing=standing, now=now, pace=pace, waiting=waiting)
    for about, one in seen.items():
        if about not in open_rows:
            work.openings.append(
                Opening(about=about, kind=one.kind.key, team=one.team, name=one.name)
            )
        elif open_rows[about].well_since is not None or open_rows[about].closed_at is not None:
            work.back.append(open_rows[about].id)
    ended = [row for row in standing.troubles if row not in open_rows.values()]
    for about, row in open_rows.items():
        if about not in seen:
            ended += work.unseen(row)
    ripe = [one for one in current if work.is_ripe(one)]
    for target in standing.targets:
        mine = [one for one in ripe if target.hears_of(one.seen.team) and not _own(target, one)]
        work.tell_begun(target, mine, open_rows)
        work.tell_ended(target, ended)
        work.tell_digest(target, mine)
    return Decision(
        openings=tuple(work.openings),
        well=tuple(work.well),
        back=tuple(work.back),
        closings=tuple(work.closings),
        silent=tuple(work.silent),
        notices=tuple(work.notices),
        digests=tuple(work.digests),
    )


def _own(target: TargetRow, one: Current) -> bool:
    """A target that messages do not reach is not told so itself."""
    return one.seen.about.startswith(f"{target.owner}/")


@define(kw_only=True)
class _Work:
    """A decision in the making."""

    sight: Sight
    standing: Standing
    now: float
    pace: Pace
    waiting: Waiting
    openings: list[Opening] = field(factory=list)
    well: list[int] = field(factory=list)
    back: list[int] = field(factory=list)
    closings: list[tuple[int, str]] = field(factory=list)
    silent: list[tuple[int, int]] = field(factory=list)
    notices: list[NewNotice] = field(factory=list)
    digests: list[tuple[int, float | None]] = field(factory=list)

    def is_ripe(self, one: Current) -> bool:
        """Whether it has lasted long enough to be told, or surely will."""
        patience = self.pace.patience(one.seen.kind)
        return one.seen.certain or self.now - one.opened_at >= patience

    def unseen(self, row: TroubleRow) -> Sequence[TroubleRow]:
        """What becomes of a trouble that is not there now: it calms down, or is over."""
        owner = "/".join(row.about.split("/")[:2])
        if owner not in self.sight.owners:
            self.closings.append((row.id, "gone"))
            return [_ended(row, self.now, "gone")]
        since = self.now if row.well_since is None else row.well_since
        kind = KINDS.get(row.kind)
        if kind is None or self.now - since >= self.pace.calm(kind):
            self.closings.append((row.id, "well"))
            return [_ended(row, self.now, "well")]
        if row.well_since is None:
            self.well.append(row.id)
        return []

    def is_full(self, target: TargetRow, event: str, kind: str) -> bool:
        """Whether so many messages of this kind went out lately that more must wait."""
        times = self.standing.recent.get((target.id, event, kind), ())
        return sum(self.now - at < self.pace.gap for at in times) >= self.pace.burst

    def tell_begun(
        self, target: TargetRow, mine: Sequence[Current], rows: dict[str, TroubleRow]
    ) -> None:
        by_kind: dict[str, list[Current]] = {}
        for one in mine:
            row = rows.get(one.seen.about)
            told = row is not None and (target.id, row.id) in self.standing.told
            often = self.standing.lately.get((target.id, one.seen.about), 0) >= self.pace.most
            if not told and not often:
                by_kind.setdefault(one.seen.kind.key, []).append(one)
        for key, found in by_kind.items():
            oldest = min(one.opened_at for one in found)
            if self.now - oldest < self.pace.gather or self.is_full(target, "trouble", key):
                continue
            self.notices.append(messages.opened(target, KINDS[key], found, self.now))

    def tell_ended(self, target: TargetRow, ended: Sequence[TroubleRow]) -> None:
        by_kind: dict[str, list[TroubleRow]] = {}
        for row in ended:
            pair = (target.id, row.id)
            if pair not in self.standing.told or self.standing.told[pair] is not None:
                continue
            if row.ended != "well" or row.kind not in KINDS:
                self.silent.append(pair)
            else:
                by_kind.setdefault(row.kind, []).append(row)
        for key, rows in by_kind.items():
            first = min(row.closed_at or self.now for row in rows)
            if self.now - first < self.pace.gather or self.is_full(target, "well", key):
                continue
            waiting = {row.id: count for row in rows if (count := self.waiting(row)) is not None}
            self.notices.append(messages.over(target, KINDS[key], rows, waiting, self.now))

    def tell_digest(self, target: TargetRow, mine: Sequence[Current]) -> None:
        """One digest in each period, as long as anything is wrong."""
        period = self.pace.digest(target.digest)
        if period is None or not mine:
            if target.digest_at is not None and (period is None or self.now >= target.digest_at):
                self.digests.append((target.id, None))
            return
        if target.digest_at is None:
            self.digests.append((target.id, self.now + period))
        elif self.now >= target.digest_at:
            self.notices.append(messages.digest(target, mine, self.now))
            self.digests.append((target.id, self.now + period))


def _ended(row: TroubleRow, now: float, how: str) -> TroubleRow:
    return evolve(row, closed_at=now, ended=how)

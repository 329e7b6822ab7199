"""Steps 1 to 6: what is wanted, what is there, what may be written. Sends nothing but reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crmwire.errors import ConfigurationError, Failure, Rejected
from crmwire.pipeline.deciding import decide, spare
from crmwire.pipeline.desk import Desk
from crmwire.pipeline.folding import folded
from crmwire.pipeline.looking_up import ask, look_up
from crmwire.pipeline.planned import Planned
from crmwire.pipeline.wanting import draft


def plan(
    desk: Desk,
    planned: Sequence[Planned],
    *,
    look_up_all: bool = False,
    made: Mapping[tuple[str, str, str], str] | None = None,
) -> None:
    """Work out lines, matches and field changes for these deliveries, in place.

    `look_up_all` reads even where an upsert would need no look-up (for previews). `made` are
    records, by (type, key, value), that unanswered attempts turned out to have made just now.
    """
    for one in planned:
        if one.failure is None and one.skip is None:
            try:
                draft(desk, one)
            except Failure as failure:
                one.failure = failure
            except ConfigurationError as error:
                one.failure = unusable(error)
    lines = folded([one for one in planned if one.failure is None and one.skip is None])
    for line in lines:
        try:
            ask(desk, line, look_up_all)
        except Failure as failure:
            line.failure = failure
    users = look_up(desk, [line for line in lines if line.failure is None], made or {})
    for line in lines:
        if line.failure is None:
            try:
                decide(desk, line, users)
            except Failure as failure:
                line.failure = failure
    if not look_up_all:
        spare(desk, lines)
    for one in planned:
        _conclude(one)


def unusable(error: ConfigurationError) -> Rejected:
    """Why a delivery is held whose route's mapping cannot be used."""
    message = " ".join([error.message, "; ".join(error.problems)]).strip()
    return Rejected(message, remedy=error.remedy or "Mend the route's mapping, then retry.")


def _conclude(one: Planned) -> None:
    """A line's failure, or its finding nobody, is its delivery's."""
    for line in one.lines:
        if line.failure is not None and one.failure is None:
            one.failure = line.failure
        skipped = line.match is not None and line.match.action == "skip"
        if skipped and line.draft.role == "person" and "" in line.items_of(one):
            one.skip = line.match.why if line.match else None
    if one.failure is None and one.skip is None and one.claimed.chosen is not None:
        roles = {line.draft.role for line in one.lines}
        if one.claimed.chosen["role"] not in roles and not one.found:
            one.failure = Rejected("The chosen record fits none of the records to be written.")

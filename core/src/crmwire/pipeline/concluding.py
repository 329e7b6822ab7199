"""Step 9: what became of each delivery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from crmwire.errors import Failure, NeedsLogin, PluginBroken, RecordGone, RetryLater
from crmwire.pipeline.desk import Desk
from crmwire.pipeline.folding import Line
from crmwire.pipeline.outcomes import of_failure
from crmwire.pipeline.planned import Planned
from crmwire.pipeline.reporting import detail_of, question_of
from crmwire.pipeline.telling import Told
from crmwire.pipeline.writes import Outbox
from crmwire.store import Outcome
from crmwire.types import Link, Write, Written


def outcome_of(
    desk: Desk,
    one: Planned,
    box: Outbox,
    answers: Mapping[str, Written | Failure],
    told: Told,
    still_open: bool,
) -> tuple[Outcome, Failure | None]:
    """What became of a delivery, and the failure that decided it, if any."""
    version = one.claimed.delivery.subject.version
    links = list(one.found)
    unlinked: list[tuple[str, str]] = []
    failures: list[tuple[Line, Failure]] = []
    in_doubt = still_open
    for line in one.lines if one.failure is None and one.skip is None else ():
        write = box.of_line(line)
        answer = answers.get(write.id) if write is not None else None
        if isinstance(answer, Failure):
            failures.append((line, answer))
            # An update too may still land, and must not do so after a newer one.
            in_doubt = in_doubt or answer.sent == "unknown"
            if isinstance(answer, RecordGone) and write is not None:
                unlinked += _forget(desk, one, answer, write)
        elif isinstance(answer, Written) or line.match is not None:
            link = _link(line, box, answer, version)
            if link is not None:
                links += [attrs.evolve(link, item=item) for item in line.items_of(one)]
            gone = line.draft.link is not None and line.draft.link.retired
            if gone or (line.match is not None and line.match.action == "delete"):
                unlinked.append((line.draft.role, line.draft.item))
    asked = [one.failure] if one.failure is not None else [failure for _, failure in failures]
    detail = {**detail_of(one, answers, box, told), **question_of(one, answers, box, asked)}
    if one.failure is not None:
        return _failed(desk, one, one.failure, in_doubt, links, unlinked, detail), one.failure
    if one.skip is not None:
        return (
            Outcome(
                delivery=one.id,
                state="skipped",
                reason=one.skip,
                version=version if one.ended else None,
                links=tuple(links),
            ),
            None,
        )
    if failures:
        failure = _worst([answer for _, answer in failures])
        return _failed(desk, one, failure, in_doubt, links, unlinked, detail), failure
    return (
        Outcome(
            delivery=one.id,
            state="delivered",
            version=version,
            links=tuple(links),
            unlinked=tuple(unlinked),
            chargeable=True,
            detail=detail,
        ),
        None,
    )


def _forget(desk: Desk, one: Planned, gone: RecordGone, write: Write) -> list[tuple[str, str]]:
    """Forget the record that is not there any more; returns the links that named it."""
    type_, record = gone.type or write.type, gone.record or write.record
    if not record:
        return []
    desk.store.forget_record(desk.lane, type_, record)
    return [
        (link.role, link.item)
        for link in one.claimed.delivery.subject.links
        if (link.type, link.record) == (type_, record)
    ]


def _failed(
    desk: Desk,
    one: Planned,
    failure: Failure,
    in_doubt: bool,
    links: Sequence[Link],
    unlinked: Sequence[tuple[str, str]],
    detail: dict[str, Any],
) -> Outcome:
    return of_failure(
        desk,
        one,
        failure,
        attempt_open=in_doubt,
        links=links,
        unlinked=unlinked,
        detail=detail,
    )


def _worst(failures: Sequence[Failure]) -> Failure:
    """The failure that decides: one that a person must mend before one that passes by itself."""
    order: tuple[type[Failure], ...] = (NeedsLogin, PluginBroken, RetryLater)
    lasting = [failure for failure in failures if not isinstance(failure, order)]
    unknown = [failure for failure in failures if failure.sent == "unknown"]
    return (unknown or lasting or list(failures))[0]


def _link(line: Line, box: Outbox, answer: Written | Failure | None, version: int) -> Link | None:
    draft, match = line.draft, line.match
    if match is None or match.action in ("delete", "skip"):
        return None
    if draft.link is not None and draft.link.retired:
        return None
    if isinstance(answer, Written):
        return Link(
            role=draft.role,
            item=draft.item,
            type=answer.type,
            record=answer.record,
            url=answer.url or (match.record.url if match.record else None),
            version=version,
        )
    known = box.known.get(id(line))
    if known is None:
        return None
    return Link(
        role=draft.role,
        item=draft.item,
        type=known.alias_type or known.type,
        record=known.alias_of or known.id,
        url=known.url,
        version=version,
    )

"""Steps 1 and 2: whether an event is carried, and which records it wants."""

from __future__ import annotations

import attrs

from crmwire.mapping import ENDINGS, Mapping
from crmwire.pipeline.desk import Desk
from crmwire.pipeline.effects import (
    SUPERSEDED,
    UNKNOWN_PART,
    effective,
    is_part_of_unknown,
    seen_by,
    told_by,
)
from crmwire.pipeline.folding import Line
from crmwire.pipeline.planned import Planned
from crmwire.pipeline.roles import SHARED
from crmwire.store import ROUTE_REMOVED
from crmwire.types import Delivery, Draft, Event, Subject


def draft(desk: Desk, one: Planned) -> None:
    """Find out which records a delivery wants, or why it is skipped."""
    delivery = one.claimed.delivery
    if one.claimed.route_removed:
        one.skip = ROUTE_REMOVED
        return
    mapping = desk.mapping_of(one.claimed.route)
    one.skip = mapping.reason_to_skip(delivery.event, delivery.subject)
    one.skip = one.skip or desk.conn.hooks.filter_event(delivery)
    event = effective(delivery)
    if one.skip is None and event is None:
        one.skip = UNKNOWN_PART if is_part_of_unknown(delivery) else SUPERSEDED
    if one.skip is not None or event is None:
        return
    subject = seen_by(delivery)
    drafts = [
        *_left_undone(desk, one, event, subject, mapping),
        *desk.conn.hooks.map_event(event, subject, mapping),
    ]
    if delivery.late:
        # The record that belongs to the event itself tells what the event told.
        drafts = [draft for draft in drafts if not draft.per_event]
        if subject.status not in ("cancelled", "rejected"):
            own = desk.conn.hooks.map_event(delivery.event, told_by(delivery), mapping)
            drafts += [draft for draft in own if draft.per_event]
    elif event.type != delivery.event.type:
        drafts = [draft for draft in drafts if not draft.per_event]
    if subject.delivered > subject.version:
        if not any(draft.per_event for draft in drafts):
            one.skip = SUPERSEDED
            return
        # What belongs to the event itself is still written, with its person if nobody was yet.
        drafts = [one_ for one_ in drafts if one_.per_event or _is_lacking(one_, subject)]
    if not drafts and not one.found:
        one.skip = _nothing(delivery, event.type)
        one.ended = event.type.rpartition(".")[2] in ENDINGS and not subject.links
    one.lines = [Line(draft=draft, planned=[one]) for draft in drafts]


def _left_undone(
    desk: Desk, one: Planned, event: Event, subject: Subject, mapping: Mapping
) -> list[Draft]:
    """People and companies of an earlier attempt that made the activity alone.

    Their own writes failed, or nobody knows; and nothing else would write them any more.
    """
    if one.claimed.attempt is None:
        return []
    before = tuple(
        link
        for link in subject.links
        if link.role in SHARED or link.version != one.claimed.delivery.subject.version
    )
    if len(before) == len(subject.links):
        return []
    wanted = desk.conn.hooks.map_event(event, attrs.evolve(subject, links=before), mapping)
    return [draft for draft in wanted if _is_lacking(draft, subject)]


def _is_lacking(draft: Draft, subject: Subject) -> bool:
    """Whether a draft is of a person or company that nobody wrote for the subject yet."""
    return draft.role in SHARED and subject.link(draft.role, draft.item) is None


def _nothing(delivery: Delivery, type_: str) -> str:
    """Why an event leaves nothing to do."""
    subject = delivery.subject
    if delivery.late:
        return SUPERSEDED
    if not subject.links:
        return f"nothing was written for it before, so {type_} changes nothing"
    if subject.delivered >= subject.version:
        return "already written"
    return f"the mapping does nothing on {type_}"

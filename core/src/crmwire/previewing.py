"""Previews: the Plan of an event, with what was read and why each field is written or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from attrs import frozen

from crmwire.errors import CrmwireError, Failure, NeedsLogin, RetryLater
from crmwire.pipeline import Desk, Line, Planned, plan
from crmwire.types import FieldChange, Key, Record, WebhookRequest

if TYPE_CHECKING:
    from crmwire.opening import Openings
    from crmwire.store import Claimed, FeedRow


@frozen(kw_only=True)
class PreviewLine:
    """One record: what would be done with it and with each of its fields."""

    role: str
    item: str
    do: str
    type: str | None
    record: str | None
    url: str | None
    why: str
    keys: tuple[Key, ...]
    candidates: tuple[Record, ...]
    changes: tuple[FieldChange, ...]


@frozen(kw_only=True)
class Preview:
    """The Plan of one event on one route. `not_looked_up` tells why the CRM was not asked."""

    event_type: str
    route: str
    connection: str
    skip: str | None = None
    problem: str | None = None
    remedy: str | None = None
    not_looked_up: str | None = None
    lines: tuple[PreviewLine, ...] = ()


def previews(
    openings: Openings, row: FeedRow, body: bytes, connection: str | None
) -> list[Preview]:
    """The Plans of all events of a webhook body on all routes of its feed."""
    now = openings.clock.now()
    request = WebhookRequest(body=body, received_at=now)
    events = openings.source(row).parse_webhook(request)
    made = [
        Preview(event_type=event.type, route="-", connection="-", skip=event.ignored)
        for event in events
        if event.ignored
    ]
    wanted = [event for event in events if not event.ignored]
    for connection_id, claimed in openings.store.rehearse(row.id, wanted, now):
        if connection is None or claimed.delivery.connection == connection:
            made.append(_preview(openings, connection_id, claimed))
    return made


def _preview(openings: Openings, connection_id: int, claimed: Claimed) -> Preview:
    delivery = claimed.delivery
    made = Preview(
        event_type=delivery.event.type, route=delivery.route, connection=delivery.connection
    )
    if delivery.state == "skipped":
        return attrs.evolve(made, skip="happened before the route's `since`")
    conn_row = openings.store.connection_by_id(connection_id)
    try:
        desk = Desk(
            conn=openings.connection(conn_row),
            connection_id=connection_id,
            lane=conn_row.lane,
            store=openings.store,
            mapping_of=openings.mapping_by_id,
        )
    except CrmwireError as error:
        return attrs.evolve(made, problem=error.message, remedy=error.remedy)
    planned = Planned(claimed=claimed)
    plan(desk, [planned], look_up_all=True)
    failure = planned.failure
    unreachable = isinstance(failure, RetryLater | NeedsLogin)
    return attrs.evolve(
        made,
        skip=planned.skip,
        problem=failure.message if failure and not unreachable else None,
        remedy=failure.remedy if failure else None,
        not_looked_up=failure.message if failure and unreachable else None,
        lines=tuple(_line(line) for line in planned.lines),
    )


def _line(line: Line) -> PreviewLine:
    match, seen = line.match, line.previewed or line.match
    changes = tuple(line.changes) or _as_drafted(line)
    failure = line.failure
    return PreviewLine(
        role=line.draft.role,
        item=line.draft.item,
        do=match.action if match and failure is None else "hold" if match else "not known",
        type=match.type if match else None,
        record=seen.record.id if seen and seen.record else None,
        url=seen.record.url if seen and seen.record else None,
        why=failure.message if isinstance(failure, Failure) else (seen.why if seen else ""),
        keys=line.keys,
        candidates=match.candidates if match else (),
        changes=changes,
    )


def _as_drafted(line: Line) -> tuple[FieldChange, ...]:
    """The fields of a draft that was not matched, as they are wanted."""
    type_ = line.draft.create_type or (line.draft.types[0] if line.draft.types else "")
    return tuple(
        FieldChange(name=one.name, old=None, new=one.value, written=False, why="not looked up")
        for one in line.draft.fields.get(type_, ())
    )

"""The booking id that a record of a custom object is matched by.

A source's own id may change when a booking moves, and two sources may use the same one. So the
id is made from the feed and the id that the booking had first, with the installation before it: the
same in all retries and after a backup was put back, and nobody else's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs

from crmwire.dedup import origin_of
from crmwire.types import Draft, DraftField, Event, Subject, WritePolicy

if TYPE_CHECKING:
    from crmwire.connections import Connection
    from crmwire.mapping import Mapping as FieldMapping


def drafts(
    conn: Connection, event: Event, subject: Subject, mapping: FieldMapping
) -> Sequence[Draft]:
    """The mapping's drafts; those whose key no row gives are given the booking's id."""
    origin = origin_of(subject.feed, event)
    return [_keyed(conn, origin, draft) for draft in mapping.drafts(event, subject)]


def _keyed(conn: Connection, origin: str, draft: Draft) -> Draft:
    if draft.role in ("person", "company") or draft.link is not None or len(draft.match) != 1:
        return draft
    [name], [type_] = draft.match, draft.types
    rows = draft.fields.get(type_, ())
    if name in ("link", "record") or any(row.name == name for row in rows):
        return draft
    key = DraftField(name=name, value=_id(conn, origin, draft), write=WritePolicy.ALWAYS)
    return attrs.evolve(draft, fields={**draft.fields, type_: (key, *rows)})


def _id(conn: Connection, origin: str, draft: Draft) -> str:
    role = "" if draft.role == "activity" else draft.role.removeprefix("records.")
    return "-".join(part for part in (conn.installation, origin, role, draft.item) if part)

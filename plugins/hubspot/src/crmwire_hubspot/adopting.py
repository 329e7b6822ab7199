"""Meetings that another tool made: associated with the same contact, at the same start."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

from crmwire.errors import Failure
from crmwire.types import Record, Write
from crmwire_hubspot.associated import associated_ids
from crmwire_hubspot.kinds import CONTACTS, MEETINGS
from crmwire_hubspot.reading import read_records
from crmwire_hubspot.values import as_property, read_instant

if TYPE_CHECKING:
    from crmwire.connections import Connection

STARTS = ("hs_meeting_start_time", "hs_timestamp")
"""The properties that say when a meeting is; the first that both have counts."""


def find_adoptable(conn: Connection, writes: Sequence[Write]) -> list[Sequence[Record] | Failure]:
    """What stands in the account for each write, whoever made it, oldest first.

    From the store, in two calls for a hundred: the contacts' associations, then those meetings.
    """
    ends: dict[str, tuple[str, str]] = {}
    for write in writes:
        for about in write.about:
            if write.type == MEETINGS and about.type == CONTACTS and isinstance(about.record, str):
                ends.setdefault(write.id, (about.type, about.record))
    near = associated_ids(conn, MEETINGS, set(ends.values()))
    ids = [id_ for found in near.values() if not isinstance(found, Failure) for id_ in found]
    meetings = read_records(conn, MEETINGS, ids, properties=STARTS)
    return [_at_its_start(write, near.get(ends.get(write.id, ("", "")), []), meetings)
            for write in writes]  # fmt: skip


def _at_its_start(
    write: Write,
    ids: Sequence[str] | Failure,
    meetings: dict[str, Record | Failure | None],
) -> Sequence[Record] | Failure:
    if isinstance(ids, Failure):
        return copy.copy(ids)
    found = []
    for id_ in ids:
        meeting = meetings[id_]
        if isinstance(meeting, Failure):
            return copy.copy(meeting)
        if meeting is not None and _same_start(write, meeting):
            found.append(meeting)
    return sorted(found, key=lambda one: int(one.id) if one.id.isdecimal() else 0)


def _same_start(write: Write, meeting: Record) -> bool:
    for name in STARTS:
        there = read_instant(meeting.fields.get(name))
        if there is not None and name in write.fields:
            return there == read_instant(as_property(name, write.fields[name]))
    return False

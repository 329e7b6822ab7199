"""Upserts that associate only whom they make: looked up, and created with the association in it.

An upsert takes no association, and one that is made after it is lost for good if it fails or the
process ends in between: the next upsert meets a contact that is no longer new. A create holds it,
so that the contact stands there with it or not at all. Who is there already is upserted as ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs

from crmwire.errors import Failure
from crmwire.types import Key, Write
from crmwire.waves import because_of
from crmwire_hubspot.kinds import FOUND
from crmwire_hubspot.reading import key_of, read_records

if TYPE_CHECKING:
    from crmwire.connections import Connection


def as_creates(
    conn: Connection, writes: Sequence[Write]
) -> tuple[dict[str, Write], dict[str, Failure]]:
    """The creates, by write, for such upserts of records that are not there yet.

    And the failures of those of which that is not known. One call for a hundred.
    """
    asked: dict[tuple[str, str], list[tuple[Write, Key]]] = {}
    for write in writes:
        new_only = write.type in FOUND and any(about.only_new for about in write.about)
        if write.action == "upsert" and write.match is not None and new_only:
            asked.setdefault((write.type, write.match.name), []).append((write, write.match))
    creates: dict[str, Write] = {}
    failures: dict[str, Failure] = {}
    for (object_type, name), some in asked.items():
        there = read_records(conn, object_type, [key.value for _, key in some], by=name)
        for write, key in some:
            answer = there[key_of(key.value, name)]
            if isinstance(answer, Failure):
                failures[write.id] = because_of(answer)
            elif answer is None:
                creates[write.id] = _create(write, key)
    return creates, failures


def _create(write: Write, key: Key) -> Write:
    fields = {key.name: key.value, **write.fields}
    return attrs.evolve(write, action="create", match=None, fields=fields, add=())
